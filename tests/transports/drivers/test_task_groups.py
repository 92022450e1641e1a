"""Task groups, on threads, under asyncio and under trio: flows run beside a lead, and none is left when it ends."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pixel_core.effects import (
    CallTokenProvider,
    Digest,
    Exchange,
    Flow,
    NextDone,
    OpenTaskGroup,
    Random,
    SingleFlight,
    Sleep,
    Spawn,
)
from pixel_core.messages import FileSlice, Response
from pixel_transports import BlockingDriver
from pixel_transports.drivers.threads import CLOSE_SECONDS
from pixel_transports.net.transports import FunctionTransport
from pixel_transports.runtime.cancellation import CancelScope, current_scope
from tests.support.flows import flow_of, raising, returning
from tests.support.peers import PATIENCE, Peer, eventually
from tests.transports.drivers.conftest import Driven

A_LONG_TIME = 30.0


def group_of(lead: Callable[[Any], Flow[Any]]) -> Flow[Any]:
    return flow_of(OpenTaskGroup(lead))


def outcomes(group: Any, count: int) -> Flow[dict[Any, Any]]:
    """The next outcomes, by key."""
    found: dict[Any, Any] = {}
    while len(found) < count:
        found.update((yield from NextDone(group, PATIENCE)))
    return found


def test_each_outcome_is_returned_once_with_its_key(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        found: list[Any] = []
        for number in range(30):
            yield from Spawn(group, number, returning(number * number))
            if number % 3 == 0:
                found += yield from NextDone(group, 0.001)
        while len(found) < 30:
            found += yield from NextDone(group, PATIENCE)
        found += yield from NextDone(group, 0.01)
        return sorted(found)

    assert driven.run(group_of(lead)) == [(number, number * number) for number in range(30)]


def test_there_are_no_outcomes_after_a_timeout_nor_in_an_empty_group(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        empty = yield from NextDone(group, 0.001)
        yield from Spawn(group, "sleeper", flow_of(Sleep(A_LONG_TIME)))
        return empty, (yield from NextDone(group, 0.01)), (yield from NextDone(group, 0.0))

    assert driven.run(group_of(lead)) == ([], [], [])


def test_the_end_of_the_lead_cancels_flows_during_their_io(driven: Driven, silent: Peer) -> None:
    closed: list[int] = []

    def stalls(number: int) -> Flow[None]:
        try:
            yield from Exchange(silent.request())
        finally:
            closed.append(number)

    def lead(group: Any) -> Flow[Any]:
        for number in range(3):
            yield from Spawn(group, number, stalls(number))
        while sum(connection.data_arrived.is_set() for connection in silent.connections) < 3:
            yield from Sleep(0.002)
        return "ended"

    assert driven.run(group_of(lead)) == "ended"
    assert sorted(closed) == [0, 1, 2]
    for number in range(3):
        assert silent.connection(number).ended.wait(PATIENCE)


def test_sleepers_readers_and_waiters_are_cancelled_too(driven: Driven, large_file: FileSlice) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "sleeper", flow_of(Sleep(A_LONG_TIME)))
        yield from Spawn(group, "reader", flow_of(Digest([large_file] * 10_000)))  # 640 GB
        yield from Spawn(group, "single flight", flow_of(SingleFlight("key", flow_of(Sleep(A_LONG_TIME)))))
        yield from Spawn(group, "its waiter", flow_of(SingleFlight("key", flow_of(Sleep(A_LONG_TIME)))))
        return (yield from NextDone(group, 0.02))

    assert driven.run(group_of(lead)) == []


class Stop(BaseException):
    """An error that ends a program, and is no Exception."""


def consists_of(error: BaseException, kind: type[BaseException]) -> bool:
    """True for an error of this kind, and for a group of such, since event loops wrap them."""
    if isinstance(error, BaseExceptionGroup):
        return all(consists_of(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def test_an_error_that_ends_the_program_ends_the_group_from_any_flow(driven: Driven, silent: Peer) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, flow_of(Exchange(silent.request())))
        yield from Spawn(group, 2, raising(Stop()))
        yield from NextDone(group, A_LONG_TIME)
        yield from NextDone(group, A_LONG_TIME)

    with pytest.raises(BaseException) as raised:
        driven.run(group_of(lead))
    assert consists_of(raised.value, Stop)


def threads_of_groups() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("pixel-task")]


def driver() -> BlockingDriver:
    return BlockingDriver(FunctionTransport(lambda request: Response(200)))


@pytest.mark.parametrize("at_once", [1, 4])
def test_free_threads_are_used_again(at_once: int) -> None:
    def ident() -> Flow[int]:
        yield from Random()
        return threading.get_ident()

    def lead(group: Any) -> Flow[Any]:
        assert threads_of_groups() == []
        idents: set[int] = set()
        for _ in range(20):
            for number in range(at_once):
                yield from Spawn(group, number, ident())
            idents.update((yield from outcomes(group, at_once)).values())
            eventually(lambda: group._idle == len(group._threads))
        return len(idents), len(threads_of_groups())

    idents, threads = driver().run(group_of(lead))
    assert idents <= threads <= at_once
    assert threads_of_groups() == []


def test_queued_flows_are_dropped_when_the_lead_ends() -> None:
    def lead(group: Any) -> Flow[Any]:
        for number in range(50):
            yield from Spawn(group, number, flow_of(Sleep(A_LONG_TIME)))

    driver().run(group_of(lead))
    assert threads_of_groups() == []


@pytest.mark.slow
def test_a_thread_that_is_stuck_is_left_behind_after_some_seconds() -> None:
    """A token function that does not return."""
    free = threading.Event()

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, iter(CallTokenProvider(free.wait)))
        yield from Sleep(0.01)
        return time.monotonic()

    ended = driver().run(group_of(lead))
    try:
        assert CLOSE_SECONDS <= time.monotonic() - ended < CLOSE_SECONDS + PATIENCE
    finally:
        free.set()
        eventually(lambda: threads_of_groups() == [])


def test_an_error_that_ends_the_program_is_raised_though_the_lead_ends_without_outcomes() -> None:
    failed = threading.Event()

    def stops() -> Flow[None]:
        try:
            yield from Random()
            raise Stop
        finally:
            failed.set()

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, stops())
        while not failed.is_set():
            yield from Sleep(0.001)
        yield from Sleep(0.02)
        return "ended"

    with pytest.raises(Stop):
        driver().run(group_of(lead))


def test_groups_leave_no_callback_in_the_scope_around_them() -> None:
    scope = CancelScope()
    token = current_scope.set(scope)
    try:
        for _ in range(5):
            driver().run(group_of(lambda group: flow_of(Spawn(group, 1, returning(None)), NextDone(group, PATIENCE))))
    finally:
        current_scope.reset(token)
    assert repr(scope) == "<CancelScope open, 0 callbacks>"

"""Task groups, on threads, under asyncio and under trio: flows run beside a lead, and none is left when it ends.

Rules kept here:

* What every driver does is tested on each. Threads are tested on the blocking one.
* Cancelled flows are cancelled during I/O with a silent peer, on a real socket.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixel_core.effects import (
    Digest,
    Exchange,
    Flow,
    Gather,
    NextDone,
    OpenTaskGroup,
    Random,
    SingleFlight,
    Sleep,
    Spawn,
)
from pixel_core.errors import PixelConnectionError
from pixel_core.messages import FileSlice, Response
from pixel_transports import AnyioTransport, AsyncDriver, BlockingDriver
from pixel_transports.net.transports import FunctionTransport
from pixel_transports.runtime.cancellation import CancelScope, current_scope
from tests.support.flows import flow_of, get, raising, returning
from tests.support.peers import PATIENCE, Peer, eventually
from tests.transports.drivers.conftest import Driven, reached

A_LONG_TIME = 30.0


@pytest.fixture(autouse=True)
def no_test_waits_for_a_cancelled_flow() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < PATIENCE


def group_of(lead: Callable[[Any], Flow[Any]]) -> Flow[Any]:
    return flow_of(OpenTaskGroup(lead))


def outcomes(group: Any, count: int) -> Flow[dict[Any, Any]]:
    """The next outcomes, by key."""
    found: dict[Any, Any] = {}
    while len(found) < count:
        found.update((yield from NextDone(group, PATIENCE)))
    return found


def requests_at(peer: Peer, count: int) -> Flow[None]:
    """Wait until the peer has received so many requests."""
    while sum(connection.data_arrived.is_set() for connection in peer.connections) < count:
        yield from Sleep(0.002)


# What every driver does


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


def test_a_failure_is_an_outcome_and_stops_no_other_flow(driven: Driven) -> None:
    error = PixelConnectionError("no")

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "fails", raising(error))
        yield from Spawn(group, "goes on", flow_of(Sleep(0.01), Random()))
        found = yield from outcomes(group, 2)
        return found["fails"], isinstance(found["goes on"], int)

    assert driven.run(group_of(lead)) == (error, True)


def test_flows_run_beside_the_lead_and_each_other(driven: Driven) -> None:
    """Each waits for the next one, and the first for the lead."""
    steps: list[int] = []

    def waits_for(number: int) -> Flow[None]:
        while len(steps) < number:
            yield from Sleep(0.001)
        steps.append(number)

    def lead(group: Any) -> Flow[Any]:
        for number in range(5, 0, -1):
            yield from Spawn(group, number, waits_for(number))
        yield from Sleep(0.01)
        steps.append(0)
        yield from outcomes(group, 5)
        return steps

    assert driven.run(group_of(lead)) == [0, 1, 2, 3, 4, 5]


def test_there_are_no_outcomes_after_a_timeout_nor_in_an_empty_group(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        empty = yield from NextDone(group, 0.001)
        yield from Spawn(group, "sleeper", flow_of(Sleep(A_LONG_TIME)))
        return empty, (yield from NextDone(group, 0.01)), (yield from NextDone(group, 0.0))

    assert driven.run(group_of(lead)) == ([], [], [])


@pytest.mark.parametrize("raises", [False, True])
def test_the_end_of_the_lead_cancels_flows_during_their_io(driven: Driven, silent: Peer, raises: bool) -> None:
    closed: list[int] = []

    def stalls(number: int) -> Flow[None]:
        try:
            yield from Exchange(silent.request())
        finally:
            closed.append(number)

    def lead(group: Any) -> Flow[Any]:
        for number in range(3):
            yield from Spawn(group, number, stalls(number))
        yield from requests_at(silent, 3)
        if raises:
            raise LookupError("the lead")
        return "ended"

    if raises:
        with pytest.raises(LookupError, match="the lead"):
            driven.run(group_of(lead))
    else:
        assert driven.run(group_of(lead)) == "ended"
    assert sorted(closed) == [0, 1, 2]
    for number in range(3):
        assert silent.connection(number).ended.wait(PATIENCE)


def test_sleepers_readers_and_waiters_are_cancelled_too(driven: Driven, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(4 * 1024**3)

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "sleeper", flow_of(Sleep(A_LONG_TIME)))
        yield from Spawn(group, "reader", flow_of(Digest([FileSlice(str(path), 0, 4 * 1024**3)])))
        yield from Spawn(group, "single flight", flow_of(SingleFlight("key", flow_of(Sleep(A_LONG_TIME)))))
        yield from Spawn(group, "its waiter", flow_of(SingleFlight("key", flow_of(Sleep(A_LONG_TIME)))))
        return (yield from NextDone(group, 0.02))

    assert driven.run(group_of(lead)) == []


def test_groups_inside_a_flow_of_a_group_are_cancelled_with_it(driven: Driven, silent: Peer) -> None:
    def inner_lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, flow_of(Exchange(silent.request())))
        yield from Spawn(group, 2, flow_of(Exchange(silent.request())))
        yield from NextDone(group, A_LONG_TIME)

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "outer", group_of(inner_lead))
        yield from requests_at(silent, 2)
        return "ended"

    assert driven.run(group_of(lead)) == "ended"


def test_groups_side_by_side_have_outcomes_of_their_own(driven: Driven) -> None:
    def lead(name: str) -> Callable[[Any], Flow[Any]]:
        def flow(group: Any) -> Flow[Any]:
            for number in range(5):
                yield from Spawn(group, number, returning((name, number)))
            return (yield from outcomes(group, 5))

        return flow

    found = driven.run(flow_of(Gather([group_of(lead("a")), group_of(lead("b"))], 2)))
    assert found == [{n: ("a", n) for n in range(5)}, {n: ("b", n) for n in range(5)}]


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


# Under an event loop


@pytest.mark.anyio
async def test_a_cancelled_task_ends_the_lead_and_its_flows(silent: Peer) -> None:
    closed: list[str] = []

    def stalls(name: str) -> Flow[Any]:
        try:
            yield from Exchange(silent.request())
        finally:
            closed.append(name)

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, stalls("first"))
        yield from Spawn(group, 2, stalls("second"))
        try:
            yield from NextDone(group, A_LONG_TIME)
        finally:
            closed.append("lead")

    transport = AnyioTransport()
    async with anyio.create_task_group() as group:
        group.start_soon(AsyncDriver(transport).run, group_of(lead))
        await reached(lambda: sum(connection.data_arrived.is_set() for connection in silent.connections) == 2)
        group.cancel_scope.cancel()
    await transport.aclose()
    assert sorted(closed) == ["first", "lead", "second"]


# On threads


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


def test_flows_of_a_group_see_the_context_variables_of_the_call() -> None:
    name: ContextVar[str] = ContextVar("name", default="")

    def reads() -> Flow[str]:
        yield from Random()
        return name.get()

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, reads())
        return (yield from outcomes(group, 1))

    token = name.set("caller")
    try:
        assert driver().run(group_of(lead)) == {1: "caller"}
    finally:
        name.reset(token)


def test_groups_leave_no_callback_in_the_scope_around_them() -> None:
    scope = CancelScope()
    token = current_scope.set(scope)
    try:
        for _ in range(5):
            driver().run(group_of(lambda group: flow_of(Spawn(group, 1, returning(None)), NextDone(group, PATIENCE))))
    finally:
        current_scope.reset(token)
    assert repr(scope) == "<CancelScope open, 0 callbacks>"


def test_several_threads_may_share_a_driver() -> None:
    found: list[Any] = []
    shared = driver()

    def lead(group: Any) -> Flow[Any]:
        for number in range(10):
            yield from Spawn(group, number, flow_of(Exchange(get())))
        return len((yield from outcomes(group, 10)))

    threads = [threading.Thread(target=lambda: found.append(shared.run(group_of(lead)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [10] * 4

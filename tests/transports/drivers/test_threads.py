"""Crews, on threads, under asyncio and under trio: flows run alongside a lead, and none is left when it ends.

Rules kept here:

* What is said of every driver is said in one table of faces; what is about threads is said of the blocking one alone.
* Flows that are cancelled are in the midst of I/O with a peer that has gone silent, on a real socket.
"""

import os
import signal
import sys
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
from pixel_transports import AnyioTransport, AsyncDriver, BlockingDriver, SocketTransport
from pixel_transports.net.transports import FunctionTransport
from pixel_transports.runtime.cancellation import CancelScope, current_scope
from tests.support.flows import asking, failing, get, giving
from tests.support.peers import PATIENCE, Peer, eventually, open_sockets, read_head, read_to_end

A_LONG_TIME = 30.0


class Driven:
    """One driver over real sockets, called from a test that is no coroutine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, flow: Flow[Any]) -> Any:
        if self.name == "blocking":
            transport = SocketTransport()
            try:
                return BlockingDriver(transport).run(flow)
            finally:
                transport.close()

        async def main() -> Any:
            asynchronous = AnyioTransport()
            try:
                return await AsyncDriver(asynchronous).run(flow)
            finally:
                with anyio.CancelScope(shield=True):
                    await asynchronous.aclose()

        return anyio.run(main, backend=self.name)


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def driven(request: pytest.FixtureRequest) -> Iterator[Driven]:
    """Each driver; afterwards no thread of it and no socket may be left."""
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield Driven(request.param)
    # Worker threads of the async faces wait for some seconds whether there is more to do.
    ours = [each for each in threading.enumerate() if each not in threads and each.name.startswith("pixel")]
    assert ours == []
    eventually(
        lambda: open_sockets() <= sockets, lambda: f"{open_sockets()} sockets are open, before it were {sockets}"
    )


@pytest.fixture
def silent() -> Iterator[Peer]:
    """A peer that reads requests and never answers."""
    with Peer([read_head, read_to_end]) as peer:
        yield peer


def alongside(lead: Callable[[Any], Flow[Any]]) -> Flow[Any]:
    return asking(OpenTaskGroup(lead))


def endings(group: Any, count: int) -> Flow[dict[Any, Any]]:
    """So many endings, by key."""
    found: dict[Any, Any] = {}
    while len(found) < count:
        found.update((yield from NextDone(group, PATIENCE)))
    return found


def talks(peer: Peer, count: int) -> Flow[None]:
    """Wait until so many requests have come to the peer."""
    while sum(connection.data_arrived.is_set() for connection in peer.connections) < count:
        yield from Sleep(0.002)


# What every driver does


def test_flows_end_with_their_keys_and_results(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        for number in range(20):
            yield from Spawn(group, number, giving(number * number))
        return (yield from endings(group, 20))

    assert driven.run(alongside(lead)) == {number: number * number for number in range(20)}


def test_a_failure_is_an_ending_and_stops_nobody(driven: Driven) -> None:
    error = PixelConnectionError("no")

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "fails", failing(error))
        yield from Spawn(group, "goes on", asking(Sleep(0.01), Random()))
        found = yield from endings(group, 2)
        return found["fails"], isinstance(found["goes on"], int)

    assert driven.run(alongside(lead)) == (error, True)


def test_each_ending_is_given_once(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        seen: list[Any] = []
        for number in range(30):
            yield from Spawn(group, number, giving(None))
            if number % 3 == 0:
                seen += yield from NextDone(group, 0.001)
        while len(seen) < 30:
            seen += yield from NextDone(group, PATIENCE)
        seen += yield from NextDone(group, 0.01)
        return sorted(key for key, _ in seen)

    assert driven.run(alongside(lead)) == list(range(30))


def test_flows_run_alongside_the_lead_and_each_other(driven: Driven) -> None:
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
        yield from endings(group, 5)
        return steps

    assert driven.run(alongside(lead)) == [0, 1, 2, 3, 4, 5]


def test_no_ending_within_the_timeout_gives_none(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "sleeper", asking(Sleep(A_LONG_TIME)))
        return (yield from NextDone(group, 0.01)), (yield from NextDone(group, 0.0))

    assert driven.run(alongside(lead)) == ([], [])


def test_a_crew_without_flows_has_no_endings(driven: Driven) -> None:
    assert driven.run(alongside(lambda group: asking(NextDone(group, 0.001)))) == []


@pytest.mark.parametrize("raises", [False, True])
def test_what_still_runs_when_the_lead_ends_is_cancelled_in_the_midst_of_its_io(
    driven: Driven, silent: Peer, raises: bool
) -> None:
    closed: list[int] = []

    def stalls(number: int) -> Flow[None]:
        try:
            yield from Exchange(silent.request())
        finally:
            closed.append(number)

    def lead(group: Any) -> Flow[Any]:
        for number in range(3):
            yield from Spawn(group, number, stalls(number))
        yield from talks(silent, 3)
        if raises:
            raise LookupError("the lead")
        return "over"

    start = time.monotonic()
    if raises:
        with pytest.raises(LookupError, match="the lead"):
            driven.run(alongside(lead))
    else:
        assert driven.run(alongside(lead)) == "over"
    assert sorted(closed) == [0, 1, 2]
    assert time.monotonic() - start < PATIENCE
    for number in range(3):
        assert silent.connection(number).ended.wait(PATIENCE)


def test_sleepers_and_readers_are_cancelled_too(driven: Driven, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(4 * 1024**3)

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, "sleeper", asking(Sleep(A_LONG_TIME)))
        yield from Spawn(group, "reader", asking(Digest([FileSlice(str(path), 0, 4 * 1024**3)])))
        yield from Spawn(group, "waiter", asking(SingleFlight("key", asking(Sleep(A_LONG_TIME)))))
        yield from Spawn(group, "second", asking(SingleFlight("key", asking(Sleep(A_LONG_TIME)))))
        return (yield from NextDone(group, 0.02))

    start = time.monotonic()
    assert driven.run(alongside(lead)) == []
    assert time.monotonic() - start < PATIENCE


def test_a_lead_may_catch_what_goes_wrong_with_it_and_go_on(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, giving("one"))
        try:
            yield from Digest([FileSlice("/nonexistent/file", 0, 1)])
        except OSError:
            return (yield from endings(group, 1))

    assert driven.run(alongside(lead)) == {1: "one"}


def test_flows_of_a_crew_may_have_flows_side_by_side(driven: Driven) -> None:
    def lead(group: Any) -> Flow[Any]:
        for outer in range(3):
            yield from Spawn(group, outer, asking(Gather([giving((outer, n)) for n in range(3)], 2)))
        return (yield from endings(group, 3))

    assert driven.run(alongside(lead)) == {outer: [(outer, n) for n in range(3)] for outer in range(3)}


@pytest.mark.parametrize("inner", ["side by side", "a crew"])
def test_what_runs_inside_a_flow_of_a_crew_is_cancelled_with_it(driven: Driven, silent: Peer, inner: str) -> None:
    def stalls() -> Flow[Any]:
        return asking(Exchange(silent.request()))

    def inner_lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, stalls())
        yield from Spawn(group, 2, stalls())
        yield from NextDone(group, A_LONG_TIME)

    def lead(group: Any) -> Flow[Any]:
        flow = alongside(inner_lead) if inner == "a crew" else asking(Gather([stalls(), stalls()], 2))
        yield from Spawn(group, "outer", flow)
        yield from talks(silent, 2)
        return "over"

    start = time.monotonic()
    assert driven.run(alongside(lead)) == "over"
    assert time.monotonic() - start < PATIENCE


def test_crews_side_by_side_keep_their_endings_apart(driven: Driven) -> None:
    def lead(name: str) -> Callable[[Any], Flow[Any]]:
        def flow(group: Any) -> Flow[Any]:
            for number in range(5):
                yield from Spawn(group, number, giving((name, number)))
            return (yield from endings(group, 5))

        return flow

    found = driven.run(asking(Gather([alongside(lead("a")), alongside(lead("b"))], 2)))
    assert found == [{n: ("a", n) for n in range(5)}, {n: ("b", n) for n in range(5)}]


def test_a_failure_beside_the_lead_cancels_it_and_its_crew(driven: Driven, silent: Peer) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, asking(Exchange(silent.request())))
        yield from NextDone(group, A_LONG_TIME)

    def fails() -> Flow[None]:
        yield from talks(silent, 1)
        raise LookupError("beside")

    start = time.monotonic()
    with pytest.raises(LookupError, match="beside"):
        driven.run(asking(Gather([alongside(lead), fails()], 2)))
    assert time.monotonic() - start < PATIENCE


class Stop(BaseException):
    """What ends a program, and is no Exception."""


def _leaves(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether it is of this kind, or a group of such: the event loops wrap them."""
    if isinstance(error, BaseExceptionGroup):
        return all(_leaves(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def test_what_ends_the_program_ends_the_lead_from_any_flow_of_its_crew(driven: Driven, silent: Peer) -> None:
    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, asking(Exchange(silent.request())))
        yield from Spawn(group, 2, failing(Stop()))
        yield from NextDone(group, A_LONG_TIME)
        yield from NextDone(group, A_LONG_TIME)

    start = time.monotonic()
    with pytest.raises(BaseException) as raised:
        driven.run(alongside(lead))
    assert _leaves(raised.value, Stop)
    assert time.monotonic() - start < PATIENCE


# Under an event loop


@pytest.mark.anyio
async def test_a_cancelled_scope_ends_the_lead_and_its_crew(silent: Peer) -> None:
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
        group.start_soon(AsyncDriver(transport).run, alongside(lead))
        with anyio.fail_after(PATIENCE):
            while sum(connection.data_arrived.is_set() for connection in silent.connections) < 2:  # noqa: ASYNC110
                await anyio.sleep(0.002)
        group.cancel_scope.cancel()
    await transport.aclose()
    assert sorted(closed) == ["first", "lead", "second"]


# On threads


def crew_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("pixel-task")]


def driver() -> BlockingDriver:
    return BlockingDriver(FunctionTransport(lambda request: Response(200)))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
@pytest.mark.parametrize("rest", [Sleep(A_LONG_TIME), None], ids=["asleep", "waiting for its crew"])
def test_an_interrupt_of_the_lead_ends_all_threads(silent: Peer, rest: Any) -> None:
    transport = SocketTransport()

    def interrupts() -> None:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    def lead(group: Any) -> Flow[Any]:
        for number in range(3):
            yield from Spawn(group, number, asking(Exchange(silent.request())))
        yield from talks(silent, 3)
        threading.Thread(target=interrupts).start()
        yield from rest or NextDone(group, A_LONG_TIME)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        BlockingDriver(transport).run(alongside(lead))
    transport.close()
    assert time.monotonic() - start < PATIENCE
    assert crew_threads() == []


def test_no_thread_is_left_and_none_was_there_for_an_empty_crew() -> None:
    def lead(group: Any) -> Flow[Any]:
        before = len(crew_threads())
        for number in range(8):
            yield from Spawn(group, number, giving(None))
        yield from endings(group, 8)
        return before

    assert driver().run(alongside(lead)) == 0
    assert crew_threads() == []


def test_a_free_thread_is_used_again() -> None:
    def lead(group: Any) -> Flow[Any]:
        idents = set()
        for number in range(50):
            yield from Spawn(group, number, ident())
            found = yield from endings(group, 1)
            idents.add(found[number])
            eventually(lambda: group._idle == len(group._threads))
        return len(idents)

    assert driver().run(alongside(lead)) == 1


def ident() -> Flow[int]:
    yield from Random()
    return threading.get_ident()


def test_there_are_no_more_threads_than_flows_were_under_way_at_once() -> None:
    def lead(group: Any) -> Flow[Any]:
        most = 0
        for _ in range(20):
            for number in range(4):
                yield from Spawn(group, number, giving(None))
            most = max(most, len(crew_threads()))
            yield from endings(group, 4)
            eventually(lambda: group._idle == len(group._threads))
        return most

    assert driver().run(alongside(lead)) <= 4


def test_what_was_started_and_not_begun_is_forgotten_when_the_lead_ends() -> None:
    ran: list[int] = []

    def runs(number: int) -> Flow[None]:
        ran.append(number)
        yield from Sleep(A_LONG_TIME)

    def lead(group: Any) -> Flow[Any]:
        for number in range(50):
            yield from Spawn(group, number, runs(number))
        return None
        yield

    driver().run(alongside(lead))
    assert crew_threads() == []


def test_what_ends_the_program_is_raised_though_the_lead_ends_without_looking() -> None:
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
        return "over"

    with pytest.raises(Stop):
        driver().run(alongside(lead))


def test_flows_of_a_crew_see_the_context_of_the_call() -> None:
    seen: list[str] = []
    name: ContextVar[str] = ContextVar("name", default="nobody")

    def looks() -> Flow[None]:
        yield from Random()
        seen.append(name.get())

    def lead(group: Any) -> Flow[Any]:
        yield from Spawn(group, 1, looks())
        yield from endings(group, 1)

    token = name.set("caller")
    try:
        driver().run(alongside(lead))
    finally:
        name.reset(token)
    assert seen == ["caller"]


def test_many_crews_leave_nothing_attached_to_the_scope_around_them() -> None:
    scope = CancelScope()
    token = current_scope.set(scope)
    try:
        for _ in range(5):
            driver().run(alongside(lambda group: asking(Spawn(group, 1, giving(None)), NextDone(group, PATIENCE))))
    finally:
        current_scope.reset(token)
    assert repr(scope) == "<CancelScope open, 0 callbacks>"


def test_a_crew_in_a_thread_of_its_own_works_like_any_other() -> None:
    """As clients do that several threads share."""
    found: list[Any] = []
    shared = driver()

    def lead(group: Any) -> Flow[Any]:
        for number in range(10):
            yield from Spawn(group, number, asking(Exchange(get())))
        return len((yield from endings(group, 10)))

    threads = [threading.Thread(target=lambda: found.append(shared.run(alongside(lead)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [10] * 4

"""What both drivers do: each effect, flows side by side, cancellation during I/O, and performers of one's own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from pixel_core.effects import (
    CallTokenProvider,
    Clock,
    Digest,
    Effect,
    Exchange,
    Flow,
    Gather,
    Random,
    Report,
    SingleFlight,
    Sleep,
    Stat,
)
from pixel_core.errors import PixelConnectionError
from pixel_core.messages import FileSlice, Origin, Request, Response, Timeouts
from pixel_core.values import value
from pixel_transports.drivers.single_flight import SingleFlights
from pixel_transports.observability.instrumentation import DriverInstrumentation
from tests.support.flows import flow_of, get, raising, returning
from tests.support.peers import PATIENCE, Peer, read_head, read_to_end, wait
from tests.transports.drivers.conftest import Driven

A_LONG_TIME = 30.0


def ok(request: Request) -> Response:
    return Response(200)


def until(holds: Callable[[], bool]) -> Flow[None]:
    """Wait until a condition holds."""
    end = (yield from Clock()) + PATIENCE
    while not holds():
        assert (yield from Clock()) < end
        yield from Sleep(0.002)


def test_each_effect_returns_its_result(driven: Driven, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"photo")
    events: list[object] = []

    def flow() -> Flow[None]:
        assert (yield from Exchange(get())).status == 200
        assert isinstance((yield from Clock()), float)
        assert (yield from Random()) != (yield from Random())
        assert (yield from Random()).bit_length() <= 128
        assert (yield from CallTokenProvider(lambda: "token")) == "token"
        assert (yield from Stat([str(path)]))[0].size == 5
        assert len((yield from Digest([FileSlice(str(path), 0, 5)])).digests[0]) == 16
        yield from Sleep(0.0)
        yield from Report("event")

    driven.run(flow(), ok, instrumentation=DriverInstrumentation(events.append))
    assert events[-1] == "event"
    driven.run(flow(), ok)  # without instrumentation


@value
class Twice(Effect[int]):
    """An effect that the library does not have."""

    number: int


def test_performers_are_replaced_and_added(driven: Driven) -> None:
    async def doubled(effect: Twice) -> int:
        return 2 * effect.number

    performers = {
        Clock: lambda effect: 7.0,
        Twice: (lambda effect: 2 * effect.number) if driven.name == "blocking" else doubled,
    }
    assert driven.run(flow_of(Clock()), ok, performers=performers) == 7.0
    assert driven.run(flow_of(Twice(4)), ok, performers=performers) == 8
    assert driven.run(flow_of(Gather([flow_of(Twice(1)), flow_of(Twice(2))], 2)), ok, performers=performers) == [2, 4]


def test_results_are_in_order_whichever_flow_ends_first(driven: Driven) -> None:
    ended: list[int] = []

    def flow(number: int) -> Flow[int]:
        yield from until(lambda: len(ended) == 3 - number)
        ended.append(number)
        return number

    assert driven.run(flow_of(Gather([flow(number) for number in range(4)], 4)), ok) == [0, 1, 2, 3]
    assert ended == [3, 2, 1, 0]


@pytest.mark.parametrize("limit", [1, 3])
def test_flows_are_taken_as_others_end_and_no_more_than_the_limit_run_at_once(driven: Driven, limit: int) -> None:
    """Each group of flows ends only when as many run as may."""
    started: list[int] = []
    ended: list[int] = []
    running: list[int] = []

    def flow(number: int) -> Flow[None]:
        started.append(number)
        yield from until(lambda: len(started) >= limit * (1 + number // limit))
        ended.append(number)

    def flows() -> Iterator[Flow[None]]:
        for number in range(4 * limit):
            running.append(1 + number - len(ended))
            yield flow(number)

    driven.run(flow_of(Gather(flows(), limit)), ok)
    assert max(running) == limit


@pytest.mark.parametrize("position", [0, 1])
def test_a_failure_of_the_iterator_of_flows_cancels_the_others(driven: Driven, position: int) -> None:
    def flows() -> Iterator[Flow[Any]]:
        for _ in range(position):
            yield flow_of(Sleep(A_LONG_TIME))
        raise LookupError("no more")

    with pytest.raises(LookupError):
        driven.run(flow_of(Gather(flows(), 2)), ok)


def test_gathers_may_be_empty_nested_and_collect_failures(driven: Driven) -> None:
    error = PixelConnectionError("no")
    assert driven.run(flow_of(Gather([], 3)), ok) == []
    assert driven.run(flow_of(Gather([returning(1), raising(error), returning(3)], 2, collect=True)), ok) == [
        1,
        error,
        3,
    ]
    inner = [flow_of(Gather([returning((outer, number)) for number in range(3)], 2)) for outer in range(3)]
    assert driven.run(flow_of(Gather(inner, 3)), ok) == [[(outer, n) for n in range(3)] for outer in range(3)]


def nested(flow: Flow[Any]) -> Flow[Any]:
    return flow_of(Gather([flow, returning(1)], 2))


@pytest.mark.parametrize("wrap", [lambda flow: flow, nested], ids=["beside it", "nested beside it"])
@pytest.mark.parametrize("where", ["sleeps", "reads", "writes", "shakes hands", "waits for a connection", "connects"])
def test_a_failure_cancels_flows_during_their_io(
    driven: Driven, wrap: Any, where: str, large_file: FileSlice, full_listener: Origin
) -> None:
    over = Event()
    with Peer([read_head, wait(over)] if where == "writes" else [read_to_end]) as peer:
        request = peer.request("PUT", body=large_file if where == "writes" else b"")
        if where == "shakes hands":
            request = replace(request, origin=request.origin._replace(scheme="https"))
        if where == "connects":
            request = Request("GET", full_listener, "/")
        request = replace(request, timeouts=Timeouts.parse(A_LONG_TIME))

        def fails() -> Flow[Any]:
            if where == "waits for a connection":
                yield from until(lambda: "1 waiting" in repr(driven.driver.transport))
            elif where == "connects":
                yield from until(lambda: "1 held" in repr(driven.driver.transport))
            elif where != "sleeps":
                yield from until(lambda: peer.accepted == 1 and peer.connections[0].data_arrived.is_set())
            yield from Sleep(0.01)
            raise LookupError

        flows = [wrap(flow_of(Sleep(A_LONG_TIME) if where == "sleeps" else Exchange(request))), fails()]
        if where == "waits for a connection":
            flows.insert(0, flow_of(Exchange(request)))
        with pytest.raises(LookupError):
            driven.run(flow_of(Gather(flows, 3)), max_connections=1)
        assert where == "sleeps" or "0 held, 0 idle, 0 waiting" in driven.counts
        over.set()


def single(flow: Flow[Any], key: str = "login") -> Flow[Any]:
    return flow_of(SingleFlight(key, flow))


def test_callers_of_a_single_flight_share_its_result(driven: Driven) -> None:
    runs: list[int] = []

    def flow(number: int) -> Flow[object]:
        runs.append(number)
        yield from until(lambda: driven.callers("login") == 9)
        return object()

    results = driven.run(flow_of(Gather([single(flow(number)) for number in range(9)], 9)), ok)
    assert (len(runs), len(set(map(id, results)))) == (1, 1)
    assert driven.run(flow_of(Gather([single(returning(1)), single(returning(2))], 1)), ok) == [1, 2]


def test_callers_of_a_single_flight_share_its_failure_as_an_exception_of_their_own(driven: Driven) -> None:
    error = LookupError("lost")

    def flow() -> Flow[None]:
        yield from until(lambda: driven.callers("login") == 4)
        raise error

    own = driven.run(flow_of(Gather([single(flow()) for _ in range(4)], 4, collect=True)), ok)
    assert [repr(each) for each in own] == ["LookupError('lost')"] * 4
    assert [each.__cause__ for each in own if each is not error] == [error] * 3


def test_a_waiter_runs_its_own_flow_after_a_cancelled_one(driven: Driven) -> None:
    def stopped() -> Flow[str]:
        yield from until(lambda: driven.callers("login") == 3)
        raise LookupError

    def first() -> Flow[str]:
        try:
            yield from Gather([single(flow_of(Sleep(A_LONG_TIME))), stopped()], 2)
        except LookupError:
            return "cancelled"
        return "ended"

    def waiter() -> Flow[Any]:
        yield from until(lambda: driven.callers("login") > 0)
        return (yield from SingleFlight("login", returning("own")))

    results = driven.run(flow_of(Gather([first(), waiter(), waiter()], 3)), ok)
    assert results == ["cancelled", "own", "own"]


def test_a_waiter_of_a_single_flight_gives_up_after_its_timeout(driven: Driven) -> None:
    waiting = flow_of(SingleFlight("login", returning(1), 0.01))

    def owner() -> Flow[str]:
        yield from until(lambda: driven.callers("login") == 2)
        yield from Sleep(0.05)
        return "done"

    def waiter() -> Flow[Any]:
        yield from until(lambda: driven.callers("login") == 1)
        return (yield from waiting)

    done, error = driven.run(flow_of(Gather([single(owner()), waiter()], 2, collect=True)), ok)
    assert done == "done"
    assert isinstance(error, TimeoutError)


def test_single_flights_of_other_keys_do_not_wait(driven: Driven) -> None:
    assert driven.run(single(single(returning(1), "b"), "a"), ok) == 1


def test_a_flight_of_the_parent_neither_blocks_nor_ends_that_of_a_forked_child() -> None:
    """The real fork is that of `test_a_child_does_not_wait_for_a_login_of_the_parent`."""
    flights = SingleFlights()
    parent, _ = flights.join("key", lambda: None)
    flights.after_fork()
    child, first = flights.join("key", lambda: None)
    with flights.running("key", parent):
        pass
    assert first
    assert flights.join("key", lambda: None) == (child, False)

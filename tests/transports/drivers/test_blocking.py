"""The blocking driver: effects side by side on threads, what runs once, interrupts; and no event loop anywhere."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from pixel_core.effects import Clock, Digest, Effect, Exchange, Flow, Gather, Random, Report, SingleFlight, Sleep, Stat
from pixel_core.errors import PixelConnectionError
from pixel_core.messages import FileSlice, Origin, Request, Response, Timeouts
from pixel_transports import BlockingDriver, PixelApiSettings, SocketTransport, get_client
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.runtime.cancellation import ScopeCancelled
from tests.support.flows import asking, failing, get, giving
from tests.support.peers import (
    PATIENCE,
    Peer,
    Step,
    eventually,
    keep_answering,
    open_sockets,
    read_head,
    read_request,
    read_to_end,
    wait,
)

A_LONG_TIME = 30.0


class Answers:
    """A transport that answers with what a function says."""

    def __init__(self, function: Any = lambda request: Response(200)) -> None:
        self.send = function

    def close(self) -> None: ...


def driver(function: Any = lambda request: Response(200)) -> BlockingDriver:
    return BlockingDriver(Answers(function))


@pytest.fixture(autouse=True)
def no_blocked_loops() -> None:
    """The blocking face blocks a loop that runs in its thread: that is what it is for."""


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread of ours outlives a test, and no socket."""
    before, threads = open_sockets(), threading.enumerate()
    yield
    more = [thread for thread in threading.enumerate() if thread not in threads]
    assert [thread.name for thread in more if thread.name.startswith("pixel-")] == []
    eventually(lambda: open_sockets() <= before)


def test_each_effect_gives_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"photo")
    heard: list[object] = []
    run = BlockingDriver(
        Answers(lambda request: Response(200, body=b"x")), instrumentation=DriverInstrumentation(heard.append)
    ).run
    assert run(asking(Exchange(get()))).body == b"x"
    assert run(asking(Sleep(0.0))) is None
    assert isinstance(run(asking(Clock())), float)
    assert run(asking(Random())) != run(asking(Random()))
    assert run(asking(Stat([str(path)])))[0].size == 5
    assert len(run(asking(Digest([FileSlice(str(path), 0, 5)]))).digests[0]) == 16
    assert run(asking(Report("news"))) is None
    assert heard[-1] == "news"
    assert driver().run(asking(Report("unheard"))) is None


def test_results_come_in_order_whichever_is_first() -> None:
    gates = [threading.Event() for _ in range(4)]

    def answer(request: Request) -> Response:
        number = int(request.target[1:])
        if number < 3:
            assert gates[number + 1].wait(PATIENCE)
        gates[number].set()
        return Response(200 + number)

    flows = [asking(Exchange(get(f"/{number}"))) for number in range(4)]
    responses = driver(answer).run(asking(Gather(flows, 4)))
    assert [each.status for each in responses] == [200, 201, 202, 203]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_the_limit_run_at_once(limit: int) -> None:
    lock, running, most = threading.Lock(), 0, 0
    full = threading.Barrier(limit)

    def answer(request: Request) -> Response:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        full.wait(PATIENCE)  # so that as many as may do run at once
        with lock:
            running -= 1
        return Response(200)

    driver(answer).run(asking(Gather([asking(Exchange(get())) for _ in range(4 * limit)], limit)))
    assert most == limit


def test_flows_are_drawn_as_places_become_free() -> None:
    drawn: list[int] = []
    seen: list[int] = []

    def flows() -> Iterator[Flow[Any]]:
        for number in range(5):
            drawn.append(number)
            yield asking(Exchange(get()))

    def answer(request: Request) -> Response:
        seen.append(len(drawn))
        return Response(200)

    driver(answer).run(asking(Gather(flows(), 1)))
    assert seen == [1, 2, 3, 4, 5]


def test_flows_that_cannot_be_drawn_are_a_failure() -> None:
    def flows() -> Iterator[Flow[Any]]:
        yield asking(Sleep(A_LONG_TIME))
        raise LookupError("no more")

    with pytest.raises(LookupError):
        driver().run(asking(Gather(flows(), 2)))


def test_no_flows_give_no_results() -> None:
    assert driver().run(asking(Gather([], 3))) == []


def test_failures_stand_among_the_results_where_they_are_collected() -> None:
    error = PixelConnectionError("no")
    flows = [giving(1), failing(error), giving(3)]
    assert driver().run(asking(Gather(flows, 2, collect=True))) == [1, error, 3]


def test_flows_side_by_side_may_have_flows_side_by_side() -> None:
    inner = [asking(Gather([giving((outer, number)) for number in range(3)], 2)) for outer in range(3)]
    assert driver().run(asking(Gather(inner, 3))) == [[(outer, n) for n in range(3)] for outer in range(3)]


def nested(*effects: Effect[Any]) -> Flow[Any]:
    return asking(Gather([asking(*effects), giving(1)], 2))


@pytest.mark.parametrize("wrap", [asking, nested], ids=["beside it", "nested beside it"])
def test_a_failure_wakes_those_who_sleep(wrap: Any) -> None:
    started = time.monotonic()
    with pytest.raises(LookupError):
        driver().run(asking(Gather([wrap(Sleep(A_LONG_TIME)), failing(LookupError())], 2)))
    assert time.monotonic() - started < A_LONG_TIME / 3


@pytest.mark.parametrize("wrap", [asking, nested], ids=["beside it", "nested beside it"])
@pytest.mark.parametrize("where", ["reads", "writes", "shakes hands", "waits for a connection"])
def test_a_failure_stops_those_who_are_in_the_midst_of_their_io(wrap: Any, where: str, large_file: FileSlice) -> None:
    transport = SocketTransport(max_connections=1 if where == "waits for a connection" else 9)
    over = threading.Event()
    steps: list[Step] = [wait(over)] if where == "writes" else [read_to_end]
    with Peer([read_head, *steps] if where != "shakes hands" else steps) as peer:

        def failing_then() -> Flow[Any]:
            assert peer.connection(0).data_arrived.wait(PATIENCE)
            if where == "waits for a connection":
                eventually(lambda: "1 waiting" in repr(transport))
            yield from Random()
            raise LookupError

        body = large_file if where == "writes" else b""
        request = peer.request("PUT", body=body)
        if where == "shakes hands":
            request = replace(request, origin=request.origin._replace(scheme="https"))
        flows = [wrap(Exchange(request)), failing_then()]
        if where == "waits for a connection":
            flows.insert(0, asking(Exchange(request)))
        request = replace(request, timeouts=Timeouts.parse(A_LONG_TIME))
        started = time.monotonic()
        with pytest.raises(LookupError):
            BlockingDriver(transport).run(asking(Gather(flows, 3)))
        assert time.monotonic() - started < A_LONG_TIME / 3
        over.set()
    assert repr(transport) == "<SocketTransport, <Pool 0 held, 0 idle, 0 waiting>>"


@pytest.mark.parametrize("wrap", [asking, nested], ids=["beside it", "nested beside it"])
def test_a_failure_stops_those_who_connect(wrap: Any, full_listener: Origin) -> None:
    transport = SocketTransport()

    def failing_then() -> Flow[Any]:
        eventually(lambda: "1 held" in repr(transport))
        yield from Sleep(0.01)
        raise LookupError

    request = Request("GET", full_listener, "/", timeouts=Timeouts(connect=A_LONG_TIME))
    started = time.monotonic()
    with pytest.raises(LookupError):
        BlockingDriver(transport).run(asking(Gather([wrap(Exchange(request)), failing_then()], 2)))
    assert time.monotonic() - started < A_LONG_TIME / 3


def test_a_failure_stops_those_who_read_a_file(large_file: FileSlice) -> None:
    slices = [large_file] * 10_000  # 640 GB
    with pytest.raises(LookupError):
        driver().run(asking(Gather([asking(Digest(slices)), failing(LookupError())], 2)))


def test_a_failure_lets_those_go_who_wait_for_what_runs_once() -> None:
    begun, over = threading.Event(), threading.Event()

    def answer(request: Request) -> Response:
        begun.set()
        assert over.wait(PATIENCE)
        return Response(200)

    def failing_then() -> Flow[Any]:
        eventually(lambda: callers(blocking, "key") == 2)
        yield from Random()
        raise LookupError

    blocking = driver(answer)
    with ThreadPoolExecutor() as threads:
        owner = threads.submit(blocking.run, asking(SingleFlight("key", asking(Exchange(get())))))
        assert begun.wait(PATIENCE)
        with pytest.raises(LookupError):
            blocking.run(asking(Gather([asking(SingleFlight("key", giving(1))), failing_then()], 2)))
        over.set()
        assert owner.result().status == 200


def callers(blocking: BlockingDriver, key: str) -> int:
    """The number of callers of a single flight: the one that runs it, and its waiters."""
    flight = blocking._flights._flights.get(key)
    return 0 if flight is None else 1 + len(flight._wake)


def once(flow: Flow[Any]) -> Flow[Any]:
    return asking(SingleFlight("login", flow))


def test_what_runs_once_serves_all_who_ask_meanwhile() -> None:
    sent: list[Request] = []

    def answer(request: Request) -> Response:
        sent.append(request)
        eventually(lambda: callers(blocking, "login") == 16)
        return Response(200)

    blocking = driver(answer)
    with ThreadPoolExecutor(16) as threads:
        runs = [threads.submit(blocking.run, once(asking(Exchange(get())))) for _ in range(16)]
        answers = {id(run.result()) for run in runs}
    assert (len(sent), len(answers)) == (1, 1)
    assert blocking.run(once(giving("again"))) == "again"


def test_what_fails_once_fails_for_all_who_asked_meanwhile() -> None:
    def answer(request: Request) -> Response:
        eventually(lambda: callers(blocking, "login") == 4)
        raise LookupError

    blocking = driver(answer)
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(blocking.run, once(asking(Exchange(get())))) for _ in range(4)]
        for run in runs:
            with pytest.raises(LookupError):
                run.result()
    assert blocking.run(once(giving("again"))) == "again"


def test_a_waiter_of_a_single_flight_gives_up_after_its_timeout() -> None:
    over = threading.Event()

    def answer(request: Request) -> Response:
        assert over.wait(PATIENCE)
        return Response(200)

    blocking = driver(answer)
    with ThreadPoolExecutor(1) as threads:
        owner = threads.submit(blocking.run, once(asking(Exchange(get()))))
        eventually(lambda: callers(blocking, "login") == 1)
        with pytest.raises(TimeoutError):
            blocking.run(asking(SingleFlight("login", giving(1), 0.01)))
        over.set()
        assert owner.result().status == 200


def test_other_keys_do_not_wait() -> None:
    assert driver().run(asking(SingleFlight("a", asking(SingleFlight("b", giving(1)))))) == 1


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ScopeCancelled])
def test_whoever_waits_takes_over_from_an_interrupted_one(interruption: type[BaseException]) -> None:
    def answer(request: Request) -> Response:
        eventually(lambda: callers(blocking, "login") == 3)
        raise interruption

    blocking = driver(answer)
    with ThreadPoolExecutor(3) as threads:
        owner = threads.submit(blocking.run, once(asking(Exchange(get()))))
        eventually(lambda: callers(blocking, "login") == 1)
        waiters = [threads.submit(blocking.run, once(giving("taken over"))) for _ in range(2)]
        assert [waiter.result() for waiter in waiters] == ["taken over"] * 2
        with pytest.raises(interruption):
            owner.result()


@pytest.fixture
def by_signal() -> Iterator[Any]:
    """What raises KeyboardInterrupt in the main thread, as Ctrl-C does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        time.sleep(0.05)  # a signal between two steps of Python, just before a wait begins, would be seen after it
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    yield interrupt
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_everything_that_runs_side_by_side(by_signal: Any) -> None:
    """In the midst of reads, of sleeps and of the wait for a connection; the fixture looks for what is left."""
    transport = SocketTransport(max_connections=2)
    with Peer([read_request, read_to_end]) as peer:
        request = peer.request()

        def interrupt() -> None:
            eventually(lambda: "2 held, 0 idle, 2 waiting" in repr(transport))
            by_signal()

        helper = threading.Thread(target=interrupt)
        helper.start()
        flows = [nested(Exchange(request)) for _ in range(4)] + [asking(Sleep(A_LONG_TIME))]
        with pytest.raises(KeyboardInterrupt):
            BlockingDriver(transport).run(asking(Gather(flows, 5)))
        helper.join()
        assert repr(transport) == "<SocketTransport, <Pool 0 held, 0 idle, 0 waiting>>"


def test_an_interrupt_that_a_flow_meets_ends_the_others() -> None:
    with pytest.raises(KeyboardInterrupt):
        driver().run(asking(Gather([asking(Sleep(A_LONG_TIME)), failing(KeyboardInterrupt())], 2)))


@pytest.mark.parametrize("steps", [[read_head, read_to_end], [read_to_end]], ids=["an answer", "a handshake"])
def test_an_interrupt_ends_the_wait_for_it_and_its_connection(by_signal: Any, steps: list[Step]) -> None:
    transport = SocketTransport()
    with Peer(steps) as peer:
        request = peer.request()
        if steps == [read_to_end]:
            request = replace(request, origin=request.origin._replace(scheme="https"))

        def interrupt() -> None:
            assert peer.connection(0).data_arrived.wait(PATIENCE)
            by_signal()

        helper = threading.Thread(target=interrupt)
        helper.start()
        with pytest.raises(KeyboardInterrupt):
            transport.send(request)
        helper.join()
        peer.received()
        assert repr(transport) == "<SocketTransport, <Pool 0 held, 0 idle, 0 waiting>>"


def test_a_flow_whose_exchange_fails_may_go_on() -> None:
    def flow() -> Flow[str]:
        try:
            yield from Exchange(get())
        except PixelConnectionError:
            yield from Sleep(0.0)
        return "went on"

    def answer(request: Request) -> Response:
        raise PixelConnectionError("no")

    assert driver(answer).run(flow()) == "went on"


def test_it_uses_no_event_loop() -> None:
    """Neither in this thread nor in those it starts."""
    seen: list[object] = []

    def answer(request: Request) -> Response:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        seen.append(threading.current_thread())
        return Response(200)

    driver(answer).run(asking(Gather([asking(Exchange(get())) for _ in range(3)], 3)))
    driver(answer).run(asking(Exchange(get())))
    assert len(seen) == 4


def test_the_blocking_client_works_inside_a_running_loop(pixel_settings: PixelApiSettings) -> None:
    async def work() -> str | None:
        with get_client(settings=pixel_settings) as client:
            return client.me().get("email")

    assert trio.run(work) == "demo@example.com"
    assert asyncio.run(work()) == "demo@example.com"


def test_a_kept_connection_serves_flows_of_several_calls() -> None:
    transport = SocketTransport()
    with Peer([keep_answering()]) as peer:
        blocking = BlockingDriver(transport)
        for _ in range(3):
            blocking.run(asking(Gather([asking(Exchange(peer.request()))], 2)))
        assert peer.accepted == 1
        transport.close()


def test_a_connection_that_was_left_in_order_is_not_broken_by_a_later_failure() -> None:
    """What one flow gave back belongs to the next, whatever becomes of the flow that had it first."""
    transport = SocketTransport()
    with Peer([keep_answering()]) as peer:
        blocking = BlockingDriver(transport)
        done = threading.Event()

        def early() -> Flow[Any]:
            yield from Exchange(peer.request())
            done.set()
            yield from Sleep(A_LONG_TIME)

        def late() -> Flow[Any]:
            assert done.wait(PATIENCE)
            yield from Random()
            raise LookupError

        with pytest.raises(LookupError):
            blocking.run(asking(Gather([early(), late()], 2)))
        assert blocking.run(asking(Exchange(peer.request("POST")))).body == b"ok"
        assert peer.accepted == 1
        transport.close()

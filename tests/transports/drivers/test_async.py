"""The async driver under asyncio and trio: side by side, once, cancelled at any point, and never blocking the loop."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from pixel_core.effects import Clock, Digest, Exchange, Flow, Gather, Random, Report, SingleFlight, Sleep, Stat
from pixel_core.errors import PixelConnectionError
from pixel_core.messages import FileSlice, Origin, Request, Response
from pixel_transports import AnyioTransport, AsyncDriver, AsyncFunctionTransport
from pixel_transports.observability.instrumentation import DriverInstrumentation
from tests.support.flows import asking, failing, get, giving
from tests.support.peers import (
    OK,
    PATIENCE,
    Peer,
    Step,
    keep_answering,
    open_sockets,
    read_head,
    read_request,
    read_to_end,
    send,
    wait,
)

A_LONG_TIME = 30.0

pytestmark = pytest.mark.anyio


def driver(function: Callable[[Request], Any] = lambda request: Response(200)) -> AsyncDriver:
    return AsyncDriver(AsyncFunctionTransport(function))


async def eventually(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.002)


async def test_each_effect_gives_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"photo")
    heard: list[object] = []
    run = AsyncDriver(
        AsyncFunctionTransport(lambda request: Response(200, body=b"x")),
        instrumentation=DriverInstrumentation(heard.append),
    ).run
    assert (await run(asking(Exchange(get())))).body == b"x"
    assert await run(asking(Sleep(0.0))) is None
    assert isinstance(await run(asking(Clock())), float)
    assert await run(asking(Random())) != await run(asking(Random()))
    assert (await run(asking(Stat([str(path)]))))[0].size == 5
    assert len((await run(asking(Digest([FileSlice(str(path), 0, 5)])))).digests[0]) == 16
    assert await run(asking(Report("news"))) is None
    assert heard[-1] == "news"
    assert await driver().run(asking(Report("unheard"))) is None


async def test_results_come_in_order_whichever_is_first() -> None:
    gates = [anyio.Event() for _ in range(4)]

    async def answer(request: Request) -> Response:
        number = int(request.target[1:])
        if number < 3:
            await gates[number + 1].wait()
        gates[number].set()
        return Response(200 + number)

    flows = [asking(Exchange(get(f"/{number}"))) for number in range(4)]
    responses = await driver(answer).run(asking(Gather(flows, 4)))
    assert [each.status for each in responses] == [200, 201, 202, 203]


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_than_the_limit_run_at_once(limit: int) -> None:
    running, most = 0, 0

    async def answer(request: Request) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running -= 1
        return Response(200)

    await driver(answer).run(asking(Gather([asking(Exchange(get())) for _ in range(4 * limit)], limit)))
    assert most == limit


async def test_flows_are_drawn_as_places_become_free() -> None:
    drawn: list[int] = []
    seen: list[int] = []

    def flows() -> Iterator[Flow[Any]]:
        for number in range(5):
            drawn.append(number)
            yield asking(Exchange(get()))

    def answer(request: Request) -> Response:
        seen.append(len(drawn))
        return Response(200)

    await driver(answer).run(asking(Gather(flows(), 1)))
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("position", [0, 1])
async def test_flows_that_cannot_be_drawn_are_a_failure(position: int) -> None:
    def flows() -> Iterator[Flow[Any]]:
        for _ in range(position):
            yield asking(Sleep(A_LONG_TIME))
        raise LookupError("no more")

    with pytest.raises(LookupError):
        await driver().run(asking(Gather(flows(), 2)))


async def test_no_flows_give_no_results() -> None:
    assert await driver().run(asking(Gather([], 3))) == []


async def test_failures_stand_among_the_results_where_they_are_collected() -> None:
    error = PixelConnectionError("no")
    flows = [giving(1), failing(error), giving(3)]
    assert await driver().run(asking(Gather(flows, 2, collect=True))) == [1, error, 3]


async def test_flows_side_by_side_may_have_flows_side_by_side() -> None:
    inner = [asking(Gather([giving((outer, number)) for number in range(3)], 2)) for outer in range(3)]
    assert await driver().run(asking(Gather(inner, 3))) == [[(outer, n) for n in range(3)] for outer in range(3)]


@pytest.mark.parametrize("nested", [False, True])
async def test_the_first_failure_cancels_the_rest(nested: bool) -> None:
    """Also those side by side inside one of them; and it is raised as it is, in no group."""
    sleeper = asking(Sleep(A_LONG_TIME))
    if nested:
        sleeper = asking(Gather([sleeper, giving(1)], 2))
    with anyio.fail_after(A_LONG_TIME / 3):
        with pytest.raises(LookupError):
            await driver().run(asking(Gather([sleeper, failing(LookupError())], 2)))


def once(flow: Flow[Any]) -> Flow[Any]:
    return asking(SingleFlight("login", flow))


async def side_by_side(*calls: Awaitable[Any]) -> list[Any]:
    """Await all at once: what each gave or raised."""
    outcomes: list[Any] = [None] * len(calls)

    async def wait_for(number: int, call: Awaitable[Any]) -> None:
        try:
            outcomes[number] = await call
        except Exception as error:
            outcomes[number] = error

    async with anyio.create_task_group() as group:
        for number, call in enumerate(calls):
            group.start_soon(wait_for, number, call)
    return outcomes


async def test_a_waiter_of_a_single_flight_gives_up_after_its_timeout() -> None:
    asynchronous = driver()
    owner = asynchronous.run(once(asking(Sleep(0.1))))
    waiter = asynchronous.run(asking(SingleFlight("login", giving(1), 0.01)))
    outcomes = await side_by_side(owner, waiter)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], TimeoutError)


async def test_what_runs_once_serves_all_who_ask_meanwhile() -> None:
    sent: list[Request] = []

    async def answer(request: Request) -> Response:
        sent.append(request)
        await anyio.sleep(0.01)
        return Response(200)

    asynchronous = driver(answer)
    answers = await side_by_side(*(asynchronous.run(once(asking(Exchange(get())))) for _ in range(9)))
    assert len(sent) == 1
    assert {id(each) for each in answers} == {id(answers[0])}
    assert await asynchronous.run(once(giving("again"))) == "again"


async def test_what_fails_once_fails_for_all_who_asked_meanwhile() -> None:
    async def answer(request: Request) -> Response:
        await anyio.sleep(0.01)
        raise LookupError

    asynchronous = driver(answer)
    outcomes = await side_by_side(*(asynchronous.run(once(asking(Exchange(get())))) for _ in range(4)))
    assert [type(each) for each in outcomes] == [LookupError] * 4
    assert await asynchronous.run(once(giving("again"))) == "again"


async def test_whoever_waits_takes_over_from_a_cancelled_one() -> None:
    asynchronous = driver()
    results: list[Any] = []

    async def waits() -> None:
        results.append(await asynchronous.run(once(giving("taken over"))))

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as owner:
            async with anyio.create_task_group() as inner:
                inner.start_soon(asynchronous.run, once(asking(Sleep(A_LONG_TIME))))
                await anyio.sleep(0.01)
                group.start_soon(waits)
                group.start_soon(waits)
                await anyio.sleep(0.01)
                owner.cancel()
    assert results == ["taken over"] * 2


async def test_a_cancelled_hash_does_not_keep_its_task(large_file: FileSlice) -> None:
    slices = [large_file] * 10_000  # 640 GB
    with anyio.move_on_after(0.05) as scope:
        await driver().run(asking(Digest(slices)))
    assert scope.cancelled_caught


# What follows is over sockets.


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[AnyioTransport]:
    """A transport that leaves no socket behind."""
    before = open_sockets()
    transport = AnyioTransport(**options)
    yield transport
    await transport.aclose()
    await eventually(lambda: open_sockets() <= before)


async def cancelled_once(transport: AnyioTransport, request: Request, ready: Callable[[], bool]) -> None:
    """Start an exchange and cancel it as soon as it is where it should be."""
    async with anyio.create_task_group() as group:
        group.start_soon(transport.send, request)
        await eventually(ready)
        group.cancel_scope.cancel()


EMPTY = "<AnyioTransport, <Pool 0 held, 0 idle, 0 waiting>>"


@pytest.mark.parametrize("where", ["reading", "writing", "shaking hands"])
async def test_a_cancelled_exchange_frees_its_place_and_closes_its_socket(where: str, large_file: FileSlice) -> None:
    over = threading.Event()
    steps: dict[str, list[Step]] = {
        "reading": [read_head, read_to_end],
        "writing": [read_head, wait(over)],
        "shaking hands": [read_to_end],
    }
    with Peer(steps[where]) as peer:
        async with opened(max_connections=1) as transport:
            body = large_file if where == "writing" else b""
            request = peer.request("PUT", body=body)
            if where == "shaking hands":
                request = replace(request, origin=request.origin._replace(scheme="https"))
            await cancelled_once(
                transport, request, lambda: peer.accepted == 1 and peer.connections[0].data_arrived.is_set()
            )
            assert repr(transport) == EMPTY
            over.set()
            await anyio.to_thread.run_sync(peer.received)


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    go = threading.Event()
    with Peer([read_request, wait(go), send(OK), keep_answering()]) as peer:
        async with opened(max_connections=1) as transport:
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, peer.request())
                await eventually(lambda: "1 held, 0 idle, 0 waiting" in repr(transport))
                await cancelled_once(transport, peer.request(), lambda: "1 waiting" in repr(transport))
                assert "1 held, 0 idle, 0 waiting" in repr(transport)
                go.set()
            assert "0 held, 1 idle, 0 waiting" in repr(transport)


async def test_a_place_that_was_given_to_a_waiter_who_is_cancelled_goes_to_the_next() -> None:
    go = threading.Event()
    responses: list[int] = []
    second = anyio.CancelScope()
    with Peer([read_request, wait(go), send(OK), keep_answering()]) as peer:
        async with opened(max_connections=1) as transport:

            async def ask(number: int) -> None:
                await transport.send(peer.request())
                responses.append(number)
                second.cancel()  # by the first, in the very step in which the second was given the place

            async def ask_in_scope(number: int) -> None:
                with second:
                    await ask(number)

            async with anyio.create_task_group() as group:
                group.start_soon(ask, 1)
                await eventually(lambda: "1 held, 0 idle, 0 waiting" in repr(transport))
                group.start_soon(ask_in_scope, 2)
                await eventually(lambda: "1 held, 0 idle, 1 waiting" in repr(transport))
                group.start_soon(ask, 3)
                await eventually(lambda: "1 held, 0 idle, 2 waiting" in repr(transport))
                go.set()
            assert responses == [1, 3]
            assert "0 held, 1 idle, 0 waiting" in repr(transport)


async def test_an_attempt_to_connect_that_is_cancelled_frees_its_place_and_closes_its_socket(
    full_listener: Origin,
) -> None:
    async with opened() as transport:
        before = open_sockets()
        await cancelled_once(transport, Request("GET", full_listener, "/"), lambda: open_sockets() > before)
        assert repr(transport) == EMPTY


async def test_two_hundred_cancelled_requests_leave_room_for_three_more() -> None:
    with Peer([read_request, read_to_end]) as silent, Peer([keep_answering()]) as peer:
        async with opened(max_connections=5) as transport:
            async with anyio.create_task_group() as group:
                for _ in range(200):
                    group.start_soon(transport.send, silent.request())
                await eventually(lambda: "5 held, 0 idle, 195 waiting" in repr(transport))
                group.cancel_scope.cancel()
            assert repr(transport) == EMPTY
            for _ in range(3):
                assert (await transport.send(peer.request())).body == b"ok"


async def test_the_loop_goes_on_while_a_large_file_is_hashed_and_sent(large_file: FileSlice) -> None:
    beats, hashed, response, over = 0, 0, Response(0), threading.Event()

    async def beat() -> None:
        nonlocal beats
        while True:
            await anyio.sleep(0.01)
            beats += 1

    def swallow(connection: Any) -> None:
        """Read as much as comes, without keeping it, in no hurry."""
        left = large_file.length
        while left:
            data = connection.sock.recv(1024 * 1024)
            if not data:
                raise EOFError
            left -= len(data)
            if left % 7 == 0:
                over.wait(0.001)
        connection.sock.sendall(OK)

    with Peer([read_head_only, swallow]) as peer:
        async with opened() as transport, anyio.create_task_group() as group:
            group.start_soon(beat)
            run = AsyncDriver(transport).run
            await run(asking(Digest([large_file] * 4)))
            hashed, beats = beats, 0
            response = await run(asking(Exchange(peer.request("PUT", body=large_file))))
            group.cancel_scope.cancel()
    assert response.status == 200
    assert hashed >= 3
    assert beats >= 1


def read_head_only(connection: Any) -> None:
    """Read the head byte by byte, so that nothing of the body is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.sock.recv(1)

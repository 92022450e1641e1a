"""The blocking driver alone: interrupts, and no event loop anywhere."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio

from pixel_core.effects import Exchange, Flow, Gather, NextDone, OpenTaskGroup, Sleep, Spawn
from pixel_core.messages import Request, Response
from pixel_transports import BlockingDriver, PixelApiSettings, SocketTransport, get_client
from pixel_transports.net.transports import FunctionTransport
from tests.support.flows import flow_of, get, returning
from tests.support.peers import Peer, eventually, read_request, read_to_end

A_LONG_TIME = 30.0
EMPTY = "<SocketTransport, <Pool 0 held, 0 idle, 0 waiting>>"


@pytest.fixture(autouse=True)
def no_blocked_loops() -> None:
    """The blocking face may block a loop that runs in its thread."""


@contextmanager
def interrupted(ready: Callable[[], bool]) -> Iterator[None]:
    """Raise KeyboardInterrupt in the block once `ready` holds, as Ctrl-C does."""

    def interrupt() -> None:
        eventually(ready)
        time.sleep(0.05)  # a signal between two steps of Python, just before a wait begins, would be seen after it
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    helper.join()


@pytest.mark.parametrize("rest", [Sleep(A_LONG_TIME), None], ids=["asleep", "waiting for its group"])
def test_an_interrupt_of_the_lead_ends_all_its_flows(rest: Any) -> None:
    """During reads, sleeps, and the wait for a connection."""
    transport = SocketTransport(max_connections=2)
    with Peer([read_request, read_to_end]) as peer:

        def lead(group: Any) -> Flow[Any]:
            for number in range(4):
                yield from Spawn(group, number, flow_of(Gather([flow_of(Exchange(peer.request())), returning(1)], 2)))
            yield from Spawn(group, "sleeper", flow_of(Sleep(A_LONG_TIME)))
            yield from rest or NextDone(group, A_LONG_TIME)

        with interrupted(lambda: "2 held, 0 idle, 2 waiting" in repr(transport)):
            BlockingDriver(transport).run(flow_of(OpenTaskGroup(lead)))
        assert repr(transport) == EMPTY


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_interrupt_ends_a_read_and_closes_its_connection(scheme: str) -> None:
    """Of an answer, or of a handshake."""
    transport = SocketTransport()
    with Peer([read_to_end]) as peer:
        request = peer.request()
        with interrupted(lambda: peer.accepted == 1 and peer.connections[0].data_arrived.is_set()):
            transport.send(replace(request, origin=request.origin._replace(scheme=scheme)))
        peer.received()
        assert repr(transport) == EMPTY


def test_there_is_no_event_loop_in_any_thread() -> None:
    def answer(request: Request) -> Response:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return Response(200)

    flow = flow_of(Gather([flow_of(Exchange(get())) for _ in range(3)], 3), Exchange(get()))
    assert BlockingDriver(FunctionTransport(answer)).run(flow).status == 200


def test_the_blocking_client_works_inside_a_running_loop(pixel_settings: PixelApiSettings) -> None:
    async def work() -> str | None:
        with get_client(settings=pixel_settings) as client:
            return client.me().get("email")

    assert trio.run(work) == "demo@example.com"
    assert asyncio.run(work()) == "demo@example.com"

"""The async driver alone: cancelled waiters for connections, and a loop that is never blocked."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from pixel_core.effects import Digest, Exchange
from pixel_core.messages import FileSlice, Response
from pixel_transports import AnyioTransport, AsyncDriver
from tests.support.flows import flow_of
from tests.support.peers import OK, Peer, keep_answering, read_request, send, wait
from tests.transports.drivers.conftest import reached

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[AnyioTransport]:
    transport = AnyioTransport(**options)
    yield transport
    await transport.aclose()


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
                await reached(lambda: "1 held, 0 idle, 0 waiting" in repr(transport))
                group.start_soon(ask_in_scope, 2)
                await reached(lambda: "1 held, 0 idle, 1 waiting" in repr(transport))
                group.start_soon(ask, 3)
                await reached(lambda: "1 held, 0 idle, 2 waiting" in repr(transport))
                go.set()
            assert responses == [1, 3]
            assert "0 held, 1 idle, 0 waiting" in repr(transport)


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
            await run(flow_of(Digest([large_file] * 4)))
            hashed, beats = beats, 0
            response = await run(flow_of(Exchange(peer.request("PUT", body=large_file))))
            group.cancel_scope.cancel()
    assert response.status == 200
    assert hashed >= 3
    assert beats >= 1


def read_head_only(connection: Any) -> None:
    """Read the head byte by byte, so that nothing of the body is taken."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.sock.recv(1)

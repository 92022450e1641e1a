"""The async driver alone: a loop that is never blocked."""

import time
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from pixel_core.effects import Digest, Exchange
from pixel_core.messages import FileSlice, Response
from pixel_transports import AnyioTransport, AsyncDriver
from tests.support.flows import flow_of
from tests.support.peers import OK, Peer, read_head


@pytest.mark.anyio
async def test_the_loop_goes_on_while_a_large_file_is_hashed_and_sent(large_file: FileSlice) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await anyio.sleep(0.01)
            beats += 1

    def swallow(connection: Any) -> None:
        """Read the rest as it comes, without keeping it, in no hurry."""
        left = large_file.length - connection.left
        while left and (data := connection.sock.recv(1024 * 1024)):
            left -= len(data)
            if left % 7 == 0:
                time.sleep(0.001)
        assert not left
        connection.sock.sendall(OK)

    hashed, response = 0, Response(0)
    with Peer([read_head, swallow]) as peer:
        async with aclosing(AnyioTransport()) as transport, anyio.create_task_group() as group:
            group.start_soon(beat)
            run = AsyncDriver(transport).run
            await run(flow_of(Digest([large_file] * 4)))
            hashed, beats = beats, 0
            response = await run(flow_of(Exchange(peer.request("PUT", body=large_file))))
            group.cancel_scope.cancel()
    assert response.status == 200
    assert hashed >= 3
    assert beats >= 1

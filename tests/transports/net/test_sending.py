"""Files on their way out: what the system cannot send itself, and what was cancelled before it began.

Rules kept here:

* The peers are real sockets on this machine.
"""

import socket
from pathlib import Path

import anyio
import pytest

from pixel_core.http.effects import Write
from pixel_core.messages import FileSlice
from pixel_transports.net.asynchronous import AsyncStream
from tests.support.peers import OK, Face, Peer, read_request, send

PSEUDO = Path("/proc/version")


@pytest.mark.skipif(not PSEUDO.exists(), reason="there is no file here that the system does not send itself")
def test_a_file_that_the_system_cannot_send_itself_is_read_and_sent(face: Face) -> None:
    content = PSEUDO.read_bytes()
    with Peer([read_request, send(OK)]) as peer:
        assert face.send(peer.request("PUT", body=FileSlice(str(PSEUDO), 3, len(content) - 3))).status == 200
        assert peer.received().endswith(b"\r\n\r\n" + content[3:])


@pytest.mark.anyio
async def test_a_stream_whose_write_was_cancelled_before_it_began_lets_go_of_its_socket(large_file: FileSlice) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        stream = AsyncStream(ours)
        with anyio.CancelScope() as scope:
            scope.cancel()
            writing = stream.write(Write(stream, [large_file], 10.0))
            assert not isinstance(writing, bool)
            await writing
        assert scope.cancelled_caught
        stream.close()
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""

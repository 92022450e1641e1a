"""Bytes, files and time limits over real sockets, on the three faces."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from pixel_core.errors import PixelTimeoutError
from pixel_core.http.effects import Write
from pixel_core.messages import FileSlice
from pixel_transports.net.asynchronous import AsyncStream
from pixel_transports.net.blocking import BlockingStream
from tests.support import peers

PSEUDO = Path("/proc/version")


def test_a_peer_that_takes_nothing_is_a_time_out_at_the_total_limit(face: peers.Face, large_file: FileSlice) -> None:
    over = threading.Event()
    with peers.Peer([peers.read_head, peers.wait(over)]) as peer:
        with pytest.raises(PixelTimeoutError):
            face.send(peer.request("PUT", body=large_file, write=60.0, total=0.1))
        over.set()
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("timeout", [1e-9, 0.0011, 1.0, 7.25, 1e12, None])
def test_no_limit_of_a_read_becomes_none_or_overflows(timeout: float | None) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert BlockingStream(ours).read(timeout) == b"x"


@pytest.mark.skipif(not PSEUDO.exists(), reason="sendfile sends every file of this system")
def test_a_file_that_sendfile_cannot_send_is_read_and_sent(face: peers.Face) -> None:
    content = PSEUDO.read_bytes()
    with peers.Peer([peers.read_request, peers.send(peers.OK)]) as peer:
        assert face.send(peer.request("PUT", body=FileSlice(str(PSEUDO), 3, len(content) - 3))).status == 200
        assert peer.received().endswith(b"\r\n\r\n" + content[3:])


def read_more(connection: peers.ScriptedConnection) -> None:
    """Read some of the body, so that the response arrives before the next event does."""
    connection.read_until(lambda data: 1 if len(data) > 1_000_000 else 0)


def test_a_response_of_a_peer_that_reads_no_more_ends_the_sending_of_a_file(
    face: peers.Face, large_file: FileSlice
) -> None:
    over = threading.Event()
    script = [peers.read_head, peers.send(peers.TOO_LARGE), peers.wait(over)]
    with peers.Peer(script, [peers.keep_answering()]) as peer:
        assert face.send(peer.request("PUT", body=large_file)).status == 413
        over.set()
        assert face.send(peer.request()).status == 200
        assert peer.accepted == 2


def test_an_interim_response_does_not_end_the_sending_of_a_file(face: peers.Face, tmp_path: Path) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    content = bytes(range(251)) * 24_000
    path = tmp_path / "large.jpg"
    path.write_bytes(content)

    def read_rest(connection: peers.ScriptedConnection) -> None:
        connection.read_until(lambda data: len(content) - 1 if len(data) == len(content) - 1 else 0)

    with peers.Peer(
        [peers.read_head, peers.send(hints), read_more, peers.send(hints), read_rest, peers.send(peers.OK)]
    ) as peer:
        assert face.send(peer.request("PUT", body=peers.whole_file(path))).status == 200
        assert peer.received().partition(b"\r\n\r\n")[2] == content


@pytest.mark.anyio
async def test_a_write_that_is_cancelled_before_it_begins_closes_its_socket(large_file: FileSlice) -> None:
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


class RecordsWithoutData:
    """A TLS session whose peer sends records of TLS itself only (KeyUpdate, say)."""

    outer = None
    has_replies = is_held = False

    def feed(self, data: bytes) -> None:
        """Ignore a record."""

    def read(self, limit: int) -> None:
        return None

    def encrypted(self, data: bytes) -> bytes:
        return bytes(data)


@pytest.mark.parametrize("pause", [0.02, 0.0, 0.35], ids=["at times", "without a pause", "just before the end"])
@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_tls_records_without_data_do_not_extend_the_limit_of_a_read(kind: str, pause: float) -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def send_records() -> None:
        with suppress(OSError):
            while not over.wait(pause):
                theirs.sendall(b"record" * (1 if pause else 100_000))

    async def read_async() -> None:
        stream = AsyncStream(ours)
        stream.secure(RecordsWithoutData())
        await stream.read(0.4)

    def read() -> None:
        if kind == "blocking":
            stream = BlockingStream(ours)
            stream.secure(RecordsWithoutData())
            stream.read(0.4)
        else:
            anyio.run(read_async, backend=kind)

    sender = threading.Thread(target=send_records)
    with theirs, ours:
        sender.start()
        try:
            start = time.monotonic()
            with pytest.raises(TimeoutError, match=r"no answer within 0\.4 seconds"):
                read()
            assert time.monotonic() - start < 0.7
        finally:
            over.set()
            ours.shutdown(socket.SHUT_RDWR)
            sender.join()


def test_a_response_that_arrives_with_the_last_byte_of_a_file_leaves_the_request_complete(tmp_path: Path) -> None:
    """Else the connection would not be reused."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"x" * 100)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = BlockingStream(ours)
        assert not stream.send_now([peers.whole_file(path)])
        assert stream.send_all(1.0, None, stopped=lambda: theirs.send(peers.OK) == 0)
        assert stream.read(1.0) == peers.OK


def test_tls_records_without_data_do_not_extend_the_limit_of_a_write() -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def send_records() -> None:
        while not over.wait(0.02):
            theirs.send(b"record")

    sender = threading.Thread(target=send_records)
    with theirs, ours:
        stream = BlockingStream(ours)
        stream.secure(RecordsWithoutData())
        sender.start()
        try:
            with pytest.raises(TimeoutError, match=r"nothing was taken within 0\.2 seconds"):
                stream.write(Write(stream, [bytes(10_000_000)], 0.2))
        finally:
            over.set()
            sender.join()


class RecordsToAnswer(RecordsWithoutData):
    """A TLS session that answers the first record with `size` bytes; then the peer sends data."""

    def __init__(self, size: int) -> None:
        self._size, self._answer, self._data = size, b"", b""

    @property
    def has_replies(self) -> bool:  # type: ignore[override]
        return bool(self._answer)

    def feed(self, data: bytes) -> None:
        if self._size:
            self._answer, self._size = bytes(self._size), 0
        else:
            self._data = data

    def read(self, limit: int) -> bytes | None:  # type: ignore[override]
        return self._data or None

    def encrypted(self, data: bytes = b"") -> bytes:
        answer, self._answer = self._answer, b""
        return answer + data


def read_answered(kind: str, sock: socket.socket, size: int) -> bytes:
    """Read through a session that answers a record."""

    async def read_async() -> bytes:
        stream = AsyncStream(sock)
        stream.secure(RecordsToAnswer(size))
        return await stream.read(peers.PATIENCE / 2)

    if kind != "blocking":
        return anyio.run(read_async, backend=kind)
    stream = BlockingStream(sock)
    stream.secure(RecordsToAnswer(size))
    return stream.read(peers.PATIENCE / 2)


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_answers_of_tls_that_find_no_room_are_sent_while_a_read_waits(kind: str) -> None:
    ours, theirs = socket.socketpair()

    def take() -> None:
        left = 900_000
        theirs.settimeout(peers.PATIENCE)
        while left:
            left -= len(theirs.recv(65536))
        theirs.send(b"data")

    with ours, theirs, ThreadPoolExecutor(1) as threads:
        theirs.send(b"record")
        taken = threads.submit(take)
        assert read_answered(kind, ours, 900_000) == b"data"
        taken.result()


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_a_peer_that_takes_no_answers_of_tls_is_not_answered_without_end(kind: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"record")
        with pytest.raises(ConnectionAbortedError, match="does not take the answers"):
            read_answered(kind, ours, 2_000_000)

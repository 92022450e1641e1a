"""Bytes, files and time limits over real sockets, on the three faces."""

import socket
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixel_core.errors import PixelConnectionError, PixelFileChangedError, PixelTimeoutError
from pixel_core.http.effects import Write
from pixel_core.messages import FileSlice, Form, Request
from pixel_transports.net.asynchronous import AsyncStream
from pixel_transports.net.blocking import BlockingStream
from tests.support import peers

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
PSEUDO = Path("/proc/version")


def assert_one_sentence(error: Exception, request: Request) -> None:
    """The message has method and URL, without the query, in one line."""
    assert request.label in str(error)
    assert "secret" not in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 250


@pytest.mark.parametrize(
    "steps",
    [
        [*(peers.send(bytes([each])) for each in CHUNKED)],
        [peers.send(b"HTTP/1.1 200 OK\r\n\r\nok")],
        [peers.send(peers.OK), peers.half_close],
    ],
    ids=["byte by byte", "up to the end of the connection", "and a half-closed connection"],
)
def test_a_response_is_read(face: peers.Face, steps: list[peers.Step]) -> None:
    with peers.Peer([peers.read_request, *steps]) as peer:
        response = face.send(peer.request())
    assert (response.status, response.body) == (200, b"ok")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [([peers.reset], "the connection broke: Connection reset by peer"), ([], "closed before any answer")],
    ids=["reset", "closed"],
)
def test_a_connection_without_a_response_is_an_error(face: peers.Face, steps: list[peers.Step], reason: str) -> None:
    with peers.Peer([peers.read_request, *steps]) as peer:
        request = peer.request("POST")
        with pytest.raises(PixelConnectionError, match=reason) as caught:
            face.send(request)
        assert_one_sentence(caught.value, request)
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


# Time limits


def test_a_peer_that_sends_nothing_is_a_time_out(face: peers.Face) -> None:
    with peers.Peer([peers.read_request, peers.send(peers.OK[:-1]), peers.read_to_end]) as peer:
        request = peer.request(read=0.1)
        with pytest.raises(PixelTimeoutError, match=r"no answer within 0\.1 seconds") as caught:
            face.send(request)
        assert_one_sentence(caught.value, request)
        peer.received()  # the connection ends
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("in_memory", [True, False], ids=["bytes", "file"])
@pytest.mark.parametrize("limits", [{"write": 0.1}, {"write": 60.0, "total": 0.1}], ids=["write", "total"])
def test_a_peer_that_takes_nothing_is_a_time_out(
    face: peers.Face, large_file: FileSlice, in_memory: bool, limits: dict[str, Any]
) -> None:
    over = threading.Event()
    with peers.Peer([peers.read_head, peers.wait(over)]) as peer:
        body = bytes(peers.LARGE // 4) if in_memory else large_file
        request = peer.request("PUT", body=body, **limits)
        with pytest.raises(PixelTimeoutError) as caught:
            face.send(request)
        over.set()
        assert_one_sentence(caught.value, request)
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("timeout", [1e-9, 0.0011, 1.0, 7.25, 1e12, None])
def test_no_limit_of_a_read_becomes_none_or_overflows(timeout: float | None) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert BlockingStream(ours).read(timeout) == b"x"


# Bodies


def test_slices_forms_and_empty_files_are_sent_byte_for_byte(face: peers.Face, tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    path, empty = tmp_path / "photo.jpg", tmp_path / "empty"
    path.write_bytes(content)
    empty.touch()
    form = Form((("key", "a/b"),), 'a "b".jpg', FileSlice(str(path), 1, 500_000), "b0undary")
    form_body = (
        b'--b0undary\r\nContent-Disposition: form-data; name="key"\r\n\r\na/b\r\n'
        b'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="a %22b%22.jpg"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content[1:500_001] + b"\r\n--b0undary--\r\n"
    )
    with peers.Peer([peers.keep_answering()]) as peer:
        for body in (FileSlice(str(path), 1000, 2_000_000), form, peers.whole_file(empty)):
            assert face.send(peer.request("PUT", body=body)).status == 200
        face.close()
        received = b"".join(peer.received(number) for number in range(peer.accepted))
    head = f"PUT /a?secret=1 HTTP/1.1\r\nHost: {peer.origin.authority}\r\n".encode()
    form_type = b"Content-Type: multipart/form-data; boundary=b0undary\r\n"
    expected = [(b"", content[1000:2_001_000]), (form_type, form_body), (b"", b"")]
    assert received == b"".join(
        b"%b%bContent-Length: %d\r\n\r\n%b" % (head, fields, len(body), body) for fields, body in expected
    )


@pytest.mark.skipif(not PSEUDO.exists(), reason="sendfile sends every file of this system")
def test_a_file_that_sendfile_cannot_send_is_read_and_sent(face: peers.Face) -> None:
    content = PSEUDO.read_bytes()
    with peers.Peer([peers.read_request, peers.send(peers.OK)]) as peer:
        assert face.send(peer.request("PUT", body=FileSlice(str(PSEUDO), 3, len(content) - 3))).status == 200
        assert peer.received().endswith(b"\r\n\r\n" + content[3:])


@pytest.mark.parametrize("change", ["shorter", "gone"])
def test_a_file_that_changed_ends_the_upload_and_the_connection(face: peers.Face, tmp_path: Path, change: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"x" * 1_500_000)
    if change == "gone":
        path.unlink()
    with peers.Peer([peers.read_to_end]) as peer:
        with pytest.raises(PixelFileChangedError, match=r"photo\.jpg"):
            face.send(peer.request("POST", body=FileSlice(str(path), 0, 3_000_000)))
        peer.received()
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


def read_more(connection: peers.ScriptedConnection) -> None:
    """Read some of the body, so that the response arrives before the next event does."""
    connection.read_until(lambda data: 1 if len(data) > 1_000_000 else 0)


@pytest.mark.parametrize(
    "ends",
    [[lambda connection: connection.sock.close()], [read_more, peers.reset], []],
    ids=["closes", "resets", "keeps the connection open"],
)
def test_a_response_ends_the_sending_of_a_file(face: peers.Face, large_file: FileSlice, ends: list[peers.Step]) -> None:
    over = threading.Event()
    with peers.Peer(
        [peers.read_head, peers.send(peers.TOO_LARGE), *(ends or [peers.wait(over)])], [peers.keep_answering()]
    ) as peer:
        assert face.send(peer.request("PUT", body=large_file)).status == 413
        over.set()
        assert len(peer.received()) < peers.LARGE
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

    def feed(self, data: bytes) -> None:
        """Ignore a record."""

    def read(self, limit: int) -> None:
        return None


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "trio"])
def test_tls_records_without_data_do_not_extend_the_limit_of_a_read(kind: str) -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def send_records() -> None:
        while not over.wait(0.02):
            theirs.send(b"record")

    async def read_async() -> None:
        stream = AsyncStream(ours)
        stream.secure(RecordsWithoutData())
        await stream.read(0.1)

    def read() -> None:
        if kind == "blocking":
            stream = BlockingStream(ours)
            stream.secure(RecordsWithoutData())
            stream.read(0.1)
        else:
            anyio.run(read_async, backend=kind)

    sender = threading.Thread(target=send_records)
    with theirs, ours:
        sender.start()
        try:
            with pytest.raises(TimeoutError, match=r"no answer within 0\.1 seconds"):
                read()
        finally:
            over.set()
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

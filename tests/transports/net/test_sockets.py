"""Exchanges over real sockets with peers that behave, and with peers that do not, on the three faces."""

import hashlib
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pixel_core.errors import (
    PixelConnectionError,
    PixelFileChangedError,
    PixelProtocolError,
    PixelTimeoutError,
)
from pixel_core.messages import FileSlice, Form, Headers, Origin, Request, Timeouts
from pixel_transports.net.blocking import BlockingStream
from tests.support.peers import (
    LARGE,
    OK,
    TOO_LARGE,
    Face,
    Peer,
    ScriptedConnection,
    Step,
    dribble,
    half_close,
    keep_answering,
    read_head,
    read_request,
    read_to_end,
    reset,
    send,
    unused_port,
    wait,
    whole_file,
)

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"


def assert_one_clear_sentence(error: Exception, request: Request) -> None:
    """It names method and URL, and neither the query nor a second line."""
    assert request.label in str(error)
    assert "secret" not in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 250


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([send(OK)], id="in one piece"),
        pytest.param([dribble(OK)], id="byte by byte"),
        pytest.param([dribble(CHUNKED)], id="in chunks"),
        pytest.param([send(b"HTTP/1.1 103 Early Hints\r\n\r\n"), send(OK)], id="after an interim answer"),
        pytest.param([send(b"HTTP/1.1 200 OK\r\n\r\nok")], id="up to the end of the connection"),
        pytest.param([send(OK), half_close], id="and then a half-closed connection"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_is_the_same_however_it_comes(face: Face, steps: list[Step], method: str) -> None:
    with Peer([read_request, *steps]) as peer:
        response = face.send(peer.request(method))
    assert (response.status, response.body) == (200, b"ok")


def test_a_connection_is_kept_and_used_again(face: Face) -> None:
    with Peer([keep_answering()]) as peer:
        for method in ("GET", "POST", "PUT", "GET"):
            assert face.send(peer.request(method, body=b"" if method == "GET" else b"x")).body == b"ok"
        assert peer.accepted == 1
        face.wait_for_counts("0 held, 1 idle, 0 waiting")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", id="Connection: close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", id="HTTP/1.0"),
        pytest.param(OK + b"more", id="stray bytes"),
    ],
)
def test_a_connection_that_cannot_serve_again_is_closed(face: Face, answer: bytes) -> None:
    with Peer([read_request, send(answer), read_to_end]) as peer:
        assert face.send(peer.request()).body == b"ok"
        assert face.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_idle_connection_that_the_peer_closed_is_replaced(face: Face, method: str) -> None:
    with Peer([read_request, send(OK)]) as peer:
        for number in range(3):
            assert face.send(peer.request(method)).body == b"ok"
            peer.received(number)
        assert peer.accepted == 3


def test_an_idle_connection_on_which_bytes_arrived_is_replaced(face: Face) -> None:
    unasked, sent = threading.Event(), threading.Event()
    with Peer([read_request, send(OK), wait(unasked), send(OK), lambda connection: sent.set(), read_to_end]) as peer:
        assert face.send(peer.request("POST")).body == b"ok"
        unasked.set()
        sent.wait()
        assert face.send(peer.request("POST")).body == b"ok"
        assert peer.accepted == 2


@pytest.mark.parametrize(
    ("steps", "kind", "reason"),
    [
        pytest.param([reset], PixelConnectionError, "the connection broke: Connection reset by peer", id="reset"),
        pytest.param([], PixelConnectionError, "closed before any answer", id="closed"),
        pytest.param([half_close, read_to_end], PixelConnectionError, "closed before any answer", id="half closed"),
        pytest.param([send(OK[:-1])], PixelConnectionError, "closed in the middle", id="body cut short"),
        pytest.param([send(OK[:9])], PixelConnectionError, "closed in the middle", id="head cut short"),
        pytest.param([send(CHUNKED[:-2])], PixelConnectionError, "closed in the middle", id="chunks cut short"),
        pytest.param([send(b"\x00\x01garbage\r\n\r\n"), read_to_end], PixelProtocolError, "not HTTP", id="garbage"),
        pytest.param([send(b"220 smtp ready\r\n\r\n"), read_to_end], PixelProtocolError, "not HTTP", id="not HTTP"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_peer_does_instead_of_answering_is_one_clear_sentence(
    face: Face, steps: list[Step], kind: type[Exception], reason: str, method: str
) -> None:
    """On a connection that was opened for the request nothing is repeated, and nothing is kept."""
    with Peer([read_request, *steps]) as peer:
        request = peer.request(method)
        with pytest.raises(kind, match=reason) as caught:
            face.send(request)
        assert_one_clear_sentence(caught.value, request)
        assert peer.accepted == 1
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_get_that_met_a_dying_kept_connection_is_repeated_on_another(face: Face) -> None:
    with Peer([read_request, send(OK), read_request, reset], [keep_answering()]) as peer:
        face.send(peer.request())
        assert face.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


def test_a_post_that_met_a_dying_kept_connection_is_not_repeated(face: Face) -> None:
    with Peer([read_request, send(OK), read_request, reset], [keep_answering()]) as peer:
        face.send(peer.request())
        request = peer.request("POST")
        with pytest.raises(PixelConnectionError) as caught:
            face.send(request)
        assert_one_clear_sentence(caught.value, request)
        assert caught.value.sent
        assert peer.accepted == 1


def test_a_get_is_not_repeated_once_an_answer_has_begun(face: Face) -> None:
    with Peer([read_request, send(OK), read_request, send(OK[:20])], [keep_answering()]) as peer:
        face.send(peer.request())
        with pytest.raises(PixelConnectionError, match="in the middle"):
            face.send(peer.request())
        assert peer.accepted == 1


@pytest.mark.parametrize("steps", [[], [send(OK[:-1])]], ids=["no answer", "half an answer"])
def test_an_answer_that_does_not_come_is_a_time_out(face: Face, steps: list[Step]) -> None:
    with Peer([read_request, *steps, read_to_end]) as peer:
        request = peer.request(read=0.1)
        with pytest.raises(PixelTimeoutError, match=r"no answer within 0\.1 seconds") as caught:
            face.send(request)
        assert_one_clear_sentence(caught.value, request)
        assert peer.accepted == 1
        peer.received()  # which ends with the connection
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("in_memory", [True, False], ids=["bytes", "file"])
def test_a_peer_that_takes_nothing_is_a_time_out(face: Face, large_file: FileSlice, in_memory: bool) -> None:
    body = bytes(LARGE) if in_memory else large_file
    over = threading.Event()
    with Peer([read_head, wait(over)]) as peer:
        request = peer.request("PUT", body=body, write=0.1)
        with pytest.raises(PixelTimeoutError, match=r"nothing was taken within 0\.1 seconds") as caught:
            face.send(request)
        over.set()
        assert_one_clear_sentence(caught.value, request)
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_port_where_nobody_listens_is_one_clear_sentence(face: Face) -> None:
    origin = Origin("http", "127.0.0.1", unused_port())
    request = Request("POST", origin, "/a?secret=1")
    with pytest.raises(PixelConnectionError) as caught:
        face.send(request)
    assert str(caught.value) == f"POST {origin}/a: could not connect to {origin}: Connection refused"
    assert not caught.value.sent
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_an_unknown_host_is_one_clear_sentence(face: Face) -> None:
    request = Request("POST", Origin("http", "name.invalid", 80), "/a?secret=1")
    with pytest.raises(PixelConnectionError, match=r"could not connect to http://name\.invalid: ") as caught:
        face.send(request)
    assert_one_clear_sentence(caught.value, request)


def test_a_connection_that_is_not_made_in_time_is_a_time_out(face: Face, full_listener: Origin) -> None:
    request = Request("POST", full_listener, "/a?secret=1", timeouts=Timeouts(connect=0.1))
    with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.1 seconds") as caught:
        face.send(request)
    assert_one_clear_sentence(caught.value, request)
    assert not caught.value.sent


def read_more(connection: ScriptedConnection) -> None:
    """Read some more of what is sent, so that the answer has arrived before what follows it does."""
    connection.read_until(lambda data: 1 if len(data) > 1_000_000 else 0)


def close(connection: ScriptedConnection) -> None:
    connection.sock.close()


@pytest.mark.parametrize(
    "ends", [[close], [read_more, reset], []], ids=["closes", "resets", "keeps the connection open"]
)
def test_an_answer_that_comes_while_a_file_is_sent_is_the_answer(
    face: Face, large_file: FileSlice, ends: list[Step]
) -> None:
    """Whether the peer then hangs up or not; and the connection is not used again."""
    over = threading.Event()
    with Peer([read_head, send(TOO_LARGE), *(ends or [wait(over)])], [keep_answering()]) as peer:
        assert face.send(peer.request("PUT", body=large_file)).status == 413
        over.set()
        assert len(peer.received()) < LARGE
        assert face.send(peer.request()).status == 200
        assert peer.accepted == 2


def test_an_interim_answer_does_not_stop_an_upload(face: Face, tmp_path: Path) -> None:
    """Twice it comes while the file is being sent; every byte of the file arrives once."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    content = bytes(range(251)) * 24_000
    path = tmp_path / "large.jpg"
    path.write_bytes(content)

    def read_rest(connection: ScriptedConnection) -> None:
        connection.read_until(lambda data: len(content) - 1 if len(data) == len(content) - 1 else 0)

    with Peer([read_head, send(hints), read_more, send(hints), read_rest, send(OK)]) as peer:
        assert face.send(peer.request("PUT", body=whole_file(path))).status == 200
        sent = peer.received()
    assert sent.partition(b"\r\n\r\n")[2] == content


def test_a_slice_of_a_file_is_sent_as_it_is(face: Face, tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with Peer([read_request, send(OK)]) as peer:
        face.send(peer.request("PUT", body=FileSlice(str(path), 1000, 2_000_000)))
        sent = peer.received()
    head = f"PUT /a?secret=1 HTTP/1.1\r\nHost: {peer.origin.authority}\r\nContent-Length: 2000000\r\n\r\n".encode()
    assert sent[: len(head)] == head
    assert hashlib.md5(sent[len(head) :]).digest() == hashlib.md5(content[1000:2_001_000]).digest()


def test_a_form_with_a_file_is_sent_as_rfc_7578_has_it(face: Face, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"_" + b"photo" * 100_000 + b"_")
    form = Form((("key", "a/b"), ("policy", "e30=")), 'a "b".jpg', FileSlice(str(path), 1, 500_000), "b0undary")
    body = (
        b'--b0undary\r\nContent-Disposition: form-data; name="key"\r\n\r\na/b\r\n'
        b'--b0undary\r\nContent-Disposition: form-data; name="policy"\r\n\r\ne30=\r\n'
        b'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="a %22b%22.jpg"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + b"photo" * 100_000 + b"\r\n--b0undary--\r\n"
    )
    with Peer([keep_answering()]) as peer:
        face.send(peer.request("POST", body=form))
        face.close()
        sent = peer.received()
    assert (
        sent
        == (
            f"POST /a?secret=1 HTTP/1.1\r\nHost: {peer.origin.authority}\r\n"
            f"Content-Type: multipart/form-data; boundary=b0undary\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
    )


def test_an_empty_file_is_an_empty_body(face: Face, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with Peer([read_request, send(OK)]) as peer:
        assert face.send(peer.request("PUT", body=FileSlice(str(path), 0, 0))).status == 200
        assert peer.received().endswith(b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("change", ["shorter", "gone"])
@pytest.mark.parametrize("as_form", [False, True])
def test_a_file_that_changed_ends_the_upload_and_the_connection(
    face: Face, tmp_path: Path, change: str, as_form: bool
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"x" * 3_000_000)
    piece = FileSlice(str(path), 0, 3_000_000)
    path.unlink() if change == "gone" else path.write_bytes(b"x" * 1_500_000)
    with Peer([read_to_end]) as peer:
        with pytest.raises(PixelFileChangedError, match=r"photo\.jpg"):
            face.send(peer.request("POST", body=Form((), "p", piece, "b0") if as_form else piece))
        peer.received()
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_request_that_cannot_be_sent_sends_nothing(face: Face) -> None:
    with Peer([keep_answering()]) as peer:
        face.send(peer.request())
        request = replace(peer.request(), headers=Headers({"X-Bad": "a\r\nb: c"}))
        with pytest.raises(ValueError, match="X-Bad"):
            face.send(request)
        face.wait_for_counts("0 held, 0 idle, 0 waiting")
        assert b"X-Bad" not in peer.received()


def test_where_all_connections_are_in_use_the_next_waits_and_is_served(face: Face) -> None:
    go = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(go), send(OK), keep_answering()]) as peer:
        first = face.start(peer.request())
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        second = face.start(peer.request())
        face.wait_for_counts("1 held, 0 idle, 1 waiting")
        go.set()
        assert [each.result().body for each in (first, second)] == [b"ok", b"ok"]
        assert peer.accepted == 1


def test_where_none_becomes_free_in_time_the_waiter_hears_so(face: Face) -> None:
    go = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(go), send(OK)]) as peer:
        first = face.start(peer.request())
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        request = peer.request(pool=0.05)
        with pytest.raises(PixelTimeoutError, match=r"no connection became free within 0\.05 seconds") as caught:
            face.send(request)
        assert_one_clear_sentence(caught.value, request)
        assert not caught.value.sent
        go.set()
        assert first.result().status == 200


@pytest.mark.parametrize("kept", [True, False])
def test_those_who_wait_are_served_in_order(face: Face, kept: bool) -> None:
    go = threading.Event()
    face.open(max_connections=1)
    answer = OK if kept else OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    later = [keep_answering(answer)]
    with Peer([read_request, wait(go), send(answer), *later], later) as peer:
        requests = [face.start(peer.request(target="/0"))]
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        for number in range(1, 5):
            requests.append(face.start(peer.request(target=f"/{number}")))
            face.wait_for_counts(f"1 held, 0 idle, {number} waiting")
        go.set()
        assert [each.result().status for each in requests] == [200] * 5
        face.close()
        heads = b"".join(peer.received(number) for number in range(peer.accepted))
    targets = [line.split()[1] for line in heads.splitlines() if line.startswith(b"GET")]
    assert targets == [b"/0", b"/1", b"/2", b"/3", b"/4"]


def test_waiters_do_not_starve_when_the_one_before_them_fails(face: Face) -> None:
    go = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(go), reset], [keep_answering()]) as peer:
        first = face.start(peer.request("POST"))
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        second = face.start(peer.request("POST"))
        face.wait_for_counts("1 held, 0 idle, 1 waiting")
        go.set()
        with pytest.raises(PixelConnectionError):
            first.result()
        assert second.result().status == 200


def test_closing_lets_those_under_way_finish_and_keeps_nothing(face: Face) -> None:
    go = threading.Event()
    with Peer([read_request, wait(go), send(OK), read_to_end], [keep_answering()]) as peer:
        under_way = face.start(peer.request())
        assert peer.connection(0).data_arrived.wait(10)
        face.close()
        go.set()
        assert under_way.result().body == b"ok"
        peer.received()  # which ends with the connection
        assert face.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


def test_closing_lets_those_who_wait_be_served(face: Face) -> None:
    go = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(go), send(OK), read_to_end], [keep_answering()]) as peer:
        requests = [face.start(peer.request())]
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        requests += [face.start(peer.request("POST")) for _ in range(2)]
        face.wait_for_counts("1 held, 0 idle, 2 waiting")
        face.close()
        go.set()
        assert [each.result().body for each in requests] == [b"ok"] * 3
        peer.received()  # which ends with the connection


def test_closing_ends_idle_connections(face: Face) -> None:
    with Peer([keep_answering()]) as peer:
        face.send(peer.request())
        face.close()
        peer.received()
        assert face.send(peer.request()).body == b"ok"


def test_each_origin_has_connections_of_its_own(face: Face) -> None:
    face.open(max_connections=1)
    go = threading.Event()
    with Peer([read_request, wait(go), send(OK)]) as slow, Peer([keep_answering()]) as quick:
        first = face.start(slow.request())
        face.wait_for_counts("1 held")
        assert face.send(quick.request()).body == b"ok"
        go.set()
        assert first.result().body == b"ok"


# The total limit

SLOWLY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


def drip(connection: ScriptedConnection) -> None:
    """A byte at a time, each of them well within the limit of a read."""
    with suppress(OSError):
        for index in range(len(SLOWLY)):
            connection.sock.sendall(SLOWLY[index : index + 1])
            time.sleep(0.02)


def test_a_peer_that_sends_a_byte_at_a_time_cannot_hold_a_request_past_its_total(face: Face) -> None:
    with Peer([read_head, drip]) as peer, pytest.raises(PixelTimeoutError, match=r"within|total limit"):
        face.send(peer.request(read=5.0, total=0.3))
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_peer_that_takes_nothing_cannot_hold_a_request_past_its_total(face: Face, large_file: FileSlice) -> None:
    over = threading.Event()
    with Peer([read_head, wait(over)]) as peer:
        request = replace(peer.request("PUT"), body=large_file, timeouts=Timeouts(5, 5, 60, 5, 0.3))
        with pytest.raises(PixelTimeoutError):
            face.send(request)
        over.set()
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("timeout", [1e-9, 0.0011, 1.0, 7.25, 1e12, None])
def test_no_limit_of_a_read_becomes_none_or_more_than_the_system_can_count(timeout: float | None) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert BlockingStream(ours).read(timeout) == b"x"

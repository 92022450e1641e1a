"""TLS against peers with certificates of a throw-away authority, on the three faces."""

import hashlib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.messages import FileSlice
from pixel_transports.tls import handshake_failure, shared_context
from tests.transports.peers import (
    OK,
    TOO_LARGE,
    Face,
    Peer,
    Step,
    Talk,
    keep_answering,
    read_head,
    read_request,
    read_to_end,
    send,
    wait,
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, face: Face) -> Face:
    """A face that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return face.open(ssl_context=context)


def context_of(authority: trustme.CA, name: str = "localhost", expires: datetime | None = None) -> ssl.SSLContext:
    """A server's context with a certificate for that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=expires).configure_cert(context)
    return context


def secure(authority: trustme.CA, *scripts: list[Step]) -> Peer:
    return Peer(*scripts, context=context_of(authority), host="localhost")


def close_notify(talk: Talk) -> None:
    """End TLS as it ought to be ended, without waiting for the client to do so too."""
    assert isinstance(talk.sock, ssl.SSLSocket)
    talk.sock.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        talk.sock.unwrap()


@pytest.mark.parametrize("end", [[], [close_notify]], ids=["without close_notify", "with close_notify"])
def test_an_answer_arrives_however_the_peer_ends_its_connection(
    trusting: Face, authority: trustme.CA, end: list[Step]
) -> None:
    with secure(authority, [read_request, send(b"HTTP/1.1 200 OK\r\n\r\nok"), *end]) as peer:
        assert trusting.send(peer.request()).body == b"ok"


@pytest.mark.parametrize("end", [[], [close_notify]], ids=["without close_notify", "with close_notify"])
def test_an_idle_connection_that_the_peer_ended_is_replaced(
    trusting: Face, authority: trustme.CA, end: list[Step]
) -> None:
    with secure(authority, [read_request, send(OK), *end]) as peer:
        for number in range(2):
            assert trusting.send(peer.request("POST")).body == b"ok"
            peer.received(number)
        assert peer.accepted == 2


def test_a_body_cut_short_is_an_error_of_the_connection(trusting: Face, authority: trustme.CA) -> None:
    with secure(authority, [read_request, send(OK[:-1])]) as peer:
        with pytest.raises(PixelConnectionError, match="in the middle of the answer"):
            trusting.send(peer.request())


def test_a_connection_is_kept_and_used_again(trusting: Face, authority: trustme.CA) -> None:
    with secure(authority, [keep_answering()]) as peer:
        for method in ("GET", "POST", "PUT"):
            assert trusting.send(peer.request(method)).body == b"ok"
        assert peer.accepted == 1


def test_bytes_that_nobody_asked_for_are_not_taken_for_the_next_answer(trusting: Face, authority: trustme.CA) -> None:
    """Nor when they arrived in a record of their own together with the answer."""
    unasked = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def answer_twice(talk: Talk) -> None:
        """Two records in one segment, so that a reader of the socket gets both at once."""
        talk.sock.sendall(OK)
        talk.sock.sendall(unasked)

    gate = threading.Event()
    with secure(
        authority, [read_request, cork, answer_twice, uncork, wait(gate), read_to_end], [keep_answering()]
    ) as peer:
        assert trusting.send(peer.request()).body == b"ok"
        gate.set()
        assert trusting.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


def cork(talk: Talk) -> None:
    """Hold back what is sent, where the system can."""
    if hasattr(socket, "TCP_CORK"):
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)


def uncork(talk: Talk) -> None:
    if hasattr(socket, "TCP_CORK"):
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def test_a_file_is_uploaded_whole(trusting: Face, authority: trustme.CA, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    content = bytes(range(256)) * 16 * 1024
    path.write_bytes(content)
    with secure(authority, [read_request, send(OK)]) as peer:
        assert trusting.send(peer.request("PUT", body=FileSlice(str(path), 0, len(content)))).status == 200
        body = peer.received().partition(b"\r\n\r\n")[2]
    assert hashlib.md5(body).digest() == hashlib.md5(content).digest()


@pytest.mark.parametrize("keeps_open", [True, False])
def test_an_answer_that_comes_while_a_file_is_sent_is_the_answer(
    trusting: Face, authority: trustme.CA, large_file: FileSlice, keeps_open: bool
) -> None:
    over = threading.Event()
    script: list[Step] = [read_head, send(TOO_LARGE), wait(over)]
    with secure(authority, script if keeps_open else script[:2], [keep_answering()]) as peer:
        assert trusting.send(peer.request("PUT", body=large_file)).status == 413
        over.set()
        assert trusting.send(peer.request()).status == 200
        assert peer.accepted == 2


def refused(face: Face, peer: Peer) -> str:
    """What is said about a connection that was not made: one sentence, with the request and without its query."""
    request = peer.request("POST")
    with pytest.raises(PixelConnectionError) as caught:
        face.send(request)
    face.shows("0 held, 0 idle, 0 waiting")
    assert not caught.value.sent
    start = f"{request.label}: could not connect to {peer.origin}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_a_certificate_for_another_host_is_refused(trusting: Face, authority: trustme.CA) -> None:
    with Peer([read_to_end], context=context_of(authority, "elsewhere.test"), host="localhost") as peer:
        assert refused(trusting, peer) == (
            "its certificate is not accepted: Hostname mismatch, certificate is not valid for 'localhost'"
        )


def test_a_certificate_of_an_unknown_authority_is_refused(trusting: Face) -> None:
    with secure(trustme.CA(), [read_to_end]) as peer:
        assert refused(trusting, peer).startswith("its certificate is not accepted: unable to get local issuer")


def test_the_shared_context_does_not_trust_everyone(face: Face, authority: trustme.CA) -> None:
    with secure(authority, [read_to_end]) as peer:
        assert refused(face, peer).startswith("its certificate is not accepted: ")


def test_a_certificate_that_has_expired_is_refused(trusting: Face, authority: trustme.CA) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    with Peer([read_to_end], context=context_of(authority, expires=past), host="localhost") as peer:
        assert refused(trusting, peer) == "its certificate is not accepted: certificate has expired"


def read_something(talk: Talk) -> None:
    talk.until(len)


def plain(*script: Step) -> Peer:
    """A peer without TLS behind an https address."""
    peer = Peer(list(script), host="localhost")
    peer.origin = peer.origin._replace(scheme="https")
    return peer


def test_a_peer_that_speaks_plain_http_is_told_apart(trusting: Face) -> None:
    with plain(read_something, send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), read_to_end) as peer:
        assert refused(trusting, peer) == "it does not speak TLS"


def test_a_peer_that_hangs_up_in_the_handshake_is_told_apart(trusting: Face) -> None:
    with plain(read_something) as peer:
        assert refused(trusting, peer) == "it hung up in the TLS handshake"


def test_a_handshake_that_is_not_answered_is_a_time_out(trusting: Face) -> None:
    with plain(read_to_end) as peer:
        with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.1 seconds"):
            trusting.send(peer.request("POST", connect=0.1))


def test_any_other_failure_of_a_handshake_is_named() -> None:
    error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version (_ssl.c:1)")
    error.reason = "TLSV1_ALERT_PROTOCOL_VERSION"
    assert str(handshake_failure(error)) == "the TLS handshake failed: tlsv1 alert protocol version"


def test_one_context_is_shared_by_all_threads() -> None:
    barrier = threading.Barrier(16)

    def ask(number: int) -> ssl.SSLContext:
        barrier.wait()
        return shared_context()

    with ThreadPoolExecutor(16) as threads:
        contexts = set(threads.map(ask, range(16)))
    assert contexts == {shared_context()}
    assert shared_context().verify_mode is ssl.CERT_REQUIRED
    assert shared_context().check_hostname

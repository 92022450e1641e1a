"""TLS against peers with certificates of a throw-away authority, on the three faces."""

import hashlib
import re
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.messages import FileSlice
from pixel_transports.net.tls import TlsOptions, handshake_error, shared_context
from pixel_transports.net.tls import context_of as configured
from tests.support.peers import (
    OK,
    TOO_LARGE,
    Face,
    Peer,
    ScriptedConnection,
    Step,
    keep_answering,
    read_head,
    read_request,
    read_to_end,
    send,
    server_context,
    wait,
)

PASSWORD = "s3cr3t of the key"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, face: Face) -> Face:
    """A face that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return face.open(tls=context)


def secure(authority: trustme.CA, *scripts: list[Step]) -> Peer:
    return Peer(*scripts, context=server_context(authority), host="localhost")


def close_notify(connection: ScriptedConnection) -> None:
    """End TLS as it ought to be ended, without waiting for the client to do so too."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    connection.sock.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        connection.sock.unwrap()


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


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x"], ids=["answer", "byte"])
def test_bytes_that_nobody_asked_for_are_not_taken_for_the_next_answer(
    trusting: Face, authority: trustme.CA, unasked: bytes
) -> None:
    """Nor when they arrived in a record of their own together with the answer. A look at a connection takes a byte."""

    def answer_twice(connection: ScriptedConnection) -> None:
        """Two records in one segment, so that a reader of the socket gets both at once."""
        connection.sock.sendall(OK)
        connection.sock.sendall(unasked)

    gate = threading.Event()
    with secure(
        authority, [read_request, cork, answer_twice, uncork, wait(gate), read_to_end], [keep_answering()]
    ) as peer:
        assert trusting.send(peer.request()).body == b"ok"
        gate.set()
        assert trusting.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


def cork(connection: ScriptedConnection) -> None:
    """Hold back what is sent, where the system can."""
    if hasattr(socket, "TCP_CORK"):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)


def uncork(connection: ScriptedConnection) -> None:
    if hasattr(socket, "TCP_CORK"):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


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
    face.wait_for_counts("0 held, 0 idle, 0 waiting")
    assert not caught.value.sent
    start = f"{request.label}: could not connect to {peer.origin}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_a_certificate_for_another_host_is_refused(trusting: Face, authority: trustme.CA) -> None:
    with Peer([read_to_end], context=server_context(authority, "elsewhere.test"), host="localhost") as peer:
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
    with Peer([read_to_end], context=server_context(authority, expires=past), host="localhost") as peer:
        assert refused(trusting, peer) == "its certificate is not accepted: certificate has expired"


def read_something(connection: ScriptedConnection) -> None:
    connection.read_until(len)


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
        assert refused(trusting, peer) == "it closed the connection in the TLS handshake"


def test_a_handshake_that_is_not_answered_is_a_time_out(trusting: Face) -> None:
    with plain(read_to_end) as peer:
        with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.1 seconds"):
            trusting.send(peer.request("POST", connect=0.1))


def test_any_other_failure_of_a_handshake_is_named() -> None:
    error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version (_ssl.c:1)")
    error.reason = "TLSV1_ALERT_PROTOCOL_VERSION"
    assert str(handshake_error(error)) == "the TLS handshake failed: tlsv1 alert protocol version"


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


# Options


def written(path: Path, *blobs: trustme.Blob) -> Path:
    """A file with these, one after the other."""
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return path


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    """A folder with the certificate of the authority, our own with its key, and these with the key encrypted."""
    own = authority.issue_cert("someone@pixel.test")
    written(tmp_path / "ca.pem", authority.cert_pem)
    written(tmp_path / "own.pem", *own.cert_chain_pems)
    written(tmp_path / "own.key", own.private_key_pem)
    written(tmp_path / "both.pem", own.private_key_pem, *own.cert_chain_pems)
    written(tmp_path / "other.key", authority.issue_cert("other@pixel.test").private_key_pem)
    key = serialization.load_pem_private_key(own.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    (tmp_path / "encrypted.key").write_bytes(encrypted)
    (tmp_path / "garbage.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    (tmp_path / "empty.pem").touch()
    return tmp_path


def options_in(folder: Path, **names: str) -> TlsOptions:
    paths = {name: folder / value for name, value in names.items() if name != "key_password"}
    return TlsOptions(**paths, key_password=names.get("key_password"))


def demanding(authority: trustme.CA, *script: Step) -> Peer:
    """A peer that wants to know who we are."""
    context = server_context(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return Peer(list(script), context=context, host="localhost")


def test_the_authorities_of_a_file_are_trusted_in_place_of_the_systems(
    face: Face, authority: trustme.CA, files: Path
) -> None:
    face.open(tls=options_in(files, ca_file="ca.pem"))
    with secure(authority, [keep_answering()]) as peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()
    with secure(trustme.CA(), [read_to_end]) as peer:
        assert refused(face, peer).startswith("its certificate is not accepted: ")


@pytest.mark.parametrize(
    "names",
    [
        {"client_certificate": "own.pem", "client_key": "own.key"},
        {"client_certificate": "both.pem"},
        {"client_certificate": "own.pem", "client_key": "encrypted.key", "key_password": PASSWORD},
    ],
    ids=["two files", "one file", "an encrypted key"],
)
def test_a_client_certificate_says_who_we_are(
    face: Face, authority: trustme.CA, files: Path, names: dict[str, str]
) -> None:
    seen: list[object] = []

    def look(connection: ScriptedConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        seen.append((connection.sock.getpeercert() or {}).get("subjectAltName"))

    face.open(tls=options_in(files, ca_file="ca.pem", **names))
    with demanding(authority, look, keep_answering()) as peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()
    assert seen == [(("email", "someone@pixel.test"),)]


def test_a_server_that_wants_a_client_certificate_and_gets_none_is_told_of(
    face: Face, authority: trustme.CA, files: Path
) -> None:
    face.open(tls=options_in(files, ca_file="ca.pem"))
    with demanding(authority, keep_answering()) as peer:
        with pytest.raises(PixelConnectionError, match=r"certificate required|handshake failure") as caught:
            face.send(peer.request())
        assert "\n" not in str(caught.value)
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize(
    ("names", "kind", "says"),
    [
        ({"ca_file": "missing.pem"}, FileNotFoundError, "missing.pem"),
        ({"ca_file": "."}, IsADirectoryError, "Is a directory"),
        ({"ca_file": "garbage.pem"}, ValueError, "garbage.pem holds no certificates in PEM form"),
        ({"ca_file": "empty.pem"}, ValueError, "empty.pem holds no certificates in PEM form"),
        ({"client_certificate": "missing.pem"}, FileNotFoundError, "missing.pem"),
        ({"client_certificate": "own.pem", "client_key": "missing.key"}, FileNotFoundError, "missing.key"),
        ({"client_certificate": "garbage.pem"}, ValueError, "garbage.pem holds no certificate and key in PEM form"),
        ({"client_certificate": "own.pem"}, ValueError, "own.pem holds no certificate and key in PEM form"),
        (
            {"client_certificate": "own.pem", "client_key": "other.key"},
            ValueError,
            "other.key is not that of the certificate in ",
        ),
        (
            {"client_certificate": "own.pem", "client_key": "encrypted.key"},
            ValueError,
            "encrypted.key cannot be read: it is encrypted, and key_password is missing",
        ),
        (
            {"client_certificate": "own.pem", "client_key": "encrypted.key", "key_password": f"{PASSWORD}!"},
            ValueError,
            "encrypted.key cannot be read: key_password is wrong",
        ),
        (
            {"client_certificate": "own.pem", "client_key": "encrypted.key", "key_password": PASSWORD * 1000},
            ValueError,
            "encrypted.key cannot be read: key_password is too long",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_before_anything_is_sent(
    face: Face, authority: trustme.CA, files: Path, names: dict[str, str], kind: type[Exception], says: str
) -> None:
    face.open(tls=options_in(files, **names))
    with secure(authority, [read_to_end]) as peer:
        for _ in range(2):
            with pytest.raises(kind, match=re.escape(says)) as caught:
                face.send(peer.request())
            assert str(files) in str(caught.value)
            assert PASSWORD not in str(caught.value)
        assert peer.accepted == 0
    assert "1 held" not in repr(face.transport)


def test_options_that_do_not_belong_together_are_a_value_error() -> None:
    for options in ({"client_key": "a"}, {"key_password": PASSWORD}, {"client_key": "a", "key_password": PASSWORD}):
        with pytest.raises(ValueError, match="for a client_certificate, and there is none") as caught:
            TlsOptions(**options)
        assert PASSWORD not in str(caught.value)


def test_options_do_not_show_the_password() -> None:
    assert PASSWORD not in repr(TlsOptions(client_certificate="a", key_password=PASSWORD))


def test_equal_options_share_one_context_which_checks_certificates_and_speaks_tls_1_2_or_newer(files: Path) -> None:
    context = configured(options_in(files, ca_file="ca.pem"))
    assert configured(TlsOptions(ca_file=str(files / "ca.pem"))) is context
    assert configured(options_in(files, ca_file="ca.pem", client_certificate="both.pem")) is not context
    for each in (context, shared_context()):
        assert each.verify_mode is ssl.CERT_REQUIRED
        assert each.check_hostname
        assert each.minimum_version >= ssl.TLSVersion.TLSv1_2
    own = ssl.create_default_context()
    assert configured(own) is own


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_is_the_oldest_that_is_spoken(
    face: Face, authority: trustme.CA, files: Path, version: ssl.TLSVersion
) -> None:
    server = server_context(authority)
    server.minimum_version = server.maximum_version = version
    server.set_ciphers("DEFAULT:@SECLEVEL=0")
    if version == ssl.TLSVersion.TLSv1_1 and not speaks_itself(authority, server, version):
        pytest.skip("this OpenSSL cannot speak TLS 1.1")
    face.open(tls=options_in(files, ca_file="ca.pem"))
    with Peer([keep_answering()], context=server, host="localhost") as peer:
        if version >= ssl.TLSVersion.TLSv1_2:
            assert face.send(peer.request()).body == b"ok"
            face.close()
        else:
            assert re.fullmatch(
                "the TLS handshake failed: .*(protocol version|unsupported protocol)", refused(face, peer)
            )


def speaks_itself(authority: trustme.CA, server: ssl.SSLContext, version: ssl.TLSVersion) -> bool:
    """Whether OpenSSL can make both ends of such a connection, where both want to."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    ends = [ssl.MemoryBIO() for _ in range(2)]
    pair = [
        context.wrap_bio(ends[0], ends[1], server_hostname="localhost"),
        server.wrap_bio(ends[1], ends[0], server_side=True),
    ]
    try:
        for _ in range(3):
            for each in pair:
                with suppress(ssl.SSLWantReadError):
                    each.do_handshake()
    except ssl.SSLError:
        return False
    return pair[0].version() == "TLSv1.1"

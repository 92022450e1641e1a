"""TLS: peers with certificates of an authority of their own on the three faces, options, and sessions in memory."""

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from pixel_core.errors import PixelConnectionError
from pixel_core.messages import FileSlice
from pixel_transports.net.tls import TlsOptions, context_of, shared_context, tls_error
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
    trusting_context,
    wait,
)

PASSWORD = "s3cr3t of the key"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, face: Face) -> Face:
    """A face that trusts the authority."""
    return face.open(tls=trusting_context(authority))


def secure(authority: trustme.CA, *scripts: list[Step], name: str = "localhost") -> Peer:
    return Peer(*scripts, context=server_context(authority, name), host="localhost")


def close_notify(connection: ScriptedConnection) -> None:
    """End TLS, without waiting for the client to do so."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    connection.sock.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        connection.sock.unwrap()


UP_TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nok"


@pytest.mark.parametrize(
    ("data", "end"),
    [(OK, []), (OK, [close_notify]), (UP_TO_THE_END, [close_notify])],
    ids=["with a length", "with a length and close_notify", "up to close_notify"],
)
def test_a_connection_that_the_peer_ends_is_read_to_its_end_and_replaced(
    trusting: Face, authority: trustme.CA, end: list[Step], data: bytes
) -> None:
    with secure(authority, [read_request, send(data), *end]) as peer:
        for number in range(2):
            assert trusting.send(peer.request("POST")).body == b"ok"
            peer.received(number)
        assert peer.accepted == 2


@pytest.mark.parametrize("own_end", [True, False])
def test_a_body_up_to_an_end_without_close_notify_is_incomplete(
    trusting: Face, authority: trustme.CA, own_end: bool
) -> None:
    """Whatever the context has as options."""
    if own_end:
        context = trusting_context(authority)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        trusting.open(tls=context)
    with secure(authority, [read_request, send(UP_TO_THE_END)]) as peer:
        with pytest.raises(PixelConnectionError, match="without the close_notify of TLS") as caught:
            trusting.send(peer.request("POST"))
        assert caught.value.sent


def hold_back(held: bool) -> Step:
    """Hold back small segments, where the system can."""

    def step(connection: ScriptedConnection) -> None:
        if hasattr(socket, "TCP_CORK"):
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, held)

    return step


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x"], ids=["response", "byte"])
def test_bytes_after_a_response_are_not_the_next_response(trusting: Face, authority: trustme.CA, data: bytes) -> None:
    """Nor if they arrive in a record of their own in one segment with the response."""
    proceed = threading.Event()
    script = [read_request, hold_back(True), send(OK), send(data), hold_back(False), wait(proceed), read_to_end]
    with secure(authority, script, [keep_answering()]) as peer:
        assert trusting.send(peer.request()).body == b"ok"
        proceed.set()
        assert trusting.send(peer.request()).body == b"ok"
        assert peer.accepted == 2


@pytest.mark.parametrize("keeps_open", [True, False])
def test_a_response_ends_the_sending_of_a_file(
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
    """The reason of a connection that failed: one sentence, with the request and without its query."""
    request = peer.request("POST")
    with pytest.raises(PixelConnectionError) as caught:
        face.send(request)
    face.wait_for_counts("0 held, 0 idle, 0 waiting")
    assert not caught.value.sent
    assert caught.value.lasting is ("certificate is not accepted" in str(caught.value))
    start = f"{request.label}: could not connect to {peer.origin}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_a_certificate_that_is_not_valid_is_refused(trusting: Face, authority: trustme.CA) -> None:
    past = server_context(authority, expires=datetime(2020, 1, 1, tzinfo=UTC))
    for peer, reason in (
        (secure(authority, [read_to_end], name="elsewhere.test"), "Hostname mismatch, certificate is not valid for 'l"),
        (secure(trustme.CA(), [read_to_end]), "unable to get local issuer"),
        (Peer([read_to_end], context=past, host="localhost"), "certificate has expired"),
    ):
        with peer:
            assert refused(trusting, peer).startswith(f"its certificate is not accepted: {reason}")


def test_the_shared_context_does_not_trust_an_unknown_authority(face: Face, authority: trustme.CA) -> None:
    with secure(authority, [read_to_end]) as peer:
        assert refused(face, peer).startswith("its certificate is not accepted: ")


def read_some(connection: ScriptedConnection) -> None:
    connection.read_until(len)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "it does not speak TLS"),
        (b"", "it closed the connection in the TLS handshake"),
    ],
)
def test_a_peer_without_tls_is_one_sentence(trusting: Face, data: bytes, reason: str) -> None:
    with Peer([read_some, send(data)], host="localhost") as peer:
        peer.origin = peer.origin._replace(scheme="https")
        assert refused(trusting, peer) == reason


def test_any_other_failure_of_a_handshake_is_named() -> None:
    error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version (_ssl.c:1)")
    error.reason = "TLSV1_ALERT_PROTOCOL_VERSION"
    assert str(tls_error(error)) == "the TLS handshake failed: tlsv1 alert protocol version"


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    """A folder with the certificate of the authority, a client's with its key, and the key encrypted."""
    own, other = authority.issue_cert("client@pixel.test"), authority.issue_cert("other@pixel.test")
    for name, blobs in {
        "ca.pem": [authority.cert_pem],
        "own.pem": own.cert_chain_pems,
        "own.key": [own.private_key_pem],
        "both.pem": [own.private_key_pem, *own.cert_chain_pems],
        "other.key": [other.private_key_pem],
    }.items():
        (tmp_path / name).write_bytes(b"".join(blob.bytes() for blob in blobs))
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


def options_in(folder: Path, *names: str) -> TlsOptions:
    """Options with these files: the authorities, the certificate, its key; and the password of the key."""
    authorities, certificate, key = [folder / name if name else None for name in (*names, "", "", "")[:3]]
    return TlsOptions(authorities, certificate, key, names[3] if len(names) > 3 else None)


def demanding(authority: trustme.CA, *script: Step) -> Peer:
    """A peer that demands a client certificate."""
    context = server_context(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return Peer(list(script), context=context, host="localhost")


def test_the_authorities_of_a_file_replace_those_of_the_system(face: Face, authority: trustme.CA, files: Path) -> None:
    face.open(tls=options_in(files, "ca.pem"))
    with secure(authority, [keep_answering()]) as peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()
    with secure(trustme.CA(), [read_to_end]) as peer:
        assert refused(face, peer).startswith("its certificate is not accepted: ")


def test_a_peer_that_speaks_tls_1_2_is_answered(face: Face, authority: trustme.CA, files: Path) -> None:
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    face.open(tls=options_in(files, "ca.pem"))
    with Peer([keep_answering()], context=context, host="localhost") as peer:
        assert face.send(peer.request("POST", body=b"x")).body == b"ok"
        face.close()


@pytest.mark.parametrize(
    "names",
    [("ca.pem", "own.pem", "own.key"), ("ca.pem", "both.pem"), ("ca.pem", "own.pem", "encrypted.key", PASSWORD)],
    ids=["two files", "one file", "an encrypted key"],
)
def test_a_client_certificate_is_sent(face: Face, authority: trustme.CA, files: Path, names: tuple[str, ...]) -> None:
    subjects: list[object] = []

    def record(connection: ScriptedConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        subjects.append((connection.sock.getpeercert() or {}).get("subjectAltName"))

    face.open(tls=options_in(files, *names))
    with demanding(authority, record, keep_answering()) as peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()
    assert subjects == [(("email", "client@pixel.test"),)]


def test_a_missing_client_certificate_is_an_error_of_the_connection(
    face: Face, authority: trustme.CA, files: Path
) -> None:
    face.open(tls=options_in(files, "ca.pem"))
    with demanding(authority, keep_answering()) as peer:
        with pytest.raises(PixelConnectionError, match=r"certificate required|handshake failure") as caught:
            face.send(peer.request())
        assert "\n" not in str(caught.value)
        assert caught.value.lasting
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize(
    ("names", "kind", "message"),
    [
        (("missing.pem",), FileNotFoundError, "missing.pem"),
        ((".",), IsADirectoryError, "Is a directory"),
        (("garbage.pem",), ValueError, "garbage.pem holds no certificates in PEM form"),
        (("empty.pem",), ValueError, "empty.pem holds no certificates in PEM form"),
        (("", "missing.pem"), FileNotFoundError, "missing.pem"),
        (("", "own.pem", "missing.key"), FileNotFoundError, "missing.key"),
        (("", "garbage.pem"), ValueError, "garbage.pem holds no certificate and key in PEM form"),
        (("", "own.pem"), ValueError, "own.pem holds no certificate and key in PEM form"),
        (("", "own.pem", "other.key"), ValueError, "other.key is not that of the certificate in "),
        (("", "own.pem", "encrypted.key"), ValueError, "it is encrypted, and key_password is missing"),
        (("", "own.pem", "encrypted.key", f"{PASSWORD}!"), ValueError, "cannot be read: key_password is wrong"),
        (("", "own.pem", "encrypted.key", PASSWORD * 1000), ValueError, "cannot be read: key_password is too long"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    files: Path, names: tuple[str, ...], kind: type[Exception], message: str
) -> None:
    for _ in range(2):
        with pytest.raises(kind, match=re.escape(message)) as caught:
            context_of(options_in(files, *names))
        assert str(files) in str(caught.value)
        assert PASSWORD not in str(caught.value)


def test_files_that_cannot_be_used_are_errors_before_anything_is_sent(
    face: Face, authority: trustme.CA, files: Path
) -> None:
    with secure(authority, [read_to_end]) as peer:
        for name, kind in (("missing.pem", FileNotFoundError), ("empty.pem", ValueError)):
            face.open(tls=options_in(files, name))
            with pytest.raises(kind, match=re.escape(str(files / name))):
                face.send(peer.request())
            assert "1 held" not in repr(face.transport)
        assert peer.accepted == 0


def test_a_log_of_keys_that_cannot_be_written_is_named_and_not_tried_again(files: Path) -> None:
    script = (
        "from pixel_transports.net.tls import TlsOptions, context_of\n"
        "for tls in (None, TlsOptions('ca.pem')):\n"
        "    try:\n"
        "        context_of(tls)\n"
        "    except ValueError as error:\n"
        "        print(error)"
    )
    environment = {**os.environ, "SSLKEYLOGFILE": "no/such/folder"}
    done = subprocess.run([sys.executable, "-c", script], cwd=files, env=environment, capture_output=True, text=True)
    reason = "SSLKEYLOGFILE names 'no/such/folder', which cannot be written: No such file or directory\n"
    assert (done.stdout, done.stderr) == (reason * 2, "")


def test_options_that_need_a_certificate_are_a_value_error_and_show_no_password() -> None:
    for options in ({"client_key": "a"}, {"key_password": PASSWORD}, {"client_key": "a", "key_password": PASSWORD}):
        with pytest.raises(ValueError, match="for a client_certificate, and there is none") as caught:
            TlsOptions(**options)
        assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(TlsOptions(client_certificate="a", key_password=PASSWORD))


def test_one_context_is_shared_by_all_threads_and_by_equal_options(files: Path) -> None:
    barrier = threading.Barrier(16)

    def load(number: int) -> ssl.SSLContext:
        barrier.wait()
        return shared_context()

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(load, range(16))) == {shared_context()}
    context = context_of(options_in(files, "ca.pem"))
    assert context_of(TlsOptions(ca_file=str(files / "ca.pem"))) is context
    assert context_of(options_in(files, "ca.pem", "both.pem")) is not context
    for each in (context, shared_context()):
        assert each.verify_mode is ssl.CERT_REQUIRED
        assert each.check_hostname
        assert each.minimum_version >= ssl.TLSVersion.TLSv1_2
    own = ssl.create_default_context()
    assert context_of(own) is own

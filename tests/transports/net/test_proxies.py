"""Proxies on the three faces: requests that are forwarded, tunnels, and TLS to the proxy."""

import select
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from pixel_core.errors import PixelConnectionError, PixelProxyError
from pixel_core.http.proxies import Proxies
from pixel_core.messages import FileSlice, Headers, Origin, Request, Timeouts
from pixel_transports.net.tls import TlsOptions, context_of
from tests.support import peers

SECRET = "s3cr3t"
BASIC = b"Proxy-Authorization: Basic dXNlcjpzM2NyM3Q="
LIMITS = Timeouts(peers.PATIENCE, peers.PATIENCE, peers.PATIENCE, peers.PATIENCE)
PLAIN = Origin("http", "pixel.test", 80)
SECURE = Origin("https", "pixel.test", 443)
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NO_CONNECTIONS = "0 held, 0 idle, 0 waiting"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    return peers.trusting_context(authority)


def through(face: peers.Face, peer: peers.Peer, trust: ssl.SSLContext | None = None) -> peers.Face:
    """The face with this proxy, and credentials, for every origin."""
    url = f"{peer.origin.scheme}://user:{SECRET}@{peer.origin.authority}"
    return face.open(proxies=Proxies.from_url(url), tls=trust)


def request_to(origin: Origin, method: str = "GET", body: Any = b"", **limits: float) -> Request:
    return Request(method, origin, "/a?secret=1", Headers({"X-Own": "1"}), body, LIMITS._replace(**limits))


def proxy_over(authority: trustme.CA, scheme: str, script: list[peers.Step]) -> peers.Peer:
    """A proxy that is connected to over TCP or TLS."""
    if scheme == "http":
        return peers.Peer(script)
    return peers.Peer(script, context=peers.server_context(authority), host="localhost")


def tunnel_to(origin: Origin) -> list[peers.Step]:
    """Accept a CONNECT to any host, and relay both ways to an origin on loopback until one side closes."""

    def relay(connection: peers.ScriptedConnection) -> None:
        with socket.create_connection(("127.0.0.1", origin.port)) as onward:
            while True:
                pending = isinstance(connection.sock, ssl.SSLSocket) and connection.sock.pending()
                ready = [connection.sock] if pending else select.select([connection.sock, onward], [], [])[0]
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        with suppress(OSError):
                            connection.sock.shutdown(socket.SHUT_RDWR)
                        return
                    (onward if one is connection.sock else connection.sock).sendall(data)

    return [peers.read_head, peers.send(OPENED), relay]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_plain_request_is_forwarded_with_its_whole_url(
    face: peers.Face, authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    with proxy_over(authority, scheme, [peers.keep_answering()]) as proxy:
        through(face, proxy, trust)
        for method in ("GET", "POST"):
            assert face.send(request_to(PLAIN, method)).body == b"ok"
        face.close()
        heads = proxy.received().split(b"\r\n\r\n")
        assert proxy.accepted == 1
    rest = b" http://pixel.test/a?secret=1 HTTP/1.1\r\nHost: pixel.test\r\nX-Own: 1\r\n"
    assert heads[0] == b"GET" + rest + BASIC
    assert heads[1] == b"POST" + rest + b"Content-Length: 0\r\n" + BASIC


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_secure_request_goes_through_a_tunnel_without_the_credentials(
    face: peers.Face, authority: trustme.CA, trust: ssl.SSLContext, tmp_path: Path, scheme: str
) -> None:
    """With a proxy over TLS that is TLS inside TLS. A file and a large response go through, too."""
    content = bytes(range(251)) * 12_000
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    with peers.Peer([peers.keep_answering(response)], context=peers.server_context(authority, "pixel.test")) as peer:
        with proxy_over(authority, scheme, tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            assert face.send(request_to(SECURE)).body == content
            assert face.send(request_to(SECURE, "PUT", FileSlice(str(path), 0, len(content)))).body == content
            face.close()
            head = proxy.received()
            assert proxy.accepted == peer.accepted == 1
        received = peer.received()
    assert head == b"CONNECT pixel.test:443 HTTP/1.1\r\nHost: pixel.test:443\r\n" + BASIC + b"\r\n\r\n"
    assert received.startswith(b"GET /a?secret=1 HTTP/1.1\r\nHost: pixel.test\r\nX-Own: 1\r\n\r\n")
    assert received.endswith(b"\r\n\r\n" + content)
    assert b"Proxy-Authorization" not in received


def refused(face: peers.Face, origin: Origin) -> PixelProxyError:
    """The proxy's error for a request to an origin. No connection is kept."""
    request = request_to(origin, "POST")
    with pytest.raises(PixelProxyError) as caught:
        face.send(request)
    face.wait_for_counts(NO_CONNECTIONS)
    error = caught.value
    assert not error.sent
    assert request.label in str(error)
    for secret in (SECRET, "secret=1", "\n"):
        assert secret not in str(error)
    return error


def test_a_refusal_of_a_proxy_is_one_sentence(face: peers.Face) -> None:
    with peers.Peer([peers.read_request, peers.send(b"HTTP/1.1 407 No\r\n\r\n")]) as proxy:
        error = refused(through(face, proxy), SECURE)
    assert (error.status, proxy.accepted) == (407, 1)
    assert f"the proxy {proxy.origin} does not accept this user and password" in str(error)


def test_a_proxy_that_cannot_be_reached_or_has_a_wrong_certificate_is_its_error(
    face: peers.Face, trust: ssl.SSLContext
) -> None:
    port = peers.unused_port()
    face.open(proxies=Proxies.from_url(f"http://user:{SECRET}@127.0.0.1:{port}"))
    reason = f"the proxy http://127.0.0.1:{port} cannot be reached: Connection refused"
    assert str(refused(face, SECURE)).endswith(f"could not connect to {SECURE}: {reason}")
    with proxy_over(trustme.CA(), "https", [peers.read_to_end]) as proxy:
        error = refused(through(face, proxy, trust), SECURE)
    assert f"the proxy {proxy.origin} cannot be reached: its certificate is not accepted: " in str(error)


@pytest.mark.parametrize("origin", [PLAIN, SECURE])
@pytest.mark.parametrize("own_context", [False, True], ids=["options", "a context"])
def test_a_client_certificate_is_offered_to_the_origin_and_not_to_the_proxy(
    face: peers.Face, authority: trustme.CA, tmp_path: Path, origin: Origin, own_context: bool
) -> None:
    shown: dict[str, object] = {}

    def note(name: str) -> peers.Step:
        def step(connection: peers.ScriptedConnection) -> None:
            assert isinstance(connection.sock, ssl.SSLSocket)
            shown[name] = (connection.sock.getpeercert() or {}).get("subjectAltName")

        return step

    def optional(name: str) -> ssl.SSLContext:
        context = peers.server_context(authority, name)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("client@pixel.test").private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    behind = [note("origin"), peers.keep_answering()]
    with peers.Peer(behind, context=optional("pixel.test")) as peer:
        script = tunnel_to(peer.origin) if origin is SECURE else [peers.keep_answering()]
        with peers.Peer([note("proxy"), *script], context=optional("localhost"), host="localhost") as proxy:
            options = TlsOptions(tmp_path / "ca.pem", tmp_path / "own.pem")
            tls = context_of(options) if own_context else options
            face.open(proxies=Proxies.from_url(str(proxy.origin)), tls=tls)
            assert face.send(request_to(origin)).body == b"ok"
            face.close()
    assert shown.pop("proxy") is None
    assert shown == ({"origin": (("email", "client@pixel.test"),)} if origin is SECURE else {})


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_certificate_of_the_origin_behind_a_proxy_is_checked(
    face: peers.Face, authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    with peers.Peer([peers.read_to_end], context=peers.server_context(authority, "elsewhere.test")) as peer:
        with proxy_over(authority, scheme, tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            with pytest.raises(PixelConnectionError, match=r"not valid for 'pixel\.test'") as caught:
                face.send(request_to(SECURE))
            assert not isinstance(caught.value, PixelProxyError)
            face.wait_for_counts(NO_CONNECTIONS)

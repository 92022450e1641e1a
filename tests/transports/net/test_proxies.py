"""Through proxies on loopback, on the three faces: forwarded, in a tunnel, and spoken to over TLS."""

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from pixel_client import PixelApiSettings, PixelClient, PixelClientAsync, get_client

from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.http.proxies import Proxies
from pixel_core.messages import FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import SandboxServer
from tests.support.peers import (
    OK,
    PATIENCE,
    Face,
    Peer,
    ScriptedConnection,
    keep_answering,
    read_head,
    read_request,
    read_to_end,
    reset,
    send,
    server_context,
    unused_port,
    wait,
)
from tests.support.proxying import OPENED, relay_to, tunnel_to

SECRET = "s3cr3t"
BASIC = b"Proxy-Authorization: Basic dXNlcjpzM2NyM3Q="
LIMITS = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)
PLAIN = Origin("http", "pixel.test", 80)
SECURE = Origin("https", "pixel.test", 443)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def url_of(peer: Peer, user: str = "") -> str:
    return f"{peer.origin.scheme}://{user}{peer.origin.authority}"


def through(face: Face, peer: Peer, trust: ssl.SSLContext | None = None, user: str = "") -> Face:
    """The face with this proxy for everything."""
    return face.open(proxies=Proxies.from_url(url_of(peer, user)), tls=trust)


def request_to(origin: Origin, method: str = "GET", body: Any = b"", **limits: float) -> Request:
    return Request(method, origin, "/a?secret=1", Headers({"X-Own": "1"}), body, LIMITS._replace(**limits))


def proxy_over(authority: trustme.CA, scheme: str, *scripts: Any) -> Peer:
    """A proxy that is spoken to plainly, or over TLS."""
    if scheme == "http":
        return Peer(*scripts)
    return Peer(*scripts, context=server_context(authority, "localhost"), host="localhost")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_plain_request_goes_to_the_proxy_in_absolute_form(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    with proxy_over(authority, scheme, [keep_answering()]) as proxy:
        through(face, proxy, trust, f"user:{SECRET}@")
        for method in ("GET", "POST"):
            assert face.send(request_to(PLAIN, method)).body == b"ok"
        face.wait_for_counts("0 held, 1 idle, 0 waiting")
        face.close()
        heads = proxy.received().split(b"\r\n\r\n")
        assert proxy.accepted == 1
    assert heads[0] == b"GET http://pixel.test/a?secret=1 HTTP/1.1\r\nHost: pixel.test\r\nX-Own: 1\r\n" + BASIC
    assert heads[1].startswith(b"POST http://pixel.test/a?secret=1 HTTP/1.1\r\n")
    assert heads[1].endswith(BASIC)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_secure_request_goes_through_a_tunnel_and_the_credentials_stay_outside(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    """Over a proxy with TLS, that is TLS inside TLS."""
    with Peer([keep_answering()], context=server_context(authority, "pixel.test")) as peer:
        with proxy_over(authority, scheme, tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust, f"user:{SECRET}@")
            for method in ("GET", "POST", "GET"):
                assert face.send(request_to(SECURE, method)).body == b"ok"
            face.wait_for_counts("0 held, 1 idle, 0 waiting")
            face.close()
            asked = proxy.received()
            assert proxy.accepted == peer.accepted == 1
        sent = peer.received()
    assert asked == b"CONNECT pixel.test:443 HTTP/1.1\r\nHost: pixel.test:443\r\n" + BASIC + b"\r\n\r\n"
    assert sent.startswith(b"GET /a?secret=1 HTTP/1.1\r\nHost: pixel.test\r\nX-Own: 1\r\n\r\n")
    assert b"Proxy-Authorization" not in sent


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_file_goes_through_a_tunnel_whole(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext, tmp_path: Path, scheme: str
) -> None:
    content = bytes(range(251)) * 12_000
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    with Peer([read_request, send(answer)], context=server_context(authority, "pixel.test")) as peer:
        with proxy_over(authority, scheme, tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            body = FileSlice(str(path), 0, len(content))
            assert face.send(request_to(SECURE, "PUT", body)).body == content
            assert peer.received().partition(b"\r\n\r\n")[2] == content
            face.close()


def refused(face: Face, origin: Origin, method: str = "POST") -> PixelProxyError:
    """The error that the proxy made of a request to an origin; nothing is kept of it."""
    request = request_to(origin, method)
    with pytest.raises(PixelProxyError) as caught:
        face.send(request)
    face.wait_for_counts("0 held, 0 idle, 0 waiting")
    error = caught.value
    assert not error.sent
    assert request.label in str(error)
    for secret in (SECRET, "secret=1", "\n"):
        assert secret not in str(error)
    return error


NO = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 2\r\n\r\nno"


@pytest.mark.parametrize("origin", [PLAIN, SECURE], ids=["forwarded", "tunnel"])
@pytest.mark.parametrize(
    ("user", "hint"), [("", "wants a user and a password"), (f"user:{SECRET}@", "does not accept")]
)
def test_a_407_says_what_to_do(face: Face, origin: Origin, user: str, hint: str) -> None:
    with Peer([read_request, send(NO), read_to_end]) as proxy:
        error = refused(through(face, proxy, user=user), origin)
        assert error.status == 407
        assert hint in str(error)
        proxy.received()


def test_a_tunnel_that_is_refused_is_one_clear_sentence(face: Face) -> None:
    with Peer([read_head, send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), read_to_end]) as proxy:
        error = refused(through(face, proxy), SECURE)
        proxy.received()
    assert error.status == 403
    assert str(error) == (
        "POST https://pixel.test/a: could not connect to https://pixel.test: "
        f"the proxy {proxy.origin} opened no tunnel to pixel.test:443 (status 403)"
    )


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([read_head], "closed the connection before it responded"),
        ([read_head, send(OPENED[:20])], "closed the connection before it responded"),
        ([send(b"\x05\x00\r\n\r\n"), read_to_end], "does not speak HTTP"),
        ([read_head, send(OPENED + b"\x16\x03"), read_to_end], "sent bytes of its own into the tunnel"),
        (
            [read_head, send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), read_to_end],
            "more than 65536 bytes of headers",
        ),
    ],
)
def test_a_proxy_that_is_none_is_one_clear_sentence(face: Face, steps: Any, reason: str) -> None:
    with Peer(steps) as proxy:
        error = refused(through(face, proxy), SECURE)
        assert error.status is None
        assert f"the proxy {proxy.origin} " in str(error)
        assert reason in str(error)


def test_a_proxy_that_breaks_the_connection_is_an_error_of_the_connection(face: Face) -> None:
    with Peer([read_head, reset]) as proxy:
        through(face, proxy)
        with pytest.raises(PixelConnectionError, match=r"could not connect to https://pixel\.test") as caught:
            face.send(request_to(SECURE))
        assert not caught.value.sent


@pytest.mark.parametrize("origin", [PLAIN, SECURE], ids=["forwarded", "tunnel"])
def test_a_proxy_that_cannot_be_reached_is_told_of(face: Face, origin: Origin) -> None:
    port = unused_port()
    face.open(proxies=Proxies.from_url(f"http://user:{SECRET}@127.0.0.1:{port}"))
    error = refused(face, origin)
    assert str(error).endswith(
        f"could not connect to {origin}: the proxy http://127.0.0.1:{port} cannot be reached: Connection refused"
    )
    assert error.status is None


def test_a_proxy_whose_certificate_is_not_accepted_is_told_of(face: Face, trust: ssl.SSLContext) -> None:
    with proxy_over(trustme.CA(), "https", [read_to_end]) as proxy:
        error = refused(through(face, proxy, trust), SECURE)
    assert f"the proxy {proxy.origin} cannot be reached: its certificate is not accepted: " in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_origin_behind_a_proxy_is_checked_as_others_are(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext, scheme: str
) -> None:
    with Peer([read_to_end], context=server_context(authority, "elsewhere.test")) as peer:
        with proxy_over(authority, scheme, tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            with pytest.raises(PixelConnectionError, match=r"not valid for 'pixel\.test'") as caught:
                face.send(request_to(SECURE))
            assert not isinstance(caught.value, PixelProxyError)
            face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize(
    "steps", [[read_to_end], [read_head, send(OPENED), read_to_end], [read_head, send(OPENED[:9]), read_to_end]]
)
def test_the_limit_of_a_connect_holds_for_proxy_tunnel_and_tls_together(face: Face, steps: Any) -> None:
    with Peer(steps) as proxy:
        through(face, proxy)
        with pytest.raises(PixelTimeoutError) as caught:
            face.send(request_to(SECURE, connect=0.2))
        proxy.received()  # which ends with the connection
    assert f"no connection through the proxy {proxy.origin} within 0.2 seconds" in str(caught.value)
    assert not caught.value.sent
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_proxy_that_answers_byte_by_byte_is_not_waited_for_past_the_limit(face: Face) -> None:
    def drip(connection: ScriptedConnection) -> None:
        for value in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100_000:
            connection.sock.sendall(bytes([value]))
            if connection.ended.wait(0.02):
                return

    with Peer([read_head, drip]) as proxy:
        through(face, proxy)
        with pytest.raises(PixelTimeoutError, match=r"within 0\.3 seconds"):
            face.send(request_to(SECURE, connect=0.3))


def test_a_cancelled_task_in_a_tunnel_lets_go_at_once(face: Face) -> None:
    if face.name == "blocking":
        pytest.skip("a thread that is in a call of its own is not cancelled")
    with Peer([read_to_end]) as proxy:
        sending = through(face, proxy).start(request_to(SECURE))
        assert proxy.connection(0).data_arrived.wait(PATIENCE)
        sending.cancel()
        proxy.received()  # which ends with the connection
        face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_an_idle_tunnel_that_ended_is_replaced(face: Face, authority: trustme.CA, trust: ssl.SSLContext) -> None:
    with Peer([read_request, send(OK)], context=server_context(authority, "pixel.test")) as peer:
        with Peer(tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            for number in range(3):
                assert face.send(request_to(SECURE, "POST")).body == b"ok"
                proxy.received(number)
            assert proxy.accepted == 3


def test_tunnels_to_different_origins_are_not_mixed_up(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    with (
        Peer([keep_answering()], context=server_context(authority, "pixel.test")) as one,
        Peer([keep_answering(OK.replace(b"ok", b"no"))], context=server_context(authority, "other.test")) as two,
        Peer(tunnel_to(one.origin), tunnel_to(two.origin)) as proxy,
    ):
        through(face, proxy, trust)
        bodies = [face.send(request_to(SECURE._replace(host=host))).body for host in ("pixel.test", "other.test") * 2]
        assert bodies == [b"ok", b"no"] * 2
        assert proxy.accepted == 2
        face.close()


def test_an_answer_that_waits_in_a_tunnel_can_take_long(
    face: Face, authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    """The limit of the connect is over by then."""
    late = threading.Event()
    timer = threading.Timer(0.6, late.set)
    with Peer([read_request, wait(late), send(OK)], context=server_context(authority, "pixel.test")) as peer:
        with Peer(tunnel_to(peer.origin)) as proxy:
            through(face, proxy, trust)
            timer.start()
            assert face.send(request_to(SECURE, connect=0.5)).body == b"ok"
    timer.join()


def test_hosts_of_no_proxy_are_reached_directly(face: Face) -> None:
    with Peer([keep_answering()]) as proxy, Peer([keep_answering()]) as peer:
        environment = {"http_proxy": url_of(proxy), "no_proxy": f"10.0.0.0/8,direct.test:{peer.origin.port}"}

        def addresses(host: str, port: int) -> Any:
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        async def addresses_async(host: str, port: int) -> Any:
            return addresses(host, port)

        resolve = addresses if face.name == "blocking" else addresses_async
        face.open(proxies=Proxies.from_environment(environment), resolve=resolve)
        face.send(request_to(Origin("http", "direct.test", peer.origin.port)))
        assert (peer.accepted, proxy.accepted) == (1, 0)
        face.send(request_to(Origin("http", "other.test", peer.origin.port)))
        assert (peer.accepted, proxy.accepted) == (1, 1)
        face.close()


# The keywords of the clients


SETTINGS = {"PIXEL_USERNAME": "u", "PIXEL_PASSWORD": "p", "PIXEL_TENANT": "t"}


def settings_of(server: SandboxServer, url: str) -> PixelApiSettings:
    return PixelApiSettings(**server.sandbox.environment(url))


def test_a_client_with_a_proxy_sends_everything_there(server: SandboxServer) -> None:
    """Also what is for this machine: the proxy was given for everything."""
    with Peer([read_head, send(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        with PixelClient.from_settings(settings_of(server, server.url), proxy=url_of(proxy)) as client:
            with pytest.raises(PixelProxyError, match="wants a user and a password") as caught:
                client.me()
        assert proxy.accepted == 1, "a refusal is not repeated"
        assert proxy.received().startswith(b"POST http://127.0.0.1:")
    assert caught.value.status == 407


def test_without_the_keyword_the_environment_of_the_moment_tells(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer([read_head, relay_to(Origin("http", "127.0.0.1", int(server.url.rpartition(":")[2])))]) as proxy:
        settings = settings_of(server, "http://pixel.test")
        monkeypatch.setenv("HTTP_PROXY", url_of(proxy))
        client = PixelClient.from_settings(settings)
        monkeypatch.delenv("HTTP_PROXY")
        with client, pytest.raises(PixelConnectionError):
            client.me()  # the peer swallows the first head
        assert proxy.received().startswith(b"POST http://pixel.test/")


async def test_none_is_no_proxy_whatever_the_environment_says(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    async with PixelClientAsync.from_settings(settings_of(server, server.url), proxy=None) as client:
        assert (await client.me()).get("id")


def test_this_machine_is_reached_directly_whatever_the_environment_says(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
    with PixelClient.from_settings(settings_of(server, server.url)) as client:
        assert client.me().get("id")


@pytest.mark.parametrize("async_", [False, True])
@pytest.mark.parametrize(
    ("keywords", "kind", "says"),
    [
        ({"proxy": f"socks5://u:{SECRET}@h"}, ValueError, "a SOCKS proxy is not supported"),
        ({"proxy": f"ftp://u:{SECRET}@h"}, ValueError, "not the URL of an HTTP proxy"),
        ({"proxy": 3128}, TypeError, "a proxy is a URL, not int"),
        ({"tls": True}, TypeError, "tls has to be TlsOptions, an ssl.SSLContext or None, not bool"),
        ({"tls": TlsOptions(), "transport": print}, TypeError, "tls is for the default transport"),
        ({"proxy": "http://h", "transport": print}, TypeError, "proxy is for the default transport"),
    ],
)
def test_wrong_keywords_are_told_when_the_client_is_made(
    async_: bool, keywords: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        get_client(async_, PixelApiSettings(**SETTINGS), **keywords)
    assert SECRET not in str(caught.value)


def test_a_proxy_of_the_environment_that_is_none_is_told_when_the_client_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", f"socks5://u:{SECRET}@h")
    with pytest.raises(ValueError, match="https_proxy: a SOCKS proxy is not supported"):
        get_client(settings=PixelApiSettings(**SETTINGS))
    get_client(settings=PixelApiSettings(**SETTINGS), transport=lambda request: Response(200))


def test_get_client_knows_clients_apart_by_their_network(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, context = PixelApiSettings(**SETTINGS), ssl.create_default_context()
    plain = get_client(settings=settings)
    ways: list[Any] = [
        {"proxy": None},
        {"proxy": "http://h"},
        {"proxy": "http://u:p@h"},
        {"tls": TlsOptions(ca_file="a")},
        {"tls": TlsOptions(ca_file="b")},
        {"tls": context},
    ]
    clients = [plain, *(get_client(settings=settings, **way) for way in ways)]
    assert len(set(map(id, clients))) == 7
    assert [get_client(settings=settings, **way) for way in ways] == clients[1:]
    monkeypatch.setenv("HTTPS_PROXY", "http://h")
    other = get_client(settings=settings)
    assert other is not plain
    assert get_client(settings=settings) is other
    assert get_client(settings=settings, proxy=None) is clients[1]
    monkeypatch.delenv("HTTPS_PROXY")
    assert get_client(settings=settings) is plain


def test_the_blocking_face_of_an_async_client_takes_the_same_way(server: SandboxServer) -> None:
    with Peer([read_head, send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        proxied = PixelClientAsync.from_settings(settings_of(server, server.url), proxy=url_of(proxy))
        with PixelClient(proxied) as client, pytest.raises(Exception, match="403"):
            client.me()
        assert proxy.accepted >= 1


@pytest.mark.parametrize("kind", [SocketTransport, AnyioTransport])
def test_a_transport_shows_no_credentials(kind: Any) -> None:
    assert SECRET not in repr(kind(proxies=Proxies.from_url(f"http://u:{SECRET}@h")))

"""httpx clients and aiohttp sessions: their errors, their proxies, and that they stay open."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio.to_thread
import httpx
import pytest
import trustme

from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.http.decoding import Limits
from pixel_core.messages import Headers, Origin, Request, Timeouts
from pixel_transports.adapters import (
    AiohttpTransport,
    AsgiTransport,
    AsyncHttpxTransport,
    HttpxTransport,
    WsgiTransport,
)
from tests.support.peers import Peer, keep_answering, read_request, send, server_context

DENIED = b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="s3cret"\r\nContent-Length: 0\r\n\r\n'


class Blocking:
    """The blocking adapter, called like the async ones."""

    def __init__(self, client: httpx.Client) -> None:
        self._transport = HttpxTransport(client)

    async def send(self, request: Request) -> Any:
        return await anyio.to_thread.run_sync(self._transport.send, request)


@asynccontextmanager
async def transport_of(name: str, **options: Any) -> AsyncIterator[Any]:
    if name == "aiohttp":
        async with aiohttp.ClientSession(**options) as session:
            yield AiohttpTransport(session)
    elif name == "async httpx":
        async with httpx.AsyncClient(**{"trust_env": False, **options}) as client:
            yield AsyncHttpxTransport(client)
    else:
        with httpx.Client(**{"trust_env": False, **options}) as blocking:
            yield Blocking(blocking)


each = pytest.mark.parametrize("name", ["httpx", "async httpx", "aiohttp"])
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@each
async def test_a_request_that_cannot_connect_was_not_sent(name: str, full_listener: Origin) -> None:
    limits = Timeouts(connect=0.1, pool=0.1)
    with Peer([keep_answering()], context=server_context(trustme.CA(), "127.0.0.1")) as untrusted:
        rows = [
            (full_listener, limits, PixelTimeoutError, r"no connection within 0\.1 seconds"),
            (Origin("http", "name.invalid", 80), Timeouts(), PixelConnectionError, "to http://name.invalid: "),
            (untrusted.origin, Timeouts(), PixelConnectionError, "could not connect to"),
        ]
        for origin, timeouts, kind, message in rows:
            request = Request("POST", origin, "/a?secret=1", timeouts=timeouts)
            async with transport_of(name) as transport:
                with pytest.raises(kind, match=message) as caught:
                    await transport.send(request)
            assert not caught.value.sent
            assert caught.value.lasting is (origin is untrusted.origin)
            assert request.label in str(caught.value)
            assert "secret" not in str(caught.value)


@each
async def test_a_request_is_sent_through_the_proxy_of_the_client(name: str) -> None:
    request = Request("GET", Origin("http", "pixel.invalid", 80), "/a?x=%2F1", Headers({"Authorization": "Bearer t"}))
    with Peer([keep_answering()]) as proxy:
        async with transport_of(name, proxy=f"http://user:pw@127.0.0.1:{proxy.origin.port}") as transport:
            assert (await transport.send(request)).body == b"ok"
        head = proxy.received()
    assert head.startswith(b"GET http://pixel.invalid/a?x=%2F1 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwdw==" in head
    assert b"Authorization: Bearer t" in head


@each
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refusal_of_a_proxy_is_a_proxy_error(name: str, scheme: str) -> None:
    request = Request("POST", Origin(scheme, "pixel.invalid", 8443), "/a?secret=1")
    with Peer([read_request, send(DENIED)]) as proxy:
        async with transport_of(name, proxy=f"http://127.0.0.1:{proxy.origin.port}") as transport:
            if scheme == "http":  # a proxy that forwards answers in place of the origin
                assert (await transport.send(request)).status == 407
            else:
                with pytest.raises(PixelProxyError) as caught:
                    await transport.send(request)
                assert (caught.value.status, caught.value.sent) == (407, False)
                assert "s3cret" not in str(caught.value)


async def test_a_session_with_trust_env_uses_its_proxy_and_no_netrc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine pixel.invalid login a password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    request = Request("GET", Origin("http", "pixel.invalid", 80), "/a")
    with Peer([keep_answering()]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://u:p@127.0.0.1:{proxy.origin.port}")
        async with transport_of("aiohttp", trust_env=True) as transport:
            assert (await transport.send(request)).body == b"ok"
        head = proxy.received()
    assert b"Proxy-Authorization: Basic dTpw" in head
    assert b"\r\nAuthorization" not in head


async def test_closing_a_transport_leaves_the_client_open() -> None:
    with Peer([keep_answering()]) as peer:
        client, client_async, session = httpx.Client(), httpx.AsyncClient(), aiohttp.ClientSession()
        HttpxTransport(client).close()
        await AsyncHttpxTransport(client_async).aclose()
        over = AiohttpTransport(session)
        assert (await over.send(peer.request())).body == b"ok"
        await over.aclose()
        assert [client.is_closed, client_async.is_closed, session.closed] == [False] * 3
        async with session.get(str(peer.origin)) as answer:
            assert await answer.read() == b"ok"
        assert peer.accepted == 1
        await anyio.to_thread.run_sync(client.close)
        await client_async.aclose()
        await session.close()
        for closed in (Blocking(client), AsyncHttpxTransport(client_async), over):
            with pytest.raises(RuntimeError, match="closed"):
                await closed.send(peer.request())


@pytest.mark.parametrize("kind", [HttpxTransport, AsyncHttpxTransport, AiohttpTransport, AsgiTransport, WsgiTransport])
async def test_another_object_than_that_of_the_adapter_is_refused(kind: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"needs an? .*, not str"):
        kind("http://pixel.test")


async def test_a_mock_transport_of_httpx_works() -> None:
    """Its responses are read and decoded before; the limit holds."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer t"
        return httpx.Response(200, json={"path": request.url.path, "sent": len(request.read())})

    request = Request("PUT", Origin("http", "pixel.test", 80), "/a", Headers({"Authorization": "Bearer t"}), b"abc")
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert HttpxTransport(client).send(request).json() == {"path": "/a", "sent": 3}
        with pytest.raises(Exception, match="larger than the limit of 5 bytes"):
            HttpxTransport(client, limits=Limits(body=5)).send(request)


async def test_a_request_that_aiohttp_would_change_is_refused() -> None:
    origin = Origin("http", "127.0.0.1", 9)
    async with transport_of("aiohttp") as transport:
        with pytest.raises(ValueError, match="X-Name"):
            await transport.send(Request("GET", origin, "/", Headers({"X-Name": "Bømlo"})))
        with pytest.raises(ValueError, match="cannot send as it is"):
            await transport.send(Request("GET", origin, "/a?"))

"""The network settings of clients: the keywords `proxy` and `tls`, and the environment."""

import ssl
from typing import Any

import pytest
from pixel_client import PixelApiSettings, PixelClient, PixelClientAsync, get_client

from pixel_core.errors import PixelError, PixelProxyError, PixelSettingsError
from pixel_core.messages import Origin, Request, Response
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import SandboxServer
from tests.support.peers import Peer, read_head, send, unused_port

SECRET = "s3cr3t"
SETTINGS = PixelApiSettings(PIXEL_USERNAME="u", PIXEL_PASSWORD="p", PIXEL_TENANT="t")
FORBIDDEN = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"


def settings_of(server: SandboxServer, url: str) -> PixelApiSettings:
    return PixelApiSettings(**server.sandbox.environment(url))


def url_of(peer: Peer) -> str:
    return f"http://{peer.origin.authority}"


def test_the_proxy_of_the_keyword_serves_every_origin_and_its_refusal_is_not_repeated(server: SandboxServer) -> None:
    """Also this machine."""
    with Peer([read_head, send(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        with PixelClient.from_settings(settings_of(server, server.url), proxy=url_of(proxy)) as client:
            with pytest.raises(PixelProxyError, match="wants a user and a password") as caught:
                client.me()
        assert proxy.accepted == 1
        assert proxy.received().startswith(b"POST http://127.0.0.1:")
    assert caught.value.status == 407


def test_without_the_keyword_the_environment_at_construction_decides(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer([read_head, send(FORBIDDEN)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", url_of(proxy))
        client = PixelClient.from_settings(settings_of(server, "http://pixel.test"))
        monkeypatch.delenv("HTTP_PROXY")
        with client, pytest.raises(PixelError, match="403"):
            client.me()
        assert proxy.received().startswith(b"POST http://pixel.test/")


async def test_the_environment_does_not_decide_for_this_machine_nor_where_the_keyword_is_none(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    ways: list[Any] = [{}, {"proxy": None}]
    for keywords in ways:
        async with PixelClientAsync.from_settings(settings_of(server, server.url), **keywords) as client:
            assert (await client.me()).get("id")


def test_a_wrong_proxy_of_the_environment_is_an_error_when_a_client_is_made_that_uses_it(
    monkeypatch: pytest.MonkeyPatch, server: SandboxServer
) -> None:
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"socks5://u:{SECRET}@h")
    with pytest.raises(PixelSettingsError, match="https_proxy: a SOCKS proxy is not supported") as caught:
        get_client(settings=SETTINGS)
    assert SECRET not in str(caught.value)
    get_client(settings=SETTINGS, transport=lambda request: Response(200))
    with PixelClient.from_settings(settings_of(server, server.url)) as client:
        assert client.me().get("id")
        with pytest.raises(PixelSettingsError, match="http_proxy: a SOCKS proxy is not supported"):
            client.transport.send(Request("GET", Origin("http", "pixel.test", 80), "/"))
    monkeypatch.setenv("no_proxy", "geodatapixel.no")
    get_client(settings=SETTINGS)


def test_get_client_returns_another_client_for_another_network(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = get_client(settings=SETTINGS)
    networks: list[Any] = [
        *({"proxy": proxy} for proxy in (None, "http://h", "http://u:p@h")),
        *({"tls": tls} for tls in (TlsOptions(ca_file="a"), TlsOptions(ca_file="b"), ssl.create_default_context())),
    ]
    clients = [plain, *(get_client(settings=SETTINGS, **network) for network in networks)]
    assert len(set(map(id, clients))) == 7
    assert [get_client(settings=SETTINGS, **network) for network in networks] == clients[1:]
    monkeypatch.setenv("HTTPS_PROXY", "http://h")
    other = get_client(settings=SETTINGS)
    assert other is not plain
    assert get_client(settings=SETTINGS) is other
    assert get_client(settings=SETTINGS, proxy=None) is clients[1]
    monkeypatch.delenv("HTTPS_PROXY")
    assert get_client(settings=SETTINGS) is plain


def test_the_blocking_face_of_an_async_client_has_its_network(server: SandboxServer) -> None:
    with Peer([read_head, send(FORBIDDEN)]) as proxy:
        async_client = PixelClientAsync.from_settings(settings_of(server, server.url), proxy=url_of(proxy))
        with PixelClient(async_client) as client, pytest.raises(PixelError, match="403"):
            client.me()
        assert proxy.accepted >= 1

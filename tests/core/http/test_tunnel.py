"""The tunnel through a proxy: the request, and responses in pieces. Any bytes are in `fuzz_tunnels.py`."""

import pytest

from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import ProxyFailure, Tunnel
from pixel_core.messages import Origin

PROXY = Proxy("http", "proxy.test", 3128)
WITH_USER = Proxy("http", "proxy.test", 3128, "Åse", "s3cr3t:@/")
ORIGIN = Origin("https", "pixel.test", 443)
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [("pixel.test", 443, "pixel.test:443"), ("pixel.test", 8443, "pixel.test:8443"), ("::1", 443, "[::1]:443")],
)
def test_the_request_has_host_and_port_and_the_credentials(host: str, port: int, target: str) -> None:
    for proxy, field in ((PROXY, ""), (WITH_USER, "Proxy-Authorization: Basic w4VzZTpzM2NyM3Q6QC8=\r\n")):
        sent = Tunnel(proxy, Origin("https", host, port)).start()
        assert sent == f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{field}\r\n".encode()


def test_an_origin_that_no_request_can_name_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="a character that no host has"):
        Tunnel(PROXY, Origin("https", "a\r\nb", 443)).start()


Outcome = bool | tuple[str, int | None]


def outcome_of(data: bytes, size: int = 0, proxy: Proxy = PROXY, limit: int = 64 * 1024) -> Outcome:
    """True for a tunnel, or the failure, after a response in pieces of `size` bytes (0: in one) and the end."""
    tunnel = Tunnel(proxy, ORIGIN, limit)
    tunnel.start()
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    try:
        return any(tunnel.receive(piece) for piece in [*filter(None, pieces), b""])
    except ProxyFailure as failure:
        return str(failure).removeprefix("the proxy http://proxy.test:3128 "), failure.status


NO_TUNNEL = "opened no tunnel to pixel.test:443"
CLOSED = ("closed the connection before it responded", None)
NO_HTTP = ("does not speak HTTP", None)
NO_BASIC = "wants a login that is not supported: only Basic is (status 407)"
NO_USER = "wants a user and a password: give them in its URL, as in http://user:password@proxy.test:3128 (status 407)"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (OPENED, True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200\nVia: 1.1 proxy\n\n", True),
        (b"HTTP/1.1 204 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OPENED, True),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", (f"{NO_TUNNEL} (status 403)", 403)),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", (f"{NO_TUNNEL} (status 502)", 502)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil.test\r\n\r\n", (f"{NO_TUNNEL} (status 302)", 302)),
        (b"HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", (NO_USER, 407)),
        (b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n", (NO_BASIC, 407)),
        (b"", CLOSED),
        (OPENED[:-2], CLOSED),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", CLOSED),
        (b"\x05\xff\r\n\r\n", NO_HTTP),
        (b"220 smtp ready\r\n\r\n", NO_HTTP),
    ],
)
def test_a_response_opens_the_tunnel_or_is_one_sentence_however_it_is_cut(data: bytes, outcome: Outcome) -> None:
    for size in (0, 1, 2, 7):
        assert outcome_of(data, size) == outcome


def test_refused_credentials_and_bytes_after_the_head_are_failures() -> None:
    wrong = "does not accept this user and password: check those in its URL (status 407)"
    assert outcome_of(b"HTTP/1.1 407 No\r\n\r\n", proxy=WITH_USER) == (wrong, 407)
    assert outcome_of(OPENED + b"HTTP/1.1 200 OK\r\n") == ("sent bytes of its own into the tunnel", None)


@pytest.mark.parametrize("size", [0, 1, 30])
@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 1000, b"HTTP/1.1 103 Early\r\n\r\n" * 1000])
def test_headers_without_end_are_a_failure_at_the_limit(data: bytes, size: int) -> None:
    assert outcome_of(data, size, limit=200) == ("sent more than 200 bytes of headers", None)

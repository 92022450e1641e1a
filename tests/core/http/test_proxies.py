"""Proxies: which one serves whom, by tables; the tunnel, byte by byte and fuzzed; what is sent to one that forwards."""

import pickle
from contextlib import suppress

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.errors import PixelProxyError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.proxies import Proxies, Proxy, is_local
from pixel_core.http.tunnel import ProxyFailure, Tunnel
from pixel_core.messages import Headers, Origin, Request, split_url
from tests.support.scripted import joined

SECRET = "s3cr3t"
PROXY = Proxy("http", "proxy.test", 3128)
WITH_USER = Proxy("http", "proxy.test", 3128, "Åse", f"{SECRET}:@/")
ORIGIN = Origin("https", "pixel.test", 443)
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.test:3128", PROXY),
        ("proxy.test:3128", PROXY),
        ("HTTP://PROXY.test:3128/some/path", PROXY),
        ("http://proxy.test", Proxy("http", "proxy.test", 80)),
        ("https://proxy.test", Proxy("https", "proxy.test", 443)),
        ("http://[::1]:8080", Proxy("http", "::1", 8080)),
        ("http://bücher.test", Proxy("http", "xn--bcher-kva.test", 80)),
        ("http://u:p@proxy.test:3128", Proxy("http", "proxy.test", 3128, "u", "p")),
        ("u:p@proxy.test:3128", Proxy("http", "proxy.test", 3128, "u", "p")),
        ("http://u@proxy.test:3128", Proxy("http", "proxy.test", 3128, "u")),
        (f"http://%C3%85se:{SECRET}%3A%40%2F@proxy.test:3128", WITH_USER),
        ("http://:p@proxy.test:3128", Proxy("http", "proxy.test", 3128, None, "p")),
    ],
)
def test_a_proxy_is_given_by_its_url(url: str, proxy: Proxy) -> None:
    assert Proxy.from_url(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        f"ftp://u:{SECRET}@proxy.test",
        f"http://u:{SECRET}/x@proxy.test:3128",
        f"http://u:{SECRET}@proxy.test:port",
        f"http://u:{SECRET}@proxy.test:70000",
        f"http://u:{SECRET}@proxy.test:0",
        f"http://u:{SECRET}@[::1",
        f"http://u:{SECRET}@{'ü' * 80}.test",
        f"http://a%3Ab:{SECRET}@proxy.test",
    ],
)
def test_what_is_no_url_of_a_proxy_is_a_value_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        Proxy.from_url(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks4a", "socks5", "socks5h", "SOCKS5"])
def test_socks_is_refused_by_its_name(scheme: str) -> None:
    with pytest.raises(ValueError, match="a SOCKS proxy is not supported: give the URL of an HTTP proxy"):
        Proxy.from_url(f"{scheme}://u:{SECRET}@proxy.test:1080")


def test_a_proxy_that_is_no_string_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="not dict"):
        Proxy.from_url({"https": "http://proxy.test"})  # type: ignore[arg-type]


def test_a_proxy_shows_neither_user_nor_password() -> None:
    for shown in (repr(WITH_USER), str(WITH_USER), repr(Proxies(WITH_USER)), repr(Tunnel(WITH_USER, ORIGIN))):
        assert SECRET not in shown
        assert "Åse" not in shown
    assert str(WITH_USER) == "http://proxy.test:3128"


def test_credentials_are_basic_in_utf_8() -> None:
    assert WITH_USER.authorization == "Basic w4VzZTpzM2NyM3Q6QC8="
    assert PROXY.authorization is None


@pytest.mark.parametrize(
    ("environment", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": "a"}, "a", None),
        ({"HTTP_PROXY": "a"}, "a", None),
        ({"https_proxy": "a"}, None, "a"),
        ({"HTTPS_PROXY": "a"}, None, "a"),
        ({"all_proxy": "a"}, "a", "a"),
        ({"ALL_PROXY": "a"}, "a", "a"),
        ({"ALL_PROXY": "a", "http_proxy": "b"}, "b", "a"),
        ({"ALL_PROXY": "a", "HTTPS_PROXY": "b"}, "a", "b"),
        ({"http_proxy": "a", "HTTP_PROXY": "b"}, "a", None),
        ({"https_proxy": "", "HTTPS_PROXY": "b"}, None, None),
        ({"https_proxy": "", "ALL_PROXY": "b"}, "b", None),
        ({"https_proxy": "  a  "}, None, "a"),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "a"}, None, None),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "a", "http_proxy": "b"}, "b", None),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "a", "HTTPS_PROXY": "b", "ALL_PROXY": "c"}, "c", "b"),
        ({"all_proxy": "socks5://a", "http_proxy": "b", "https_proxy": "c"}, "b", "c"),
        ({"all_proxy": "socks5://a", "no_proxy": "*"}, None, None),
        ({"http_proxy": "a", "https_proxy": "b", "NO_PROXY": "x, *"}, None, None),
    ],
)
def test_the_environment_tells_the_proxy_of_each_scheme(
    environment: dict[str, str], http: str | None, https: str | None
) -> None:
    proxies = Proxies.from_environment(environment)
    for scheme, host in (("http", http), ("https", https)):
        proxy = proxies.for_origin(Origin(scheme, "pixel.test", 80))
        assert (proxy and proxy.host) == host


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("value", [f"socks5://u:{SECRET}@proxy.test", f"ftp://u:{SECRET}@proxy.test"])
def test_a_variable_that_is_no_http_proxy_is_a_value_error_that_names_it(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: ") as caught:
        Proxies.from_environment({name: value})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("pixel.test", "https://pixel.test", True),
        ("pixel.test", "https://PIXEL.test.", True),
        ("PIXEL.TEST.", "https://pixel.test", True),
        ("pixel.test", "https://api.pixel.test", True),
        ("pixel.test", "https://notpixel.test", False),
        ("pixel.test", "https://pixel.test.evil", False),
        (".pixel.test", "https://pixel.test", True),
        (".pixel.test", "https://api.pixel.test", True),
        ("*.pixel.test", "https://api.pixel.test", True),
        ("*pixel.test", "https://api.pixel.test", True),
        ("test", "https://pixel.test", True),
        ("bücher.test", "https://xn--bcher-kva.test", True),
        ("faß.test", "https://faß.test", True),
        ("pixel.test:443", "https://pixel.test", True),
        ("pixel.test:443", "https://api.pixel.test:443", True),
        ("pixel.test:80", "https://pixel.test", False),
        ("pixel.test:8443", "https://pixel.test:8443", True),
        ("pixel.test:http", "https://pixel.test", False),
        ("10.0.0.1", "https://10.0.0.1", True),
        ("10.0.0.1", "https://10.0.0.12", False),
        ("10.0.0.1:443", "https://10.0.0.1", True),
        ("10.0.0.1:444", "https://10.0.0.1", False),
        ("10.0.0.0/8", "https://10.200.3.4", True),
        ("10.1.2.3/8", "https://10.200.3.4", True),
        ("10.0.0.0/8", "https://11.0.0.1", False),
        ("10.0.0.0/8", "https://ten.test", False),
        ("10.0.0.0/8:444", "https://10.0.0.1", False),
        ("10.0.0.0/8:443", "https://10.0.0.1", True),
        ("10.0.0.0/8", "https://[::ffff:10.0.0.1]", True),
        ("10.0.0.0/99", "https://10.0.0.1", False),
        ("fd00::/8", "https://[fd12::1]", True),
        ("fd00::/8", "https://[fe80::1]", False),
        ("fd00::1", "https://[fd00:0::1]", True),
        ("[fd00::1]", "https://[fd00::1]", True),
        ("[fd00::1]:443", "https://[fd00::1]", True),
        ("[fd00::1]:444", "https://[fd00::1]", False),
        ("0.0.0.1", "https://pixel.test.0.0.0.1x", False),
        (",, ,", "https://pixel.test", False),
        ("a b,c", "https://b", True),
        ("..", "https://pixel.test", False),
        ("ü" * 80, "https://pixel.test", False),
    ],
)
def test_no_proxy_names_those_that_are_reached_directly(entry: str, url: str, direct: bool) -> None:
    origin, _ = split_url(url)
    for name in ("no_proxy", "NO_PROXY"):
        proxies = Proxies.from_environment({"https_proxy": "http://proxy.test", name: entry})
        assert (proxies.for_origin(origin) is None) is direct


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("pixel.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("notlocalhost", False),
        ("localhost.test", False),
        ("10.0.0.1", False),
    ],
)
def test_no_variable_leads_this_machine_to_a_proxy_but_one_given_for_everything_does(host: str, local: bool) -> None:
    origin = Origin("http", host, 80)
    assert is_local(host) is local
    assert (Proxies.from_environment({"ALL_PROXY": "http://proxy.test"}).for_origin(origin) is None) is local
    assert Proxies.from_url("http://proxy.test").for_origin(origin) == Proxy("http", "proxy.test", 80)


def test_none_is_no_proxy() -> None:
    assert Proxies.from_url(None) == Proxies() == Proxies.from_environment({})
    assert Proxies().for_origin(ORIGIN) is None


def test_proxies_are_values() -> None:
    environment = {"https_proxy": "http://u:p@proxy.test", "no_proxy": "a,10.0.0.0/8"}
    one, other = Proxies.from_environment(environment), Proxies.from_environment(dict(environment))
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != Proxies.from_environment({**environment, "no_proxy": "a"})


@given(st.dictionaries(st.sampled_from(["http_proxy", "https_proxy", "all_proxy", "no_proxy"]), st.text()))
def test_any_environment_gives_proxies_or_a_value_error(environment: dict[str, str]) -> None:
    try:
        proxies = Proxies.from_environment(environment)
    except ValueError:
        return
    for host in ("pixel.test", "10.0.0.1", "::1", ""):
        assert isinstance(proxies.for_origin(Origin("https", host, 443)), Proxy | None)


# The tunnel


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        (ORIGIN, b"pixel.test:443"),
        (Origin("https", "pixel.test", 8443), b"pixel.test:8443"),
        (Origin("https", "::1", 443), b"[::1]:443"),
    ],
)
def test_a_tunnel_is_asked_for_with_host_and_port(origin: Origin, target: bytes) -> None:
    assert Tunnel(PROXY, origin).start() == b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)


def test_credentials_go_along_with_connect() -> None:
    assert b"\r\nProxy-Authorization: Basic w4VzZTpzM2NyM3Q6QC8=\r\n" in Tunnel(WITH_USER, ORIGIN).start()


def test_a_host_that_cannot_be_asked_for_is_a_value_error_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="a character that no host has"):
        Tunnel(PROXY, Origin("https", "a\r\nb", 443)).start()


Outcome = bool | tuple[str, int | None]


def outcome_of(data: bytes, size: int = 0, proxy: Proxy = PROXY, limit: int = 64 * 1024) -> Outcome:
    """What a tunnel makes of an answer in pieces of `size` bytes (0: in one), and then of its end."""
    tunnel = Tunnel(proxy, ORIGIN, limit)
    tunnel.start()
    chunks = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    try:
        for piece in [*filter(None, chunks), b""]:
            if tunnel.receive(piece):
                return True
    except ProxyFailure as failure:
        return str(failure), failure.status
    return False


NO_TUNNEL = "the proxy http://proxy.test:3128 opened no tunnel to pixel.test:443 "
WANTS = "the proxy http://proxy.test:3128 wants "
HUNG_UP = "the proxy http://proxy.test:3128 closed the connection before it responded"
NO_HTTP = "the proxy http://proxy.test:3128 does not speak HTTP"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (OPENED, True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 204 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OPENED, True),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", (f"{NO_TUNNEL}(status 403)", 403)),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", (f"{NO_TUNNEL}(status 502)", 502)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil.test\r\n\r\n", (f"{NO_TUNNEL}(status 302)", 302)),
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
            (
                f"{WANTS}a user and a password: give them in its URL, as in http://user:password@proxy.test:3128 "
                "(status 407)",
                407,
            ),
        ),
        (
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n",
            (f"{WANTS}a login that is not supported: only Basic is (status 407)", 407),
        ),
        (b"", (HUNG_UP, None)),
        (OPENED[:-2], (HUNG_UP, None)),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", (HUNG_UP, None)),
        (b"\x05\xff\r\n\r\n", (NO_HTTP, None)),
        (b"220 smtp ready\r\n\r\n", (NO_HTTP, None)),
    ],
)
def test_an_answer_to_connect_opens_the_tunnel_or_is_one_clear_sentence_however_it_is_cut(
    data: bytes, outcome: Outcome
) -> None:
    for size in (0, 1, 2, 7):
        assert outcome_of(data, size) == outcome


def test_credentials_that_are_refused_are_told_apart_from_none_and_not_shown() -> None:
    told = outcome_of(b"HTTP/1.1 407 No\r\n\r\n", proxy=WITH_USER)
    assert told == (
        "the proxy http://proxy.test:3128 does not accept this user and password: check those in its URL (status 407)",
        407,
    )


@pytest.mark.parametrize("size", [0, 1, 30])
@pytest.mark.parametrize(
    "endless", [b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 1000, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000]
)
def test_headers_without_end_are_an_error_at_the_limit(endless: bytes, size: int) -> None:
    told = ("the proxy http://proxy.test:3128 sent more than 200 bytes of headers", None)
    assert outcome_of(endless, size, limit=200) == told


def test_a_proxy_that_speaks_into_the_tunnel_is_refused() -> None:
    assert outcome_of(OPENED + b"HTTP/1.1 200 OK\r\n") == (
        "the proxy http://proxy.test:3128 sent bytes of its own into the tunnel",
        None,
    )


@given(st.lists(st.binary() | st.sampled_from([OPENED, OPENED[:20], b"HTTP/1.1 407 X\r\n", b"\r\n\r\n"])))
def test_any_bytes_open_the_tunnel_or_are_a_proxy_failure(chunks: list[bytes]) -> None:
    tunnel = Tunnel(PROXY, ORIGIN, limit=200)
    tunnel.start()
    with suppress(ProxyFailure):
        assert any(tunnel.receive(piece) for piece in [*chunks, b""]), "neither open nor refused at the end"


# A proxy that forwards


def sent(connection: ClientConnection, request: Request) -> h11.Request:
    """The head of a request, read as a server reads it."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(joined(connection.start(request)))
    event = server.next_event()
    assert isinstance(event, h11.Request)
    return event


REQUEST = Request("GET", Origin("http", "pixel.test", 8080), "/a?b=1", Headers({"Accept": "x"}))


def test_a_request_through_a_proxy_names_its_whole_url_and_brings_the_credentials() -> None:
    head = sent(ClientConnection(via=WITH_USER), REQUEST)
    assert head.target == b"http://pixel.test:8080/a?b=1"
    assert dict(head.headers) == {
        b"host": b"pixel.test:8080",
        b"accept": b"x",
        b"proxy-authorization": b"Basic w4VzZTpzM2NyM3Q6QC8=",
    }


def test_without_credentials_none_are_sent() -> None:
    assert dict(sent(ClientConnection(via=PROXY), REQUEST).headers) == {b"host": b"pixel.test:8080", b"accept": b"x"}


def test_without_a_proxy_a_request_names_its_path_alone() -> None:
    head = sent(ClientConnection(), REQUEST)
    assert head.target == b"/a?b=1"
    assert b"proxy-authorization" not in dict(head.headers)


@pytest.mark.parametrize(("proxy", "hint"), [(PROXY, "wants a user and a password"), (WITH_USER, "does not accept")])
def test_a_407_of_a_proxy_that_forwards_is_an_error_of_the_proxy(proxy: Proxy, hint: str) -> None:
    connection = ClientConnection(via=proxy)
    connection.start(REQUEST)
    with pytest.raises(PixelProxyError, match=hint) as caught:
        connection.receive(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\n")
    assert (caught.value.status, caught.value.sent) == (407, False)
    assert str(caught.value).startswith(f"{REQUEST.label}: the proxy http://proxy.test:3128 ")
    assert SECRET not in str(caught.value)
    assert not connection.reusable


@pytest.mark.parametrize("status", [200, 400, 502])
def test_a_refusal_that_shows_the_request_shows_no_credentials(status: int) -> None:
    """Its body goes into errors; that of a success is what the origin said, whatever that is."""
    connection = ClientConnection(via=WITH_USER)
    page = b"<pre>" + joined(connection.start(REQUEST)) + b"</pre>"
    response = connection.receive(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(page)) + page)
    assert response is not None
    assert b"Proxy-Authorization: Basic " in response.body
    assert (str(WITH_USER.authorization).encode() in response.body) == (status == 200)


def test_a_407_of_an_origin_is_an_answer_like_others() -> None:
    connection = ClientConnection()
    connection.start(REQUEST)
    response = connection.receive(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
    assert response is not None
    assert response.status == 407

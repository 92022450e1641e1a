"""Proxies: their URLs, which one serves which origin, and the requests that one forwards."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.errors import PixelProxyError, PixelSettingsError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.proxies import Proxies, Proxy, is_local
from pixel_core.http.tunnel import Tunnel
from pixel_core.messages import Headers, Origin, Request, split_url
from tests.support.scripted import joined

SECRET = "s3cr3t"
PROXY = Proxy("http", "proxy.test", 3128)
WITH_USER = Proxy("http", "proxy.test", 3128, "Åse", f"{SECRET}:@/")
ORIGIN = Origin("https", "pixel.test", 443)


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
def test_a_proxy_is_parsed_from_its_url(url: str, proxy: Proxy) -> None:
    assert Proxy.from_url(url) == proxy


@pytest.mark.parametrize(
    ("url", "message"),
    [
        *((url, "not the URL of a") for url in ("", "http://", f"ftp://u:{SECRET}@proxy.test")),
        *((f"http://u:{SECRET}{rest}", "not the URL of a") for rest in ("/x@a:1", "@a:port", "@a:70000", "@a:0")),
        *((f"http://u:{SECRET}@{host}", "not the URL of a") for host in ("[::1", f"{'ü' * 80}.test", "a b", "..")),
        (f"http://a%3Ab:{SECRET}@proxy.test", "the user of a proxy cannot have a colon"),
        *(
            (f"{scheme}://u:{SECRET}@a:1080", "a SOCKS proxy is not supported: give the URL of an HTTP proxy")
            for scheme in ("socks", "socks4", "socks4a", "socks5", "socks5h", "SOCKS5")
        ),
    ],
)
def test_another_url_is_a_value_error_that_does_not_show_it(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Proxy.from_url(url)
    assert SECRET not in str(caught.value)
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY") if url else ():
        proxies = Proxies.from_environment({name: url, "no_proxy": "direct.test"})
        scheme = "http" if name == "http_proxy" else "https"
        with pytest.raises(PixelSettingsError, match=rf"^{name}: ") as caught:
            proxies.for_origin(Origin(scheme, "pixel.test", 80))
        assert SECRET not in str(caught.value) + repr(proxies)
        assert [proxies.for_origin(Origin(scheme, host, 80)) for host in ("127.0.0.1", "direct.test")] == [None, None]


def test_credentials_are_basic_in_utf_8_and_are_not_shown() -> None:
    assert WITH_USER.authorization == "Basic w4VzZTpzM2NyM3Q6QC8="
    assert PROXY.authorization is None
    for text in (repr(WITH_USER), str(WITH_USER), repr(Proxies(WITH_USER)), repr(Tunnel(WITH_USER, ORIGIN))):
        assert SECRET not in text
        assert "Åse" not in text
    assert str(WITH_USER) == "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("environment", "http", "https"),
    [
        ({}, None, None),
        *(({name: "a"}, "a", None) for name in ("http_proxy", "HTTP_PROXY")),
        *(({name: "a"}, None, "a") for name in ("https_proxy", "HTTPS_PROXY")),
        *(({name: "a"}, "a", "a") for name in ("all_proxy", "ALL_PROXY")),
        ({"ALL_PROXY": "a", "http_proxy": "b"}, "b", "a"),
        ({"ALL_PROXY": "a", "HTTPS_PROXY": "b"}, "a", "b"),
        ({"http_proxy": "a", "HTTP_PROXY": "b"}, "a", None),
        ({"https_proxy": "", "HTTPS_PROXY": "b"}, None, None),
        ({"https_proxy": "", "ALL_PROXY": "b"}, "b", None),
        ({"https_proxy": "  a  "}, None, "a"),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "a", "http_proxy": "b"}, "b", None),
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "a", "HTTPS_PROXY": "b", "ALL_PROXY": "c"}, "c", "b"),
        ({"all_proxy": "socks5://a", "http_proxy": "b", "https_proxy": "c"}, "b", "c"),
        ({"all_proxy": "socks5://a", "no_proxy": "*"}, None, None),
        ({"http_proxy": "a", "https_proxy": "b", "NO_PROXY": "x, *"}, None, None),
    ],
)
def test_the_environment_has_the_proxy_of_each_scheme(
    environment: dict[str, str], http: str | None, https: str | None
) -> None:
    proxies = Proxies.from_environment(environment)
    found = [proxies.for_origin(Origin(scheme, "pixel.test", 80)) for scheme in ("http", "https")]
    assert [proxy and proxy.host for proxy in found] == [http, https]


@pytest.mark.parametrize(
    ("entry", "direct", "through_the_proxy"),
    [
        ("pixel.test", "pixel.test PIXEL.test. api.pixel.test", "notpixel.test pixel.test.evil 10.0.0.1"),
        *((entry, "pixel.test", "") for entry in ("PIXEL.TEST.", "test")),
        *((entry, "api.pixel.test", "") for entry in (".pixel.test", "*.pixel.test", "*pixel.test")),
        *(("bücher.test", "xn--bcher-kva.test", ""), ("faß.test", "faß.test", "")),
        ("pixel.test:443", "pixel.test api.pixel.test:443", "pixel.test:80"),
        *(("pixel.test:8443", "pixel.test:8443", "pixel.test"), ("pixel.test:http", "", "pixel.test")),
        *(("10.0.0.1", "10.0.0.1", "10.0.0.12"), ("10.0.0.1:443", "10.0.0.1", "10.0.0.1:444")),
        ("10.0.0.0/8", "10.200.3.4 [::ffff:10.0.0.1]", "11.0.0.1 ten.test"),
        *(("10.1.2.3/8", "10.200.3.4", ""), ("10.0.0.0/8:443", "10.0.0.1", "10.0.0.1:444")),
        *(("10.0.0.0/99", "", "10.0.0.1"), ("fd00::/8", "[fd12::1]", "[fe80::1]"), ("fd00::1", "[fd00:0::1]", "")),
        *(("[fd00::1]", "[fd00::1]", ""), ("[fd00::1]:443", "[fd00::1]", "[fd00::1]:444")),
        *(("0.0.0.1", "", "pixel.test.0.0.0.1x"), ("a b,c", "a b c", "")),
        *((entry, "", "pixel.test") for entry in (",, ,", "..", "ü" * 80)),
    ],
)
def test_no_proxy_lists_hosts_that_are_reached_directly(entry: str, direct: str, through_the_proxy: str) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        proxies = Proxies.from_environment({"https_proxy": "http://proxy.test", name: entry})
        for hosts, expected in ((direct, True), (through_the_proxy, False)):
            for host in hosts.split():
                assert (proxies.for_origin(split_url(f"https://{host}")[0]) is None) is expected, host


@pytest.mark.parametrize("local", [True, False])
def test_a_proxy_of_the_environment_does_not_serve_this_machine_but_one_set_by_a_url_does(local: bool) -> None:
    here = ["localhost", "LOCALHOST.", "pixel.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
    for host in here if local else ["notlocalhost", "localhost.test", "10.0.0.1"]:
        origin = Origin("http", host, 80)
        assert is_local(host) is local
        assert (Proxies.from_environment({"ALL_PROXY": "http://proxy.test"}).for_origin(origin) is None) is local
        assert Proxies.from_url("http://proxy.test").for_origin(origin) == Proxy("http", "proxy.test", 80)


def test_proxies_are_values() -> None:
    with pytest.raises(TypeError, match="not dict"):
        Proxies.from_url({"https": "http://proxy.test"})  # type: ignore[arg-type]
    assert Proxies.from_url(None) == Proxies() == Proxies.from_environment({})
    environment = {"https_proxy": "http://u:p@proxy.test", "no_proxy": "a,10.0.0.0/8"}
    one, other = Proxies.from_environment(environment), Proxies.from_environment(dict(environment))
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one != Proxies.from_environment({**environment, "no_proxy": "a"})


@given(st.dictionaries(st.sampled_from(["http_proxy", "https_proxy", "all_proxy", "no_proxy"]), st.text()))
def test_any_environment_gives_proxies_or_a_settings_error_where_they_are_used(environment: dict[str, str]) -> None:
    proxies = Proxies.from_environment(environment)
    for host in ("pixel.test", "10.0.0.1", "::1", ""):
        try:
            assert isinstance(proxies.for_origin(Origin("https", host, 443)), Proxy | None)
        except PixelSettingsError:
            assert not is_local(host)


REQUEST = Request("GET", Origin("http", "pixel.test", 8080), "/a?b=1", Headers({"Accept": "x"}))


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
def test_an_error_page_that_repeats_the_request_shows_no_credentials(status: int) -> None:
    """Its body goes into errors; that of a success is the origin's, unchanged."""
    connection = ClientConnection(via=WITH_USER)
    page = b"<pre>" + joined(connection.start(REQUEST)) + b"</pre>"
    response = connection.receive(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(page)) + page)
    assert response is not None
    assert b"Proxy-Authorization: Basic " in response.body
    assert (str(WITH_USER.authorization).encode() in response.body) == (status == 200)

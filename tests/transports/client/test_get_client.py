"""`get_client`: the cache, its keys, and the life of what it gives."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from pixel_core import Request, Response, Timeouts
from pixel_core.errors import PixelClosedError
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, get_client
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import Sandbox
from tests.support.callers import call
from tests.transports.testing.faces import FACES, Face

URL = "http://sandbox.invalid"
PASSWORD = "s3cr3t"


def settings_of(sandbox: Sandbox, **changes: str) -> PixelApiSettings:
    return PixelApiSettings(**{**sandbox.environment(URL), **changes})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def test_the_same_environment_and_equal_settings_give_the_same_client(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_client(settings=settings_of(sandbox)) is get_client(settings=settings_of(sandbox))
    for name, value in sandbox.environment(URL).items():
        monkeypatch.setenv(name, value)
    first = get_client()
    assert get_client() is first
    monkeypatch.setenv("PIXEL_TENANT", "Elsewhere")
    assert get_client() is not first


def test_blocking_and_async_clients_are_separate(sandbox: Sandbox) -> None:
    settings = settings_of(sandbox)
    assert isinstance(get_client(settings=settings), PixelClient)
    assert isinstance(get_client(False, settings), PixelClient)
    assert isinstance(get_client(True, settings), PixelClientAsync)
    assert get_client(True, settings) is get_client(async_=True, settings=settings)


def test_a_race_makes_one_client(sandbox: Sandbox) -> None:
    """Thirty-two threads that ask at the same moment all get the same object."""
    barrier = threading.Barrier(32)

    def ask(number: int) -> PixelClient:
        barrier.wait()
        return get_client(settings=settings_of(sandbox), upload_max_concurrency=7)

    with ThreadPoolExecutor(32) as pool:
        clients = set(pool.map(ask, range(32)))
    assert len(clients) == 1


@pytest.mark.parametrize("async_", [False, True])
def test_time_limits_of_any_form_are_compared_by_value(sandbox: Sandbox, async_: bool) -> None:
    """Our own type, plain seconds, and an object of httpx's shape, which cannot be hashed."""

    class Unhashable(SimpleNamespace):
        __hash__ = None

    settings = settings_of(sandbox)
    by_shape = Unhashable(connect=3.0, read=3.0, write=3.0, pool=3.0)
    first = get_client(async_, settings, timeout_pixel=by_shape)
    assert get_client(async_, settings, timeout_pixel=3) is first
    assert get_client(async_, settings, timeout_pixel=Timeouts(3.0, 3.0, 3.0, 3.0)) is first
    assert get_client(async_, settings, timeout_pixel=4) is not first
    assert first.session.options.timeout_pixel == Timeouts(3.0, 3.0, 3.0, 3.0)


def test_an_unhashable_keyword_is_compared_by_identity(sandbox: Sandbox) -> None:
    class Listener:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, event: object) -> None: ...

    settings, one, other = settings_of(sandbox), Listener(), Listener()
    assert get_client(settings=settings, listener=one) is get_client(settings=settings, listener=one)
    assert get_client(settings=settings, listener=one) is not get_client(settings=settings, listener=other)


def test_no_request_is_sent(sandbox: Sandbox) -> None:
    def unwanted(request: Request) -> Response:
        raise AssertionError(f"{request} was sent")

    get_client(settings=settings_of(sandbox), transport=unwanted)
    get_client(True, settings_of(sandbox), transport=unwanted)


@pytest.mark.parametrize("async_", [False, True])
@pytest.mark.parametrize(
    ("keywords", "kind", "message"),
    [
        ({"proxy": f"socks5://u:{PASSWORD}@h"}, ValueError, "a SOCKS proxy is not supported"),
        ({"proxy": f"ftp://u:{PASSWORD}@h"}, ValueError, "not the URL of an HTTP proxy"),
        ({"proxy": 3128}, TypeError, "a proxy is a URL, not int"),
        ({"tls": True}, TypeError, "tls has to be TlsOptions, an ssl.SSLContext or None, not bool"),
        ({"tls": TlsOptions(), "transport": print}, TypeError, "tls is for the default transport"),
        ({"proxy": "http://h", "transport": print}, TypeError, "proxy is for the default transport"),
        ({"retires": 3}, TypeError, "retires"),
        ({"upload_max_concurrency": 0}, ValueError, "upload_max_concurrency"),
    ],
)
def test_wrong_keywords_are_errors_when_the_client_is_made(
    sandbox: Sandbox, async_: bool, keywords: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        get_client(async_, settings_of(sandbox), **keywords)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("name", FACES)
def test_a_closed_client_is_replaced_refuses_to_work_and_can_be_entered_again(sandbox: Sandbox, name: str) -> None:
    face, settings = Face(name), settings_of(sandbox)
    client = get_client(face.async_, settings, transport=sandbox)
    face.run_with(client, lambda entered: entered.me())
    with pytest.raises(PixelClosedError, match="enter it again"):
        call(client, "me", backend=name)
    assert get_client(face.async_, settings, transport=sandbox) is not client
    assert face.run_with(client, lambda entered: entered.me())["email"] == "demo@example.com"


def test_the_last_to_leave_a_shared_client_closes_it(sandbox: Sandbox) -> None:
    settings = settings_of(sandbox)
    with get_client(settings=settings, transport=sandbox) as outer:
        with get_client(settings=settings, transport=sandbox) as inner:
            assert inner is outer
        assert outer.me()
    assert outer.closed

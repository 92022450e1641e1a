"""Pickling of clients and logins: what a pickle holds, what is shared after loading, and what cannot be pickled."""

import asyncio
import copy
import multiprocessing
import os
import pickle
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import pytest

from pixel_core import Request, Response, Timeouts
from pixel_core.messages import split_url
from pixel_core.session.answers import Answer
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, SocketTransport, get_client
from pixel_transports.client import cache
from pixel_transports.client.auth import KeyCloakAuth
from pixel_transports.sandbox import Sandbox, SandboxServer


@pytest.fixture(autouse=True)
def no_clients_are_kept() -> Iterator[None]:
    """Clients that a test rebuilds are closed after it."""
    yield
    for client in cache.clear():
        if isinstance(client, PixelClient):
            client.close()


@pytest.fixture
def settings() -> PixelApiSettings:
    return PixelApiSettings(**{**Sandbox().environment("http://sandbox.invalid"), "PIXEL_PASSWORD": "hush-hush"})


def answering(request: Request) -> Response:
    return Response(200, body=b'{"email": "a transport of a module"}')


def listener_function(event: object) -> None:
    """A listener."""


def token_function() -> str:
    return "token-of-a-function"


def again(client: Any) -> Any:
    return pickle.loads(pickle.dumps(client))


def use_in_process(rebuilt: PixelClient | PixelClientAsync | KeyCloakAuth) -> tuple[int, int]:
    """Send a request or log in, and return the process of the caller and the id of the rebuilt object."""
    if isinstance(rebuilt, PixelClientAsync):
        assert asyncio.run(rebuilt.me())
    else:
        assert rebuilt.me() if isinstance(rebuilt, PixelClient) else rebuilt.token
    return os.getpid(), id(rebuilt)


def logins(server: SandboxServer) -> int:
    return sum("openid-connect/token" in request.path for request in server.sandbox.received)


def test_each_process_of_a_pool_has_one_client_or_login_and_logs_in_once(
    server: SandboxServer, pixel_settings: PixelApiSettings
) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for sent in (get_client(False, pixel_settings), get_client(True, pixel_settings), login_of(pixel_settings)):
            before = logins(server)
            used = set(pool.map(use_in_process, [sent] * 12))
            assert os.getpid() not in dict(used)
            assert logins(server) - before == len(used) == len(dict(used))


def test_a_client_of_the_main_program_with_local_functions_is_pickled_by_cloudpickle(
    server: SandboxServer, tmp_path: Path
) -> None:
    """As Dask and Ray do with objects of a notebook."""
    sending, receiving, path = tmp_path / "sending.py", tmp_path / "receiving.py", tmp_path / "client"
    sending.write_text(
        "import sys, cloudpickle\n"
        "from pixel_transports import get_client\n"
        "def seen(event): sys.stdout.write(type(event).__name__ + ' ')\n"
        "client = get_client(listener=lambda event: seen(event))\n"
        f"open({str(path)!r}, 'wb').write(cloudpickle.dumps(client))\n"
    )
    receiving.write_text(
        f"import pickle\nclient = pickle.load(open({str(path)!r}, 'rb'))\nprint(client.me()['email'])\nclient.close()\n"
    )
    environment = {**os.environ, **server.sandbox.environment(server.url)}
    for script in (sending, receiving):
        done = subprocess.run(
            [sys.executable, script], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "RequestSent ResponseReceived LoginRenewed RequestSent ResponseReceived demo@example.com\n"


def login_of(settings: PixelApiSettings) -> KeyCloakAuth:
    """A login by itself."""
    return KeyCloakAuth(
        settings.PIXEL_AUTH_SERVER_URL,
        settings.PIXEL_REALM,
        settings.PIXEL_CLIENT_ID,
        settings.PIXEL_USERNAME,
        settings.PIXEL_PASSWORD.get_secret_value(),
    )


@pytest.mark.parametrize("async_", [False, True])
def test_a_client_that_is_rebuilt_where_get_client_has_one_is_that_one(
    settings: PixelApiSettings, async_: bool
) -> None:
    keywords: Any = {"timeout_pixel": 3, "token": token_function, "listener": listener_function, "journal": "uploads"}
    client = get_client(async_, settings, **keywords)
    kind = PixelClientAsync if async_ else PixelClient
    assert again(client) is client
    assert again(kind.from_settings(settings, **keywords)) is client
    assert get_client(async_, settings, **keywords) is client


def test_a_keyword_that_is_equal_to_itself_alone_is_rebuilt_once(settings: PixelApiSettings) -> None:
    """A listener that is pickled by value is another object each time, so `get_client` cannot find it."""
    client = get_client(settings=settings, listener=Listener())
    rebuilt = again(client)
    assert rebuilt is not client
    assert again(client) is again(rebuilt) is rebuilt


class Listener:
    """A listener that is an object."""

    def __call__(self, event: object) -> None: ...


def test_a_rebuilt_client_has_the_proxies_of_the_moment(
    settings: PixelApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = pickle.dumps(PixelClient.from_settings(settings))
    before = pickle.loads(pickled)
    monkeypatch.setenv("http_proxy", "http://proxy.invalid")
    after = pickle.loads(pickled)
    assert after is not before
    assert after is get_client(settings=settings)
    assert after.config.network.proxies.for_origin(split_url(settings.PIXEL_API_URL)[0]) is not None


def test_a_rebuilt_login_shares_that_of_the_rebuilt_client(settings: PixelApiSettings) -> None:
    client = PixelClient.from_settings(settings, transport=answering, token=token_function)
    auth = again(client.auth)
    assert auth.token == "token-of-a-function"
    assert auth._session.tokens is again(client).session.tokens


def test_a_login_by_itself_is_rebuilt_as_one_and_apart_from_others(settings: PixelApiSettings) -> None:
    elsewhere = settings.model_copy(update={"PIXEL_TENANT": "Elsewhere"})
    one, other = login_of(settings), login_of(elsewhere)
    assert again(one) is again(one)
    assert again(one) is not again(other)
    assert repr(again(one)) == repr(one)


def test_the_copy_of_a_login_is_the_same(settings: PixelApiSettings) -> None:
    for auth in (login_of(settings), PixelClient.from_settings(settings, transport=lambda request: Response(200)).auth):
        assert copy.copy(auth) is copy.deepcopy(auth) is auth


def test_clients_of_other_settings_or_keywords_and_closed_ones_are_rebuilt_apart(
    settings: PixelApiSettings,
) -> None:
    one, other = PixelClient.from_settings(settings), PixelClient.from_settings(settings, upload_num_retries=3)
    elsewhere = PixelClient.from_settings(settings.model_copy(update={"PIXEL_TENANT": "Elsewhere"}))
    assert len({again(one), again(other), again(elsewhere), again(one)}) == 3
    rebuilt = again(other)
    assert get_client(settings=settings, upload_num_retries=3) is rebuilt
    rebuilt.close()
    assert again(other) is not rebuilt


def test_keywords_are_rebuilt_unchanged(
    settings: PixelApiSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    limits = SimpleNamespace(connect=1.0, read=2.0, write=3.0, pool=4.0)
    keywords: Any = {"transport": answering, "listener": listener_function, "token": token_function}
    client = PixelClient.from_settings(settings, timeout_upload=limits, journal="uploads.sqlite", **keywords)
    monkeypatch.chdir("/")
    rebuilt = again(client)
    assert rebuilt.session.options.timeout_upload == Timeouts(1.0, 2.0, 3.0, 4.0)
    assert rebuilt.session.tokens.function is token_function
    assert rebuilt.config.keywords.items() >= keywords.items()
    assert rebuilt.config.journal.path == tmp_path / "uploads.sqlite"
    assert rebuilt.me().get("email") == "a transport of a module"


def test_a_copy_is_rebuilt_with_its_options_and_shares_the_login(settings: PixelApiSettings) -> None:
    client = PixelClient.from_settings(settings, transport=answering)
    copied = client.with_options(timeout=7).with_options(retries=0, headers={"X-Note": "a"})
    rebuilt = again(copied)
    assert rebuilt.session.options.timeout_pixel == Timeouts.parse(7)
    assert rebuilt.session.upload_retries.tries == 1
    assert rebuilt.session.tokens is again(client).session.tokens
    assert rebuilt.transport is again(client).transport


def test_a_pickle_holds_no_list_of_answers(settings: PixelApiSettings) -> None:
    answers: list[Answer] = []
    client = PixelClient.from_settings(settings, transport=answering, token="given").with_options(answers=answers)
    client.me()
    assert again(client).me()
    assert len(answers) == 1


def test_the_blocking_face_of_an_async_client_is_rebuilt_as_a_blocking_client(settings: PixelApiSettings) -> None:
    rebuilt = again(PixelClient(PixelClientAsync.from_settings(settings, transport=answering, token="given")))
    assert type(rebuilt) is PixelClient
    assert rebuilt.me().get("email") == "a transport of a module"


def test_a_pickle_holds_no_token(settings: PixelApiSettings) -> None:
    client = PixelClient.from_settings(settings)
    sandboxed = PixelClient.from_settings(settings, transport=Sandbox(password="hush-hush"))
    sandboxed.me()
    client.session.tokens = sandboxed.session.tokens
    bearer = client.session.tokens.bearer(0.0)
    assert bearer
    assert bearer.encode() not in pickle.dumps(client)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("listener", lambda event: None),
        ("token", lambda: "a"),
        ("transport", lambda request: answering(request)),
        ("transport", SocketTransport()),
        ("tls", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)),
    ],
    ids=["a listener", "a token function", "a transport function", "a transport", "a TLS context"],
)
def test_what_cannot_be_pickled_is_a_type_error_that_names_the_keyword(
    settings: PixelApiSettings, keyword: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cloudpickle")
    client = get_client(settings=settings, **{keyword: value})
    for pickled in (client, client.auth):
        with pytest.raises(TypeError, match=f"cannot be pickled, since its keyword '{keyword}'") as refused:
            pickle.dumps(pickled)
        assert "hush" not in str(refused.value)


def test_a_copy_is_pickled_with_its_listener_and_an_event_that_cannot_be_is_a_type_error(
    settings: PixelApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cloudpickle")
    client = PixelClient.from_settings(settings, token="given")
    rebuilt = pickle.loads(pickle.dumps(client.with_options(listener=print, timeout=3)))
    assert (rebuilt.config.changes["listener"], rebuilt.session.options.timeout_pixel.read) == (print, 3)
    with pytest.raises(TypeError, match="its keyword 'cancel'"):
        pickle.dumps(client.with_options(cancel=threading.Event()))


def test_what_cloudpickle_cannot_take_either_is_the_same_type_error(settings: PixelApiSettings) -> None:
    client = get_client(settings=settings, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    for dump in (pickle.dumps, cloudpickle.dumps):
        with pytest.raises(TypeError, match="its keyword 'tls'"):
            dump(client)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_a_light_one(settings: PixelApiSettings, copied: Callable[[Any], Any]) -> None:
    client = PixelClient.from_settings(settings, transport=lambda request: answering(request), token="given")
    twin = copied(client)
    assert twin is not client
    assert twin.transport is client.transport
    assert twin.session.tokens is client.session.tokens
    client.close()
    assert twin.closed


def test_nothing_of_a_client_shows_its_password(settings: PixelApiSettings) -> None:
    client = PixelClient.from_settings(settings)
    assert repr(client) == "<PixelClient at http://sandbox.invalid/api/sandbox>"
    shown = repr([client, vars(client), vars(client.session), client.with_options(retries=0).__dict__])
    shown += repr([vars(client.auth), vars(login_of(settings))])
    assert "hush" not in shown

"""No frame of a failure shows a secret: `rich` with locals, `traceback` with locals, and an error tracker's walk.

The program of a user is in these tests too, and holds no secret itself: its settings hide the password.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pixel_client import PixelUploadFile
from pixel_client.exceptions import PixelError
from rich.console import Console
from rich.traceback import Traceback

from pixel_core import PixelApi, PixelStorageError, Session
from pixel_core.session.options import Options
from pixel_transports import BlockingDriver, PixelApiSettings, SocketTransport, get_client
from pixel_transports.client.settings import account_of
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from pixel_transports.testing import settings_for
from tests.support import secret_search as search
from tests.support.callers import client_of
from tests.support.peers import PATIENCE, Peer, read_request, send
from tests.transports.observability.test_secrets import refused
from tests.transports.sandbox.support import TIFF

Call = Callable[..., Any]


@contextmanager
def caller(face: str, settings: PixelApiSettings, limit: float) -> Iterator[Call]:
    if face != "pure":
        with client_of(face, settings, timeout_pixel=limit, upload_num_retries=1, journal=None) as call:
            yield call
        return
    transport = SocketTransport()
    options = Options.from_keywords(timeout_pixel=limit, upload_num_retries=1)
    api = PixelApi(Session(settings.PIXEL_API_URL, account_of(settings), options))
    yield lambda name, *args: BlockingDriver(transport).run(getattr(api, name)(*args))
    transport.close()


def frames_of(error: BaseException) -> Iterator[str]:
    """What an error tracker sends: the local variables of each frame, of the error and of its causes."""
    known: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in known:
            continue
        known.add(id(each))
        left += [each.__cause__, each.__context__, *getattr(each, "exceptions", [])]
        for frame, line in traceback.walk_tb(each.__traceback__):
            for name, value in list(frame.f_locals.items()):
                yield f"{frame.f_code.co_qualname}:{line} {name} = {search.shown(value)}"


def shown_by_tools(error: BaseException) -> list[str]:
    console = Console(file=StringIO(), width=300)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, max_frames=500))
    printed: Any = console.file
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return [printed.getvalue(), "".join(lines), *frames_of(error)]


def check(error: BaseException, secrets: list[str]) -> None:
    for text in shown_by_tools(error):
        for secret in secrets:
            at = text.find(secret[:24])
            assert at < 0, text[max(0, at - 300) : at + 60]


def made_by(sandbox: search.QuotingSandbox) -> list[str]:
    return [*search.SECRETS, *(secret for secrets in sandbox.made.values() for secret in secrets)]


def upload(call: Call, folder: Path) -> None:
    project = call("create_project", "P", "", SAMPLE_AREA)["id"]
    collection = call("create_data_collection", project, "R", "", "RGB")["id"]
    (folder / "a.tif").write_bytes(TIFF)
    _, errors = call("upload_multiple_rasters", project, collection, [PixelUploadFile(file=folder / "a.tif")])
    if errors:
        raise errors[0]
    call("upload_raster", project, collection, folder / "a.tif")


FAILURES: dict[str, tuple[search.Fault, Call]] = {
    "refused login": (search.refusing(401, "invalid_grant"), lambda call, folder: call("me")),
    "failed login": (search.refusing(500, "server_error"), lambda call, folder: call("me")),
    **{
        f"{status} of a call": (
            search.quoting(status, path="/users/"),
            lambda call, folder: call("create_oidc_user", search.user()),
        )
        for status in (401, 403, 422, 500)
    },
    "no JSON": (
        search.quoting(200, path="/users/", kept=b"{"),
        lambda call, folder: call("create_oidc_user", search.user()),
    ),
    "refused upload": (refused("AccessDenied"), upload),
    "failed upload": (search.quoting(500, path="/storage/", json=False), upload),
}


@pytest.mark.parametrize("face", ["blocking", "asyncio", "trio", "pure"])
@pytest.mark.parametrize("failure", FAILURES)
def test_no_frame_of_a_refusal_shows_a_secret(face: str, failure: str, tmp_path: Path) -> None:
    sandbox = search.QuotingSandbox()
    sandbox.fault, act = FAILURES[failure]
    with SandboxServer(sandbox) as server, caller(face, settings_for(server), 20.0) as call:
        with pytest.raises((PixelError, PixelStorageError)) as caught:
            act(call, tmp_path)
        check(caught.value, made_by(sandbox))


TOKEN = b'{"access_token": "5ecret-of-a-given-token", "expires_in": 300}'
GRANT = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TOKEN), TOKEN)


@pytest.mark.parametrize("face", ["blocking", "asyncio", "trio", "pure"])
@pytest.mark.parametrize("after", ["silence", "garbage", "end", "silence of the login"])
def test_no_frame_of_a_broken_connection_shows_a_secret(face: str, after: str) -> None:
    grant = [read_request, send(GRANT), read_request]
    scripts = {
        "silence": [*grant, lambda connection: connection.over.wait(PATIENCE)],
        "silence of the login": [read_request, lambda connection: connection.over.wait(PATIENCE)],
        "garbage": [*grant, send(b"no HTTP\r\n\r\n")],
        "end": grant,
    }
    with Peer(scripts[after]) as peer:
        settings = settings_for(None, str(peer.origin), PIXEL_PASSWORD=search.PASSWORD)
        with caller(face, settings, 0.2) as call:
            with pytest.raises(PixelError) as caught:
                call("create_oidc_user", search.user())
            check(caught.value, search.SECRETS)


def with_files(folder: Path, name: str, value: str) -> None:
    first, second = folder / "first.env", folder / "second.env"
    first.write_text(f"PIXEL_USERNAME=me\nPIXEL_PASSWORD={search.PASSWORD}\n{name}={value}\n")
    second.write_bytes(f"PIXEL_PASSWORD={search.PASSWORD}".encode() + b"\xff\x00")


WRONG: dict[str, Callable[[Path], object]] = {
    "keywords": lambda folder: PixelApiSettings(PIXEL_PASSWORD=search.PASSWORD),
    "a misspelt keyword": lambda folder: PixelApiSettings(PIXEL_PASWORD=search.PASSWORD),
    "a mapping": lambda folder: PixelApiSettings.model_validate({"PIXEL_PASSWORD": search.PASSWORD}),
    "a file": lambda folder: PixelApiSettings(_env_file=folder / "first.env"),
    "a file alone": lambda folder: PixelApiSettings.from_env_file(folder / "first.env", environment=False),
    "a file that is no text": lambda folder: PixelApiSettings(_env_file=folder / "second.env"),
    "two files": lambda folder: PixelApiSettings(_env_file=[folder / "first.env", folder / "second.env"]),
    "the environment": lambda folder: get_client(),
    "a proxy of the environment": lambda folder: get_client(settings=settings_for(None, "https://pixel.invalid")).me(),
    "a token": lambda folder: get_client(settings=settings_for(), token=f"{search.TOKEN} spaced", proxy=None),
    "an unknown keyword": lambda folder: get_client(token=search.TOKEN, tokn=search.TOKEN),  # type: ignore[call-overload]
}


@pytest.mark.parametrize("name", WRONG)
def test_no_frame_of_wrong_settings_shows_a_secret(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_files(tmp_path, "PIXEL_ENV", search.SETTING)
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://user:{search.PROXY_PASSWORD}@127.0.0.1")
    monkeypatch.setenv("PIXEL_PASSWORD", search.SETTING)
    with pytest.raises((ValueError, TypeError, PixelError)) as caught:
        WRONG[name](tmp_path)
    check(caught.value, search.SECRETS)

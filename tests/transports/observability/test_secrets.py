"""No secret is told: a session of everything, on each face, with everything written down that the library says.

Rules kept here:

* Secrets that are given are marked strings; those that the server makes (tokens, signatures, policies) are picked out
  of its answers as they pass, so that the real ones are looked for.
* What is said: lines of every logger at DEBUG, events, spans, warnings, what is printed; of each error its words, its
  `repr`, its traceback with all causes, its attributes and its pickle; the `repr` of every object of ours that can be
  reached from a client.
* The server is as rude as it can be: it quotes in its refusals whatever it was sent.
"""

import gc
import inspect
import logging
import pickle
import re
import ssl
import traceback
import types
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pixel_client import (
    HarvestAuthInfo,
    HarvestServiceCreateInput,
    HarvestServiceUpdateInput,
    OIDCUserCreateInput,
    OIDCUserUpdateInput,
    PixelUploadFile,
)
from pixel_client.auth import KeyCloakAuth
from pixel_client.models import ApiKey, Credentials
from pydantic import SecretStr, ValidationError
from pydantic_core import to_json

from pixel_core.errors import (
    PixelAuthenticationError,
    PixelConnectionError,
    PixelError,
    PixelLoginError,
    PixelMultipleUploadJobError,
    PixelPermissionError,
    PixelProtocolError,
    PixelTimeoutError,
    PixelValidationError,
)
from pixel_core.messages import Headers, Origin, Response
from pixel_core.session.answers import Answer
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support.cli_runs import pixel
from tests.support.peers import Peer, Step, read_request, reset, send, wait
from tests.transports.client import test_whole_api as stories
from tests.transports.sandbox.support import TIFF, las

PASSWORD = "5ecret-of-the-login"
USER_PASSWORD = "5ecret-of-a-user"
HARVEST_PASSWORD = "5ecret-of-a-harvest"
API_KEY = "5ecret-of-a-key"
GIVEN_TOKEN = "5ecret-of-a-given-token"
PROXY_PASSWORD = "5ecret-of-a-proxy"
KEY_PASSWORD = "5ecret-of-a-private-key"
SETTING = "5ecret-of-a-setting"
HEADER = "5ecret-of-a-header"
GIVEN = [
    PASSWORD,
    USER_PASSWORD,
    HARVEST_PASSWORD,
    API_KEY,
    GIVEN_TOKEN,
    PROXY_PASSWORD,
    KEY_PASSWORD,
    SETTING,
    HEADER,
    b64encode(f"someone:{PROXY_PASSWORD}".encode()).decode(),
]

_MADE = {
    "access token": re.compile(rb'"access_token":\s*"([^"]{16,})"'),
    "refresh token": re.compile(rb'"refresh_token":\s*"([^"]{16,})"'),
    "signature of an address": re.compile(rb"X-Amz-Signature=([0-9a-f]{16,})"),
    "signature of a form": re.compile(rb'"x-amz-signature":\s*"([^"]{16,})"', re.IGNORECASE),
    "policy of a form": re.compile(rb'"policy":\s*"([^"]{16,})"', re.IGNORECASE),
}

Fault: TypeAlias = Callable[[str, str, Headers, bytes], Response | None]


class Rude(Sandbox):
    """A sandbox that first does as a fault says, while that says anything; and that keeps the secrets it makes."""

    def __init__(self) -> None:
        super().__init__(password=PASSWORD, job_seconds=0.0)
        self.url = ""
        self.fault: Fault = lambda method, target, headers, content: None
        self.made: dict[str, set[str]] = {kind: set() for kind in _MADE}

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Any) -> Response:
        forced = self.fault(method, target, headers, bytes(content))
        response = super().handle(method, origin, target, headers, content) if forced is None else forced
        for kind, pattern in _MADE.items():
            self.made[kind] |= {found.decode() for found in pattern.findall(response.body)}
        return response


def quoting(
    status: int, *, path: str = "", method: str = "", times: int = 99, json: bool = True, kept: bytes = b""
) -> Fault:
    """Refuse, and quote the request: its target, its header fields and its body. JSON is as FastAPI writes it."""
    left = [times]

    def fault(given: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if path not in target or method not in given or not left[0]:
            return None
        left[0] -= 1
        quoted = "\n".join([target, *(f"{name}: {value}" for name, value in headers), content.decode("latin-1")])
        if kept:
            return Response(status, Headers({"Content-Type": "application/json"}), kept + quoted.encode())
        if not json:
            return Response(status, Headers({"Content-Type": "text/plain"}), quoted.encode())
        detail = [{"type": "value_error", "loc": ["body"], "msg": f"wrong: {quoted}", "input": quoted}]
        return Response(status, Headers({"Content-Type": "application/json"}), to_json({"detail": detail}))

    return fault


class Account:
    """All that was said, by where it was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.errors: list[BaseException] = []
        self._seen: set[int] = set()

    def add(self, where: str, text: object) -> None:
        self.said.append((where, text if isinstance(text, str) else repr(text)))

    def event(self, event: object) -> None:
        self.add(f"the event {type(event).__name__}", event)

    def error(self, error: BaseException) -> None:
        """An error, and whatever it carries."""
        if id(error) in self._seen:
            return
        self._seen.add(id(error))
        self.errors.append(error)
        name = type(error).__name__
        self.add(f"the words of {name}", str(error))
        self.add(f"the repr of {name}", repr(error))
        self.add(f"the traceback of {name}", "".join(traceback.format_exception(error)))
        if isinstance(error, PixelError):
            self.add(f"the attributes of {name}", repr((error.args, vars(error))))
            self.add(f"the pickle of {name}", pickle.dumps(error).decode("latin-1"))
        several = error.errors if isinstance(error, PixelMultipleUploadJobError) else []
        for other in (error.__cause__, error.__context__, *several):
            if isinstance(other, BaseException):
                self.error(other)

    def reachable(self, root: object) -> int:
        """The repr of each object of ours that can be reached; gives their number."""
        seen: set[int] = set()
        left: list[object] = [root]
        count = 0
        while left:
            found = left.pop()
            if id(found) in seen or isinstance(found, (type, types.ModuleType, types.FrameType, str, bytes, int)):
                continue
            seen.add(id(found))
            if isinstance(found, types.FunctionType):
                left += [each.cell_contents for each in found.__closure__ or () if _is_full(each)]
                continue
            module = type(found).__module__
            if module.startswith(("pixel_", "pydantic")):
                count += 1
                self.add(f"the repr of a {type(found).__name__}", repr(found) + str(found))
            elif not (
                isinstance(found, (dict, list, tuple, set, frozenset, types.MethodType))
                or module in ("collections", "weakref")
            ):
                continue
            left += gc.get_referents(found)
        return count

    def check(self, secrets: list[str]) -> None:
        for where, text in self.said:
            for secret in secrets:
                at = text.find(secret)
                if at >= 0:
                    pytest.fail(f"{where} tells a secret: ...{text[max(0, at - 200) : at + len(secret) + 40]!r}...")


def _is_full(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


class Teller(logging.Handler):
    """Writes down each line of any logger, as a program would format it, and all that its record carries."""

    def __init__(self, account: Account) -> None:
        super().__init__(logging.DEBUG)
        self._account = account
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        self._account.add(f"the log {record.name}", self.format(record))
        self._account.add(f"a record of {record.name}", repr(vars(record)))


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture(autouse=True)
def teller(account: Account) -> Iterator[Teller]:
    teller = Teller(account)
    root = logging.getLogger()
    level = root.level
    root.addHandler(teller)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield teller
    root.setLevel(level)
    root.removeHandler(teller)
    for warning in caught:
        account.add("a warning", str(warning.message))


@pytest.fixture
def rude() -> Iterator[Rude]:
    sandbox = Rude()
    with SandboxServer(sandbox) as server:
        sandbox.url = server.url
        yield sandbox
    assert not sandbox.failures


class Session:
    """Clients of one face, and how to call them."""

    def __init__(self, face: str, rude: Rude, account: Account) -> None:
        self.face = face
        self._account = account
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._tracer = provider.get_tracer("tests")
        self.rude = rude
        self.settings = PixelApiSettings(**rude.environment(rude.url))
        self.clients: list[Any] = []
        self.client = self.new()

    def new(self, settings: PixelApiSettings | None = None, **keywords: Any) -> Any:
        kind = PixelClient if self.face == "blocking" else PixelClientAsync
        given = {"listener": self._account.event, "tracer": self._tracer, "upload_num_retries": 2, **keywords}
        client: Any = kind.from_settings(settings or self.settings, **given)
        self.clients.append(client)
        return client

    def on(self, client: Any, name: str, /, *args: Any, **keywords: Any) -> Any:
        """Call an operation of a client; a listing comes as a list."""
        self._account.add("arguments", (args, keywords))

        def call() -> Any:
            return getattr(client, name)(*args, **keywords)

        async def finished() -> Any:
            try:
                return [item async for item in call()] if name.startswith("paginate_") else await call()
            finally:
                await client.transport.aclose()

        if self.face == "blocking":
            return list(call()) if name.startswith("paginate_") else call()
        return anyio.run(finished, backend=self.face)

    def __call__(self, name: str, /, *args: Any, **keywords: Any) -> Any:
        return self.on(self.client, name, *args, **keywords)

    def fails(self, kind: type[BaseException], name: str, /, *args: Any, client: Any = None, **keywords: Any) -> None:
        """Call an operation that ends in this error."""
        with pytest.raises(kind) as caught:
            self.on(client or self.client, name, *args, **keywords)
        self._account.error(caught.value)
        self.rude.fault = lambda method, target, headers, content: None

    def close(self) -> None:
        for client in self.clients:
            if self.face == "blocking":
                client.close()


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def session(request: pytest.FixtureRequest, rude: Rude, account: Account) -> Iterator[Session]:
    session = Session(request.param, rude, account)
    yield session
    session.close()


def finish(session: Session, account: Account, capfd: pytest.CaptureFixture[str], *kinds: str) -> None:
    """Look for all secrets in all that was said; secrets of these kinds have to have been made."""
    made = session.rude.made
    assert {kind for kind in kinds if not made[kind]} == set()
    for span in session.exporter.get_finished_spans():
        account.add(f"the span {span.name}", span.to_json())
    for client in session.clients:
        assert account.reachable(client) > 10
        account.add("the repr of all that a client has", repr(vars(client)) + repr(vars(client.session)))
    printed = capfd.readouterr()
    account.add("what is printed", printed.out + printed.err)
    account.check([*GIVEN, *(secret for secrets in made.values() for secret in secrets)])


def user(password: str = USER_PASSWORD) -> OIDCUserCreateInput:
    return OIDCUserCreateInput(
        first_name="A", last_name="B", email="a@example.com", password=SecretStr(password), user_type="viewer"
    )


def harvest(auth: HarvestAuthInfo) -> HarvestServiceCreateInput:
    return HarvestServiceCreateInput(name="H", description="", url="https://example.invalid", auth=auth)


CREDENTIALS = HarvestAuthInfo(credentials=Credentials(username="someone", password=SecretStr(HARVEST_PASSWORD)))
KEY = HarvestAuthInfo(api_key=ApiKey(api_key=SecretStr(API_KEY)))


def test_a_secret_that_is_said_would_be_found(account: Account) -> None:
    """What finds nothing below finds what is there."""
    account.check([PASSWORD])
    logging.getLogger("anybody").debug("it is %s", PASSWORD)
    with pytest.raises(BaseException, match="the log anybody tells a secret"):
        account.check([PASSWORD])
    told = Account()
    told.error(PixelError(PASSWORD))
    assert {where.split(" of ")[0] for where, text in told.said if PASSWORD in text} == {
        "the words",
        "the repr",
        "the traceback",
        "the attributes",
        "the pickle",
    }


def test_the_whole_api_tells_no_secret(
    session: Session, account: Account, teller: Teller, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The stories of the whole API (uploads of all kinds, in one piece and in parts, are among them), and calls that
    carry secrets.
    """
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    given = {"call": session, "project": project, "tmp_path": tmp_path}
    told = [story for name, story in vars(stories).items() if name.startswith("test_")]
    for story in told:
        story(*(given[name] for name in inspect.signature(story).parameters))
    collection = session("create_data_collection", project, "I", "", "image")["id"]
    for auth in (CREDENTIALS, KEY):
        service = session("create_harvest_service", project, collection, harvest(auth))["id"]
        session("update_harvest_service", project, collection, service, HarvestServiceUpdateInput(auth=auth))
    created = session("list_projects")
    assert created
    assert len(told) >= 8
    layers = {name for name in teller.names if name.startswith("pixel_client.")}
    assert layers >= {"pixel_client.http", "pixel_client.login", "pixel_client.uploads"}
    finish(session, account, capfd, *_MADE)


def test_refusals_that_quote_what_they_refuse_tell_no_secret(
    session: Session, account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    collection = session("create_data_collection", project, "I", "", "image")["id"]
    rude = session.rude
    for status, kind in ((401, PixelAuthenticationError), (403, PixelPermissionError), (422, PixelValidationError)):
        for json in (True, False):
            for name, args in (
                ("me", ()),
                ("create_oidc_user", (user(),)),
                ("update_oidc_user", ("x", OIDCUserUpdateInput(password=SecretStr(USER_PASSWORD)))),
                ("create_harvest_service", (project, collection, harvest(CREDENTIALS))),
                ("create_harvest_service", (project, collection, harvest(KEY))),
                ("update_harvest_service", (project, collection, 1, HarvestServiceUpdateInput(auth=KEY))),
            ):
                rude.fault = quoting(status, path="/api/", json=json)
                session.fails(kind, name, *args)
    client = session.client.with_options(retries=1, headers={"X-Own": HEADER})
    for status in (304, 500, 503, 418):  # a 304 has no body: what comes with it may break the connection of the next
        rude.fault = quoting(status, path="/api/", json=False)
        session.fails(PixelError, "create_oidc_user", user(), client=client)
    rude.fault = quoting(200, path="/api/", kept=b'{"broken": ')
    session.fails(PixelProtocolError, "create_oidc_user", user(), client=client)
    rude.fault = quoting(200, path="/api/", kept=b'{"broken": ')
    session.fails(PixelProtocolError, "me", client=client)
    answers: list[Answer] = []
    session.on(session.client.with_options(answers=answers), "me")
    account.add("the answers of a light copy", repr(answers))
    finish(session, account, capfd, "access token", "refresh token")


def test_logins_that_go_wrong_tell_no_secret(
    session: Session, account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    rude = session.rude
    session("me")
    rude.revoke_tokens()
    session("me")
    for status, kind in ((400, PixelError), (401, PixelLoginError), (403, PixelLoginError), (404, PixelLoginError)):
        for fault in (
            quoting(status, path="/token", json=False),
            quoting(status, path="/token"),
            refusing(status, "invalid_grant"),
            refusing(status, "invalid_client"),
        ):
            rude.fault = fault
            session.fails(kind, "me", client=session.new())
    for status in (429, 500, 503):
        rude.fault = refusing(status, "temporarily_unavailable")
        session.fails(PixelLoginError, "me", client=session.new())
    for kept in (b'{"access_token": ', b"<html>", b'{"access_token": "white space", "x": "'):
        rude.fault = quoting(200, path="/token", kept=kept)
        session.fails(PixelProtocolError, "me", client=session.new())
    client = session.new()
    session.on(client, "me")
    rude.revoke_tokens()
    rude.fault = refusing(400, "invalid_grant")  # the refresh token is quoted, and then the password
    session.fails(PixelLoginError, "me", client=client)
    session.fails(PixelError, "me", client=session.new(token=GIVEN_TOKEN))
    session.fails(PixelLoginError, "me", client=session.new(token=lambda: f"{GIVEN_TOKEN} with white space"))
    with pytest.raises(PixelLoginError) as wrong:
        session.new(token=f"{GIVEN_TOKEN} with white space")
    account.error(wrong.value)
    auth = KeyCloakAuth(session.settings.PIXEL_AUTH_SERVER_URL, "Sandbox", "frontend", "demo@example.com", PASSWORD)
    assert auth.token
    account.add("the login of other libraries", repr(auth))
    finish(session, account, capfd, "access token", "refresh token")


def refusing(status: int, error: str) -> Fault:
    """Refuse a grant as OAuth does, and quote it in the description."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/token" not in target:
            return None
        answer = {"error": error, "error_description": f"wrong: {content.decode()}"}
        return Response(status, Headers({"Content-Type": "application/json"}), to_json(answer))

    return fault


def test_uploads_that_go_wrong_tell_no_secret(
    session: Session, account: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rude = session.rude
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    rasters = session("create_data_collection", project, "R", "", "RGB")["id"]
    clouds = session("create_data_collection", project, "C", "", "point_cloud")["id"]
    tif, cloud = tmp_path / "a.tif", tmp_path / "a.las"
    tif.write_bytes(TIFF)
    cloud.write_bytes(las())
    refusals = [
        *(refused(code) for code in ("SignatureDoesNotMatch", "AccessDenied", "EntityTooLarge", "InternalError")),
        refused("AccessDenied", "Request has expired"),
        quoting(503, path="/storage/", json=False),
        quoting(200, path="/storage/", json=False),
        moved("https://127.0.0.1:1/elsewhere"),
        moved("nonsense://?"),
        moved("http://["),
    ]
    for fault in refusals:
        for multipart in (False, True):
            rude.fault = fault
            if multipart:
                files = [PixelUploadFile(file=cloud)]
                done, errors = session("upload_multiple_point_clouds", project, clouds, files, True, 64)
            else:
                done, errors = session("upload_multiple_rasters", project, rasters, [PixelUploadFile(file=tif)])
            rude.fault = lambda method, target, headers, content: None
            account.add("results", (done, errors))
            for error in errors:
                account.error(error)
        rude.fault = fault
        session.fails(PixelError, "upload_raster", project, rasters, tif)
        rude.fault = fault
        session.fails(PixelError, "add_attachments", "project", project, [tif])
    for broken in ('"url": 7, "was": ', '"url": "nonsense?', '"form": 7, "was": '):
        rude.fault = broken_jobs(rude, broken)
        session.fails(PixelError, "upload_raster", project, rasters, tif)
        rude.fault = broken_jobs(rude, broken)
        session.fails(PixelError, "upload_point_cloud", project, clouds, cloud, None, True, 64)
    rude.fault = quoting(422, path="/api/", method="POST")
    session.fails(PixelValidationError, "upload_raster", project, rasters, tif)
    finish(session, account, capfd, *_MADE)


def refused(code: str, message: str = "Refused") -> Fault:
    """Refuse as S3 does, which quotes the signature that it was given and what it wanted to have signed."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/storage/" not in target:
            return None
        quoted = f"{target} {content.decode('latin-1')}".replace("<", "&lt;").replace("&", "&amp;")
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><StringToSign>{quoted}</StringToSign></Error>"
        return Response(403, Headers({"Content-Type": "application/xml"}), body.encode("utf-8", "replace"))

    return fault


def moved(where: str) -> Fault:
    """Send a request elsewhere, with its signature."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/storage/" not in target:
            return None
        signed = re.findall(rb"[0-9a-f]{64}", target.encode() + content)
        location = f"{where}?X-Amz-Signature={(signed or [b'0'])[-1].decode()}"
        return Response(307, Headers({"Location": location}))

    return fault


def broken_jobs(rude: Rude, broken: str) -> Fault:
    """The answer in which upload jobs are given, with something else in place of their addresses."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if method != "POST" or "upload_job" not in target:
            return None
        rude.fault = lambda method, target, headers, content: None
        answer = rude.handle(method, Origin("http", "127.0.0.1", 80), target, headers, content)
        body = answer.body.replace(b'"url":', b'"url" :')
        kept = broken.encode()
        body = re.sub(rb'"url" :\s*"[^"?]*\??', kept if kept.endswith(b"?") else kept + b'"', body)
        return Response(answer.status, answer.headers, body)

    return fault


def test_connections_that_break_or_hang_tell_no_secret(
    session: Session, account: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    breaks: list[tuple[list[Step], type[BaseException]]] = [
        ([read_request, reset], PixelConnectionError),
        ([read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")], PixelError),
        ([read_request, send(b"no HTTP at all\r\n\r\n")], PixelError),
        ([reset], PixelConnectionError),
    ]
    for script, kind in breaks:
        with Peer(script) as peer:
            settings = session.settings.model_copy(update={"PIXEL_API_URL_OVERRIDE": f"{peer.origin}/api/sandbox"})
            client = session.new(settings).with_options(retries=1)
            session.fails(kind, "create_oidc_user", user(), client=client)
            session.fails(kind, "me", client=client)
    with Peer([read_request, lambda connection: wait(peer.stopping)(connection)]) as peer:
        settings = session.settings.model_copy(update={"PIXEL_AUTH_SERVER_URL_OVERRIDE": str(peer.origin)})
        for limits in ({"timeout_pixel": 0.1}, {"timeout_pixel": 0.2}):
            session.fails(PixelTimeoutError, "me", client=session.new(settings, **limits).with_options(retries=0))
    with Peer([read_request, send(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]) as peer:
        proxy = f"http://someone:{PROXY_PASSWORD}@127.0.0.1:{peer.origin.port}"
        client = session.new(proxy=proxy)
        session.fails(PixelError, "me", client=client)
    nowhere = session.settings.model_copy(update={"PIXEL_API_URL_OVERRIDE": "http://127.0.0.1:1/api/sandbox"})
    session.fails(PixelConnectionError, "create_oidc_user", user(), client=session.new(nowhere))
    finish(session, account, capfd, "access token")


WRONG = {
    "PIXEL_ENV": SETTING,
    "PIXEL_API_URL": SETTING,
    "PIXEL_AUTH_SERVER_URL": f"http://someone:{SETTING}@127.0.0.1",
    "PIXEL_CLIENT_NO_VERSION_CHECK": SETTING,
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_an_error_in_a_dotenv_file_names_the_setting_and_not_the_value(
    name: str, account: Account, tmp_path: Path
) -> None:
    values = {"PIXEL_USERNAME": "someone", "PIXEL_PASSWORD": PASSWORD, "PIXEL_TENANT": "acme", name: WRONG[name]}
    path = tmp_path / ".env"
    path.write_text("".join(f"{each}={value}\n" for each, value in values.items()))
    with pytest.raises(ValueError, match=name) as wrong:
        PixelClient.from_settings(PixelApiSettings(_env_file=path))
    account.error(wrong.value)
    account.check([PASSWORD, SETTING])


def test_missing_settings_are_named_and_no_value_of_the_others(account: Account, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"PIXEL_PASSWORD={PASSWORD}\nPIXEL_TENAN={SETTING}\n")
    with pytest.raises(ValidationError, match="PIXEL_TENANT") as missing:
        PixelApiSettings(_env_file=path)
    account.error(missing.value)
    account.check([PASSWORD, SETTING])


def test_wrong_arguments_tell_no_secret(account: Account, tmp_path: Path) -> None:
    """What is refused before anything is sent, by whoever refuses it."""
    client = PixelClient("http://127.0.0.1:1", "http://127.0.0.1:1", "Acme", "frontend", "someone", PASSWORD)
    key = tmp_path / "key.pem"
    key.write_text("no key")

    def with_key() -> None:
        options = TlsOptions(client_certificate=key, client_key=key, key_password=KEY_PASSWORD)
        account.add("the TLS options", repr(options))
        other = PixelClient(
            "https://127.0.0.1:1", "https://127.0.0.1:1", "Acme", "frontend", "someone", PASSWORD, tls=options
        )
        account.reachable(other)
        other.me()

    def through(proxy: Any) -> None:
        PixelClient("http://a.test", "http://a.test", "Acme", "frontend", "someone", PASSWORD, proxy=proxy)

    calls: list[Callable[[], object]] = [
        lambda: OIDCUserCreateInput(password=USER_PASSWORD),  # type: ignore[call-arg, arg-type]
        lambda: OIDCUserCreateInput.model_validate({"password": [USER_PASSWORD], "email": USER_PASSWORD}),
        lambda: Credentials.model_validate({"password": HARVEST_PASSWORD}),
        lambda: Credentials.model_validate({"username": [HARVEST_PASSWORD], "password": {"x": HARVEST_PASSWORD}}),
        lambda: ApiKey.model_validate({"api_key": [API_KEY]}),
        lambda: HarvestServiceCreateInput.model_validate({"auth": {"api_key": API_KEY, "credentials": API_KEY}}),
        lambda: client.with_options(headers={"Authorization": HEADER}),
        lambda: client.with_options(headers={"X-Own": f"{HEADER}\r\nX-More: 1"}, retries=0).me(),
        lambda: through(f"socks5://someone:{PROXY_PASSWORD}@127.0.0.1"),
        lambda: through(f"http://someone:{PROXY_PASSWORD}@[::1"),
        lambda: through(f"http://someone:{PROXY_PASSWORD}@127.0.0.1:x"),
        with_key,
        lambda: pickle.dumps(client.__class__.from_settings(_settings(), tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))),
    ]
    for call in calls:
        with pytest.raises(Exception, match="") as refused:
            call()
        account.error(refused.value)
    account.reachable(client)
    account.check(GIVEN)


def _settings() -> PixelApiSettings:
    return PixelApiSettings(PIXEL_USERNAME="someone", PIXEL_PASSWORD=PASSWORD, PIXEL_TENANT="acme")


def test_the_command_tells_no_secret(rude: Rude, account: Account, tmp_path: Path) -> None:
    environment = rude.environment(rude.url)
    for fault in (
        lambda method, target, headers, content: None,
        refusing(401, "invalid_grant"),
        quoting(401, path="/api/"),
        quoting(500, path="/api/", json=False),
        quoting(200, path="/api/", kept=b'{"broken": '),
        quoting(200, path="/token", kept=b'{"broken": '),
    ):
        rude.fault = fault
        done = pixel("me", environment=environment)
        account.add("the command", done.stdout + done.stderr)
    done = pixel("me", environment={**environment, "PIXEL_API_URL": SETTING, "PIXEL_ENV": SETTING})
    assert done.returncode == 2
    account.add("the command", done.stdout + done.stderr)
    account.check([*GIVEN, *(secret for secrets in rude.made.values() for secret in secrets)])

"""No output shows a secret: calls of all kinds, with everything that the library outputs collected.

The output is: lines of every logger at DEBUG, events, spans, warnings, printed text, errors, and the `repr` of objects.
"""

import inspect
import itertools
import logging
import os
import pickle
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pixel_client
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pixel_client.auth import KeyCloakAuth
from pixel_client.models import ApiKey, Credentials

from pixel_core.errors import (
    PixelAuthenticationError,
    PixelConnectionError,
    PixelError,
    PixelLoginError,
    PixelPermissionError,
    PixelProtocolError,
    PixelTimeoutError,
    PixelValidationError,
)
from pixel_core.messages import Headers, Origin, Response
from pixel_core.session.answers import Answer
from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from pixel_transports.testing import ManualClock
from pixel_transports.testing import client as timed_client
from tests.support import secret_search as search
from tests.support.callers import call
from tests.support.cli_runs import pixel, run
from tests.support.peers import Peer, Step, read_request, reset, send, wait
from tests.transports.client import test_whole_api as stories
from tests.transports.sandbox.support import TIFF, las

Capture: TypeAlias = pytest.CaptureFixture[str]


def no_fault(method: str, target: str, headers: Headers, content: bytes) -> None:
    """Leave the answer to the sandbox."""


class Output(search.Output):
    """What the library outputs, with the log at DEBUG, records of the log, warnings, and printed text."""

    def __init__(self, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder, capfd: Capture) -> None:
        super().__init__()
        caplog.set_level(logging.DEBUG)
        self._caplog, self._recwarn, self._capfd = caplog, recwarn, capfd

    def check(self, secrets: list[str]) -> None:
        for record in [*self._caplog.get_records("setup"), *self._caplog.records]:
            self.add(f"the log {record.name}", self._caplog.handler.format(record))
            self.add(f"a record of {record.name}", repr(vars(record)))
        for warning in self._recwarn:
            self.add("a warning", str(warning.message))
        self.add("printed text", "".join(self._capfd.readouterr()))
        super().check(secrets)


@pytest.fixture
def output(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder, capfd: Capture) -> Output:
    return Output(caplog, recwarn, capfd)


@pytest.fixture
def sandbox() -> Iterator[search.QuotingSandbox]:
    sandbox = search.QuotingSandbox()
    with SandboxServer(sandbox) as server:
        sandbox.url = server.url
        yield sandbox
    assert not sandbox.failures


class Session:
    """Makes clients of one kind, and calls their operations."""

    def __init__(self, face: str, sandbox: search.QuotingSandbox, output: Output) -> None:
        self.sandbox, self.output = sandbox, output
        self.settings = PixelApiSettings(**sandbox.environment(sandbox.url))
        self._face = face
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._clients: list[Any] = []
        self.client = self.new()

    def new(self, settings: PixelApiSettings | None = None, **keywords: Any) -> Any:
        """Make a client. Its waits between tries take no time."""
        options = {"listener": self.output.event, "tracer": self._provider.get_tracer("tests"), **keywords}
        options = {"journal": os.environ["PIXEL_JOURNAL"], "upload_num_retries": 2, **options}
        client: Any = timed_client(self._face != "blocking", settings or self.settings, clock=ManualClock(), **options)
        self._clients.append(client)
        return client

    def __call__(self, name: str, /, *args: Any, client: Any = None, **keywords: Any) -> Any:
        """Call an operation. A listing is returned as a list."""
        self.output.add("arguments", (args, keywords))
        return call(client or self.client, name, *args, backend=self._face, **keywords)

    def fails(
        self, kind: type[Exception], name: str, *args: Any, client: Any = None, fault: search.Fault | None = None
    ) -> None:
        """Call an operation that raises this error, since the sandbox has this fault."""
        self.sandbox.fault = fault or self.sandbox.fault
        with pytest.raises(kind) as caught:
            self(name, *args, client=client)
        self.output.error(caught.value)
        self.sandbox.fault = no_fault

    def check(self, *kinds: str) -> None:
        """Look for all secrets in the output. Secrets of these kinds must exist."""
        made = self.sandbox.made
        assert {kind for kind in kinds if not made[kind]} == set()
        for span in self._exporter.get_finished_spans():
            self.output.add(f"the span {span.name}", span.to_json())
        for client in self._clients:
            assert self.output.reachable(client) > 10
            self.output.add("the attributes of a client", repr(vars(client)) + repr(vars(client.session)))
        self.output.check([*search.SECRETS, *itertools.chain.from_iterable(made.values())])

    def close(self) -> None:
        for client in self._clients:
            if isinstance(client, PixelClient):
                client.close()


@pytest.fixture(params=["blocking", "asyncio"])
def session(request: pytest.FixtureRequest, sandbox: search.QuotingSandbox, output: Output) -> Iterator[Session]:
    with closing(Session(request.param, sandbox, output)) as session:
        yield session


def test_a_secret_in_the_output_is_found(output: Output) -> None:
    """The search itself works."""
    output.check([search.PASSWORD])
    logging.getLogger("any.logger").debug("it is %s", search.PASSWORD)
    with pytest.raises(BaseException, match=r"the log any\.logger shows a secret"):
        output.check([search.PASSWORD])
    other = search.Output()
    other.error(PixelError(search.PASSWORD))
    assert {where.split(" of ")[0] for where, text in other.texts if search.PASSWORD in text} == {
        "the message",
        "the repr",
        "the traceback",
        "the attributes",
        "the pickle",
    }


@pytest.mark.parametrize("session", ["blocking", "asyncio", "trio"], indirect=True)
def test_the_whole_api_shows_no_secret(session: Session, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Including uploads of all kinds, and calls with secrets as arguments."""
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    fixtures = {"call": session, "project": project, "tmp_path": tmp_path}
    functions = [story for name, story in vars(stories).items() if name.startswith("test_")]
    for story in functions:
        story(*(fixtures[name] for name in inspect.signature(story).parameters))
    collection = session("create_data_collection", project, "I", "", "image")["id"]
    for auth in (search.CREDENTIALS, search.KEY):
        service = session("create_harvest_service", project, collection, search.harvest(auth))["id"]
        session(
            "update_harvest_service", project, collection, service, pixel_client.HarvestServiceUpdateInput(auth=auth)
        )
    created = session("list_projects")
    assert created
    assert len(functions) >= 8
    layers = {record.name for record in caplog.records if record.name.startswith("pixel_client.")}
    assert layers >= {"pixel_client.http", "pixel_client.login", "pixel_client.uploads"}
    session.check(*search.SECRET_KINDS)


def test_refusals_that_quote_the_request_show_no_secret(session: Session) -> None:
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    collection = session("create_data_collection", project, "I", "", "image")["id"]
    refusals = ((401, PixelAuthenticationError), (403, PixelPermissionError), (422, PixelValidationError))
    calls = search.calls_with_secrets(project, collection)
    for (status, kind), json, (name, args) in itertools.product(refusals, (True, False), calls):
        session.fails(kind, name, *args, fault=search.quoting(status, path="/api/", json=json))
    client = session.client.with_options(retries=1, headers={"X-Own": search.HEADER})
    for status in (304, 500, 503, 418):  # the body of a 304 may break the next exchange
        fault = search.quoting(status, path="/api/", json=False)
        session.fails(PixelError, "create_oidc_user", search.user(), client=client, fault=fault)
    for name, *args in (("create_oidc_user", search.user()), ("me",)):
        fault = search.quoting(200, path="/api/", kept=b'{"broken": ')
        session.fails(PixelProtocolError, name, *args, client=client, fault=fault)
    answers: list[Answer] = []
    session("me", client=session.client.with_options(answers=answers))
    session.output.add("the answers of a light copy", repr(answers))
    session.check("access token", "refresh token")


def test_failed_logins_show_no_secret(session: Session) -> None:
    session("me")
    session.sandbox.revoke_tokens()
    session("me")
    faults: list[tuple[search.Fault, type[PixelError]]] = []
    for status in (429, 500, 503):
        faults.append((search.refusing(status, "temporarily_unavailable"), PixelLoginError))
    for kept in (b'{"access_token": ', b"<html>", b'{"access_token": "white space", "x": "'):
        faults.append((search.quoting(200, path="/token", kept=kept), PixelProtocolError))
    for status in (400, 401, 403, 404):
        kind = PixelError if status == 400 else PixelLoginError
        faults += [(search.quoting(status, path="/token", json=json), kind) for json in (True, False)]
        faults += [(search.refusing(status, error), kind) for error in ("invalid_grant", "invalid_client")]
    for fault, kind in faults:
        session.fails(kind, "me", client=session.new(), fault=fault)
    client = session.new()
    session("me", client=client)
    session.sandbox.revoke_tokens()
    quoting = search.refusing(400, "invalid_grant")  # quotes the refresh token, then the password
    session.fails(PixelLoginError, "me", client=client, fault=quoting)
    spaced = f"{search.TOKEN} with white space"
    session.fails(PixelError, "me", client=session.new(token=search.TOKEN))
    session.fails(PixelLoginError, "me", client=session.new(token=lambda: spaced))
    with pytest.raises(PixelLoginError) as wrong:
        session.new(token=spaced)
    session.output.error(wrong.value)
    auth = KeyCloakAuth(
        session.settings.PIXEL_AUTH_SERVER_URL, "Sandbox", "frontend", "demo@example.com", search.PASSWORD
    )
    assert auth.token
    session.output.add("the login of other libraries", repr(auth))
    session.check("access token", "refresh token")


def test_failed_uploads_show_no_secret(session: Session, tmp_path: Path) -> None:
    sandbox = session.sandbox
    project = session("create_project", "Project", "", SAMPLE_AREA)["id"]
    rasters = session("create_data_collection", project, "R", "", "RGB")["id"]
    clouds = session("create_data_collection", project, "C", "", "point_cloud")["id"]
    tif, cloud = tmp_path / "a.tif", tmp_path / "a.las"
    tif.write_bytes(TIFF)
    cloud.write_bytes(las())
    refusals = [
        *(refused(code) for code in ("SignatureDoesNotMatch", "AccessDenied", "EntityTooLarge", "InternalError")),
        refused("AccessDenied", "Request has expired"),
        search.quoting(503, path="/storage/", json=False),
        search.quoting(200, path="/storage/", json=False),
        moved("https://127.0.0.1:1/elsewhere"),
        moved("nonsense://?"),
        moved("http://["),
    ]
    for fault in refusals:
        for name, *args in (
            ("upload_multiple_rasters", rasters, [pixel_client.PixelUploadFile(file=tif)]),
            ("upload_multiple_point_clouds", clouds, [pixel_client.PixelUploadFile(file=cloud)], True, 64),
        ):
            sandbox.fault = fault
            done, errors = session(name, project, *args)
            session.output.add("results", (done, errors))
            for error in errors:
                session.output.error(error)
        session.fails(PixelError, "upload_raster", project, rasters, tif)
        session.fails(PixelError, "add_attachments", "project", project, [tif], fault=fault)
    for broken in ('"url": 7, "was": ', '"url": "nonsense?', '"form": 7, "was": '):
        for name, *args in (("raster", rasters, tif), ("point_cloud", clouds, cloud, None, True, 64)):
            session.fails(PixelError, f"upload_{name}", project, *args, fault=broken_jobs(sandbox, broken))
    fault = search.quoting(422, path="/api/", method="POST")
    session.fails(PixelValidationError, "upload_raster", project, rasters, tif, fault=fault)
    session.check(*search.SECRET_KINDS)


def refused(code: str, message: str = "Refused") -> search.Fault:
    """Refuse as S3 does, which quotes the signature and the string to sign."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/storage/" not in target:
            return None
        quoted = f"{target} {content.decode('latin-1')}".replace("<", "&lt;").replace("&", "&amp;")
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><StringToSign>{quoted}</StringToSign></Error>"
        return Response(403, Headers({"Content-Type": "application/xml"}), body.encode("utf-8", "replace"))

    return fault


def moved(where: str) -> search.Fault:
    """Redirect a request, with its signature."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if "/storage/" not in target:
            return None
        signed = re.findall(rb"[0-9a-f]{64}", target.encode() + content)
        location = f"{where}?X-Amz-Signature={(signed or [b'0'])[-1].decode()}"
        return Response(307, Headers({"Location": location}))

    return fault


def broken_jobs(sandbox: search.QuotingSandbox, broken: str) -> search.Fault:
    """Responses with upload jobs that have something else in place of their URLs."""

    def fault(method: str, target: str, headers: Headers, content: bytes) -> Response | None:
        if method != "POST" or "upload_job" not in target:
            return None
        sandbox.fault = no_fault
        answer = sandbox.handle(method, Origin("http", "127.0.0.1", 80), target, headers, content)
        body = answer.body.replace(b'"url":', b'"url" :')
        kept = broken.encode()
        body = re.sub(rb'"url" :\s*"[^"?]*\??', kept if kept.endswith(b"?") else kept + b'"', body)
        return Response(answer.status, answer.headers, body)

    return fault


def test_broken_and_silent_connections_show_no_secret(session: Session, tmp_path: Path) -> None:
    breaks: list[tuple[list[Step], type[Exception]]] = [
        ([read_request, reset], PixelConnectionError),
        ([read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")], PixelError),
        ([read_request, send(b"no HTTP at all\r\n\r\n")], PixelError),
        ([reset], PixelConnectionError),
    ]
    for script, kind in breaks:
        with Peer(script) as peer:
            settings = session.settings.model_copy(update={"PIXEL_API_URL_OVERRIDE": f"{peer.origin}/api/sandbox"})
            client = session.new(settings).with_options(retries=1)
            session.fails(kind, "create_oidc_user", search.user(), client=client)
            session.fails(kind, "me", client=client)
    with Peer([read_request, lambda connection: wait(peer.stopping)(connection)]) as peer:
        settings = session.settings.model_copy(update={"PIXEL_AUTH_SERVER_URL_OVERRIDE": str(peer.origin)})
        client = session.new(settings, timeout_pixel=0.1).with_options(retries=0)
        session.fails(PixelTimeoutError, "me", client=client)
    with Peer([read_request, send(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]) as peer:
        proxy = f"http://user:{search.PROXY_PASSWORD}@127.0.0.1:{peer.origin.port}"
        client = session.new(proxy=proxy)
        session.fails(PixelError, "me", client=client)
    nowhere = session.settings.model_copy(update={"PIXEL_API_URL_OVERRIDE": "http://127.0.0.1:1/api/sandbox"})
    session.fails(PixelConnectionError, "create_oidc_user", search.user(), client=session.new(nowhere))
    session.check("access token")


WRONG = {
    "PIXEL_ENV": search.SETTING,
    "PIXEL_API_URL": search.SETTING,
    "PIXEL_AUTH_SERVER_URL": f"http://user:{search.SETTING}@127.0.0.1",
    "PIXEL_CLIENT_NO_VERSION_CHECK": search.SETTING,
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_an_error_in_a_dotenv_file_names_the_setting_without_its_value(
    name: str, output: Output, tmp_path: Path
) -> None:
    values = {"PIXEL_USERNAME": "user", "PIXEL_PASSWORD": search.PASSWORD, "PIXEL_TENANT": "acme", name: WRONG[name]}
    path = tmp_path / ".env"
    path.write_text("".join(f"{each}={value}\n" for each, value in values.items()))
    with pytest.raises(ValueError, match=name) as wrong:
        PixelClient.from_settings(PixelApiSettings(_env_file=path))
    output.error(wrong.value)
    output.check([search.PASSWORD, search.SETTING])


def test_wrong_arguments_show_no_secret(output: Output, tmp_path: Path) -> None:
    """Arguments that are refused before anything is sent."""
    key = tmp_path / "key.pem"
    key.write_text("no key")
    options = TlsOptions(client_certificate=key, client_key=key, key_password=search.KEY_PASSWORD)
    output.add("the TLS options", repr(options))

    def made(**keywords: Any) -> PixelClient:
        url = "https://127.0.0.1:1"
        return PixelClient(url, url, "Acme", "frontend", "user", search.PASSWORD, **keywords)

    client, with_key = made(), made(tls=options)
    calls: list[Callable[[], object]] = [
        lambda: Credentials.model_validate(
            {"username": [search.HARVEST_PASSWORD], "password": {"x": search.HARVEST_PASSWORD}}
        ),
        lambda: ApiKey.model_validate({"api_key": [search.API_KEY]}),
        lambda: client.with_options(headers={"Authorization": search.HEADER}),
        lambda: client.with_options(headers={"X-Own": f"{search.HEADER}\r\nX-More: 1"}, retries=0).me(),
        lambda: made(proxy=f"socks5://user:{search.PROXY_PASSWORD}@127.0.0.1"),
        lambda: made(proxy=f"http://user:{search.PROXY_PASSWORD}@[::1"),
        lambda: made(proxy=f"http://user:{search.PROXY_PASSWORD}@127.0.0.1:x"),
        lambda: with_key.me(),
        lambda: pickle.dumps(made(tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))),
    ]
    for attempt in calls:
        with pytest.raises(Exception, match="") as refused:
            attempt()
        output.error(refused.value)
    for each in (client, with_key):
        output.reachable(each)
    output.check(search.SECRETS)


def test_the_command_shows_no_secret(sandbox: search.QuotingSandbox, output: Output, tmp_path: Path) -> None:
    environment = sandbox.environment(sandbox.url)
    codes: list[int] = []
    for fault in (
        no_fault,
        search.refusing(401, "invalid_grant"),
        search.quoting(401, path="/api/"),
        search.quoting(500, path="/api/", json=False),
        search.quoting(200, path="/api/", kept=b'{"broken": '),
        search.quoting(200, path="/token", kept=b'{"broken": '),
    ):
        sandbox.fault = fault
        result = run("me", environment=environment)
        codes.append(result.exit_code)
        output.add("the command", result.output)
    assert [code == 0 for code in codes] == [True, False, False, False, False, False]
    done = pixel("me", environment=environment)
    output.add("the command", done.stdout + done.stderr)
    done = pixel("me", environment={**environment, "PIXEL_API_URL": search.SETTING, "PIXEL_ENV": search.SETTING})
    assert done.returncode == 2
    output.add("the command", done.stdout + done.stderr)
    output.check([*search.SECRETS, *(secret for secrets in sandbox.made.values() for secret in secrets)])

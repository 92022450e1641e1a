"""Events and log lines of calls, exchanges, logins and uploads: the same on every face."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from pixel_client import PixelUploadFile

from pixel_core import Request, Response, events
from pixel_core.errors import PixelConnectionError, PixelError, PixelLoginError
from pixel_core.messages import split_url
from pixel_core.models import ListParams
from pixel_transports import PixelApiSettings, PixelClient, get_client
from pixel_transports.observability.hooks import Hooks
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox
from tests.support.callers import call, client_of
from tests.transports.sandbox.support import TIFF

Call: TypeAlias = Callable[..., Any]
Wrapped: TypeAlias = Callable[[Request, Callable[[Request], Response]], Response]

API = "http://sandbox.invalid/api/sandbox"
TOKENS = "http://sandbox.invalid/auth/realms/Sandbox/protocol/openid-connect/token"


def straight(request: Request, sandbox: Callable[[Request], Response]) -> Response:
    return sandbox(request)


class Recorded:
    """A client of one face, and the events that it recorded."""

    def __init__(self, face: str) -> None:
        self._face = face
        self.events: list[Any] = []

    def __call__(
        self, name: str, *args: Any, wrapped: Wrapped = straight, password: str | None = None, **keywords: Any
    ) -> Any:
        """Call an operation of a new client; its requests go to a new sandbox through `wrapped`."""
        sandbox = Sandbox(job_seconds=0.0)
        environment = sandbox.environment("http://sandbox.invalid")
        if password is not None:
            environment["PIXEL_PASSWORD"] = password
        keywords = {"listener": self.events.append, **keywords, "transport": lambda request: wrapped(request, sandbox)}
        client: Any = get_client(self._face != "blocking", PixelApiSettings(**environment), **keywords)
        return call(client, name, *args, backend=self._face)

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return Recorded(request.param)


def breaking(path: str, times: int, answer: Response | None = None) -> Wrapped:
    """The first requests to a path get this response; without one, the connection breaks."""
    left = [times]

    def wrapped(request: Request, sandbox: Callable[[Request], Response]) -> Response:
        if request.path.endswith(path) and left[0]:
            left[0] -= 1
            if answer is None:
                raise PixelConnectionError(f"{request.label}: it broke", sent=True)
            return answer
        return sandbox(request)

    return wrapped


def test_each_exchange_is_reported_before_and_after_it(recorded: Recorded) -> None:
    recorded("me")
    login, _, renewed, sent, received = recorded.events
    assert (login.call, renewed.call) == (f"POST {TOKENS}", f"POST {TOKENS}")
    assert (sent, received.status) == (events.RequestSent(f"GET {API}/users/me", received.request_id, 0, 0), 200)
    assert received.size > 0
    assert 0 <= received.seconds < 60


@pytest.mark.parametrize(
    ("path", "status", "attempts"),
    [("/me", 503, [1, 2]), ("/token", 503, [1, 2]), ("/me", 401, [])],
    ids=["of a call", "of a login", "with another token"],
)
def test_repeats_are_reported_with_the_request_id_of_the_call(
    recorded: Recorded, path: str, status: int, attempts: list[int]
) -> None:
    times = len(attempts) or 1
    recorded("me", wrapped=breaking(path, times, Response(status)))
    sent = [event.resend for event in recorded.of(events.RequestSent) if event.call.endswith(path)]
    assert sent == list(range(times + 1))
    assert [event.attempt for event in recorded.of(events.CallRepeated) if event.call.endswith(path)] == attempts
    assert len(recorded.of(events.LoginRenewed)) == (2 if status == 401 else 1)
    assert len({event.request_id for event in recorded.events}) == 1
    assert recorded.events[0].request_id


def test_an_exchange_without_a_response_is_reported_with_the_reason(recorded: Recorded) -> None:
    with pytest.raises(PixelError):
        recorded("me", wrapped=breaking("/me", 99))
    failed = recorded.of(events.RequestFailed)
    assert {event.reason for event in failed} == {f"GET {API}/users/me: it broke"}
    assert len(failed) == len(recorded.of(events.CallRepeated)) + 1
    assert len(recorded.of(events.CallFailed)) == 1


def test_a_foreign_error_is_reported_by_its_name(recorded: Recorded) -> None:
    def wrapped(request: Request, sandbox: Callable[[Request], Response]) -> Response:
        raise LookupError("hush-hush")

    with pytest.raises(LookupError, match="hush"):
        recorded("me", wrapped=wrapped)
    assert [event.reason for event in recorded.of(events.RequestFailed)] == ["LookupError"]


def test_a_refused_login_is_reported_and_logged_at_error(recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PixelLoginError, match=r"Login refused for demo@example\.com") as refused:
        recorded("me", password="wrong")
    (failed,) = recorded.of(events.LoginFailed)
    assert failed == events.LoginFailed("Sandbox", str(refused.value), recorded.events[0].request_id)
    (record,) = [record for record in caplog.records if record.name == "pixel_client.login"]
    assert (record.levelname, failed.reason in record.getMessage()) == ("ERROR", True)


@pytest.mark.anyio
async def test_a_cancelled_exchange_is_reported() -> None:
    reported: list[Any] = []

    async def silent(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    settings = PixelApiSettings(**Sandbox().environment("http://sandbox.invalid"))
    client = get_client(True, settings, transport=silent, listener=reported.append)
    with anyio.move_on_after(0.05):
        await client.me()
    assert [type(event) for event in reported] == [events.RequestSent, events.RequestFailed]
    assert reported[1].reason == "cancelled"


def test_a_hook_is_called_for_its_kind_of_event_and_one_for_every_event_after_it() -> None:
    names, calls = ("request", "response", "failure", "retry", "renewal", "event"), []
    hooks: dict[str, Any] = {f"on_{name}": lambda event, name=name: calls.append(name) for name in names}
    Recorded("blocking")("me", wrapped=breaking("/me", 1), listener=Hooks(**hooks))
    kinds = ("request", "response", "renewal", "request", "failure", "retry", "request", "response")
    assert calls == [name for kind in kinds for name in (kind, "event")]
    one = Hooks(on_renewal=lambda event: calls.clear())
    for event in (events.LoginRenewed("Acme", ""), events.RequestSent("GET /", "", 0, 0)):
        one(event)
    assert (calls, repr(one)) == ([], "<Hooks on_renewal>")


def test_a_hook_that_cannot_be_called_or_awaited_is_a_type_error_that_names_it() -> None:
    async def later(event: object) -> None: ...

    with pytest.raises(TypeError, match="on_retry"):
        Hooks(on_retry=later)
    wrong: Any = 7
    with pytest.raises(TypeError, match="on_request"):
        Hooks(on_request=wrong)


def test_an_exception_of_a_listener_is_logged_and_the_call_continues(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError("in the listener")

    assert recorded("me", listener=broken)["email"] == "demo@example.com"
    lines = [record for record in caplog.records if record.exc_info]
    assert len(lines) == 5
    assert lines[0].getMessage() == "A listener failed for the event RequestSent"
    assert "ZeroDivisionError: in the listener" in caplog.text


def test_a_keyboard_interrupt_of_a_listener_is_raised_and_frees_the_connection(
    pixel_settings: PixelApiSettings,
) -> None:
    def leave(event: object) -> None:
        if isinstance(event, (events.RequestSent, events.ResponseReceived)) and event.call.endswith("/me"):
            raise KeyboardInterrupt

    with get_client(settings=pixel_settings, listener=leave) as client:
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                client.me()
        assert "0 held" in repr(client.transport)


def lines(caplog: pytest.LogCaptureFixture, layer: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == f"pixel_client.{layer}"]


def test_each_layer_logs_under_its_name(recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client")
    recorded("me", wrapped=breaking("/me", 1, Response(503)), listener=None)
    number = next(record for record in caplog.records if record.name == "pixel_client.calls").__dict__["request_id"]
    sent, answered = "0 bytes are sent", "status 200 after"
    http = lines(caplog, "http")
    assert http[2] == f"GET {API}/users/me: {sent} (request ID: {number})"
    assert http[4] == f"GET {API}/users/me: {sent}, sent 2 times (request ID: {number})"
    assert http[5].startswith(f"GET {API}/users/me: {answered}")
    assert lines(caplog, "login") == [f"A new token for Sandbox from POST {TOKENS} (request ID: {number})"]
    (again,) = lines(caplog, "calls")
    assert again.startswith(f"GET {API}/users/me again in ")
    assert again.endswith(f" s, after try 1: status 503 (request ID: {number})")


def test_a_line_of_the_log_has_no_query(recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorded("request", "GET", "/projects/", {"name": "north"})
    assert f"GET {API}/projects/: status 200" in caplog.text
    assert "north" not in caplog.text


@pytest.mark.parametrize("face", ["blocking", "asyncio", "trio"])
def test_connections_are_logged_with_the_call_that_uses_them(
    face: str, pixel_settings: PixelApiSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client.connections")
    with client_of(face, pixel_settings) as called:
        for _ in range(3):
            called("me")
    records = [record for record in caplog.records if record.name == "pixel_client.connections"]
    what = [record.getMessage().partition(": ")[2].partition(" (")[0] for record in records]
    assert what[:3] == ["opened", "used again", "used again"]
    assert what[-1] == "closed"
    first, second, third = (record.__dict__["request_id"] for record in records[:3])
    assert first == second != third
    assert f"(request ID: {first})" in records[0].getMessage()
    assert records[0].getMessage().startswith(str(split_url(pixel_settings.PIXEL_API_URL)[0]))


def test_files_of_uploads_have_lines_and_each_record_of_every_logger_has_the_attribute_request_id(
    pixel_settings: PixelApiSettings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Except those of the journal, which are in `test_journal_runs`."""
    caplog.set_level(logging.DEBUG, "pixel_client")
    path, size = tmp_path / "a.tif", len(TIFF)
    path.write_bytes(TIFF)
    with PixelClient.from_settings(pixel_settings, listener=lambda event: 1 / 0) as client:
        project = client.create_project("Project", "", SAMPLE_AREA)["id"]
        collection = client.create_data_collection(project, "Rasters", "", "RGB")["id"]
        client.upload_multiple_rasters(project, collection, [PixelUploadFile(file=path)])
        client.list_projects(ListParams(), name="ignored")
        with pytest.raises(PixelError):
            client.get_project(4711)
    *files, end = lines(caplog, "uploads")
    for line, what in zip(files, (f"read, {size} bytes", f"sent, {size} bytes", "validated"), strict=True):
        assert line.startswith(f"{path}: {what}")
    assert f"1 of 1 files done, {size} of {size} bytes sent" in end
    records = [record for record in caplog.records if record.name.startswith("pixel_client.")]
    loggers = {record.name.removeprefix("pixel_client.") for record in records}
    assert loggers == {"calls", "http", "login", "connections", "uploads"}
    assert all(isinstance(vars(record).get("request_id"), str) for record in records)


def test_the_only_handler_is_a_null_handler() -> None:
    code = (
        "import logging, pixel_transports.observability.logs;"
        "root = logging.getLogger('pixel_client');"
        "assert [type(each) for each in root.handlers] == [logging.NullHandler], root.handlers;"
        "assert root.level == logging.NOTSET and root.propagate;"
        "assert not logging.getLogger().handlers;"
        "pixel_transports.observability.logs.CALLS.warning('not shown')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_instrumentation_is_enabled_by_a_listener_or_a_log_level() -> None:
    instrumentation = DriverInstrumentation()
    assert not instrumentation.enabled
    assert DriverInstrumentation(listener=print).enabled
    logger = logging.getLogger("pixel_client.http")
    logger.setLevel(logging.DEBUG)
    try:
        assert instrumentation.enabled
    finally:
        logger.setLevel(logging.NOTSET)
    assert not instrumentation.enabled

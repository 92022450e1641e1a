"""What the log and listeners are told of calls, exchanges, logins and uploads, on every face; and what nobody pays for.

Rules kept here:

* The faces are told the same, in the same order: one table serves all.
* Listeners are those of a program: functions, and `Hooks`.
"""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from pixel_client import PixelUploadFile

from pixel_core import Request, Response
from pixel_core.errors import PixelConnectionError, PixelError, PixelLoginError
from pixel_core.events import (
    CallFailed,
    CallRepeated,
    LoginFailed,
    LoginRenewed,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    UploadProgress,
)
from pixel_core.messages import split_url
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, get_client
from pixel_transports.observability.hooks import Hooks
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox
from tests.transports.sandbox.support import TIFF

Call: TypeAlias = Callable[..., Any]
Wrapped: TypeAlias = Callable[[Request, Callable[[Request], Response]], Response]

API = "http://sandbox.invalid/api/sandbox"
TOKENS = "http://sandbox.invalid/auth/realms/Sandbox/protocol/openid-connect/token"


def straight(request: Request, sandbox: Callable[[Request], Response]) -> Response:
    return sandbox(request)


class Told:
    """A client of one face, and the events that it told."""

    def __init__(self, face: str) -> None:
        self._face = face
        self.events: list[Any] = []

    def __call__(
        self, name: str, *args: Any, wrapped: Wrapped = straight, password: str | None = None, **keywords: Any
    ) -> Any:
        """Call an operation of a new client of a new sandbox, which is asked by way of `wrapped`."""
        sandbox = Sandbox(job_seconds=0.0)
        environment = sandbox.environment("http://sandbox.invalid")
        if password is not None:
            environment["PIXEL_PASSWORD"] = password
        keywords = {"listener": self.events.append, **keywords, "transport": lambda request: wrapped(request, sandbox)}
        client: Any = get_client(self._face != "blocking", PixelApiSettings(**environment), **keywords)
        if self._face == "blocking":
            return getattr(client, name)(*args)
        return anyio.run(lambda: getattr(client, name)(*args), backend=self._face)

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def told(request: pytest.FixtureRequest) -> Told:
    return Told(request.param)


def breaking(path: str, times: int, answer: Response | None = None) -> Wrapped:
    """The first requests to a path get this answer, or none: the connection breaks."""
    left = [times]

    def wrapped(request: Request, sandbox: Callable[[Request], Response]) -> Response:
        if request.path.endswith(path) and left[0]:
            left[0] -= 1
            if answer is None:
                raise PixelConnectionError(f"{request.label}: it broke", sent=True)
            return answer
        return sandbox(request)

    return wrapped


# Events


def test_each_exchange_is_told_of_before_and_after_it(told: Told) -> None:
    told("me")
    login, _, renewed, sent, received = told.events
    assert (login.call, renewed.call) == (f"POST {TOKENS}", f"POST {TOKENS}")
    assert (sent, received.status) == (RequestSent(f"GET {API}/users/me", received.request_id, 0, 0), 200)
    assert received.size > 0
    assert 0 <= received.seconds < 60


def test_all_events_of_a_call_have_its_request_id_those_of_its_login_too(told: Told) -> None:
    told("me", wrapped=breaking("/me", 2, Response(503)))
    kinds = {type(event) for event in told.events}
    assert kinds == {RequestSent, ResponseReceived, LoginRenewed, CallRepeated}
    assert len({event.request_id for event in told.events}) == 1
    assert told.events[0].request_id


def test_an_exchange_says_how_often_its_request_was_sent_before(told: Told) -> None:
    told("me", wrapped=breaking("/me", 2, Response(503)))
    assert [event.resend for event in told.of(RequestSent) if event.call.endswith("/me")] == [0, 1, 2]


def test_a_request_that_is_sent_again_after_a_401_counts_as_one_sent_before(told: Told) -> None:
    told("me", wrapped=breaking("/me", 1, Response(401)))
    assert [event.resend for event in told.of(RequestSent) if event.call.endswith("/me")] == [0, 1]
    assert len(told.of(LoginRenewed)) == 2


def test_an_exchange_without_an_answer_is_told_of_with_the_reason(told: Told) -> None:
    with pytest.raises(PixelError):
        told("me", wrapped=breaking("/me", 99))
    failed = told.of(RequestFailed)
    assert {event.reason for event in failed} == {f"GET {API}/users/me: it broke"}
    assert len(failed) == len(told.of(CallRepeated)) + 1
    assert len(told.of(CallFailed)) == 1


def test_what_a_transport_of_ones_own_raises_is_told_by_its_name_alone(told: Told) -> None:
    def wrapped(request: Request, sandbox: Callable[[Request], Response]) -> Response:
        raise LookupError("hush-hush")

    with pytest.raises(LookupError, match="hush"):
        told("me", wrapped=wrapped)
    assert [event.reason for event in told.of(RequestFailed)] == ["LookupError"]


def test_a_login_that_is_refused_is_told_of(told: Told) -> None:
    with pytest.raises(PixelLoginError) as refused:
        told("me", password="wrong")
    (failed,) = told.of(LoginFailed)
    assert failed == LoginFailed("Sandbox", str(refused.value), told.events[0].request_id)


def test_a_login_that_is_tried_again_is_told_of(told: Told) -> None:
    told("me", wrapped=breaking("/token", 2, Response(503)))
    assert [(event.call, event.attempt) for event in told.of(CallRepeated)] == [
        (f"POST {TOKENS}", 1),
        (f"POST {TOKENS}", 2),
    ]
    assert [event.resend for event in told.of(RequestSent) if event.call.endswith("/token")] == [0, 1, 2]


@pytest.mark.anyio
async def test_an_exchange_that_is_cancelled_is_told_of() -> None:
    events: list[Any] = []

    async def silent(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    settings = PixelApiSettings(**Sandbox().environment("http://sandbox.invalid"))
    client = get_client(True, settings, transport=silent, listener=events.append)
    with anyio.move_on_after(0.05):
        await client.me()
    assert [type(event) for event in events] == [RequestSent, RequestFailed]
    assert events[1].reason == "cancelled"


# Listeners


def test_hooks_are_called_for_their_kind_of_event(told: Told) -> None:
    heard: list[str] = []
    hooks = Hooks(
        on_request=lambda event: heard.append(f"request {event.size}"),
        on_response=lambda event: heard.append(f"response {event.status}"),
        on_failure=lambda event: heard.append("failure"),
        on_retry=lambda event: heard.append(f"retry {event.attempt}"),
        on_renewal=lambda event: heard.append(f"renewal {event.realm}"),
    )
    first = [True]

    def wrapped(request: Request, sandbox: Callable[[Request], Response]) -> Response:
        if request.path.endswith("/me") and first.pop():
            first.append(False)
            raise PixelConnectionError("it broke")
        return sandbox(request)

    told("me", wrapped=wrapped, listener=hooks)
    assert heard[1:] == [
        "response 200",
        "renewal Sandbox",
        "request 0",
        "failure",
        "retry 1",
        "request 0",
        "response 200",
    ]


def test_a_hook_for_every_event_is_called_after_that_for_its_kind() -> None:
    heard: list[str] = []
    hooks = Hooks(on_renewal=lambda event: heard.append("renewal"), on_event=lambda event: heard.append("event"))
    hooks(LoginRenewed("Acme", ""))
    hooks(RequestSent("GET /", "", 0, 0))
    assert heard == ["renewal", "event", "event"]
    assert repr(hooks) == "<Hooks on_renewal, on_event>"


def test_a_hook_that_cannot_be_called_or_awaited_is_a_type_error_that_names_it() -> None:
    async def later(event: object) -> None: ...

    with pytest.raises(TypeError, match="on_retry"):
        Hooks(on_retry=later)
    wrong: Any = 7
    with pytest.raises(TypeError, match="on_request"):
        Hooks(on_request=wrong)


def test_what_a_listener_raises_is_logged_and_the_call_goes_on(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError("in the listener")

    assert told("me", listener=broken)["email"] == "demo@example.com"
    lines = [record for record in caplog.records if record.exc_info]
    assert len(lines) == 5
    assert lines[0].getMessage() == "A listener failed for the event RequestSent"
    assert "ZeroDivisionError: in the listener" in caplog.text


def test_a_listener_that_ends_the_program_does_and_leaves_no_connection_in_use(
    pixel_settings: PixelApiSettings,
) -> None:
    def leave(event: object) -> None:
        if isinstance(event, (RequestSent, ResponseReceived)) and event.call.endswith("/me"):
            raise KeyboardInterrupt

    with get_client(settings=pixel_settings, listener=leave) as client:
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                client.me()
        assert "0 held" in repr(client.transport)


# Lines


def lines(caplog: pytest.LogCaptureFixture, layer: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == f"pixel_client.{layer}"]


def test_the_log_tells_of_each_layer_under_its_name(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client")
    told("me", wrapped=breaking("/me", 1, Response(503)), listener=None)
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


def test_each_record_has_the_request_id_of_its_call(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client")
    with pytest.raises(PixelError):
        told("get_project", 4711, listener=None)
    numbers = {record.__dict__["request_id"] for record in caplog.records if record.name.startswith("pixel_client.")}
    assert len(numbers) == 1
    assert all(number in caplog.text for number in numbers)


def test_a_line_of_the_log_has_no_query(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told("request", "GET", "/projects/", {"name": "north"})
    assert f"GET {API}/projects/: status 200" in caplog.text
    assert "north" not in caplog.text


def test_a_refused_login_is_logged_at_error(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PixelLoginError):
        told("me", password="wrong", listener=None)
    (record,) = [record for record in caplog.records if record.name == "pixel_client.login"]
    assert record.levelname == "ERROR"
    assert "Login refused for demo@example.com" in record.getMessage()


def test_uploads_tell_of_each_file_in_the_log(told: Told, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client.uploads")
    path, size = tmp_path / "a.tif", len(TIFF)
    path.write_bytes(TIFF)
    sandbox = Sandbox(job_seconds=0.0)

    def wrapped(request: Request, _: Callable[[Request], Response]) -> Response:
        return sandbox(request)

    project = told("create_project", "Project", "", SAMPLE_AREA, wrapped=wrapped)["id"]
    collection = told("create_data_collection", project, "Rasters", "", "RGB", wrapped=wrapped)["id"]
    told("upload_multiple_rasters", project, collection, [PixelUploadFile(file=path)], wrapped=wrapped, journal=None)
    assert f"{path}: read, {size} bytes" in lines(caplog, "uploads")
    assert f"{path}: sent, {size} bytes" in lines(caplog, "uploads")
    assert any(line.startswith(f"{path}: validated") for line in lines(caplog, "uploads"))
    assert any(f"1 of 1 files done, {size} of {size} bytes sent" in line for line in lines(caplog, "uploads"))
    assert told.of(UploadProgress)[-1].last


@pytest.mark.parametrize("face", ["blocking", "asyncio", "trio"])
def test_the_log_tells_of_connections_and_of_the_call_that_uses_them(
    face: str, pixel_settings: PixelApiSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pixel_client.connections")
    if face == "blocking":
        with PixelClient.from_settings(pixel_settings) as blocking:
            blocking.me()
            blocking.me()
    else:

        async def work() -> None:
            client = PixelClientAsync.from_settings(pixel_settings)
            await client.me()
            await client.me()
            await client.with_options(headers={"Connection": "close"}).me()

        anyio.run(work, backend=face)
    told = [record for record in caplog.records if record.name == "pixel_client.connections"]
    what = [record.getMessage().partition(": ")[2].partition(" (")[0] for record in told]
    assert what[:3] == ["opened", "used again", "used again"]
    assert what[-1] == "closed"
    first, second, third = (record.__dict__["request_id"] for record in told[:3])
    assert first == second != third
    assert f"(request ID: {first})" in told[0].getMessage()
    assert told[0].getMessage().startswith(str(split_url(pixel_settings.PIXEL_API_URL)[0]))


# What nobody pays for


def test_nothing_is_set_up_but_a_handler_that_does_nothing() -> None:
    code = (
        "import logging, pixel_transports.observability.logs;"
        "root = logging.getLogger('pixel_client');"
        "assert [type(each) for each in root.handlers] == [logging.NullHandler], root.handlers;"
        "assert root.level == logging.NOTSET and root.propagate;"
        "assert not logging.getLogger().handlers;"
        "pixel_transports.observability.logs.CALLS.warning('heard by nobody')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_exchange_is_watched_only_where_somebody_listens_at_that_moment() -> None:
    watch = DriverInstrumentation()
    assert not watch.enabled
    assert DriverInstrumentation(listener=print).enabled
    logger = logging.getLogger("pixel_client.http")
    logger.setLevel(logging.DEBUG)
    try:
        assert watch.enabled
    finally:
        logger.setLevel(logging.NOTSET)
    assert not watch.enabled

"""Apps in the same process: their requests, their responses, and the errors of invalid ones."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from pixel_core.errors import PixelConnectionError, PixelFileChangedError, PixelProtocolError, PixelTimeoutError
from pixel_core.http.decoding import Limits
from pixel_core.messages import FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.adapters import AsgiTransport, WsgiTransport

ORIGIN = Origin("https", "pixel.test", 443)
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}

pytestmark = pytest.mark.anyio


def request_of(method: str = "GET", target: str = "/a%20b/%C3%A6?x=1", **more: Any) -> Request:
    return Request(method, ORIGIN, target, Headers({"X-Same": "1", "x-same": "2"}), **more)


def sending(*messages: dict[str, Any]) -> Any:
    """An ASGI app that sends these messages."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def returning(status: str, headers: list[tuple[str, str]], *pieces: bytes) -> WsgiTransport:
    """A WSGI app that returns this response."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, headers)
        return pieces

    return WsgiTransport(app)


async def response_of(app: Any, request: Request, **options: Any) -> Response:
    """The response of an ASGI app, or of a WSGI app in its transport."""
    if isinstance(app, WsgiTransport):
        return app.send(request)
    return await AsgiTransport(app, **options).send(request)


async def test_an_asgi_app_receives_the_scope_and_events_of_a_server() -> None:
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        events.extend([scope, await receive()])
        await sending(START, BODY)(scope, receive, send)
        events.append(await receive())

    await response_of(app, request_of("POST", body=b"abc"), root_path="/root")
    scope, first, last = events
    assert (scope["method"], scope["scheme"], scope["path"], scope["root_path"]) == ("POST", "https", "/a b/æ", "/root")
    assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b/%C3%A6", b"x=1")
    assert scope["server"] == ("pixel.test", 443)
    assert scope["headers"] == [
        (b"host", b"pixel.test"),
        (b"x-same", b"1"),
        (b"x-same", b"2"),
        (b"content-length", b"3"),
    ]
    assert first == {"type": "http.request", "body": b"abc", "more_body": False}
    assert last == {"type": "http.disconnect"}


def test_a_wsgi_app_receives_the_environ_of_a_server() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "CONTENT_LENGTH")
        assert [environ[name] for name in names] == ["POST", "/a b/Ã¦", "x=1", "pixel.test", "443", "8"]
        assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"], environ["HTTP_X_SAME"]) == (
            "https",
            "pixel.test",
            "1,2",
        )
        assert [environ["wsgi.input"].readline(), environ["wsgi.input"].read()] == [b"abc\n", b"defg"]
        write = start_response("201 Made", [("X-A", "b")])
        write(b"first ")
        return [b"", b"second"]

    answer = WsgiTransport(app).send(request_of("POST", body=b"abc\ndefg"))
    assert (answer.status, answer.headers["x-a"], answer.body) == (201, "b", b"first second")


async def test_the_background_tasks_of_starlette_are_done_when_the_response_is_returned() -> None:
    done: list[str] = []

    async def work() -> None:
        await anyio.sleep(0.05)
        done.append("worked")

    async def echo(request: StarletteRequest) -> JSONResponse:
        return JSONResponse({"sent": len(await request.body())}, background=BackgroundTask(work))

    app = Starlette(routes=[Route("/echo", echo, methods=["POST"])])
    assert (await response_of(app, request_of("POST", "/echo", body=b"x" * 300_000))).json() == {"sent": 300_000}
    assert done == ["worked"]
    assert (await response_of(app, request_of("GET", "/none"))).status == 404


async def test_exceptions_of_an_app_are_raised_unchanged() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("a mistake in the app")

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError("a mistake in the app")

    with pytest.raises(ZeroDivisionError, match="a mistake in the app"):
        await response_of(app, request_of())
    with pytest.raises(ZeroDivisionError, match="a mistake in the app"):
        WsgiTransport(wsgi).send(request_of())


@pytest.mark.parametrize(
    ("app", "kind", "reason"),
    [
        (sending(), PixelConnectionError, "closed before any answer"),
        (sending(START), PixelConnectionError, "closed in the middle of the answer"),
        (sending(START, {**BODY, "more_body": True}), PixelConnectionError, "closed in the middle of the answer"),
        (sending(BODY), PixelProtocolError, "sends http.response.body out of turn"),
        (sending(START, START), PixelProtocolError, "sends http.response.start out of turn"),
        (sending(START, BODY, BODY), PixelProtocolError, "sends http.response.body out of turn"),
        (sending({**START, "status": 101}, BODY), PixelProtocolError, "with the status 101"),
        (sending({**START, "headers": [(b"Content-Length", b"3")]}, BODY), PixelProtocolError, "a Content-Length of 3"),
        (WsgiTransport(lambda environ, start_response: [b"ok"]), PixelConnectionError, "closed before any answer"),
        (WsgiTransport(lambda environ, start_response: []), PixelConnectionError, "closed before any answer"),
        (returning("OK", [], b"ok"), PixelProtocolError, "the app gives no status"),
        (returning("102 Wait", []), PixelProtocolError, "with the status 102"),
        (returning("200 OK", [("Content-Length", "3")], b"ok"), PixelProtocolError, "a Content-Length of 3"),
    ],
)
async def test_an_invalid_response_of_an_app_is_an_error_that_names_the_request(
    app: Any, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as caught:
        await response_of(app, request_of())
    assert "GET https://pixel.test/a%20b/%C3%A6" in str(caught.value)
    assert "x=1" not in str(caught.value)


def test_the_iterable_of_a_wsgi_app_is_closed_also_when_it_is_too_large() -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Any:
            return iter([b"x" * 10] * 100)

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Pieces()

    assert len(WsgiTransport(app).send(request_of()).body) == 1000
    with pytest.raises(PixelProtocolError, match="larger than the limit of 500 bytes"):
        WsgiTransport(app, limits=Limits(body=500)).send(request_of())
    assert closed == [True, True]


def test_a_wsgi_app_may_start_again_before_its_first_bytes() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("500 Failed", [], (ValueError, ValueError("late"), None))
        return [b"failed"]

    assert WsgiTransport(app).send(request_of()).status == 500

    def late(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"some")
        start_response("500 Failed", [], (ValueError, ValueError("late"), None))
        return []

    with pytest.raises(ValueError, match="late"):
        WsgiTransport(late).send(request_of())


async def test_the_error_of_a_changed_file_is_raised_also_if_the_app_catches_it(tmp_path: Path) -> None:
    request = request_of("PUT", body=FileSlice(str(tmp_path / "gone.jpg"), 0, 5))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception:
            await sending({**START, "status": 500}, BODY)(scope, receive, send)

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except Exception:
            start_response("500 Failed", [])
        return []

    with pytest.raises(PixelFileChangedError, match=r"gone\.jpg"):
        await response_of(app, request)
    with pytest.raises(PixelFileChangedError, match=r"gone\.jpg"):
        WsgiTransport(wsgi).send(request)


async def test_an_app_that_exceeds_the_read_limit_is_cancelled() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    with pytest.raises(PixelTimeoutError, match=r"no answer within 0\.05 seconds"):
        await response_of(app, request_of(timeouts=Timeouts(read=0.05)))
    assert ended == ["cancelled"]

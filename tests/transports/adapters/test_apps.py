"""Apps in the same process: what they are told, and what becomes of an app that does not do as the rules say."""

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from pixel_core.errors import PixelConnectionError, PixelFileChangedError, PixelProtocolError, PixelTimeoutError
from pixel_core.http.decoding import Limits
from pixel_core.messages import FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.adapters import AsgiTransport, WsgiTransport

ORIGIN = Origin("https", "pixel.test", 443)
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}

pytestmark = pytest.mark.anyio


def asked(method: str = "GET", target: str = "/a%20b/%C3%A6?x=1", **more: Any) -> Request:
    return Request(method, ORIGIN, target, Headers({"X-Same": "1", "x-same": "2"}), **more)


def saying(*messages: dict[str, Any]) -> Any:
    """An ASGI app that sends these, whatever it is asked."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def giving(status: str, headers: list[tuple[str, str]], *pieces: bytes) -> Any:
    """A WSGI app that answers this, whatever it is asked."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, headers)
        return pieces

    return app


async def answered(app: Any, request: Request, **options: Any) -> Response:
    return await AsgiTransport(app, **options).send(request)


async def test_an_asgi_app_is_told_what_a_server_would_tell_it() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([scope, await receive()])
        await saying(START, BODY)(scope, receive, send)
        seen.append(await receive())

    await answered(app, asked("POST", body=b"abc"), root_path="/root")
    scope, first, last = seen
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


def test_a_wsgi_app_is_told_what_a_server_would_tell_it() -> None:
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

    answer = WsgiTransport(app).send(asked("POST", body=b"abc\ndefg"))
    assert (answer.status, answer.headers["x-a"], answer.body) == (201, "b", b"first second")


async def test_starlette_serves_and_its_background_work_is_done_when_the_answer_is_there() -> None:
    done: list[str] = []

    async def work() -> None:
        await anyio.sleep(0.05)
        done.append("worked")

    async def echo(request: StarletteRequest) -> JSONResponse:
        return JSONResponse({"sent": len(await request.body())}, background=BackgroundTask(work))

    app = Starlette(routes=[Route("/echo", echo, methods=["POST"])])
    assert (await answered(app, asked("POST", "/echo", body=b"x" * 300_000))).json() == {"sent": 300_000}
    assert done == ["worked"]
    assert (await answered(app, asked("GET", "/none"))).status == 404


async def test_what_an_app_raises_is_raised_as_it_is() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("a mistake in the app")

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError("a mistake in the app")

    with pytest.raises(ZeroDivisionError, match="a mistake in the app"):
        await answered(app, asked())
    with pytest.raises(ZeroDivisionError, match="a mistake in the app"):
        WsgiTransport(wsgi).send(asked())


@pytest.mark.parametrize(
    ("messages", "kind", "reason"),
    [
        ([], PixelConnectionError, "closed before any answer"),
        ([START], PixelConnectionError, "closed in the middle of the answer"),
        ([START, {**BODY, "more_body": True}], PixelConnectionError, "closed in the middle of the answer"),
        ([BODY], PixelProtocolError, "sends http.response.body out of turn"),
        ([START, START], PixelProtocolError, "sends http.response.start out of turn"),
        ([START, BODY, BODY], PixelProtocolError, "sends http.response.body out of turn"),
        ([{**START, "status": 101}, BODY], PixelProtocolError, "with the status 101"),
        ([{**START, "headers": [(b"Content-Length", b"3")]}, BODY], PixelProtocolError, "a Content-Length of 3"),
    ],
)
async def test_an_asgi_app_that_breaks_the_rules_is_one_clear_sentence(
    messages: list[dict[str, Any]], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as caught:
        await answered(saying(*messages), asked())
    assert "GET https://pixel.test/a%20b/%C3%A6" in str(caught.value)
    assert "x=1" not in str(caught.value)


@pytest.mark.parametrize(
    ("app", "kind", "reason"),
    [
        (lambda environ, start_response: [b"ok"], PixelConnectionError, "closed before any answer"),
        (lambda environ, start_response: [], PixelConnectionError, "closed before any answer"),
        (giving("OK", [], b"ok"), PixelProtocolError, "the app gives no status"),
        (giving("102 Wait", []), PixelProtocolError, "with the status 102"),
        (giving("200 OK", [("Content-Length", "3")], b"ok"), PixelProtocolError, "a Content-Length of 3"),
    ],
)
def test_a_wsgi_app_that_breaks_the_rules_is_one_clear_sentence(app: Any, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        WsgiTransport(app).send(asked())


def test_what_a_wsgi_app_gives_is_closed_also_when_it_is_too_large() -> None:
    closed: list[bool] = []

    class Given:
        def __iter__(self) -> Any:
            return iter([b"x" * 10] * 100)

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Given()

    assert len(WsgiTransport(app).send(asked()).body) == 1000
    with pytest.raises(PixelProtocolError, match="larger than the limit of 500 bytes"):
        WsgiTransport(app, limits=Limits(body=500)).send(asked())
    assert closed == [True, True]


def test_a_wsgi_app_may_start_anew_until_its_answer_has_left() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("500 Failed", [], (ValueError, ValueError("late"), None))
        return [b"failed"]

    assert WsgiTransport(app).send(asked()).status == 500

    def late(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"some")
        start_response("500 Failed", [], (ValueError, ValueError("late"), None))
        return []

    with pytest.raises(ValueError, match="late"):
        WsgiTransport(late).send(asked())


async def test_a_file_that_changed_is_told_though_the_app_swallows_it(tmp_path: Path) -> None:
    request = asked("PUT", body=FileSlice(str(tmp_path / "gone.jpg"), 0, 5))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception:
            await saying({**START, "status": 500}, BODY)(scope, receive, send)

    def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except Exception:
            start_response("500 Failed", [])
        return []

    with pytest.raises(PixelFileChangedError, match=r"gone\.jpg"):
        await answered(app, request)
    with pytest.raises(PixelFileChangedError, match=r"gone\.jpg"):
        WsgiTransport(wsgi).send(request)


async def test_an_app_that_is_silent_after_a_step_is_cancelled() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    with pytest.raises(PixelTimeoutError, match=r"no answer within 0\.05 seconds"):
        await answered(app, asked(timeouts=Timeouts(read=0.05)))
    assert ended == ["cancelled"]


async def test_an_answer_of_an_app_is_unpacked_once() -> None:
    packed = gzip.compress(b"ok" * 1000)
    headers = [(b"Content-Encoding", b"gzip"), (b"Content-Length", str(len(packed)).encode())]
    app = saying({**START, "headers": headers}, {**BODY, "body": packed})
    request = Request("GET", ORIGIN, "/", Headers({"Accept-Encoding": "gzip"}))
    assert (await answered(app, request)).body == b"ok" * 1000
    assert (await answered(app, Request("GET", ORIGIN, "/"))).body == packed


@pytest.mark.parametrize("kind", [AsgiTransport, WsgiTransport])
def test_what_is_no_app_is_refused(kind: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"needs an? [AW]SGI app, not str"):
        kind("app:main")


async def test_plain_text_is_as_it_is() -> None:
    assert (await answered(PlainTextResponse("ok"), asked())).body == b"ok"

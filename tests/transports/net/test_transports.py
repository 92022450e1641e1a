"""Transports: which objects and functions are one, on which face, and the requests that they receive."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

import pixel_transports as pixel
from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Form, Headers, Origin, Request, Response
from pixel_transports.net.transports import async_transport, blocking_transport

ORIGIN = Origin("http", "pixel.test", 8080)
GET = Request("GET", ORIGIN, "/")


def echo(request: Request) -> Response:
    """A response with the headers and the body of the request."""
    assert isinstance(request.body, bytes)
    return Response(200, request.headers, request.body)


async def echo_later(request: Request) -> Response:
    return echo(request)


class Echo:
    def __call__(self, request: Request) -> Response:
        return echo(request)


class EchoLater:
    async def __call__(self, request: Request) -> Response:
        return echo(request)


FUNCTIONS = [echo, Echo(), partial(echo), Echo().__call__]
COROUTINE_FUNCTIONS = [echo_later, EchoLater(), partial(echo_later), EchoLater().__call__]


def send(async_: bool, function: Any, request: Request) -> Response:
    """Send a request through the transport of a function."""
    if not async_:
        return blocking_transport(function).send(request)

    async def main() -> Response:
        return await async_transport(function).send(request)

    return anyio.run(main)


@pytest.mark.parametrize(
    ("async_", "function"),
    [(False, each) for each in FUNCTIONS] + [(True, each) for each in (*FUNCTIONS, *COROUTINE_FUNCTIONS)],
)
def test_a_function_is_a_transport_and_receives_what_a_server_would(
    async_: bool, function: Any, tmp_path: Path
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"_photo_")
    piece = FileSlice(str(path), 1, 5)
    host = ("Host", "pixel.test:8080")
    multipart = ("Content-Type", "multipart/form-data; boundary=b0")
    form = (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nphoto\r\n--b0--\r\n"
    )
    for request, headers, body in (
        (Request("GET", ORIGIN, "/", Headers({"X-A": "b"})), [host, ("X-A", "b")], b""),
        (Request("POST", ORIGIN, "/", body=b"abc"), [host, ("Content-Length", "3")], b"abc"),
        (Request("PUT", ORIGIN, "/", body=piece), [host, ("Content-Length", "5")], b"photo"),
        (
            Request("POST", ORIGIN, "/", body=Form((), "p", piece, "b0")),
            [host, multipart, ("Content-Length", str(len(form)))],
            form,
        ),
    ):
        response = send(async_, function, request)
        assert (list(response.headers), response.body) == (headers, body)


OTHERS = [42, "http://pixel.test", object(), pixel.SocketTransport, pixel.AnyioTransport]


ASYNC = [pixel.AnyioTransport(), pixel.AsyncFunctionTransport(echo), *COROUTINE_FUNCTIONS]
BLOCKING = [pixel.SocketTransport(), pixel.FunctionTransport(echo)]


@pytest.mark.parametrize(
    ("make", "message", "transports"),
    [
        (blocking_transport, "the blocking client needs a transport with methods send and close", [*ASYNC, *OTHERS]),
        (async_transport, "the async client needs a transport", [*BLOCKING, *OTHERS]),
    ],
)
def test_another_object_is_refused(make: Any, message: str, transports: list[Any]) -> None:
    for transport in transports:
        with pytest.raises(TypeError, match=message) as caught:
            make(transport)
        assert repr(transport) in str(caught.value)


def test_a_transport_is_used_as_it_is_and_without_one_there_are_sockets() -> None:
    blocking, asynchronous = pixel.SocketTransport(), pixel.AnyioTransport()
    assert blocking_transport(blocking) is blocking
    assert async_transport(asynchronous) is asynchronous
    assert isinstance(blocking_transport(None), pixel.SocketTransport)
    assert isinstance(async_transport(None), pixel.AnyioTransport)


@pytest.mark.parametrize("async_", [False, True])
def test_a_file_that_changed_and_a_result_that_is_no_response_are_errors(async_: bool, tmp_path: Path) -> None:
    with pytest.raises(PixelFileChangedError):
        send(async_, echo, Request("PUT", ORIGIN, "/", body=FileSlice(str(tmp_path / "gone"), 0, 5)))
    for result in (None, (200, b""), b"HTTP/1.1 200 OK"):
        with pytest.raises(TypeError, match=f"this one returned {type(result).__name__}"):
            send(async_, lambda request, result=result: result, GET)

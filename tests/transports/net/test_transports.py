"""Transports: what may stand in for a socket, on which face, and what it is given."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Form, Headers, Origin, Request, Response
from pixel_core.models import PixelUploadFile
from pixel_transports import (
    AnyioTransport,
    AsyncFunctionTransport,
    FunctionTransport,
    PixelApiSettings,
    SocketTransport,
    get_client,
)
from pixel_transports.net.transports import async_transport, blocking_transport
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, sample_photos
from tests.support.peers import open_sockets

ORIGIN = Origin("http", "pixel.test", 8080)
PHOTOS = sample_photos()[:2]


def echo(request: Request) -> Response:
    """Answers with what it was given."""
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


functions = pytest.mark.parametrize("function", [echo, Echo(), partial(echo), Echo().__call__])
coroutine_functions = pytest.mark.parametrize(
    "function", [echo_later, EchoLater(), partial(echo_later), EchoLater().__call__]
)


@functions
def test_a_plain_function_serves_the_blocking_face(function: Any) -> None:
    transport = blocking_transport(function)
    assert transport.send(Request("GET", ORIGIN, "/")).status == 200
    transport.close()


@pytest.mark.anyio
@functions
async def test_a_plain_function_serves_the_async_face(function: Any) -> None:
    transport = async_transport(function)
    assert (await transport.send(Request("GET", ORIGIN, "/"))).status == 200
    await transport.aclose()


@pytest.mark.anyio
@coroutine_functions
async def test_a_coroutine_function_serves_the_async_face(function: Any) -> None:
    assert (await async_transport(function).send(Request("GET", ORIGIN, "/"))).status == 200


@coroutine_functions
def test_a_coroutine_function_is_refused_on_the_blocking_face(function: Any) -> None:
    with pytest.raises(TypeError, match="the blocking client needs a transport with methods send and close"):
        blocking_transport(function)


NO_TRANSPORTS = [42, "http://pixel.test", object(), SocketTransport, AnyioTransport]


@pytest.mark.parametrize(
    "given",
    [AnyioTransport(), AsyncFunctionTransport(echo), *NO_TRANSPORTS],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_what_is_no_transport_of_the_blocking_face_is_refused_and_named(given: Any) -> None:
    with pytest.raises(TypeError, match="the blocking client needs a transport") as caught:
        blocking_transport(given)
    assert repr(given) in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [SocketTransport(), FunctionTransport(echo), *NO_TRANSPORTS],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
def test_what_is_no_transport_of_the_async_face_is_refused_and_named(given: Any) -> None:
    with pytest.raises(TypeError, match="the async client needs a transport") as caught:
        async_transport(given)
    assert repr(given) in str(caught.value)


def test_a_transport_is_taken_as_it_is() -> None:
    blocking, asynchronous = SocketTransport(), AnyioTransport()
    assert blocking_transport(blocking) is blocking
    assert async_transport(asynchronous) is asynchronous


def test_without_one_there_are_sockets() -> None:
    assert isinstance(blocking_transport(None), SocketTransport)
    assert isinstance(async_transport(None), AnyioTransport)


def as_received(path: Path) -> list[tuple[Request, list[tuple[str, str]], bytes]]:
    """Requests, with the headers and the body that a function sees."""
    path.write_bytes(b"_photo_")
    piece = FileSlice(str(path), 1, 5)
    host = ("Host", "pixel.test:8080")
    form = Form((), "p", piece, "b0")
    whole = (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nphoto\r\n--b0--\r\n"
    )
    multipart = ("Content-Type", "multipart/form-data; boundary=b0")
    return [
        (Request("GET", ORIGIN, "/", Headers({"X-A": "b"})), [host, ("X-A", "b")], b""),
        (Request("POST", ORIGIN, "/", body=b"abc"), [host, ("Content-Length", "3")], b"abc"),
        (Request("PUT", ORIGIN, "/", body=piece), [host, ("Content-Length", "5")], b"photo"),
        (Request("POST", ORIGIN, "/", body=form), [host, multipart, ("Content-Length", str(len(whole)))], whole),
    ]


def test_a_function_sees_what_a_server_would(tmp_path: Path) -> None:
    for request, headers, body in as_received(tmp_path / "photo"):
        seen = FunctionTransport(echo).send(request)
        assert (list(seen.headers), seen.body) == (headers, body)


@pytest.mark.anyio
async def test_a_coroutine_function_sees_what_a_server_would(tmp_path: Path) -> None:
    for request, headers, body in as_received(tmp_path / "photo"):
        seen = await AsyncFunctionTransport(echo_later).send(request)
        assert (list(seen.headers), seen.body) == (headers, body)


def test_a_file_that_changed_is_an_error_here_too(tmp_path: Path) -> None:
    request = Request("PUT", ORIGIN, "/", body=FileSlice(str(tmp_path / "gone"), 0, 5))
    with pytest.raises(PixelFileChangedError):
        FunctionTransport(echo).send(request)


@pytest.mark.parametrize("answer", [None, (200, b""), b"HTTP/1.1 200 OK"])
def test_a_function_that_gives_no_response_is_told_so(answer: Any) -> None:
    with pytest.raises(TypeError, match=f"this one returned {type(answer).__name__}"):
        FunctionTransport(lambda request: answer).send(Request("GET", ORIGIN, "/"))


@pytest.mark.anyio
async def test_a_coroutine_function_that_gives_no_response_is_told_so() -> None:
    async def nothing(request: Request) -> Any:
        return None

    with pytest.raises(TypeError, match="this one returned NoneType"):
        await AsyncFunctionTransport(nothing).send(Request("GET", ORIGIN, "/"))


@pytest.mark.parametrize("async_", [False, True])
def test_a_client_refuses_the_transport_of_the_other_face(async_: bool) -> None:
    settings = PixelApiSettings(**Sandbox().environment("http://pixel.test"))
    with pytest.raises(TypeError, match="needs a transport"):
        get_client(async_, settings, transport=SocketTransport() if async_ else AnyioTransport())


def assert_stored(sandbox: Sandbox, images: list[Any]) -> None:
    assert [image["name"] for image in images] == [path.name for path in PHOTOS]
    assert [bytes(sandbox.stored_by_id(image["id"])) for image in images] == [path.read_bytes() for path in PHOTOS]


@pytest.mark.parametrize("multipart", [False, True])
def test_an_upload_runs_in_memory_without_a_socket_on_the_blocking_face(multipart: bool) -> None:
    sandbox, before = Sandbox(job_seconds=0.01), open_sockets()
    settings = PixelApiSettings(**sandbox.environment("http://pixel.invalid"))
    client = get_client(settings=settings, transport=sandbox)
    project = client.create_project("P", "", SAMPLE_AREA)
    collection = client.create_data_collection(project["id"], "C", "", "image")
    files = [PixelUploadFile(file=path) for path in PHOTOS]
    images, errors = client.upload_multiple_images(project["id"], collection["id"], files, multipart, 16384)
    assert not errors
    assert_stored(sandbox, images)
    assert open_sockets() == before


@pytest.mark.anyio
@pytest.mark.parametrize("multipart", [False, True])
async def test_an_upload_runs_in_memory_without_a_socket_on_the_async_face(multipart: bool) -> None:
    sandbox, before = Sandbox(job_seconds=0.01), open_sockets()
    settings = PixelApiSettings(**sandbox.environment("http://pixel.invalid"))
    client = get_client(True, settings=settings, transport=sandbox)
    project = await client.create_project("P", "", SAMPLE_AREA)
    collection = await client.create_data_collection(project["id"], "C", "", "image")
    files = [PixelUploadFile(file=path) for path in PHOTOS]
    images, errors = await client.upload_multiple_images(project["id"], collection["id"], files, multipart, 16384)
    assert not errors
    assert_stored(sandbox, images)
    assert open_sockets() == before

"""Photos are uploaded and listed through each adapter."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import quote

import aiohttp
import anyio.to_thread
import httpx
import pytest
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse

from pixel_core.messages import Headers, Origin, Request
from pixel_core.models import PixelUploadFile
from pixel_transports import PixelApiSettings, get_client
from pixel_transports.adapters import (
    AiohttpTransport,
    AsgiTransport,
    AsyncHttpxTransport,
    HttpxTransport,
    WsgiTransport,
)
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, sample_photos

PHOTOS = sample_photos()[:2]
FILES = [PixelUploadFile(file=path) for path in PHOTOS]


def asgi_app(sandbox: Sandbox) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        made = StarletteRequest(scope, receive)
        target = f"{scope['raw_path'].decode()}?{made.url.query}"
        origin = Origin(scope["scheme"], *scope["server"])
        request = Request(made.method, origin, target, Headers(made.headers.items()), await made.body())
        answer = await anyio.to_thread.run_sync(sandbox, request)
        await StarletteResponse(answer.body, answer.status, dict(answer.headers))(scope, receive, send)

    return app


def wsgi_app(sandbox: Sandbox) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        fields = [(name, text) for name, text in environ.items() if name.startswith(("HTTP_", "CONTENT_"))]
        headers = Headers([(name.removeprefix("HTTP_").replace("_", "-"), text) for name, text in fields])
        origin = Origin(environ["wsgi.url_scheme"], environ["SERVER_NAME"], int(environ["SERVER_PORT"]))
        target = f"{quote(environ['PATH_INFO'].encode('latin-1'))}?{environ['QUERY_STRING']}"
        answer = sandbox(Request(environ["REQUEST_METHOD"], origin, target, headers, environ["wsgi.input"].read()))
        start_response(f"{answer.status} OK", list(answer.headers))
        return [answer.body]

    return app


@asynccontextmanager
async def client_of(name: str, sandbox: Sandbox, settings: PixelApiSettings) -> AsyncIterator[Any]:
    """A client over an adapter; the first two are blocking."""
    with httpx.Client(trust_env=False) as blocking:
        async with httpx.AsyncClient(trust_env=False) as client, aiohttp.ClientSession() as session:
            adapters: dict[str, Any] = {
                "blocking httpx": HttpxTransport(blocking),
                "wsgi": WsgiTransport(wsgi_app(sandbox)),
                "httpx": AsyncHttpxTransport(client),
                "aiohttp": AiohttpTransport(session),
                "asgi": AsgiTransport(asgi_app(sandbox)),
            }
            if name in ("blocking httpx", "wsgi"):
                with get_client(settings=settings, transport=adapters[name]) as opened:
                    yield opened
            else:
                async with get_client(True, settings=settings, transport=adapters[name]) as opened_async:
                    yield opened_async


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a method of a client: a blocking one in a thread."""
    if iscoroutinefunction(function):
        return await function(*arguments)
    return await anyio.to_thread.run_sync(function, *arguments)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("multipart", [False, True], ids=["forms", "parts"])
@pytest.mark.parametrize("name", ["blocking httpx", "wsgi", "httpx", "aiohttp", "asgi"])
async def test_photos_are_uploaded_and_listed(
    server: SandboxServer, pixel_settings: PixelApiSettings, name: str, multipart: bool, anyio_backend: str
) -> None:
    async with client_of(name, server.sandbox, pixel_settings) as client:
        assert (await call(client.me)).get("email") == server.sandbox.username
        project = await call(client.create_project, "P", "", SAMPLE_AREA)
        collection = await call(client.create_data_collection, project["id"], "C", "", "image")
        place = (project["id"], collection["id"])
        images, errors = await call(client.upload_multiple_images, *place, FILES, multipart, 16384)
        pages = client.paginate_images(*place, page_size=1)
        listed = [each async for each in pages] if hasattr(pages, "__aiter__") else await call(list, pages)
    assert not errors
    assert [each["name"] for each in images] == [each["name"] for each in listed] == [path.name for path in PHOTOS]
    stored = [bytes(server.sandbox.stored_by_id(each["id"])) for each in images]
    assert stored == [path.read_bytes() for path in PHOTOS]

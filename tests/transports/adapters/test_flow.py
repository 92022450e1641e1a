"""Photos are uploaded and listed through each adapter."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from typing import Any

import aiohttp
import anyio.to_thread
import httpx
import pytest

from pixel_core.models import PixelUploadFile
from pixel_transports import PixelApiSettings, get_client
from pixel_transports.adapters import (
    AiohttpTransport,
    AsgiTransport,
    AsyncHttpxTransport,
    HttpxTransport,
    WsgiTransport,
)
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer, sample_photos
from tests.transports.adapters.apps import asgi_app, wsgi_app

PHOTOS = sample_photos()[:2]
FILES = [PixelUploadFile(file=path) for path in PHOTOS]


@asynccontextmanager
async def client_of(name: str, server: SandboxServer, settings: PixelApiSettings) -> AsyncIterator[Any]:
    """A client over an adapter; the first two are blocking."""
    if name in ("blocking httpx", "wsgi"):
        with httpx.Client(trust_env=False) as blocking:
            adapter: Any = WsgiTransport(wsgi_app(server.sandbox)) if name == "wsgi" else HttpxTransport(blocking)
            with get_client(settings=settings, transport=adapter) as client:
                yield client
        return
    async with httpx.AsyncClient(trust_env=False) as httpx_client, aiohttp.ClientSession() as session:
        adapters: dict[str, Any] = {
            "httpx": AsyncHttpxTransport(httpx_client),
            "aiohttp": AiohttpTransport(session),
            "asgi": AsgiTransport(asgi_app(server.sandbox)),
        }
        async with get_client(True, settings=settings, transport=adapters[name]) as client_async:
            yield client_async


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
    async with client_of(name, server, pixel_settings) as client:
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

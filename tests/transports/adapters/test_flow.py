"""The whole way, from the login to the pages of what was uploaded, through each adapter."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
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
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, sample_photos
from tests.transports.adapters.apps import asgi_app, wsgi_app

PHOTOS = sample_photos()[:2]
FILES = [PixelUploadFile(file=path) for path in PHOTOS]
NAMES = [path.name for path in PHOTOS]


@contextmanager
def blocking(name: str, server: SandboxServer) -> Iterator[Any]:
    if name == "wsgi":
        yield WsgiTransport(wsgi_app(server.sandbox))
        return
    with httpx.Client(trust_env=False) as client:
        yield HttpxTransport(client)


@asynccontextmanager
async def asynchronous(name: str, server: SandboxServer) -> AsyncIterator[Any]:
    if name == "asgi":
        yield AsgiTransport(asgi_app(server.sandbox))
    elif name == "httpx":
        async with httpx.AsyncClient(trust_env=False) as client:
            yield AsyncHttpxTransport(client)
    else:
        async with aiohttp.ClientSession() as session:
            yield AiohttpTransport(session)


def assert_stored(sandbox: Sandbox, images: list[Any], errors: list[Any], pages: list[str]) -> None:
    assert not errors
    assert [image["name"] for image in images] == NAMES == pages
    assert [bytes(sandbox.stored_by_id(image["id"])) for image in images] == [path.read_bytes() for path in PHOTOS]


@pytest.mark.parametrize("multipart", [False, True], ids=["forms", "parts"])
@pytest.mark.parametrize("name", ["httpx", "wsgi"])
def test_photos_are_uploaded_and_listed_on_the_blocking_face(
    server: SandboxServer, pixel_settings: PixelApiSettings, name: str, multipart: bool
) -> None:
    with blocking(name, server) as transport, get_client(settings=pixel_settings, transport=transport) as client:
        assert client.me().get("email") == server.sandbox.username
        project = client.create_project("P", "", SAMPLE_AREA)
        collection = client.create_data_collection(project["id"], "C", "", "image")
        images, errors = client.upload_multiple_images(project["id"], collection["id"], FILES, multipart, 16384)
        pages = [image["name"] for image in client.paginate_images(project["id"], collection["id"], page_size=1)]
    assert_stored(server.sandbox, images, errors, pages)


@pytest.mark.anyio
@pytest.mark.parametrize("multipart", [False, True], ids=["forms", "parts"])
@pytest.mark.parametrize("name", ["httpx", "aiohttp", "asgi"])
async def test_photos_are_uploaded_and_listed_on_the_async_face(
    server: SandboxServer, pixel_settings: PixelApiSettings, name: str, multipart: bool, anyio_backend: str
) -> None:
    if name == "aiohttp" and anyio_backend == "trio":
        pytest.skip("aiohttp runs under asyncio")
    async with (
        asynchronous(name, server) as transport,
        get_client(True, settings=pixel_settings, transport=transport) as client,
    ):
        assert (await client.me()).get("email") == server.sandbox.username
        project = await client.create_project("P", "", SAMPLE_AREA)
        collection = await client.create_data_collection(project["id"], "C", "", "image")
        images, errors = await client.upload_multiple_images(project["id"], collection["id"], FILES, multipart, 16384)
        pages = [image["name"] async for image in client.paginate_images(project["id"], collection["id"], page_size=1)]
    assert_stored(server.sandbox, images, errors, pages)

"""What type checkers infer for the three faces of an operation and of a listing. Read by them, never run."""

from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, assert_type

import pixel_transports
from pixel_core import Flow, Page, Pages, PixelApi, Resource, listing, models, operation
from pixel_core.errors import PixelUploadJobError
from pixel_core.models import Image, Job, ListParams, Project, User
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, faces, get_client

SQUARE: dict[str, Any] = {}


def blocking(client: PixelClient) -> None:
    assert_type(client.me(), User)
    assert_type(client.me(extended=True), User)
    assert_type(client.get_plugins(), list[models.Plugin])
    assert_type(client.create_project("n", "d", SQUARE, tags=["a"]), Project)
    assert_type(client.list_projects(), list[Project])
    assert_type(client.list_projects(ListParams(limit=1)), list[Project])
    assert_type(client.list_projects(ids=[1], name="a"), list[Project])
    assert_type(client.get_project(7, True), Project)
    assert_type(client.create_data_collection(7, "n", "d", "DTM"), models.DataCollection)
    assert_type(client.list_data_collections(7, limit=1), list[models.DataCollection])
    assert_type(client.get_images(7, 8, limit=1), list[Image])
    assert_type(client.update_image(7, 8, 9, models.ImageUpdateInput(add_tags=[])), Image)
    assert_type(client.get_upload_jobs(7, 8), list[models.UploadJob])
    assert_type(client.upload_image(7, 8, Path("a.jpg"), {"fields": {}}, multipart=True), Image)
    assert_type(
        client.upload_multiple_images(7, 8, [models.PixelUploadFile(file=Path("a.jpg"))]),
        tuple[list[Image], list[PixelUploadJobError]],
    )
    assert_type(client.wait_for_job(5, timeout=1.5), Job)
    assert_type(client.wait_for_group_job("g"), models.JobGroup)
    assert_type(client.paginate_images(7, 8, 50), Iterator[Image])
    for image in client.paginate_images(7, 8, page_size=50, name="x"):
        assert_type(image, Image)
        assert_type(image["id"], int)
        assert_type(image["name"], str)
        assert_type(image.get("cam_height"), float | None)


async def asynchronous(client: PixelClientAsync) -> None:
    user = assert_type(client.me(), Coroutine[Any, Any, User])
    assert_type(await user, User)
    assert_type(await client.me(extended=True), User)
    assert_type(await client.list_projects(ids=[1]), list[Project])
    assert_type(await client.get_project(project_id=7), Project)
    assert_type(await client.get_images(7, 8), list[Image])
    assert_type(await client.upload_image(7, 8, "a.jpg"), Image)
    assert_type(
        await client.upload_multiple_images(7, 8, []),
        tuple[list[Image], list[PixelUploadJobError]],
    )
    assert_type(client.paginate_images(7, 8, 50), AsyncIterator[Image])
    async for image in client.paginate_images(7, 8, page_size=50, name="x"):
        assert_type(image, Image)


def pure(api: PixelApi) -> None:
    assert_type(api.me(), Flow[User])
    assert_type(api.list_projects(ids=[1]), Flow[list[Project]])
    assert_type(api.get_project(7, extended=True), Flow[Project])
    assert_type(api.upload_image(7, 8, "a.jpg"), Flow[Image])
    assert_type(api.paginate_images(7, 8, 50), Pages[Image])
    assert_type(next(api.paginate_images(7, 8, 50)), Flow[Page[Image]])


async def entered(blocking: PixelClient, asynchronous: PixelClientAsync) -> None:
    with blocking as client:
        assert_type(client, PixelClient)
    async with asynchronous as other:
        assert_type(other, PixelClientAsync)


async def from_the_class(blocking: PixelClient, asynchronous: PixelClientAsync, api: PixelApi) -> None:
    assert_type(PixelClient.get_project(blocking, 7), Project)
    assert_type(await PixelClientAsync.get_project(asynchronous, 7), Project)
    assert_type(PixelApi.get_project(api, 7), Flow[Project])


class Echoes(Resource):
    """A group of operations of a library's own."""

    @operation
    def echo(self, text: str, times: int = 1) -> Flow[list[str]]:
        user = yield from PixelApi(self.session).me()
        assert_type(user, User)
        return [text] * times

    @listing
    def numbers(self) -> Pages[int]:
        return Pages(())


class EchoClient(Echoes, PixelClient):
    """A blocking client with the group."""


class EchoClientAsync(Echoes, PixelClientAsync):
    """An async client with the group."""


def own_operations(echoes: Echoes, blocking: EchoClient, asynchronous: EchoClientAsync) -> None:
    assert_type(echoes.echo("a", times=2), Flow[list[str]])
    assert_type(echoes.numbers(), Pages[int])
    assert_type(blocking.echo("a", times=2), list[str])
    assert_type(blocking.numbers(), Iterator[int])
    echo = assert_type(asynchronous.echo("a", times=2), Coroutine[Any, Any, list[str]])
    echo.close()
    assert_type(asynchronous.numbers(), AsyncIterator[int])
    assert_type(blocking.me(), User)


async def own_faces(settings: PixelApiSettings) -> None:
    echoes = faces(Echoes)
    assert_type(echoes, pixel_transports.Faces[Echoes])
    with echoes.blocking.from_settings(settings) as client:
        assert_type(client.me(), User)
        assert_type(client.run(echoes.pure(client.session).echo("a")), list[str])
        assert_type(client.run(client.api.me()), User)
        assert_type(client.echo("a"), Any)
    async with echoes.asynchronous.from_settings(settings) as other:
        assert_type(await other.me(), User)
        assert_type(await other.run(echoes.pure(other.session).echo("a")), list[str])


def own_drivers(settings: PixelApiSettings) -> None:
    blocking, asynchronous = pixel_transports.BlockingDriver, pixel_transports.AsyncDriver
    assert_type(get_client(settings=settings, driver=blocking), PixelClient)
    assert_type(get_client(True, settings, driver=asynchronous), PixelClientAsync)
    assert_type(get_client(settings=settings, driver=partial(blocking, performers={})), PixelClient)
    assert_type(get_client(True, settings, driver=partial(asynchronous, performers={})), PixelClientAsync)

# type: ignore
"""Wrong uses: every line that ends in the mark is an error for each type checker, and no other line is. Never run.

The first line hides the errors from checks of all files; the test removes it.
"""

from collections.abc import Iterator

from pixel_core import Flow, Page, PixelApi, Resource, listing, operation
from pixel_core.models import Project
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, faces, get_client


def blocking(client: PixelClient) -> None:
    client.get_project()  # E
    client.get_project("seven")  # E
    client.get_project(7, wrong=True)  # E
    client.get_project(7, True, 3)  # E
    client.create_data_collection(7, "n", "d", "shoes")  # E
    client.list_projects({"limit": 1})  # E
    client.upload_multiple_images(7, 8, ["a.jpg"])  # E
    client.wait_for_job(5, timeout="10")  # E
    client.paginate_images(7, 8)  # E
    client.paginate_images(7, 8, page_size="50")  # E
    client.no_such_operation()  # E
    text: str = client.get_project(7)  # E
    print(text, client.get_project(7)["no_such_key"])  # E


async def asynchronous(client: PixelClientAsync) -> None:
    await client.get_project()  # E
    await client.get_project(7, wrong=True)  # E
    project: Project = client.get_project(7)  # E
    print(project)
    for image in client.paginate_images(7, 8, 50):  # E
        print(image)


async def mixed_up(client: PixelClient, api: PixelApi) -> None:
    await client.get_project(7)  # E
    async for image in client.paginate_images(7, 8, 50):  # E
        print(image)
    project: Project = api.get_project(7)  # E
    print(project)
    api.get_project("seven")  # E


class Echoes(Resource):
    @operation  # E
    def echo(self, text: str) -> str:
        return text

    @listing  # E
    def numbers(self) -> Iterator[Page[int]]:
        return iter(())

    @operation
    def right(self) -> Flow[int]:
        yield from ()
        return 1

    @operation
    def wrong_result(self) -> Flow[int]:
        yield from ()
        return "text"  # E


def own_faces(settings: PixelApiSettings) -> None:
    faces(int)  # E
    echoes = faces(Echoes)
    with echoes.blocking.from_settings(settings) as client:
        client.get_project("seven")  # E
        text: str = client.run(echoes.pure(client.session).right())  # E
        print(text)
    get_client(settings=settings, driver=7)  # E
    get_client(settings=settings, driver=lambda: 7)  # E

"""A library of your own on the pure face: one definition, three faces.

    python -m tests.system.embedding.wrapper http://127.0.0.1:8000

Rules kept here:

* An operation is written once, as a flow; the clients below have it as a method and as a coroutine method, beside all
  that Pixel's clients have. Type checkers know the three.
* Inside an operation, `self` is the pure face (`api_class`): `yield from self.list_data_collections(...)`.
"""

import asyncio
import sys
from typing import Any

from pixel_core import Flow, Gather, PixelApi, operation
from pixel_core.api import Operations
from pixel_core.models import Image
from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos


class Survey(Operations):
    """What surveyors ask of Pixel."""

    @operation
    def images_of(self, project_id: int) -> Flow[list[Image]]:
        """The images of a project, out of all its collections of images."""
        collections = yield from self.list_data_collections(project_id, data_collection_type="image")
        flows = (self.get_images(project_id, each["id"], limit=1000) for each in collections)
        return [image for images in (yield from Gather(flows, limit=4)) for image in images]

    @operation
    def newest_images(self, project_id: int, count: int = 3) -> Flow[list[Image]]:
        """The images of a project that were taken last, the newest first."""
        images = yield from self.images_of(project_id)
        return sorted(images, key=lambda image: image.get("capture_date") or "", reverse=True)[:count]


class SurveyApi(Survey, PixelApi):
    """The pure face: methods give flows."""


class SurveyClient(Survey, PixelClient):
    """The blocking face."""

    api_class = SurveyApi


class SurveyClientAsync(Survey, PixelClientAsync):
    """The async face."""

    api_class = SurveyApi


def prepared(client: SurveyClient) -> int:
    """A project with two collections of photos; its id."""
    project = client.create_project("Survey", "Two flights", SAMPLE_AREA)
    for hour, photos in ((9, sample_photos()[:2]), (12, sample_photos()[2:4])):
        collection = client.create_data_collection(project["id"], f"Flight at {hour}", "", "image")
        for minute, photo in enumerate(photos):
            fields = {"fields_type": "image", "capture_date": f"2025-05-14T{hour:02}:{minute:02}:00Z"}
            client.upload_image(project["id"], collection["id"], photo, {"fields": fields})
    return project["id"]


async def with_async(account: Any, project_id: int) -> list[Image]:
    async with SurveyClientAsync(*account) as client:
        return await client.newest_images(project_id)


def main(url: str) -> None:
    account = (f"{url}/api/sandbox", f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    with SurveyClient(*account, journal=None) as client:
        project_id = prepared(client)
        print("blocking:", *(image["name"] for image in client.newest_images(project_id)))
        print("projects:", *(each["name"] for each in client.list_projects()))
        flow = SurveyApi(client.session).newest_images(project_id)  # nothing has happened: any driver may run it
        print("pure:", *(image["name"] for image in BlockingDriver(SocketTransport()).run(flow)))
    print("async:", *(image["name"] for image in asyncio.run(with_async(account, project_id))))


if __name__ == "__main__":
    main(sys.argv[1])

"""A library on top of this one: its operations are written once, and have three faces.

    python -m tests.system.embedding.wrapper http://127.0.0.1:8000

Rules kept here:

* `faces(Survey)` makes the blocking, async and pure class. Each has the operations of Pixel, and those of `Survey`.
* Inside an operation, `self` is the pure face: `yield from self.list_data_collections(...)`.
"""

import asyncio
import sys
from typing import Any

from pixel_core import Flow, Gather, Operations, operation
from pixel_core.models import Image
from pixel_transports import BlockingDriver, PixelClient, SocketTransport, faces
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos


class Survey(Operations):
    """Operations of surveyors."""

    @operation
    def images_of(self, project_id: int) -> Flow[list[Image]]:
        """The images of a project, from all its image collections."""
        collections = yield from self.list_data_collections(project_id, data_collection_type="image")
        flows = (self.get_images(project_id, each["id"], limit=1000) for each in collections)
        return [image for images in (yield from Gather(flows, limit=4)) for image in images]

    @operation
    def newest_images(self, project_id: int, count: int = 3) -> Flow[list[Image]]:
        """The last images that were taken in a project, the newest first."""
        images = yield from self.images_of(project_id)
        return sorted(images, key=lambda image: image.get("capture_date") or "", reverse=True)[:count]


survey = faces(Survey)


def prepare(client: PixelClient) -> int:
    """Create a project with two collections of photos, and return its id."""
    project = client.create_project("Survey", "Two flights", SAMPLE_AREA)
    for hour, photos in ((9, sample_photos()[:2]), (12, sample_photos()[2:4])):
        collection = client.create_data_collection(project["id"], f"Flight at {hour}", "", "image")
        for minute, photo in enumerate(photos):
            fields = {"fields_type": "image", "capture_date": f"2025-05-14T{hour:02}:{minute:02}:00Z"}
            client.upload_image(project["id"], collection["id"], photo, {"fields": fields})
    return project["id"]


async def newest_images(account: Any, project_id: int) -> list[Image]:
    async with survey.asynchronous(*account) as client:
        images: list[Image] = await client.newest_images(project_id)
        return images


def main(url: str) -> None:
    account = (f"{url}/api/sandbox", f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    with survey.blocking(*account, journal=None) as client:
        project_id = prepare(client)
        print("blocking:", *(image["name"] for image in client.newest_images(project_id)))
        print("projects:", *(each["name"] for each in client.list_projects()))
        flow = survey.pure(client.session).newest_images(project_id)  # sends nothing; any driver can run it
        print("pure:", *(image["name"] for image in BlockingDriver(SocketTransport()).run(flow)))
    print("async:", *(image["name"] for image in asyncio.run(newest_images(account, project_id))))


if __name__ == "__main__":
    main(sys.argv[1])

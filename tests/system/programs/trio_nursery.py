"""trio: uploads in a nursery share one async client, and a cancel scope ends one of them.

    python -m tests.system.programs.trio_nursery FOLDER

Each folder in FOLDER goes to a data collection of its name. "held" is cancelled once its files are in the storage, and
is uploaded again at the end: nothing is sent twice.
"""

import sys
from pathlib import Path

import trio
from pixel_client import PixelClientAsync, PixelUploadFile, get_client

from pixel_core import FileSent

AREA = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}


class Flight:
    """The upload of one folder."""

    def __init__(self, client: PixelClientAsync, folder: Path) -> None:
        self.name = folder.name
        self.sent: list[str] = []
        self._client = client
        self._files = [PixelUploadFile(file=path) for path in sorted(folder.iterdir())]
        self._collection_id = 0
        self._project_id = 0

    async def prepare(self, project_id: int) -> None:
        collection = await self._client.create_data_collection(project_id, self.name, "", "image")
        self._project_id, self._collection_id = project_id, collection["id"]

    async def upload(self) -> None:
        with trio.CancelScope() as scope:

            def watch(event: object) -> None:
                if isinstance(event, FileSent):
                    self.sent.append(event.path)
                    if self.name == "held" and len(self.sent) == len(self._files):
                        scope.deadline = trio.current_time() + 0.5  # stands for a user who presses a button

            images, errors = await self._client.upload_multiple_images(
                self._project_id, self._collection_id, self._files, listener=watch
            )
            print(f"{self.name}: {len(images)} photos, {len(errors)} errors", flush=True)
        if scope.cancelled_caught:
            print(f"{self.name}: cancelled", flush=True)


async def main(folders: list[Path]) -> None:
    async with get_client(async_=True) as client:
        project = await client.create_project("Flights", "Photos of three flights", AREA)
        flights = [Flight(client, path) for path in folders]
        async with trio.open_nursery() as nursery:
            for flight in flights:
                nursery.start_soon(flight.prepare, project["id"])
        async with trio.open_nursery() as nursery:
            for flight in flights:
                nursery.start_soon(flight.upload)
        (held,) = [each for each in flights if each.name == "held"]
        sent = len(held.sent)
        await held.upload()
        print(len(held.sent) - sent, "sent again")


if __name__ == "__main__":
    trio.run(main, sorted(Path(sys.argv[1]).iterdir()))

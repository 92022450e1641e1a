"""Threads: several uploads share one client, and one is cancelled while the others go on.

    python -m tests.system.programs.thread_pool FOLDER

Each folder in FOLDER goes to a data collection of its name, in a thread of its own. "held" is cancelled once its files
are in the storage, and is uploaded again at the end: nothing is sent twice.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixel_client import PixelCancelledError, PixelClient, PixelUploadFile, get_client

from pixel_core import FileSent

AREA = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}


class Flight:
    """The upload of one folder: it can be cancelled, and counts the files that were sent."""

    def __init__(self, client: PixelClient, project_id: int, folder: Path) -> None:
        self.name = folder.name
        self.sent: list[str] = []
        self._client = client
        self._ids = project_id, client.create_data_collection(project_id, folder.name, "", "image")["id"]
        self._files = [PixelUploadFile(file=path) for path in sorted(folder.iterdir())]
        self._stop = threading.Event()

    def upload(self) -> str:
        try:
            images, errors = self._client.upload_multiple_images(
                *self._ids, self._files, listener=self._watch, cancel=self._stop
            )
        except PixelCancelledError as error:
            self._stop.clear()
            return f"{self.name}: cancelled after {error.done} of {error.total}"
        return f"{self.name}: {len(images)} photos, {len(errors)} errors"

    def _watch(self, event: object) -> None:
        if isinstance(event, FileSent):
            self.sent.append(event.path)
            if self.name == "held" and len(self.sent) == len(self._files):
                threading.Timer(0.5, self._stop.set).start()  # stands for a user who presses a button


def main(folder: Path) -> None:
    with get_client() as client, ThreadPoolExecutor() as pool:
        project_id = client.create_project("Flights", "Photos of three flights", AREA)["id"]
        flights = [Flight(client, project_id, path) for path in sorted(folder.iterdir())]
        for line in pool.map(Flight.upload, flights):
            print(line, flush=True)
        (held,) = [each for each in flights if each.name == "held"]
        sent = len(held.sent)
        print(held.upload(), "again,", len(held.sent) - sent, "sent again")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`python -m tests.system.faults.child JSON`: upload a folder with one of the faces, and print the outcome as JSON.

Two calls upload all files: smaller ones with the library's defaults, larger ones in small parts. The outcome has the
names uploaded; name, status and detail of failed files; the error of a call that raised one; and the number of sockets
left open.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pixel_core.errors import PixelError
from pixel_core.models import PixelUploadFile
from pixel_transports.client.settings import PixelApiSettings
from tests.support.callers import client_of
from tests.support.peers import open_sockets


def main(options: dict[str, Any]) -> dict[str, Any]:
    paths = sorted(Path(options["folder"]).iterdir())
    whole = [PixelUploadFile(file=path) for path in paths if path.stat().st_size < options["parts_from"]]
    parted = [PixelUploadFile(file=path) for path in paths if path.stat().st_size >= options["parts_from"]]
    place = options["project"], options["collection"]
    results: list[tuple[list[Any], list[Any]]] = []
    sockets, raised = open_sockets(), None
    try:
        with client_of(options["face"], PixelApiSettings(**options["environment"]), **options["keywords"]) as call:
            results.append(call("upload_multiple_images", *place, whole))
            parts = {"multipart": True, "multipart_part_size": options["part_size"]}
            results.append(call("upload_multiple_images", *place, parted, **parts))
    except PixelError as error:
        raised = f"{type(error).__name__}: {error}"
    errors = [error for _, failed in results for error in failed]
    return {
        "uploaded": [image["name"] for images, _ in results for image in images],
        "errors": [[Path(error.file or "?").name, error.status, str(error.detail)[:300]] for error in errors],
        "raised": raised,
        "sockets": open_sockets() - sockets,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))

"""`python -m tests.system.faults.child JSON`: upload a folder with one of the faces, and print what came of it as JSON.

Rules kept here:

* Two calls of the library upload all: smaller files as the library likes, then the larger ones in small parts.
* `journal`, `multipart_threshold` and `skip_uploaded` are passed on to a library that knows them.
* The last line of the output is the result: names uploaded, name, status and detail of those that were not, what the
  call raised, and the sockets that were left open.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from pixel_core.errors import PixelError
from pixel_core.models import PixelUploadFile
from pixel_transports import PixelClient, PixelClientAsync, PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings


def open_sockets() -> int:
    """How many sockets this process holds; 0 on systems that do not tell."""
    count = 0
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


def _calls(told: dict[str, Any]) -> list[tuple[Sequence[PixelUploadFile], dict[str, Any]]]:
    paths = sorted(Path(told["folder"]).iterdir())
    whole = [PixelUploadFile(file=path) for path in paths if path.stat().st_size < told["parts_from"]]
    parted = [PixelUploadFile(file=path) for path in paths if path.stat().st_size >= told["parts_from"]]
    return [(whole, {}), (parted, {"multipart": True, "multipart_part_size": told["part_size"]})]


def _keywords(told: dict[str, Any]) -> Any:
    known = PixelClientKwargs.__annotations__
    keywords: dict[str, Any] = dict(told.get("keywords", {}))
    for name in ("multipart_threshold", "journal", "skip_uploaded"):
        if name in known:
            keywords[name] = told[name]
    return keywords


def main(told: dict[str, Any]) -> dict[str, Any]:
    """Upload, and give the result."""
    settings, keywords = PixelApiSettings(**told["environment"]), _keywords(told)
    images: list[Any] = []
    errors: list[Any] = []
    raised = None

    def blocking() -> None:
        with PixelClient.from_settings(settings, **keywords) as client:
            for files, options in _calls(told):
                done, failed = client.upload_multiple_images(told["project"], told["collection"], files, **options)
                images.extend(done)
                errors.extend(failed)

    async def asynchronous() -> None:
        async with PixelClientAsync.from_settings(settings, **keywords) as client:
            for files, options in _calls(told):
                done, failed = await client.upload_multiple_images(
                    told["project"], told["collection"], files, **options
                )
                images.extend(done)
                errors.extend(failed)

    sockets = open_sockets()
    try:
        if told["face"] == "blocking":
            blocking()
        else:
            anyio.run(asynchronous, backend=told["face"])
    except PixelError as error:
        raised = f"{type(error).__name__}: {error}"
    return {
        "uploaded": [image["name"] for image in images],
        "errors": [[Path(error.file or "?").name, error.status, str(error.detail)[:300]] for error in errors],
        "raised": raised,
        "sockets": open_sockets() - sockets,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))

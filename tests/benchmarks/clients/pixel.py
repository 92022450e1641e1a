"""This library and the reference: the package `pixel_client` of whichever environment runs this, by the same calls.

Rules kept here:

* Nothing but what both packages offer is used, so that the same lines run on both.
* The pure face is driven by the shortest driver there is, over one plain socket: what the operations cost with nothing
  of `pixel_transports` around them.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.faces import Async, Blocking

ENVIRONMENT = {
    "PIXEL_USERNAME": "demo@example.com",
    "PIXEL_PASSWORD": "demo",
    "PIXEL_TENANT": "sandbox",
    "PIXEL_CLIENT_NO_VERSION_CHECK": "true",
}


def variables(api: str) -> dict[str, str]:
    """The environment variables that lead a client to this address."""
    return {**ENVIRONMENT, "PIXEL_API_URL": api, "PIXEL_AUTH_SERVER_URL": api.rpartition("/")[0] + "/auth"}


def client_of(api: str, async_: bool, **options: Any) -> Any:
    os.environ.update(variables(api))
    return importlib.import_module("pixel_client").get_client(async_, **options)


def files_of(paths: Sequence[Any]) -> list[Any]:
    package: Any = importlib.import_module("pixel_client")
    return [package.PixelUploadFile(file=path) for path in paths]


def _call(paths: Sequence[str], part_size: int | None) -> tuple[str, Any, dict[str, Any]]:
    """The method of a client that uploads, what it uploads, and options."""
    parts: dict[str, Any] = {} if part_size is None else {"multipart": True, "multipart_part_size": part_size}
    if len(paths) == 1:
        return "upload_image", Path(paths[0]), parts
    return "upload_multiple_images", files_of(paths), parts


def _check(result: Any, paths: Sequence[str]) -> None:
    images, errors = ([result], ()) if len(paths) == 1 else result
    if errors or sorted(image["name"] for image in images) != sorted(map(os.path.basename, paths)):
        raise RuntimeError(f"{len(images)} of {len(paths)} files were uploaded: {errors}")


class PixelBlocking(Blocking):
    def __init__(self, api: str) -> None:
        self.client = client_of(api, False)

    def call(self) -> Any:
        return self.client.me()

    def pages(self, size: int) -> int:
        count = 0
        for _ in self.client.paginate_images(1, 2, size):
            count += 1
        return count

    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        method, files, options = _call(paths, part_size)
        _check(getattr(self.client, method)(1, 2, files, **options), paths)

    def close(self) -> None:
        """Nothing to do: the reference's cannot be closed once it was used, and both end with the process."""


class PixelAsync(Async):
    def __init__(self, api: str) -> None:
        self.client = client_of(api, True)

    async def call(self) -> Any:
        return await self.client.me()

    async def pages(self, size: int) -> int:
        count = 0
        async for _ in self.client.paginate_images(1, 2, size):
            count += 1
        return count

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        method, files, options = _call(paths, part_size)
        _check(await getattr(self.client, method)(1, 2, files, **options), paths)

    async def close(self) -> None:
        """As `PixelBlocking.close`."""


class PixelTrio(PixelAsync):
    backend = "trio"


class PixelPure(Blocking):
    """The pure face over one socket, driven by a dozen lines."""

    def __init__(self, api: str) -> None:
        from tests.benchmarks.pure import Direct

        self._direct = Direct(api)

    def call(self) -> Any:
        return self._direct.run(self._direct.api.me())

    def pages(self, size: int) -> int:
        count = 0
        for flow in self._direct.api.paginate_images(1, 2, size):
            page = self._direct.run(flow)
            for _ in page.items:
                count += 1
            if page.last:
                break
        return count

    def close(self) -> None:
        self._direct.close()


CLIENTS: dict[str, Callable[[str], Blocking | Async]] = {
    "ours": PixelBlocking,
    "ours-async": PixelAsync,
    "ours-trio": PixelTrio,
    "ours-pure": PixelPure,
    "reference": PixelBlocking,
    "reference-async": PixelAsync,
}

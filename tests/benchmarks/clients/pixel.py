"""This library and the reference: the package `pixel_client` of whichever environment runs this, by the same calls.

Rules kept here:

* Nothing but what both packages offer is used, so that the same lines run on both.
* The pure face is driven by the shortest driver there is, over one plain socket: what the operations cost with nothing
  of `pixel_transports` around them.
* No client is closed: the reference's cannot be closed once it was used, and both end with the process.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.faces import Client

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


class PixelBlocking(Client):
    def __init__(self, api: str, **options: Any) -> None:
        super().__init__(api)
        self.client = client_of(api, self.backend is not None, **options)

    async def _answer(self, answer: Any) -> Any:
        return answer

    async def call(self) -> Any:
        return self.client.me()

    async def pages(self, size: int) -> int:
        count = 0
        for _ in self.client.paginate_images(1, 2, size):
            count += 1
        return count

    async def upload_files(self, files: Sequence[Any], **options: Any) -> Any:
        return await self._answer(self.client.upload_multiple_images(1, 2, files, **options))

    async def upload_stream(self, paths: Iterable[Any]) -> int:
        """Upload files one after another from an iterable. Returns how many were accepted."""
        with self.client.upload_files(1, 2, paths) as outcomes:
            return sum(outcome.error is None for outcome in outcomes)

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        options = {} if part_size is None else {"multipart": True, "multipart_part_size": part_size}
        if len(paths) == 1:
            images = [await self._answer(self.client.upload_image(1, 2, Path(paths[0]), **options))]
            errors: Sequence[Any] = ()
        else:
            images, errors = await self.upload_files(files_of(paths), **options)
        if errors or sorted(image["name"] for image in images) != sorted(map(os.path.basename, paths)):
            raise RuntimeError(f"{len(images)} of {len(paths)} files were uploaded: {errors}")


class PixelAsync(PixelBlocking):
    backend = "asyncio"

    async def _answer(self, answer: Any) -> Any:
        return await answer

    async def call(self) -> Any:
        return await self.client.me()

    async def upload_stream(self, paths: Iterable[Any]) -> int:
        async with self.client.upload_files(1, 2, paths) as outcomes:
            return sum([outcome.error is None async for outcome in outcomes])

    async def pages(self, size: int) -> int:
        count = 0
        async for _ in self.client.paginate_images(1, 2, size):
            count += 1
        return count


class PixelTrio(PixelAsync):
    backend = "trio"


class PixelPure(Client):
    """The pure face over one socket, driven by a dozen lines."""

    def __init__(self, api: str) -> None:
        from tests.benchmarks.pure import Direct

        self._direct = Direct(api)

    async def call(self) -> Any:
        return self._direct.run(self._direct.api.me())

    async def pages(self, size: int) -> int:
        count = 0
        for flow in self._direct.api.paginate_images(1, 2, size):
            page = self._direct.run(flow)
            for _ in page.items:
                count += 1
            if page.last:
                break
        return count

    async def close(self) -> None:
        self._direct.close()


CLIENTS: dict[str, Callable[[str], Client]] = {
    "ours": PixelBlocking,
    "ours-async": PixelAsync,
    "ours-trio": PixelTrio,
    "ours-pure": PixelPure,
    "reference": PixelBlocking,
    "reference-async": PixelAsync,
}

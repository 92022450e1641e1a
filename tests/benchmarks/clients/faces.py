"""What the clients share: the requests of a small call, of pages, and of an upload as the API wants it.

Rules kept here:

* All methods are coroutines. Those of a blocking client never wait, so that `drive` runs them without a loop.
* A peer uploads as a program with that library does: files are hashed piece by piece, then sent one by one
  (blocking) or ten at a time (async).
* `uploadFinished` is the last thing that is measured of a peer; what follows is this library's and the reference's.
"""

import asyncio
import hashlib
import os
from base64 import b64encode
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import urlsplit

PIECE = 1024 * 1024
COLLECTION = "/projects/1/data_collections/2"
ME = "/users/me?extended=false"
FINISHED = f"{COLLECTION}/upload_jobs/multiple_uploadFinished"
FILES_AT_ONCE = 10
HEADERS = {
    "Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJsb2FkIjp0cnVlLCJleHAiOjQxMDI0NDQ4MDB9.bm8tc2lnbmF0dXJl",
    "X-Request-ID": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "Accept": "application/json",
}
"""What this library sends with each call, for clients without settings of their own."""


def drive(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a method of a blocking client waited")


@dataclass(frozen=True)
class Part:
    """So many bytes of a file, and their MD5 in base64."""

    path: str
    offset: int
    length: int
    md5: str

    def file(self) -> BinaryIO:
        return open(self.path, "rb")

    def bytes(self) -> bytes:
        with self.file() as file:
            file.seek(self.offset)
            return file.read(self.length)


def hashed(path: str, part_size: int | None) -> list[Part]:
    """A file in parts (one without a part size), hashed piece by piece."""
    size = os.path.getsize(path)
    parts = []
    buffer = memoryview(bytearray(PIECE))
    with open(path, "rb", buffering=0) as file:
        for offset in range(0, size, part_size or size):
            length = left = min(part_size or size, size - offset)
            digest = hashlib.md5(usedforsecurity=False)
            while left and (count := file.readinto(buffer[: min(left, PIECE)])):
                digest.update(buffer[:count])
                left -= count
            parts.append(Part(path, offset, length, b64encode(digest.digest()).decode()))
    return parts


def declared(files: Sequence[list[Part]], multipart: bool) -> tuple[str, str, dict[str, Any]]:
    """The request that asks for upload jobs: method, path and value."""
    entries = []
    for parts in files:
        listed = [{"part_number": n, "md5": part.md5, "content_length": part.length} for n, part in enumerate(parts, 1)]
        facts = {"parts": listed} if multipart else {"md5": parts[0].md5}
        entries.append({"name": os.path.basename(parts[0].path), **facts})
    return "POST", f"{COLLECTION}/upload_jobs/{'multipart' if multipart else ''}", {"files": entries}


class Client:
    """A client for one event loop; or, without a backend, for blocking calls in any number of threads."""

    backend: str | None = None

    def __init__(self, api: str) -> None:
        self.api = api

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        """A request with the usual header fields; the decoded answer."""
        raise NotImplementedError

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    async def call(self) -> Any:
        return await self.send("GET", ME)

    async def pages(self, size: int) -> int:
        """All images, so many a page. Gives how many there were."""
        offset = count = 0
        while True:
            page = await self.send("GET", f"{COLLECTION}/images/?offset={offset}&limit={size}")
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        """Upload files, in parts where a part size is given."""
        files = []
        for path in paths:
            files.append(await asyncio.to_thread(hashed, path, part_size) if self.backend else hashed(path, part_size))
        jobs = await self.send(*declared(files, part_size is not None))
        bodies = []
        for parts, job in zip(files, jobs, strict=True):
            if part_size is None:
                bodies.append(partial(self.form, job["url"], job["upload_fields"], parts[0]))
            for place in job["upload_parts"]:
                bodies.append(partial(self.put, place["url"], place["headers"], parts[place["part_number"] - 1]))
        if self.backend is None:
            for body in bodies:
                await body()
        else:
            limit = asyncio.Semaphore(FILES_AT_ONCE)

            async def one(body: Any) -> None:
                async with limit:
                    await body()

            await asyncio.gather(*map(one, bodies))
        await self.send("PUT", FINISHED, {"job_ids": [job["id"] for job in jobs]})

    async def fork(self) -> "Client":
        """The client that another thread or task uses."""
        return self

    async def close(self) -> None:
        """Close the connections, if they do not end with the process."""


def address(api: str) -> tuple[str, int, str]:
    parts = urlsplit(api)
    return parts.hostname or "", parts.port or 80, parts.path

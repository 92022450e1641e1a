"""The two kinds of client that are measured, and the requests that they make: pages, and an upload as the API wants it.

Rules kept here:

* A peer uploads as a program with that library does: files are hashed piece by piece, then sent one by one
  (blocking) or ten at a time (async).
* `uploadFinished` is the last thing that is measured of a peer; what follows is this library's and the reference's.
"""

import asyncio
import hashlib
import os
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
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

Steps = Generator[list[tuple[Any, ...]], list[Any], Any]
"""Yields names of a client's methods with their arguments, which may run side by side. Receives their results."""


def drive(steps: Generator[Callable[[], Any], Any, Any]) -> Any:
    """Call what the generator yields, and send it the results. Returns its value."""
    result = None
    try:
        while True:
            result = steps.send(result)()
    except StopIteration as end:
        return end.value


async def drive_async(steps: Generator[Callable[[], Any], Any, Any]) -> Any:
    """The same with coroutines."""
    result = None
    try:
        while True:
            result = await steps.send(result)()
    except StopIteration as end:
        return end.value


@dataclass(frozen=True)
class Part:
    """So many bytes of a file, and their MD5 in base64."""

    path: str
    offset: int
    length: int
    md5: str

    def bytes(self) -> bytes:
        with open(self.path, "rb") as file:
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


def paging(size: int) -> Steps:
    """All images, so many a page. Returns how many there were."""
    offset = count = 0
    while True:
        (page,) = yield [("send", "GET", f"{COLLECTION}/images/?offset={offset}&limit={size}")]
        for _ in page:
            count += 1
        if len(page) < size:
            return count
        offset += size


def uploading(paths: Sequence[str], part_size: int | None) -> Steps:
    """An upload of files, in parts where a part size is given."""
    files: list[list[Part]] = []
    for path in paths:
        files += yield [("hash", path, part_size)]
    (jobs,) = yield [("send", *declared(files, part_size is not None))]
    bodies: list[tuple[Any, ...]] = []
    for parts, job in zip(files, jobs, strict=True):
        if part_size is None:
            bodies.append(("form", job["url"], job["upload_fields"], parts[0]))
        for place in job["upload_parts"]:
            bodies.append(("put", place["url"], place["headers"], parts[place["part_number"] - 1]))
    yield bodies
    yield [("send", "PUT", FINISHED, {"job_ids": [job["id"] for job in jobs]})]


class Blocking(ABC):
    """A client of blocking calls. One object serves any number of threads, unless `fork` says otherwise."""

    def __init__(self, api: str) -> None:
        self.api = api

    def send(self, method: str, path: str, value: Any = None) -> Any:
        """A request with the usual header fields; the decoded answer."""
        raise NotImplementedError

    def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    def hash(self, path: str, part_size: int | None) -> list[Part]:
        return hashed(path, part_size)

    def run(self, steps: Steps) -> Any:
        results: Any = None
        try:
            while True:
                results = [getattr(self, name)(*arguments) for name, *arguments in steps.send(results)]
        except StopIteration as end:
            return end.value

    def call(self) -> Any:
        return self.send("GET", ME)

    def pages(self, size: int) -> int:
        """All images, so many a page. Gives how many there were."""
        count: int = self.run(paging(size))
        return count

    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        """Upload files, in parts where a part size is given."""
        self.run(uploading(paths, part_size))

    def fork(self) -> "Blocking":
        """The client that another thread uses."""
        return self

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class Async(ABC):
    """The same with coroutines, for one event loop."""

    backend = "asyncio"

    def __init__(self, api: str) -> None:
        self.api = api

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        raise NotImplementedError

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        raise NotImplementedError

    async def hash(self, path: str, part_size: int | None) -> list[Part]:
        return await asyncio.to_thread(hashed, path, part_size)

    async def run(self, steps: Steps) -> Any:
        places: Any = None

        async def one(name: str, *arguments: Any) -> Any:
            async with places:
                return await getattr(self, name)(*arguments)

        results: Any = None
        try:
            while True:
                found = steps.send(results)
                if len(found) == 1:
                    ((name, *arguments),) = found
                    results = [await getattr(self, name)(*arguments)]
                else:
                    places = places or asyncio.Semaphore(FILES_AT_ONCE)
                    results = await asyncio.gather(*(one(*step) for step in found))
        except StopIteration as end:
            return end.value

    async def call(self) -> Any:
        return await self.send("GET", ME)

    async def pages(self, size: int) -> int:
        count: int = await self.run(paging(size))
        return count

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        await self.run(uploading(paths, part_size))

    async def fork(self) -> "Async":
        return self

    @abstractmethod
    async def close(self) -> None: ...


def address(api: str) -> tuple[str, int, str]:
    parts = urlsplit(api)
    return parts.hostname or "", parts.port or 80, parts.path

"""What a client has to offer to be measured, and what the peers share: an upload as the API wants it.

Rules kept here:

* A peer uploads as a program with that library does: files are hashed piece by piece, then sent one by one
  (blocking) or ten at a time (async).
* `uploadFinished` is the last thing that is measured of a peer; what follows is this library's and the reference's.
"""

import asyncio
import hashlib
import json
import os
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PIECE = 1024 * 1024
COLLECTION = "/projects/1/data_collections/2"
ME = "/users/me?extended=false"
FILES_AT_ONCE = 10
HEADERS = {
    "Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJsb2FkIjp0cnVlLCJleHAiOjQxMDI0NDQ4MDB9.bm8tc2lnbmF0dXJl",
    "X-Request-ID": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "Accept": "application/json",
}
"""What this library sends with each call, for clients without settings of their own."""


class Blocking(ABC):
    """A client of blocking calls. One object serves any number of threads, unless `fork` says otherwise."""

    @abstractmethod
    def call(self) -> Any:
        """One small call."""

    @abstractmethod
    def pages(self, size: int) -> int:
        """All images, so many a page. Gives how many there were."""

    @abstractmethod
    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        """Upload files, in parts where a part size is given."""

    def fork(self) -> "Blocking":
        """The client that another thread uses."""
        return self

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class Async(ABC):
    """A client of coroutines, for one event loop."""

    backend = "asyncio"

    @abstractmethod
    async def call(self) -> Any: ...

    @abstractmethod
    async def pages(self, size: int) -> int: ...

    @abstractmethod
    async def upload(self, paths: Sequence[str], part_size: int | None) -> None: ...

    async def fork(self) -> "Async":
        """The client that another task uses."""
        return self

    @abstractmethod
    async def close(self) -> None: ...


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


def declaration(files: Mapping[str, list[Part]], multipart: bool) -> dict[str, Any]:
    """The body that asks for upload jobs."""
    entries = []
    for path, parts in files.items():
        entry: dict[str, Any] = {"name": os.path.basename(path)}
        if multipart:
            entry["parts"] = [
                {"part_number": number, "md5": part.md5, "content_length": part.length}
                for number, part in enumerate(parts, 1)
            ]
        else:
            entry["md5"] = parts[0].md5
        entries.append(entry)
    return {"files": entries}


def creation_path(multipart: bool) -> str:
    return f"{COLLECTION}/upload_jobs/{'multipart' if multipart else ''}"


FINISHED = f"{COLLECTION}/upload_jobs/multiple_uploadFinished"


def page_path(offset: int, size: int) -> str:
    return f"{COLLECTION}/images/?offset={offset}&limit={size}"


class BlockingPeer(Blocking):
    """A general HTTP library, blocking."""

    def __init__(self, api: str) -> None:
        self.api = api

    @abstractmethod
    def send(self, method: str, url: str, body: bytes | None = None) -> Any:
        """A request with the usual header fields; the decoded answer."""

    @abstractmethod
    def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        """Post a form with a file."""

    @abstractmethod
    def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        """Put a part."""

    def call(self) -> Any:
        return self.send("GET", self.api + ME)

    def pages(self, size: int) -> int:
        offset = count = 0
        while True:
            page = self.send("GET", self.api + page_path(offset, size))
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        files = {path: hashed(path, part_size) for path in paths}
        body = json.dumps(declaration(files, part_size is not None)).encode()
        jobs = self.send("POST", self.api + creation_path(part_size is not None), body)
        for parts, job in zip(files.values(), jobs, strict=True):
            if part_size is None:
                self.form(job["url"], job["upload_fields"], parts[0])
            for place in job["upload_parts"]:
                self.put(place["url"], place["headers"], parts[place["part_number"] - 1])
        self.send("PUT", self.api + FINISHED, json.dumps({"job_ids": [job["id"] for job in jobs]}).encode())


class AsyncPeer(Async):
    """A general HTTP library, async."""

    def __init__(self, api: str) -> None:
        self.api = api

    @abstractmethod
    async def send(self, method: str, url: str, body: bytes | None = None) -> Any: ...

    @abstractmethod
    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None: ...

    @abstractmethod
    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None: ...

    async def call(self) -> Any:
        return await self.send("GET", self.api + ME)

    async def pages(self, size: int) -> int:
        offset = count = 0
        while True:
            page = await self.send("GET", self.api + page_path(offset, size))
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        files = {path: await asyncio.to_thread(hashed, path, part_size) for path in paths}
        body = json.dumps(declaration(files, part_size is not None)).encode()
        jobs = await self.send("POST", self.api + creation_path(part_size is not None), body)
        places = asyncio.Semaphore(FILES_AT_ONCE)

        async def one(request: Any) -> None:
            async with places:
                await request()

        requests: list[Any] = []
        for parts, job in zip(files.values(), jobs, strict=True):
            if part_size is None:
                requests.append(lambda job=job, parts=parts: self.form(job["url"], job["upload_fields"], parts[0]))
            for place in job["upload_parts"]:
                part = parts[place["part_number"] - 1]
                requests.append(lambda place=place, part=part: self.put(place["url"], place["headers"], part))
        await asyncio.gather(*map(one, requests))
        await self.send("PUT", self.api + FINISHED, json.dumps({"job_ids": [job["id"] for job in jobs]}).encode())


def address(api: str) -> tuple[str, int, str]:
    """Host, port and path of the API's address."""
    parts = urlsplit(api)
    return parts.hostname or "", parts.port or 80, parts.path

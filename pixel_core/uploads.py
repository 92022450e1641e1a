"""The steps of an upload: plan a file, declare it to the server, store its bytes.

Rules kept here:

* A file is planned before anything is created: it exists, its size is known, its parts are cut.
* Every byte that is sent is covered by an MD5 that was declared for it.
* A file and what belongs to it are paired with the server's answer by name, never by position.
* All requests of a file to the object storage are made up (and the answer checked) before the first is sent.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePath
from typing import Any

from pixel_core.answers import Field
from pixel_core.effects import Digest, Flow, Random, Report, Stat, Together
from pixel_core.events import FileHashed, FileSent
from pixel_core.messages import FileSlice, Form, Headers
from pixel_core.session import Session

MOST_PARTS = 10_000
"""How many parts S3 takes for one object."""

HASHED_AT_ONCE = 4
"""How many files are hashed side by side."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A file to upload, cut into the slices that are sent one by one (a single one where it is not multipart)."""

    path: str
    size: int
    slices: tuple[FileSlice, ...]
    multipart: bool = False
    support_files: "tuple[Planned, ...]" = ()
    metadata: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return PurePath(self.path).name


@dataclass(frozen=True, slots=True)
class Hashed:
    """A planned file and the MD5s of its slices, in base64."""

    file: Planned
    digests: tuple[str, ...]
    support_files: "tuple[Hashed, ...]" = field(default=())

    def declaration(self) -> dict[str, Any]:
        """What the server is told of the file when an upload job is asked for."""
        told: dict[str, Any] = {"name": self.file.name}
        if self.file.multipart:
            told["parts"] = [
                {"part_number": number, "md5": digest, "content_length": part.length}
                for number, (part, digest) in enumerate(zip(self.file.slices, self.digests, strict=True), 1)
            ]
        else:
            told["md5"] = self.digests[0]
        if self.file.metadata:
            told["metadata"] = self.file.metadata
        if self.support_files:
            told["support_files"] = [{"name": each.file.name, "md5": each.digests[0]} for each in self.support_files]
        return told


def check_part_size(multipart: bool, part_size: int | None) -> int | None:
    """The part size, or None for a single part. Raises ValueError for multipart without a usable part size."""
    if not multipart:
        return None
    if isinstance(part_size, bool) or not isinstance(part_size, int) or part_size < 1:
        raise ValueError(f"multipart needs multipart_part_size, in bytes from 1, got {part_size!r}")
    return part_size


def plan(
    path: object,
    part_size: int | None = None,
    support_files: Sequence[object] = (),
    metadata: dict[str, Any] | None = None,
) -> Flow[Planned]:
    """Look at a file and at those that belong to it. Raises FileNotFoundError or another OSError, and ValueError for
    more parts than S3 takes and for support files of the same name.
    """
    size = (yield from Stat(str(path))).size
    supports = []
    for each in support_files:
        supports.append((yield from plan(each)))
    names = [each.name for each in supports]
    if len(set(names)) < len(names):
        raise ValueError(f"the support files of {path} must have different names, got {', '.join(sorted(names))}")
    slices = _cut(str(path), size, part_size)
    return Planned(str(path), size, slices, part_size is not None, tuple(supports), metadata)


def _cut(path: str, size: int, part_size: int | None) -> tuple[FileSlice, ...]:
    if part_size is None or size == 0:
        return (FileSlice(path, 0, size),)
    count = -(-size // part_size)
    if count > MOST_PARTS:
        raise ValueError(
            f"{path} would have {count} parts of {part_size} bytes, and {MOST_PARTS} is the most: "
            f"use a multipart_part_size of {-(-size // MOST_PARTS)} or more"
        )
    return tuple(FileSlice(path, at, min(part_size, size - at)) for at in range(0, size, part_size))


def hash_file(planned: Planned) -> Flow[Hashed]:
    """Read a file and those that belong to it. Raises OSError, PixelFileChangedError."""
    digests = yield from Digest(planned.slices)
    supports = []
    for each in planned.support_files:
        supports.append((yield from hash_file(each)))
    yield from Report(FileHashed(planned.path, planned.size))
    return Hashed(planned, tuple(b64encode(digest).decode() for digest in digests), tuple(supports))


def hash_files(files: Sequence[Planned]) -> Flow[list[Hashed | Exception]]:
    """Several files, some at once; where a file cannot be read, what was raised stands in its place."""
    flows = [hash_file(each) for each in files]
    hashed: list[Hashed | Exception] = yield from Together(flows, HASHED_AT_ONCE, collect=True)
    return hashed


def storage_flows(session: Session, hashed: Hashed, job: Field) -> list[Flow[None]]:
    """The requests that bring a file's bytes, and those of its support files, into the object storage: one flow each,
    in any order. The one that ends last reports the file as sent.

    Raises PixelProtocolError when the upload job lacks a field.
    """
    flows = _part_flows(session, hashed, job) if hashed.file.multipart else [_form_flow(session, hashed, job)]
    flows += [
        _form_flow(session, each, found)
        for each, found in zip(hashed.support_files, _support_jobs(hashed, job), strict=True)
    ]
    finished = count(1)  # Drawn from by flows that may run in different threads: each gets a number of its own.

    def counted(flow: Flow[None]) -> Flow[None]:
        yield from flow
        if next(finished) == len(flows):
            yield from Report(FileSent(hashed.file.path, hashed.file.size))

    return [counted(flow) for flow in flows]


def _support_jobs(hashed: Hashed, job: Field) -> list[Field]:
    if not hashed.support_files:
        return []
    jobs = job.field("support_files")
    by_name = {each.field("name").text(): each for each in jobs.items()}
    for each in hashed.support_files:
        if each.file.name not in by_name:
            raise jobs.wrong(f"a list with {each.file.name!r} in it", "lacks it")
    return [by_name[each.file.name] for each in hashed.support_files]


def _form_flow(session: Session, hashed: Hashed, job: Field) -> Flow[None]:
    url, fields = job.field("url").url(), job.field("upload_fields").texts()

    def flow() -> Flow[None]:
        boundary = f"{(yield from Random()):032x}"
        yield from session.store("POST", url, Form(fields, hashed.file.name, hashed.file.slices[0], boundary))

    return flow()


def _part_flows(session: Session, hashed: Hashed, job: Field) -> list[Flow[None]]:
    parts = job.field("upload_parts")
    by_number = {part.field("part_number").integer(): part for part in parts.items()}
    wanted = range(1, len(hashed.file.slices) + 1)
    if sorted(by_number) != list(wanted):
        raise parts.wrong(f"a list of the parts 1 to {len(wanted)}", f"has the parts {sorted(by_number)}")
    targets = [(by_number[number].field("url").url(), by_number[number].field("headers").texts()) for number in wanted]

    def flow(url: str, headers: Headers, content: FileSlice) -> Flow[None]:
        yield from session.store("PUT", url, content, headers)

    return [
        flow(url, Headers(headers), content)
        for (url, headers), content in zip(targets, hashed.file.slices, strict=True)
    ]

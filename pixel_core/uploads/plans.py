"""Plans: a file to upload, its parts, and its description for the server.

Rules kept here:

* A file is planned before anything is created: it exists, and its size and its parts are known.
* A file above the threshold is sent in parts, about a thousand of them, and never more than S3 accepts.
* Every byte that is sent is covered by an MD5 that was declared for it.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from pixel_core.effects import FileFacts, Flow, Stat
from pixel_core.messages import FileSlice, encode_json
from pixel_core.values import value

MIB = 1024 * 1024

MOST_PARTS = 10_000
"""How many parts S3 accepts for one object."""

USUAL_PARTS = 1_000
LEAST_PART = 8 * MIB
LARGEST_PART = 1024 * MIB


@value
class PlannedFile:
    """A file to upload, and the slices that are sent one by one: a single one unless it is multipart."""

    path: str
    facts: FileFacts
    slices: tuple[FileSlice, ...]
    multipart: bool = False
    support_files: "tuple[PlannedFile, ...]" = ()
    metadata: dict[str, Any] | None = None
    upload_name: str = ""
    """The name to upload it under, if that is not the name of the file."""

    @property
    def name(self) -> str:
        return self.upload_name or PurePath(self.path).name

    @property
    def size(self) -> int:
        return self.facts.size

    def renamed(self, name: str) -> "PlannedFile":
        """The file under another name, with support files whose names fit to it: they have the name or stem of their
        file.
        """
        old, new = PurePath(self.path), PurePath(name)
        supports = []
        for each in self.support_files:
            own = PurePath(each.path).name
            for start, other in ((old.name, new.name), (old.stem, new.stem)):
                if own.startswith(f"{start}."):
                    own = other + own[len(start) :]
                    break
            supports.append(replace(each, upload_name=own))
        return replace(self, upload_name=name, support_files=tuple(supports))

    @property
    def metadata_digest(self) -> str:
        """A digest of the metadata; "" without metadata."""
        if not self.metadata:
            return ""
        return sha256(encode_json(self.metadata)).hexdigest()[:32]

    @property
    def part_size(self) -> int:
        """The size of its parts but the last; 0 for a file that is sent whole."""
        return self.slices[0].length if self.multipart else 0

    @property
    def total(self) -> int:
        """The bytes of the file and of its support files."""
        size = self.facts.size
        return size + sum([each.size for each in self.support_files]) if self.support_files else size


@value
class HashedFile:
    """A planned file with the MD5s of its slices, in base64. `content` are its bytes if they were kept."""

    file: PlannedFile
    digests: tuple[str, ...]
    support_files: "tuple[HashedFile, ...]" = ()
    content: bytes | None = None

    def declaration(self) -> dict[str, Any]:
        """The description of the file in a request for an upload job."""
        body: dict[str, Any] = {"name": self.file.name}
        if self.file.multipart:
            body["parts"] = [
                {"part_number": number, "md5": digest, "content_length": part.length}
                for number, (part, digest) in enumerate(zip(self.file.slices, self.digests, strict=True), 1)
            ]
        else:
            body["md5"] = self.digests[0]
        if self.file.metadata:
            body["metadata"] = self.file.metadata
        if self.support_files:
            body["support_files"] = [{"name": each.file.name, "md5": each.digests[0]} for each in self.support_files]
        return body


@value
class PartSizing:
    """How files are cut: all in parts of `part_size` bytes, or, without it, those above `threshold` bytes."""

    threshold: int
    part_size: int | None = None

    @classmethod
    def from_keywords(cls, threshold: int, multipart: bool, part_size: int | None) -> "PartSizing":
        """From the keywords of an upload. Raises ValueError for multipart without a usable part size."""
        if not multipart:
            return cls(threshold)
        if isinstance(part_size, bool) or not isinstance(part_size, int) or part_size < 1:
            raise ValueError(f"multipart needs multipart_part_size, in bytes from 1, got {part_size!r}")
        return cls(threshold, part_size)

    def part_size_for(self, size: int) -> int | None:
        """The size of the parts of a file of `size` bytes; None if it is sent whole."""
        if self.part_size is not None:
            return self.part_size
        if size <= self.threshold:
            return None
        usual = min(max(LEAST_PART, -(-size // USUAL_PARTS)), LARGEST_PART)
        return -(-max(usual, -(-size // MOST_PARTS)) // MIB) * MIB


@value
class FileSpec:
    """A file as a user names it: its path, the paths of its support files, its metadata, and another name for it."""

    path: str
    support_files: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None
    upload_name: str = ""

    @property
    def name(self) -> str:
        return self.upload_name or PurePath(self.path).name


def plan(files: Sequence[FileSpec], sizing: PartSizing) -> Flow[list[PlannedFile]]:
    """Read the facts of files and their support files, and cut them. Raises FileNotFoundError or another OSError, and
    ValueError for more parts than S3 accepts and for support files of the same name.
    """
    for each in files:
        for path in (each.path, *each.support_files):
            _check_name(each.name if path == each.path else PurePath(path).name, path)
        names = [PurePath(path).name for path in each.support_files]
        if len(set(names)) < len(names):
            raise ValueError(
                f"the support files of {each.path} must have different names, got {', '.join(sorted(names))}"
            )
    if not files:
        return []
    facts = iter((yield from Stat([path for each in files for path in (each.path, *each.support_files)])))
    planned = []
    for each in files:
        own = next(facts)
        part_size = sizing.part_size_for(own.size)
        slices = _cut(each.path, own.size, part_size)
        supports = tuple(_whole(path, next(facts)) for path in each.support_files)
        file = PlannedFile(each.path, own, slices, part_size is not None, supports, each.metadata)
        planned.append(file.renamed(each.upload_name) if each.upload_name else file)
    return planned


def plan_each(files: Sequence[FileSpec], sizing: PartSizing) -> Flow[list[PlannedFile | Exception]]:
    """Plan files: the error of each file that cannot be planned is in its place."""
    try:
        return [*(yield from plan(files, sizing))]
    except (OSError, ValueError) as error:
        if len(files) == 1:
            return [error]
    planned: list[PlannedFile | Exception] = []
    for each in files:
        planned += yield from plan_each([each], sizing)
    return planned


def _check_name(name: str, path: str) -> None:
    """Raises ValueError for a name that JSON cannot hold: it is UTF-8 (RFC 8259, section 8.1)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the name of the file {path!r} is no UTF-8: rename it, or upload it under another") from None


def _whole(path: str, facts: FileFacts) -> PlannedFile:
    return PlannedFile(path, facts, (FileSlice(path, 0, facts.size),))


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


def in_base64(digests: Sequence[bytes]) -> tuple[str, ...]:
    """MD5s in base64, as S3 expects them (RFC 1864)."""
    return tuple(b64encode(digest).decode() for digest in digests)

"""Checks files without sending them: whether they can be read, decoded, located, and differ from each other.

Rules kept here:

* Each file is read once for its MD5, and pictures once more to be decoded; several at a time, in constant memory.
* All problems of a file are reported, not only the first.
* Of files with equal names or contents the first has no problem, and the others name it.
* Positions are degrees of WGS 84; the border of an area belongs to it.
"""

import os
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice
from pixel_core.models import MetadataObject
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.file_problems import Problem, file_size, find_problem
from pixel_transports.cli.file_search import Candidate
from pixel_transports.cli.file_types import FileType
from pixel_transports.cli.metadata import merge_metadata
from pixel_transports.cli.photos import find_flaw, read_metadata
from pixel_transports.display.progress import LINE_SECONDS
from pixel_transports.drivers.files import digest
from pixel_transports.sandbox.geometry import Shape, from_geojson, intersects

NULL_ISLAND_DEGREES = 1e-4
"""A position this close to (0, 0), about 11 m, is taken for a missing one."""

_UNREADABLE = ("not_read", "not_a_picture")
"""Problems of files whose position cannot be read."""

_MAGIC = {
    "raster": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"<MRF_META"),
    "point-cloud": (b"LASF",),
}
"""The first bytes of rasters (TIFF, BigTIFF, JPEG, PNG, WebP, MRF) and point clouds (LAS and LAZ)."""


@dataclass(slots=True)
class CheckedFile:
    """The result of checking one file. `position` is longitude, latitude, and the height if it is known."""

    file: str
    name: str
    size: int | None
    md5: str | None = None
    position: list[float] | None = None
    captured: str | None = None
    problems: list[Problem] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        problems = [{"code": each.code, "detail": each.detail, "advice": each.advice} for each in self.problems]
        return {**asdict(self), "status": "problem" if problems else "ok", "problems": problems}


class Checker:
    """Checks files of one type. `common_metadata` belong to all files; `area` is the project's, or None."""

    def __init__(self, file_type: FileType, common_metadata: Mapping[str, Any], area: Shape | None) -> None:
        self._file_type = file_type
        self._common_metadata = common_metadata
        self._area = area
        self._stopped = threading.Event()

    def check(self, candidates: Sequence[Candidate]) -> list[CheckedFile]:
        """Check all files and return them in order. Prints progress on stderr every half minute."""
        results: dict[int, CheckedFile] = {}
        printed_at = time.monotonic()
        # Warning filters belong to the process, so they are not changed in the threads.
        with warnings.catch_warnings(action="ignore"):
            for number, checked in self._check_in_threads(candidates):
                results[number] = checked
                if time.monotonic() - printed_at >= LINE_SECONDS:
                    printed_at = time.monotonic()
                    print_message(f"{len(results):,} of {len(candidates):,} files are checked")
        ordered = [results[number] for number in sorted(results)]
        mark_duplicates(ordered)
        return ordered

    def _check_in_threads(self, candidates: Sequence[Candidate]) -> Iterator[tuple[int, CheckedFile]]:
        threads = min(8, os.cpu_count() or 1)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="pixel-check")
        waiting = iter(enumerate(candidates))
        running: dict[Future[CheckedFile], int] = {}
        try:
            while True:
                while len(running) < 2 * threads and (following := next(waiting, None)) is not None:
                    running[pool.submit(self._check_file, following[1])] = following[0]
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
            self._stopped.clear()

    def _check_file(self, candidate: Candidate) -> CheckedFile:
        path = candidate.path
        checked = CheckedFile(str(path), path.name, file_size(candidate))
        problem = find_problem(candidate)
        if problem is not None:
            checked.problems.append(problem)
            if checked.size is None or problem.code == "not_a_file":
                return checked
        try:
            for each in (path, *candidate.support_files):
                md5 = self._md5(each)
                checked.md5 = checked.md5 or md5
            if checked.size:
                checked.problems += self._check_content(path)
        except (OSError, PixelFileChangedError) as error:
            if problem is None:
                checked.problems.append(Problem("not_read", f"it cannot be read: {error}"))
        self._check_metadata(candidate, checked)
        return checked

    def _md5(self, path: Path) -> str:
        size = os.stat(path).st_size
        result = digest([FileSlice(str(path), 0, size)], False, self._stopped.is_set)
        return result.digests[0].hex() if result.digests else ""

    def _check_content(self, path: Path) -> Iterator[Problem]:
        if self._file_type.name != "image":
            with path.open("rb") as file:
                start = file.read(16)
            if not start.startswith(_MAGIC[self._file_type.name]):
                noun = self._file_type.name.replace("-", " ")
                yield Problem(f"not_a_{self._file_type.fields_type}", f"its first bytes are not those of a {noun}")
                return
            if not start.startswith(b"\xff\xd8\xff"):
                return
        flaw = find_flaw(path)
        if flaw is not None:
            yield Problem(flaw.code, flaw.detail)

    def _check_metadata(self, candidate: Candidate, checked: CheckedFile) -> None:
        is_image = self._file_type.name == "image"
        exif = read_metadata(candidate.path) if is_image else None
        metadata = merge_metadata(exif.body() if exif else None, self._common_metadata, candidate.metadata)
        captured = _field(metadata, "capture_date")
        checked.captured = captured.isoformat() if isinstance(captured, datetime) else None
        if is_image:
            self._check_position(metadata, checked)

    def _check_position(self, metadata: MetadataObject | None, checked: CheckedFile) -> None:
        location = _field(metadata, "location")
        shape = from_geojson(location)
        if shape is None:
            if checked.size and not any(each.code in _UNREADABLE for each in checked.problems):
                checked.problems.append(Problem("no_position", "neither its EXIF nor its metadata have a position"))
            return
        if location and location.get("type") == "Point":
            checked.position = list(location["coordinates"])
            longitude, latitude = checked.position[:2]
            if max(abs(longitude), abs(latitude)) < NULL_ISLAND_DEGREES:
                checked.problems.append(Problem("null_island", f"its position is {longitude:g}, {latitude:g}"))
                return
        if self._area is not None and not intersects(shape, self._area):
            where = "" if checked.position is None else f" ({', '.join(f'{n:.6f}' for n in checked.position[:2])})"
            checked.problems.append(Problem("outside_project", f"its position{where} is outside the project's area"))


def _field(metadata: MetadataObject | None, name: str) -> Any:
    return getattr(metadata.fields, name, None) if metadata and metadata.fields else None


def mark_duplicates(files: Sequence[CheckedFile]) -> None:
    """Add a problem to files that have the name or the content of an earlier one."""
    names: dict[str, str] = {}
    contents: dict[str, str] = {}
    for each in files:
        first = names.setdefault(each.name, each.file)
        if first != each.file:
            each.problems.append(Problem("duplicate_name", f"{first} has the same name"))
        if each.md5 and each.size:
            first = contents.setdefault(each.md5, each.file)
            if first != each.file:
                each.problems.append(Problem("duplicate_content", f"{first} has the same content"))

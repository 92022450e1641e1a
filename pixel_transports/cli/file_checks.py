"""Checks files without sending them: whether they can be read, decoded, located, accepted, and differ from each other.

Rules kept here:

* Each file is read once for its MD5, and pictures once more to be decoded; several at a time, in constant memory.
* All problems of a file are reported, not only the first.
* What the server is known to check is checked with the code of the sandbox: the announcement of a file (its name,
  metadata, parts and support files), its format, and its position.
* Of files with equal names or contents the first has no problem, and the others name it.
* Positions are degrees of WGS 84; the border of an area belongs to it.
"""

import os
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from pixel_core.effects import Stat
from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, encode_json
from pixel_core.models import MetadataObject
from pixel_core.models.files import merge_metadata
from pixel_core.uploads import HashedFile, PartSizing, PlannedFile, plan
from pixel_transports.cli.errors import validation_message
from pixel_transports.cli.file_problems import Problem, file_size, find_problem
from pixel_transports.cli.file_search import Candidate
from pixel_transports.cli.file_types import FileType
from pixel_transports.cli.photos import find_flaw
from pixel_transports.drivers.files import digest, file_facts
from pixel_transports.drivers.photos import read_metadata
from pixel_transports.runtime.running import run
from pixel_transports.sandbox.file_formats import EXPECTED, HEAD_BYTES, find_traits
from pixel_transports.sandbox.geometry import Shape, contains, from_geojson
from pixel_transports.sandbox.schemas_files import FormUploadFile, MultipartUploadFile
from pixel_transports.sandbox.signatures import MAX_OBJECT_BYTES
from pixel_transports.sandbox.upload_validation import MIN_PART_BYTES

NULL_ISLAND_DEGREES = 1e-4
"""A position this close to (0, 0), about 11 m, is taken for a missing one."""

_NOT_A = {"image": "not_a_picture", "raster": "not_a_raster", "point_cloud": "not_a_point_cloud"}
_UNREADABLE = ("not_read", "not_a_picture")
"""Problems of files whose position cannot be read."""

_REFUSED = {"name": "bad_name", "metadata": "bad_metadata", "parts": "bad_parts", "support_files": "bad_support_files"}
"""Codes of what the server refuses in the announcement of a file."""

_ANY_MD5 = b64encode(bytes(16)).decode()


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
    """Checks files of one type. `common_metadata` belong to all files, those of EXIF too with `exif`; `area` is the
    project's, or None. `sizing` is how files are cut into parts.
    """

    def __init__(
        self,
        file_type: FileType,
        common_metadata: Mapping[str, Any],
        area: Shape | None,
        sizing: PartSizing,
        exif: bool = True,
    ) -> None:
        self._file_type = file_type
        self._common_metadata = common_metadata
        self._exif = exif
        self._area = area
        self._sizing = sizing
        self._stopped = threading.Event()

    def check(
        self, candidates: Sequence[Candidate], progress: Callable[[CheckedFile], None] = lambda checked: None
    ) -> list[CheckedFile]:
        """Check all files and return them in order. `progress` is called with each file that was checked."""
        results: dict[int, CheckedFile] = {}
        # Warning filters belong to the process, so they are not changed in the threads.
        with warnings.catch_warnings(action="ignore"):
            for number, checked in self._check_in_threads(candidates):
                results[number] = checked
                progress(checked)
        ordered = [results[number] for number in sorted(results)]
        mark_duplicates(ordered)
        return ordered

    def _check_in_threads(self, candidates: Sequence[Candidate]) -> Iterator[tuple[int, CheckedFile]]:
        threads = max(2, min(8, os.cpu_count() or 1))  # one reads while another computes
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
        checked = CheckedFile(str(path), candidate.name, file_size(candidate))
        problem = find_problem(candidate)
        if problem is not None:
            checked.problems.append(problem)
            if checked.size is None or problem.code == "not_a_file":
                return checked
        try:
            checked.md5 = self._md5(path)
            for each in candidate.support_files:
                if os.stat(each).st_size <= MAX_OBJECT_BYTES:  # A larger one is refused in any case.
                    self._md5(each)
            if checked.size:
                checked.problems += self._check_content(path)
        except (OSError, PixelFileChangedError) as error:
            if problem is None:
                checked.problems.append(Problem("not_read", f"it cannot be read: {error}"))
        metadata = self._check_metadata(candidate, checked)
        if problem is None:
            checked.problems += self._check_announcement(candidate, metadata)
        return checked

    def _md5(self, path: Path) -> str:
        size = os.stat(path).st_size
        result = digest([FileSlice(str(path), 0, size)], False, self._stopped.is_set)
        return result.digests[0].hex() if result.digests else ""

    def _check_content(self, path: Path) -> Iterator[Problem]:
        kind = self._file_type.kind.name
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if find_traits(kind, path.name, head) is None:
            yield Problem(_NOT_A[kind], f"its first bytes are not those of {EXPECTED[kind]}")
        elif kind == "image" or head.startswith(b"\xff\xd8\xff"):
            flaw = find_flaw(path)
            if flaw is not None:
                yield Problem(flaw.code, flaw.detail)

    def _check_announcement(self, candidate: Candidate, metadata: MetadataObject | None) -> Iterator[Problem]:
        """Check the request for the upload job of a file, by the rules of the server and of S3."""
        spec = candidate.spec(metadata.body() if metadata else None)
        try:
            (planned,) = run(plan([spec], self._sizing), lambda effect: file_facts(cast(Stat, effect).paths))
        except ValueError as error:
            names = [path.name for path in candidate.support_files]
            yield Problem("bad_parts" if len(names) == len(set(names)) else "bad_support_files", str(error))
            return
        except OSError:  # It was found when the file was read.
            return
        try:
            schema = MultipartUploadFile if planned.multipart else FormUploadFile
            schema.model_validate_json(encode_json(_hashed(planned).declaration()))
        except ValidationError as error:
            parts = sorted({str(each["loc"][0]) for each in error.errors()})
            message = validation_message(error)
            yield from (Problem(_REFUSED[part], f"the server refuses it: {message}") for part in parts)
        first, *others = planned.slices
        if others and first.length < MIN_PART_BYTES:
            yield Problem("bad_parts", f"S3 refuses parts of {first.length:,} bytes, below {MIN_PART_BYTES:,}")
        for each in (planned, *planned.support_files):
            if each.slices[0].length > MAX_OBJECT_BYTES:
                yield Problem("too_large", f"{each.name} has more than the {MAX_OBJECT_BYTES:,} bytes of one request")

    def _check_metadata(self, candidate: Candidate, checked: CheckedFile) -> MetadataObject | None:
        is_image = self._file_type.kind.name == "image"
        exif = read_metadata(candidate.path) if is_image else None
        own = exif.body() if exif and self._exif else None
        metadata = merge_metadata(own, self._common_metadata, candidate.metadata)
        captured = _field(metadata, "capture_date")
        checked.captured = captured.isoformat() if isinstance(captured, datetime) else None
        if is_image:
            self._check_position(_field(metadata, "location"), _field(exif, "location"), checked)
        return metadata

    def _check_position(self, location: Any, in_exif: Any, checked: CheckedFile) -> None:
        shape = from_geojson(location)
        if shape is None:
            if checked.size and not any(each.code in _UNREADABLE for each in checked.problems):
                where = "neither its EXIF nor its metadata have" if self._exif else "without EXIF its metadata lack"
                checked.problems.append(Problem("no_position", f"{where} a position"))
            location, shape = in_exif, from_geojson(in_exif)  # The server reads it, too.
        if shape is None:
            return
        if location and location.get("type") == "Point":
            checked.position = list(location["coordinates"])
            longitude, latitude = checked.position[:2]
            if max(abs(longitude), abs(latitude)) < NULL_ISLAND_DEGREES:
                checked.problems.append(Problem("null_island", f"its position is {longitude:g}, {latitude:g}"))
                return
        if self._area is not None and not contains(self._area, shape):
            where = "" if checked.position is None else f" ({', '.join(f'{n:.6f}' for n in checked.position[:2])})"
            checked.problems.append(Problem("outside_project", f"its position{where} is outside the project's area"))


def _hashed(planned: PlannedFile) -> HashedFile:
    """A file as if it was read: digests are not checked before there is something to compare them with."""
    supports = tuple(HashedFile(each, (_ANY_MD5,)) for each in planned.support_files)
    return HashedFile(planned, (_ANY_MD5,) * len(planned.slices), supports)


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

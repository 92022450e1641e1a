"""The dry run: every file is read and checked, and nothing is sent.

Rules kept here:

* Files are read whole, once for their MD5 and pictures once more to be decoded; several at a time, in flat memory.
* All problems of a file are told, not only the first.
* Of files with equal names or contents, the first is well, and the others say which one that is.
* Positions are taken as degrees of WGS 84; the border of an area belongs to it.
"""

import json
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice
from pixel_core.models import MetadataObject
from pixel_transports.cli.exits import tell
from pixel_transports.cli.finding import Candidate
from pixel_transports.cli.kinds import Kind
from pixel_transports.cli.metadata import merged
from pixel_transports.cli.photos import flaw_of, read_metadata
from pixel_transports.cli.problems import Problem, seen_at, size_of
from pixel_transports.display.progress import LINE_SECONDS
from pixel_transports.drivers.files import digest
from pixel_transports.sandbox.geometry import Shape, from_geojson, intersects

NEARLY_NOWHERE = 1e-4
"""Degrees from (0, 0), within which nobody has taken a photo (about 11 m)."""

_HOPELESS = ("not_read", "not_a_picture")
"""Problems of files that cannot be requested a position."""

_STARTS = {
    "raster": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"<MRF_META"),
    "point-cloud": (b"LASF",),
}
"""The first bytes of what is no photo: TIFF, BigTIFF, JPEG, PNG, WebP, MRF; LAS and LAZ."""


@dataclass(slots=True)
class Checked:
    """What was found of a file. `position` is longitude and latitude, and the height where it is known."""

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
    """Checks files of a kind, with the metadata they would go with; `area` is that of the project, if it is known."""

    def __init__(self, kind: Kind, common: Mapping[str, Any], area: Shape | None) -> None:
        self._kind = kind
        self._common = common
        self._area = area
        self._stopped = threading.Event()

    def check(self, candidates: Sequence[Candidate]) -> list[Checked]:
        """Check them all. Says every half a minute on stderr how far it is."""
        found: dict[int, Checked] = {}
        told = time.monotonic()
        # Outside the threads, which would set each other's filters back.
        with warnings.catch_warnings(action="ignore"):
            for number, checked in self._side_by_side(candidates):
                found[number] = checked
                if time.monotonic() - told >= LINE_SECONDS:
                    told = time.monotonic()
                    tell(f"{len(found):,} of {len(candidates):,} files are checked")
        ordered = [found[number] for number in sorted(found)]
        mark_duplicates(ordered)
        return ordered

    def _side_by_side(self, candidates: Sequence[Candidate]) -> Iterator[tuple[int, Checked]]:
        most = min(8, os.cpu_count() or 1)
        pool = ThreadPoolExecutor(most, thread_name_prefix="pixel-check")
        waiting = iter(enumerate(candidates))
        running: dict[Future[Checked], int] = {}
        try:
            while True:
                while len(running) < 2 * most and (following := next(waiting, None)) is not None:
                    running[pool.submit(self._one, following[1])] = following[0]
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
            self._stopped.clear()

    def _one(self, candidate: Candidate) -> Checked:
        path = candidate.path
        checked = Checked(str(path), path.name, size_of(candidate))
        problem = seen_at(candidate)
        if problem is not None:
            checked.problems.append(problem)
            if checked.size is None or problem.code == "not_a_file":
                return checked
        try:
            for each in (path, *candidate.support_files):
                md5 = self._md5(each)
                checked.md5 = checked.md5 or md5
            if checked.size:
                checked.problems += self._contents(path)
        except (OSError, PixelFileChangedError) as error:
            if problem is None:
                checked.problems.append(Problem("not_read", f"it cannot be read: {error}"))
        self._metadata(candidate, checked)
        return checked

    def _md5(self, path: Path) -> str:
        size = os.stat(path).st_size
        found = digest([FileSlice(str(path), 0, size)], False, self._stopped.is_set)
        return found.digests[0].hex() if found.digests else ""

    def _contents(self, path: Path) -> Iterator[Problem]:
        if self._kind.name == "image":
            flaw = flaw_of(path)
            if flaw is not None:
                yield Problem(flaw.code, flaw.detail)
            return
        with path.open("rb") as file:
            start = file.read(16)
        if not start.startswith(_STARTS[self._kind.name]):
            kind = self._kind.name.replace("-", " ")
            yield Problem(f"not_a_{self._kind.fields_type}", f"it does not begin as a {kind} does")
        elif start.startswith(b"\xff\xd8\xff"):
            flaw = flaw_of(path)
            if flaw is not None:
                yield Problem(flaw.code, flaw.detail)

    def _metadata(self, candidate: Candidate, checked: Checked) -> None:
        camera = read_metadata(candidate.path) if self._kind.name == "image" else None
        known = merged(camera.body() if camera else None, self._common, candidate.metadata)
        checked.captured = _captured(known)
        if self._kind.name != "image":
            return
        location = getattr(known.fields, "location", None) if known and known.fields else None
        place = from_geojson(location)
        if place is None:
            if checked.size and not any(each.code in _HOPELESS for each in checked.problems):
                checked.problems.append(Problem("no_position", "neither its EXIF nor its metadata says where it is"))
            return
        if location and location.get("type") == "Point":
            checked.position = list(location["coordinates"])
            longitude, latitude = checked.position[:2]
            if abs(longitude) < NEARLY_NOWHERE and abs(latitude) < NEARLY_NOWHERE:
                checked.problems.append(Problem("null_island", f"its position is {longitude:g}, {latitude:g}"))
                return
        if self._area is not None and not intersects(place, self._area):
            where = "" if checked.position is None else f" ({', '.join(f'{n:.6f}' for n in checked.position[:2])})"
            checked.problems.append(Problem("outside_project", f"its position{where} is outside the project's area"))


def _captured(metadata: MetadataObject | None) -> str | None:
    moment = getattr(metadata.fields, "capture_date", None) if metadata and metadata.fields else None
    return moment.isoformat() if isinstance(moment, datetime) else None


def mark_duplicates(files: Sequence[Checked]) -> None:
    """Add what is wrong with files that have the name or the contents of an earlier one."""
    names: dict[str, str] = {}
    contents: dict[str, str] = {}
    for each in files:
        first = names.setdefault(each.name, each.file)
        if first != each.file:
            each.problems.append(Problem("duplicate_name", f"{first} has the same name"))
        if each.md5 and each.size:
            first = contents.setdefault(each.md5, each.file)
            if first != each.file:
                each.problems.append(Problem("duplicate_content", f"{first} has the same contents"))


# What is shown


def show(files: Sequence[Checked], as_json: bool) -> None:
    """The report on stdout: a table, or a JSON object a line."""
    if as_json:
        for each in files:
            click.echo(json.dumps(each.as_json(), ensure_ascii=False))
        return
    rows = [("FILE", "BYTES", "POSITION", "CAPTURED", "PROBLEMS"), *(_row(each) for each in files)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].ljust(widths[3])]
        click.echo("  ".join([*cells, row[4]]).rstrip())


def _row(checked: Checked) -> tuple[str, str, str, str, str]:
    return (
        checked.file,
        "-" if checked.size is None else f"{checked.size:,}",
        "-" if checked.position is None else " ".join(f"{number:.5f}" for number in checked.position[:2]),
        checked.captured or "-",
        "; ".join(str(each) for each in checked.problems) or "ok",
    )


def summary(files: Sequence[Checked]) -> str:
    """What it comes to, in one line."""
    size = sum(each.size or 0 for each in files)
    wrong = [each for each in files if each.problems]
    told = f"{len(files):,} files with {size:,} bytes: {len(files) - len(wrong):,} are well, {len(wrong):,} are not"
    if wrong:
        kinds = Counter(problem.code for each in wrong for problem in each.problems)
        told += f" ({', '.join(f'{code}: {number:,}' for code, number in sorted(kinds.items()))})"
    return f"{told}. Nothing was sent."


def advice(files: Sequence[Checked]) -> list[str]:
    """What to do, once for each kind of problem."""
    found = {problem.code: problem.advice for each in files for problem in each.problems}
    return [f"{code}: {found[code]}." for code in sorted(found)]

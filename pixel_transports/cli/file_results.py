"""Results of an upload, one for each file: lines on stdout, messages on stderr, and the report.

Rules kept here:

* Every file has exactly one result, in the order in which the files were given.
* stdout gets a line for each file; failures go to stderr, with advice.
* Reports and JSON lines always have the same keys, those of `FileResult`. `pixel upload --help` documents them.
"""

import csv
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from pixel_core.errors import printable
from pixel_transports.cli.errors import can_help_again, print_message
from pixel_transports.cli.file_problems import REFUSED, Problem
from pixel_transports.cli.file_search import Candidate
from pixel_transports.cli.output import dump_json
from pixel_transports.cli.streams import discard_output

_MAX_DETAIL_CHARACTERS = 400


class FileStatus(StrEnum):
    """The result of a file, as reports and JSON lines have it."""

    UPLOADED = "uploaded"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of one file. `id` is that of the image, raster or point cloud; `reason` is a code."""

    file: str
    name: str
    id: int | str | None
    status: FileStatus
    reason: str | None = None
    detail: str | None = None
    advice: str | None = None
    size: int | None = None

    @classmethod
    def from_problem(
        cls,
        file: Candidate,
        problem: Problem,
        size: int | None,
        status: FileStatus = FileStatus.FAILED,
        cause: BaseException | None = None,
    ) -> "FileResult":
        """Return the result of a file with a problem. The advice is not to try again, if its cause would stay."""
        advice = problem.advice if can_help_again(cause) else REFUSED
        return cls(str(file.path), file.name, None, status, problem.code, problem.detail, advice, size)

    def line(self) -> str:
        """Return name, id and status, separated by tabs."""
        return f"{printable(self.name)}\t{'-' if self.id is None else self.id}\t{self.status}"

    def message(self, whole: bool) -> str:
        """Return the file, the reason and the advice; unless `whole`, a long detail is shortened."""
        detail = " ".join((self.detail or "").split())
        if not whole and len(detail) > _MAX_DETAIL_CHARACTERS:
            detail = f"{detail[:_MAX_DETAIL_CHARACTERS]}..."
        return f"{printable(self.file)}: {self.reason}: {detail}. {self.advice}."


def count_by_status(results: Sequence[FileResult]) -> dict[str, int]:
    """Return the number of files for each status."""
    counts = Counter(each.status for each in results)
    return {status.value: counts[status] for status in FileStatus}


def print_results(results: Sequence[FileResult], as_json: bool) -> bool:
    """Print a line for each file on stdout. Returns False, with a message, if stdout is closed or full."""
    try:
        for each in results:
            click.echo(dump_json(asdict(each)) if as_json else each.line())
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        print_message(f"The results cannot be printed: {error.strerror}")
        return False
    return True


def write_report(path: Path, about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the report, as CSV or JSON by the extension. In CSV, lists are JSON. Raises OSError."""
    if path.suffix.lower() != ".csv":
        document = {**about, "files": rows}
        path.write_text(dump_json(document, 2, "utf-8") + "\n", encoding="utf-8")
        return
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Any) -> Any:
    return dump_json(value, encoding="utf-8") if isinstance(value, list) else value

"""Outcomes: what became of each file, as lines and as a report.

Rules kept here:

* Every file that was meant has exactly one outcome, in the order in which they were given.
* stdout gets a line a file; what is wrong is told on stderr, with what to do about it.
* Reports and JSON lines have the same keys, whatever happened. Those of `Outcome` are documented in `pixel upload
  --help`.
"""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from pixel_transports.cli.problems import Problem

UPLOADED, SKIPPED, FAILED, INTERRUPTED = "uploaded", "skipped", "failed", "interrupted"

_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `id` is that of the image, raster or point cloud; `reason` is a code, `detail` words."""

    file: str
    name: str
    id: int | str | None
    status: str
    reason: str | None = None
    detail: str | None = None
    advice: str | None = None
    size: int | None = None

    @classmethod
    def of_problem(cls, path: Path, problem: Problem, size: int | None, status: str = FAILED) -> "Outcome":
        return cls(str(path), path.name, None, status, problem.code, problem.detail, problem.advice, size)

    def line(self) -> str:
        """For stdout: name, id and status, with tabs between."""
        return f"{self.name}\t{'-' if self.id is None else self.id}\t{self.status}"

    def message(self, whole: bool) -> str:
        """For stderr."""
        words = " ".join((self.detail or "").split())
        if not whole and len(words) > _MOST_WORDS:
            words = f"{words[:_MOST_WORDS]}..."
        return f"{self.file}: {self.reason}: {words}. {self.advice}."


def count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many files there are of each status."""
    found = Counter(each.status for each in outcomes)
    return {status: found[status] for status in (UPLOADED, SKIPPED, FAILED, INTERRUPTED)}


def show(outcomes: Sequence[Outcome], as_json: bool) -> None:
    """A line a file to stdout."""
    for each in outcomes:
        click.echo(json.dumps(asdict(each), ensure_ascii=False) if as_json else each.line())


def write_report(path: Path, about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """The report, as JSON or CSV by the extension. In CSV, what is not text or a number is JSON. Raises OSError."""
    if path.suffix.lower() != ".csv":
        document = {**about, "files": rows}
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value

"""What is told of a shard: the report of a run, and how far its journal is.

Rules kept here:

* A report is a plain value: it pickles, and it is JSON. Every file of the shard is in exactly one of its three parts.
* Reports lie beside the journals and are replaced as a whole, so that they can be read anywhere and at any moment.
* A journal that another machine is at work on is not opened: SQLite's locks do not reach that far.
"""

import json
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pixel_transports.drivers.journal import Journal
from pixel_transports.shards.machine_lock import MachineLock

IN_USE = "in_use"


@dataclass(frozen=True, slots=True)
class ShardFailure:
    """A file that was not uploaded: a reason (a code, as `pixel upload` has it) and words."""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of a shard's files in one run: those it uploaded and those that were there already, each with its id,
    and those that failed; the bytes of the uploaded ones, and how long it took.
    """

    key: str
    uploaded: dict[str, int | str]
    skipped: dict[str, int | str]
    failed: tuple[ShardFailure, ...]
    bytes: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every file is there."""
        return not self.failed

    @property
    def in_use(self) -> bool:
        """Whether files were left to another run of the shard."""
        return any(each.reason == IN_USE for each in self.failed)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> "ShardReport":
        return cls(**{**told, "failed": tuple(ShardFailure(**each) for each in told["failed"])})


@dataclass(frozen=True, slots=True)
class ShardState:
    """How far a shard is: of so many files, how many are uploaded, and how many more were begun. Both are None while
    another machine has the journal; `machine` is the one where a run began and came to no end.
    """

    files: int
    done: int | None
    begun: int | None
    machine: str | None


def state_of(journal: Path, paths: Sequence[str]) -> ShardState:
    """How far these files are. Raises OSError where the journal cannot be used."""
    holder = MachineLock.of(journal).holder()
    if holder is not None and not holder.here:
        return ShardState(len(paths), None, None, holder.name)
    own = set(paths)
    states: dict[str, bool] = {}
    for each in Journal(journal).files():
        if each.path in own:
            states[each.path] = states.get(each.path, False) or each.state == "done"
    done = sum(states.values())
    return ShardState(len(paths), done, len(states) - done, None if holder is None else holder.name)


def write_report(journal: Path, report: ShardReport) -> None:
    """Put the report beside the journal. Raises OSError."""
    path = journal.with_suffix(".json")
    new = path.with_suffix(f".{uuid.uuid4().hex[:8]}.tmp")
    try:
        new.write_text(json.dumps(report.as_json()) + "\n", encoding="utf-8")
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def read_report(journal: Path) -> ShardReport | None:
    """The last report. Raises OSError, and ValueError for what is none."""
    try:
        text = journal.with_suffix(".json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return ShardReport.of_json(json.loads(text))

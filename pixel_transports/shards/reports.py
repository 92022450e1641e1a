"""The report of a shard's run, and the progress in its journal.

Rules kept here:

* A report is a plain value: it pickles and converts to JSON. Each file of the shard is in exactly one of `uploaded`,
  `skipped` and `failed`.
* A report is a file beside the journal. It is replaced as a whole, so it can be read on any machine at any time.
* A journal that another machine has open is not opened: SQLite's locks do not work across machines.
"""

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixel_core.values import hash_of_fields, value
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.shards.lease import journal_of, read_state

IN_USE = "in_use"


@value
class ShardFailure:
    """A file that was not uploaded. `reason` is a code as in `pixel upload`, `detail` a message."""

    file: str
    reason: str
    detail: str

    __hash__ = hash_of_fields


@value
class ShardReport:
    """The result of one run of a shard.

    `uploaded` and `skipped` map paths to ids: files that this run uploaded, and files that were there before. `bytes`
    counts the uploaded files with their support files; `seconds` is the duration of the run.
    """

    key: str
    uploaded: dict[str, int | str]
    skipped: dict[str, int | str]
    failed: tuple[ShardFailure, ...]
    bytes: int
    seconds: float

    @property
    def complete(self) -> bool:
        """True if no file failed."""
        return not self.failed

    @property
    def in_use(self) -> bool:
        """True if another run of the shard had files that this one needed."""
        return any(each.reason == IN_USE for each in self.failed)

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "ShardReport":
        """Parse what `as_json` returned."""
        return cls(**{**fields, "failed": tuple(ShardFailure(**each) for each in fields["failed"])})


@value
class ShardState:
    """The progress of a shard in its journal: the number of files, of those done, and of those begun and not done.
    `done` and `begun` are None while another machine has the journal. `machine` names the machine of an unfinished run.
    """

    files: int
    done: int | None
    begun: int | None
    machine: str | None


def state_of(journal: Path, paths: Sequence[str]) -> ShardState:
    """Return the progress of these files. Raises OSError if the journal cannot be used."""
    lease = read_state(journal.with_suffix(".lease"))
    host = None if lease is None else lease.host
    if lease is not None and host is not None and not lease.here:
        return ShardState(len(paths), None, None, host)
    own = set(paths)
    states: dict[str, bool] = {}
    for each in Journal(journal_of(journal, 0 if lease is None else lease.epoch)).files():
        if each.path in own:
            states[each.path] = states.get(each.path, False) or each.state == "done"
    done = sum(states.values())
    return ShardState(len(paths), done, len(states) - done, host)


def write_report(journal: Path, report: ShardReport) -> None:
    """Write the report beside the journal. Raises OSError."""
    path = journal.with_suffix(".json")
    draft = path.with_suffix(f".{uuid.uuid4().hex[:8]}.tmp")
    try:
        draft.write_text(json.dumps(report.as_json()) + "\n", encoding="utf-8")
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def read_report(journal: Path) -> ShardReport | None:
    """Read the last report, None without one. Raises OSError, and ValueError for an invalid file."""
    try:
        text = journal.with_suffix(".json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return ShardReport.from_json(json.loads(text))

"""Journal values: how far each file of an upload is, as a journal records it."""

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pixel_core.values import value


class JournalState(enum.StrEnum):
    """How far a file is. The values are stored in journals."""

    DECLARED = "declared"  # The server made its upload job.
    STORING = "storing"  # Written only: its parts are stored, too. A journal adds them to the declared entry.
    SENT = "sent"  # All its bytes are stored.
    FINISHING = "finishing"  # The server is about to be asked to finish its upload job.
    DONE = "done"  # It is a resource of the server.
    DROPPED = ""  # Written only: a journal deletes the entry.


@value
class JournalEntry:
    """What a journal records of one file on its way to a destination.

    `job_id` is its upload job. `digests` are the MD5s of its slices and then of its support files, in base64. `target`
    is the upload job as the server described it, kept until the file is sent. `part_size` is the size of its parts, 0
    for a file that is sent whole. `parts` are the numbers, from 1, of stored parts. `supports` are size and time of
    modification of its support files. `metadata` is a digest of the metadata that its upload job was made with, and
    `name` its name.
    """

    path: str
    size: int
    modified: int
    state: JournalState
    job_id: int | str | None = None
    digests: tuple[str, ...] = ()
    target: Any = field(default=None, repr=False)
    part_size: int = 0
    parts: tuple[int, ...] = ()
    resource: tuple[str, int | str] | None = None
    supports: tuple[tuple[int, int], ...] = ()
    metadata: str = ""
    name: str = ""


@value
class JournalSnapshot:
    """The contents of a journal at the beginning of a run.

    `entries` by path are those of interrupted runs, and those of finished runs on request. `taken` are the paths that
    another running upload has claimed. `run` is passed to `WriteJournal`; it is None without a journal.
    """

    run: Any = field(default=None, repr=False)
    entries: Mapping[str, JournalEntry] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()

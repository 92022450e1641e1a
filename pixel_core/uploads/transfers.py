"""Transfers: the state of one file of an upload."""

import enum
from dataclasses import dataclass, field, replace
from typing import Any

from pixel_core.errors import PixelUploadJobError
from pixel_core.journal import JournalEntry, JournalState
from pixel_core.session.answers import Field
from pixel_core.uploads.plans import HashedFile, PlannedFile

NOT_UPLOADED, NOT_CONFIRMED, NOT_LISTED = "not_uploaded", "not_confirmed", "not_listed"

UNDER_WAY = ("lobby", "submitted", "validating", "validated")
"""The states of an upload job that is not at its end."""


class TransferState(enum.StrEnum):
    """The states of a transfer, in order. It ends as DONE with its resource, or as FAILED with its error."""

    WAITING = "waiting"
    HASHING = "hashing"
    HASHED = "hashed"
    DECLARING = "declaring"
    SENDING = "sending"
    STORED = "stored"
    SENT = "sent"
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"


_IN_ORDER = tuple(TransferState)
BEFORE_SENT = _IN_ORDER[: _IN_ORDER.index(TransferState.SENT)]


@dataclass(slots=True, eq=False)
class Transfer:
    """One file of an upload. `trouble` is the status of an error that comes now: "not_uploaded", then (the server was
    asked to finish it) "not_confirmed", then (the server made a resource of it) "not_listed".
    """

    file: PlannedFile
    number: int = 0
    """Its position among the files. Batches are in this order, so that small uploads are the same each time."""
    state: TransferState = TransferState.WAITING
    hashed: HashedFile | None = None
    kept: int = 0
    """How many bytes of it are in memory."""
    job: Field | None = None
    job_id: int | str | None = None
    parts: set[int] = field(default_factory=set)
    """The numbers of stored parts."""
    fresh: list[int] = field(default_factory=list)
    """The parts that were stored since the journal was written."""
    sent: int = 0
    """The bytes of stored requests."""
    renewals: int = 0
    trouble: str = NOT_UPLOADED
    became: tuple[str, int | str] | None = None
    """Kind and id of the resource that the server made of it."""
    resource: Any = None
    error: PixelUploadJobError | None = None

    @property
    def handed_over(self) -> bool:
        """True if the server was asked to finish it."""
        return self.trouble != NOT_UPLOADED

    @property
    def over(self) -> bool:
        return self.state in (TransferState.DONE, TransferState.FAILED)

    def fail(self, status: str, detail: Any, cause: BaseException | None = None) -> None:
        """Set the error, unless there is one or a resource."""
        if self.error is None and self.resource is None:
            self.error = PixelUploadJobError(self.job_id, status, detail, self.file.path)
            self.error.__cause__ = cause

    def entry(self, state: JournalState) -> JournalEntry:
        """The journal entry for a state. The parts of STORING are those since the last one."""
        facts, hashed, job = self.file.facts, self.hashed, self.job
        entry = JournalEntry(
            self.file.path,
            facts.size,
            facts.modified,
            state,
            self.job_id,
            resource=self.became,
            supports=tuple((each.size, each.facts.modified) for each in self.file.support_files),
            metadata=self.file.metadata_digest,
            name=self.file.name,
        )
        if state is JournalState.STORING:
            fresh, self.fresh = tuple(self.fresh), []
            return replace(entry, parts=fresh)
        if state is JournalState.DECLARED and hashed is not None and job is not None:
            digests = (*hashed.digests, *(each.digests[0] for each in hashed.support_files))
            return replace(entry, digests=digests, target=job.value, part_size=self.file.part_size)
        return entry

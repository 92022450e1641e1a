"""Transfers: how far each file of an upload is, and what the whole comes to.

Rules kept here:

* A transfer is in one stage at a time; it ends in DONE with its resource, or in FAILED with its error.
* What is counted is counted when a stage changes, never by going through all files again.
* Bytes that were counted never become fewer, though they may have to be sent again.
"""

import enum
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Any

from pixel_core.effects import JournalEntry
from pixel_core.errors import PixelUploadJobError
from pixel_core.events import UploadProgress
from pixel_core.messages import Meter
from pixel_core.session.answers import Field
from pixel_core.uploads.plans import Hashed, Planned

NOT_UPLOADED, NOT_CONFIRMED, NOT_LISTED = "not_uploaded", "not_confirmed", "not_listed"

UNDER_WAY = ("lobby", "submitted", "validating", "validated")
"""The states of an upload job that is not at its end."""


class Stage(enum.Enum):
    WAITING = "waiting"
    HASHING = "hashing"
    HASHED = "hashed"
    SENDING = "sending"
    SENT = "sent"
    FINISHING = "finishing"
    DONE = "done"
    FAILED = "failed"


BEFORE_SENT = (Stage.WAITING, Stage.HASHING, Stage.HASHED, Stage.SENDING)


@dataclass(slots=True, eq=False)
class Transfer:
    """One file on its way. `trouble` is the status of an error that comes now: "not_uploaded", then (the server has the
    file) "not_confirmed", then (the server made a resource of it) "not_listed".
    """

    file: Planned
    number: int = 0
    """Its place among the files: batches keep to it, so that small uploads are the same each time."""
    stage: Stage = Stage.WAITING
    hashed: Hashed | None = None
    digests: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Of the chunks that were hashed, by their number."""
    supports: dict[int, Hashed] = field(default_factory=dict)
    content: bytes | None = None
    kept: int = 0
    """How many bytes of it are kept in memory."""
    unhashed: int = 0
    job: Field | None = None
    job_id: int | str | None = None
    under_way: int = 0
    parts: frozenset[int] | set[int] = frozenset()
    fresh: list[int] = field(default_factory=list)
    """The parts that were stored since the journal was written."""
    sent: int = 0
    """The bytes of the pieces that are stored."""
    renewals: int = 0
    trouble: str = NOT_UPLOADED
    became: tuple[str, int | str] | None = None
    resource: Any = None
    error: PixelUploadJobError | None = None

    @property
    def handed_over(self) -> bool:
        return self.trouble != NOT_UPLOADED

    @property
    def over(self) -> bool:
        return self.stage in (Stage.DONE, Stage.FAILED)

    def fail(self, status: str, detail: Any, cause: BaseException | None = None) -> None:
        """The first failure of a file is the one that is told."""
        if self.error is None and self.resource is None:
            self.error = PixelUploadJobError(self.job_id, status, detail, self.file.path)
            self.error.__cause__ = cause

    def entry(self, state: str) -> JournalEntry:
        """What the journal is to know of it in this state ("" for nothing)."""
        facts, hashed, job = self.file.facts, self.hashed, self.job
        supports = tuple((each.size, each.facts.modified) for each in self.file.support_files)
        bare = JournalEntry(
            self.file.path,
            facts.size,
            facts.modified,
            state,
            self.job_id,
            resource=self.became,
            supports=supports,
            metadata=self.file.metadata_digest,
        )
        if state == "storing":
            fresh, self.fresh = tuple(self.fresh), []
            return replace(bare, parts=fresh)
        if state == "declared" and hashed is not None and job is not None:
            return replace(bare, digests=_digests(hashed), target=job.value, part_size=self.file.part_size)
        return bare


def _digests(hashed: Hashed) -> tuple[str, ...]:
    """The MD5s of its slices, then those of its support files."""
    return (*hashed.digests, *(each.digests[0] for each in hashed.support_files))


class Progress:
    """What the transfers of an upload come to."""

    def __init__(self, what: str, transfers: list[Transfer], now: float) -> None:
        self._what = what
        self._total = sum(each.file.total for each in transfers)
        self.stages: Counter[Stage] = Counter(each.stage for each in transfers)
        self.hashed = 0
        self.confirmed: int = 0
        self._stored = 0
        self._shown = 0
        self._retries = 0
        self.meters: set[Meter] = set()
        self._began = now
        self._told = float("-inf")
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def begin(self, now: float) -> None:
        """What was counted up to now was there before: rates count from here."""
        self._samples = deque([(now, self._stored)])

    def move(self, transfer: Transfer, stage: Stage) -> None:
        self.stages[transfer.stage] -= 1
        self.stages[stage] += 1
        transfer.stage = stage
        if stage is Stage.DONE:
            self.confirmed += transfer.file.total

    def stored(self, transfer: Transfer, size: int) -> None:
        """So many bytes of a file are stored (or, below 0, have to be stored anew)."""
        transfer.sent += size
        self._stored += size

    def follow(self, meter: Meter) -> None:
        self.meters.add(meter)

    def leave(self, meter: Meter) -> None:
        self.meters.discard(meter)
        self._retries += meter.retries

    @property
    def sent(self) -> int:
        """The bytes that were sent, those of requests under way too."""
        found = self._stored + sum(meter.bytes for meter in self.meters)
        self._shown = max(self._shown, min(found, self._total))
        return self._shown

    def rate(self, now: float) -> float:
        """Bytes a second over the last ten seconds or so."""
        begin, sent = self._samples[0]
        return (self.sent - sent) / (now - begin) if now > begin else 0.0

    def due(self, now: float) -> bool:
        return now - self._told >= 0.1

    def progress(self, now: float, last: bool = False) -> UploadProgress:
        sent, rate = self.sent, self.rate(now)
        self._told = now
        self._samples.append((now, sent))
        while len(self._samples) > 2 and now - self._samples[0][0] > 10.0:
            self._samples.popleft()
        left = self._total - sent
        return UploadProgress(
            self._what,
            self._total,
            self.hashed,
            sent,
            self.confirmed,
            {stage.value: count for stage, count in self.stages.items() if count},
            self._retries + sum(meter.retries for meter in self.meters),
            rate,
            now - self._began,
            0.0 if not left else left / rate if rate > 0 else None,
            last,
        )

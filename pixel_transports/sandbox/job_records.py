"""The records of what happens over time: server jobs, uploads and what they end in.

Rules kept here:

* A server job is over when its time has come and its work was done; how it ended is decided once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pixel_transports.sandbox.http import Buffer
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.records import Resource


@dataclass(slots=True, eq=False)
class Job:
    """Work of the server, from `started_at` to `ends_at`.

    `work` is what it does at its end, at the given moment; a text that it gives says why it failed. What `prepare`
    gives is digested before that, outside the lock.
    """

    id: str
    name: str
    started_at: float
    ends_at: float
    work: Callable[[float], str | None]
    prepare: Callable[[], Iterable[StoredObject]] = tuple
    ended: bool = False
    failure: str | None = None

    def stage(self, now: float) -> str:
        """Its state: "submitted" (a third of its time), "in_progress", at last "completed" or "failed"."""
        if self.ended:
            return "completed" if self.failure is None else "failed"
        return "submitted" if now - self.started_at < (self.ends_at - self.started_at) / 3 else "in_progress"


@dataclass(slots=True)
class PartSlot:
    """One part of a multipart upload: what was declared, and what came."""

    number: int
    md5: str
    length: int
    content: Buffer | None = None


@dataclass(slots=True)
class Upload:
    """One key that may be written to: a file, or a support file. MD5s are base64, as they were declared."""

    name: str
    key: str
    md5: str | None = None
    upload_id: str | None = None
    parts: dict[int, PartSlot] = field(default_factory=dict)
    access: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """How an upload job ended: with a resource, or with a reason."""

    detail: str | None = None
    resource: Resource | None = None


@dataclass(slots=True)
class UploadJob:
    """One file's way into a data collection."""

    id: int
    collection_id: int
    main: Upload
    support: list[Upload]
    metadata: dict[str, Any]
    created_at: float
    job: Job | None = None
    problem: str | None = None
    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        return self.main.name

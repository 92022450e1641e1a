"""The records of server jobs and uploads.

Rules kept here:

* The result of a server job is decided once, at the first request after its end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pixel_transports.sandbox.http import Buffer
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.records import Resource


@dataclass(slots=True, eq=False)
class Job:
    """A job of the server, from `started_at` to `ends_at`.

    `work` is called at its end, with the time; it returns the reason if the job failed. `prepare` is called before it
    and returns objects, whose digests are computed outside the lock.
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
        """Return its state: "submitted" (a third of its time), "in_progress", "completed" or "failed"."""
        if self.ended:
            return "completed" if self.failure is None else "failed"
        return "submitted" if now - self.started_at < (self.ends_at - self.started_at) / 3 else "in_progress"


@dataclass(slots=True)
class PartSlot:
    """One part of a multipart upload: its declared digest and length, and its content."""

    number: int
    md5: str
    length: int
    content: Buffer | None = None


@dataclass(slots=True)
class Upload:
    """The upload of a file or a support file to one key. MD5s are base64, as declared."""

    name: str
    key: str
    md5: str | None = None
    upload_id: str | None = None
    parts: dict[int, PartSlot] = field(default_factory=dict)
    access: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """The result of an upload job: a resource, or the reason of the failure."""

    detail: str | None = None
    resource: Resource | None = None


@dataclass(slots=True)
class UploadJob:
    """The upload of one file into a data collection."""

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

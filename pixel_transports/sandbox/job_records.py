"""The records of server jobs and uploads.

Rules kept here:

* The result of a server job is decided once, at the first request after its end.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pixel_transports.sandbox.objects import Piece
from pixel_transports.sandbox.tracking import Tracked

Work: TypeAlias = tuple[Any, ...]
"""The name of a kind of work and its arguments, all of them plain values. Empty for a job that does nothing."""


@dataclass(slots=True, eq=False)
class Job(Tracked):
    """A job of the server, from `started_at` to `ends_at`. `work` is what is done at its end (see `Jobs`)."""

    id: str
    name: str
    started_at: float
    ends_at: float
    work: Work = ()
    ended: bool = False
    failure: str | None = None

    def stage(self, now: float) -> str:
        """Return its state: "submitted" (a third of its time), "in_progress", "completed" or "failed"."""
        if self.ended:
            return "completed" if self.failure is None else "failed"
        return "submitted" if now - self.started_at < (self.ends_at - self.started_at) / 3 else "in_progress"


@dataclass(slots=True, eq=False)
class JobGroup(Tracked):
    """Jobs that were started together."""

    id: str
    jobs: list[Job]


@dataclass(slots=True)
class PartSlot(Tracked):
    """One part of a multipart upload: its declared digest and length, and its content."""

    number: int
    md5: str
    length: int
    content: Piece | None = None
    upload_id: str = ""

    @property
    def key(self) -> str:
        """The upload and the number."""
        return f"{self.upload_id}/{self.number}"


NO_PARTS: dict[int, PartSlot] = {}
"""The parts of all uploads that are not in parts: one, since there may be 100,000."""
NO_METADATA: dict[str, Any] = {}
"""The metadata of all upload jobs that have none, or none any more."""


@dataclass(slots=True)
class Upload:
    """The upload of a file or a support file to one key. MD5s are base64, as declared."""

    name: str
    key: str
    md5: str | None = None
    upload_id: str | None = None
    parts: dict[int, PartSlot] = field(default_factory=lambda: NO_PARTS)
    access: dict[str, Any] | None = None
    """How clients upload it, if another storage than the sandbox's signed that."""
    is_open: bool = False
    """Whether parts can be stored."""

    def __post_init__(self) -> None:
        if self.upload_id is not None and self.parts is NO_PARTS:
            self.parts = {}


@dataclass(slots=True)
class Outcome:
    """The result of an upload job: the kind and the id of a resource, or the reason of the failure."""

    detail: str | None = None
    kind: str | None = None
    resource_id: int | None = None


@dataclass(slots=True)
class UploadJob(Tracked):
    """The upload of one file into a data collection."""

    id: int
    collection_id: int
    main: Upload
    support: tuple[Upload, ...]
    metadata: dict[str, Any]
    """Set on the resource at the end, and dropped then."""
    created_at: float
    job: Job | None = None
    outcome: Outcome | None = None

    @property
    def name(self) -> str:
        return self.main.name

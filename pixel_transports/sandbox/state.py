"""What the sandbox remembers: projects, data collections, resources, upload jobs, jobs, and what was stored.

Rules kept here:

* Plain records in dicts by id; whoever changes them holds the sandbox's lock.
* Deleting is soft: a record keeps its place and gets a `deleted_at`. What lies below is hidden with it.
* A stored object is a list of buffers, never a joined copy; a buffer may be a window on a mapped file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from pixel_transports.sandbox.exchange import Buffer, refusal


def iso(seconds: float) -> str:
    """Seconds since the epoch as the API writes them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class StoredObject:
    """What is stored at one key. `bytes()` of it joins the whole; `chunks()` goes through it without a copy."""

    def __init__(self, buffers: Sequence[Buffer], md5: str | None = None) -> None:
        self.buffers = tuple(buffers)
        self.size = sum(len(buffer) for buffer in self.buffers)
        self._md5 = md5

    @property
    def md5(self) -> str:
        """The MD5 of the whole in hex; computed at first use when the object came in parts."""
        if self._md5 is None:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._md5 = digest.hexdigest()
        return self._md5

    def chunks(self, size: int = 1024 * 1024) -> Iterator[Buffer]:
        """The content, `size` bytes at a time or less."""
        for buffer in self.buffers:
            for start in range(0, len(buffer), size):
                yield buffer[start : start + size]

    def __bytes__(self) -> bytes:
        return b"".join(self.buffers)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredObject):
            return self.size == other.size and self.md5 == other.md5
        if isinstance(other, (bytes, bytearray, memoryview)):
            return self.size == len(other) and bytes(self) == other
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<StoredObject {self.size} bytes in {len(self.buffers)} buffers>"


@dataclass(slots=True, kw_only=True)
class Record:
    """What projects, data collections and resources have in common."""

    id: int
    name: str
    tags: list[str]
    created_at: float
    updated_at: float
    deleted_at: float | None = None

    def retag(self, add: list[str], remove: list[str]) -> None:
        """Add and remove tags; none is ever held twice."""
        self.tags = [tag for tag in dict.fromkeys([*self.tags, *add]) if tag not in remove]

    def times(self) -> dict[str, Any]:
        return {"created_at": iso(self.created_at), "updated_at": iso(self.updated_at)}


@dataclass(slots=True, kw_only=True)
class Project(Record):
    description: str
    area_of_interest: dict[str, Any]
    parent_project_id: int | None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "area_of_interest": self.area_of_interest,
            "parent_project_id": self.parent_project_id,
            "tags": self.tags,
            **self.times(),
        }


@dataclass(slots=True, kw_only=True)
class Collection(Record):
    project_id: int
    description: str
    data_collection_type: str
    raster_info: dict[str, Any] | None

    @property
    def resource_kind(self) -> str:
        """What a file that is uploaded here becomes."""
        kind = self.data_collection_type
        return kind if kind in ("image", "point_cloud") else "raster"

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "project_id": self.project_id,
            "name": self.name,
            "description": self.description,
            "data_collection_type": self.data_collection_type,
            "tags": self.tags,
            "raster_info": self.raster_info,
            **self.times(),
        }


FIELDS = {
    "image": (
        *("image_type", "location", "cam_heading", "cam_pitch", "cam_roll", "hfov", "vfov", "far_dist", "near_dist"),
        *("capture_date", "cam_height", "img_rotation", "cam_orientation", "focal_length", "radial"),
    ),
    "raster": ("capture_date",),
    "point_cloud": ("capture_date",),
}
"""The metadata fields of each kind of resource, beside its name."""


@dataclass(slots=True, kw_only=True)
class Resource(Record):
    """An image, a raster or a point cloud."""

    kind: str
    data_collection_id: int
    file_name: str
    key: str
    md5: str
    size: int
    json_metadata: dict[str, Any] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    support_files: list[str] = field(default_factory=list)

    def describe(self, metadata: dict[str, Any]) -> None:
        """Take over what was told about the resource: `fields` one by one, `json_metadata` as a whole."""
        fields = dict(metadata.get("fields") or {})
        self.name = fields.pop("name", self.name)
        self.fields.update((name, value) for name, value in fields.items() if name in FIELDS[self.kind])
        self.json_metadata = metadata.get("json_metadata", self.json_metadata)

    def known(self) -> dict[str, Any]:
        return {name: self.fields.get(name) for name in FIELDS[self.kind]}

    def view(self, project_id: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "data_collection_id": self.data_collection_id,
            "project_id": project_id,
            "tags": self.tags,
            "json_metadata": self.json_metadata,
            **self.known(),
            "support_files": self.support_files,
            "md5": self.md5,
            "size": self.size,
            **self.times(),
        }


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
    job_id: str | None = None
    finished_at: float | None = None
    outcome: Outcome | None = None


@dataclass(slots=True)
class State:
    """Everything the sandbox remembers."""

    projects: dict[int, Project] = field(default_factory=dict)
    collections: dict[int, Collection] = field(default_factory=dict)
    resources: dict[str, dict[int, Resource]] = field(default_factory=lambda: {kind: {} for kind in FIELDS})
    upload_jobs: dict[int, UploadJob] = field(default_factory=dict)
    jobs: dict[str, UploadJob] = field(default_factory=dict)
    groups: dict[str, list[int]] = field(default_factory=dict)
    unsettled: list[UploadJob] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    ids: "count[int]" = field(default_factory=lambda: count(1))

    def next_id(self) -> int:
        """A new id. All kinds share one sequence, so that an id of one kind is never one of another by chance."""
        return next(self.ids)

    def visible(self, project: Project | None) -> bool:
        """Whether neither the project nor one above it is deleted."""
        while project is not None and project.deleted_at is None:
            if project.parent_project_id is None:
                return True
            project = self.projects[project.parent_project_id]
        return False

    def project(self, project_id: int) -> Project:
        """A visible project. Raises RefusedError (404)."""
        project = self.projects.get(project_id)
        if project is None or not self.visible(project):
            raise refusal(404, "Project not found")
        return project

    def collection(self, project_id: int, data_collection_id: int) -> Collection:
        """A visible data collection of a visible project. Raises RefusedError (404)."""
        self.project(project_id)
        collection = self.collections.get(data_collection_id)
        if collection is None or collection.project_id != project_id or collection.deleted_at is not None:
            raise refusal(404, "Data collection not found")
        return collection

    def resource(self, kind: str, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        """A visible resource. Raises RefusedError (404)."""
        self.collection(project_id, data_collection_id)
        found = self.resources[kind].get(resource_id)
        if found is None or found.data_collection_id != data_collection_id or found.deleted_at is not None:
            raise refusal(404, f"{kind.replace('_', ' ').capitalize()} not found")
        return found

"""The records of projects, data collections and resources, and the base of all records.

Rules kept here:

* `view` returns a record as the API's JSON. A record refers to others only by id.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pixel_transports.sandbox.tracking import Tracked


def iso(seconds: float) -> str:
    """Return seconds since the epoch in the API's format."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@dataclass(slots=True, kw_only=True)
class Record(Tracked):
    """The fields of every record."""

    id: int
    name: str
    tags: list[str]
    created_at: float
    updated_at: float
    deleted_at: float | None = None

    def change_tags(self, add: list[str], remove: list[str]) -> None:
        """Add and remove tags; no tag is repeated."""
        self.tags = [tag for tag in dict.fromkeys([*self.tags, *add]) if tag not in remove]

    def timestamps(self) -> dict[str, Any]:
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
            **self.timestamps(),
        }


@dataclass(slots=True, kw_only=True)
class Collection(Record):
    project_id: int
    description: str
    data_collection_type: str
    raster_info: dict[str, Any] | None

    @property
    def resource_kind(self) -> str:
        """The kind of resource that an uploaded file becomes."""
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
            **self.timestamps(),
        }


METADATA_FIELDS: dict[str, tuple[str, ...]] = {
    "image": (
        *("image_type", "location", "cam_heading", "cam_pitch", "cam_roll", "hfov", "vfov", "far_dist", "near_dist"),
        *("capture_date", "cam_height", "img_rotation", "cam_orientation", "focal_length", "radial"),
    ),
    "raster": ("capture_date",),
    "point_cloud": ("capture_date",),
}
"""The metadata fields of each kind of resource, without the name."""


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
    support_files: tuple[str, ...] = ()
    support_keys: tuple[str, ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)
    """Properties read from the content: the format of a raster or a point cloud, the version of LAS."""

    def apply_metadata(self, metadata: dict[str, Any]) -> None:
        """Take over metadata: `fields` one by one, `json_metadata` as a whole."""
        fields = dict(metadata.get("fields") or {})
        self.name: str = fields.pop("name", self.name)
        self.fields.update((name, value) for name, value in fields.items() if name in METADATA_FIELDS[self.kind])
        self.json_metadata = metadata.get("json_metadata", self.json_metadata)

    def metadata_fields(self) -> dict[str, Any]:
        return {name: self.fields.get(name) for name in METADATA_FIELDS[self.kind]}

    def view(self, project_id: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "data_collection_id": self.data_collection_id,
            "project_id": project_id,
            "tags": self.tags,
            "json_metadata": self.json_metadata,
            **self.metadata_fields(),
            **self.traits,
            "support_files": self.support_files,
            "md5": self.md5,
            "size": self.size,
            **self.timestamps(),
        }

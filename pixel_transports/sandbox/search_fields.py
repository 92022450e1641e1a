"""The fields that can be searched: names, types, and how to read their values.

Rules kept here:

* A name is that of the API's responses. `json_metadata.NAME` is one entry of the free metadata.
* Values have the type in which they compare: dates are seconds since the epoch (UTC without a zone), tags are a list.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pixel_transports.sandbox.records import Collection, Project, Record, Resource

FieldType = Literal["integer", "number", "string", "datetime", "list", "object", "any"]


@dataclass(frozen=True, slots=True)
class SearchField:
    """A field: its name, its type, and the function that reads it from a record."""

    name: str
    type: FieldType
    get: Callable[[Any], Any]


def parse_date(text: str) -> float:
    """Return an ISO 8601 date as seconds since the epoch. Raises ValueError."""
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()


def _attribute(name: str, kind: FieldType) -> SearchField:
    def get(record: Record) -> Any:
        return getattr(record, name)

    return SearchField(name, kind, get)


def _metadata_field(name: str, kind: FieldType) -> SearchField:
    def get(resource: Resource) -> Any:
        value = resource.fields.get(name)
        return parse_date(value) if kind == "datetime" and value is not None else value

    return SearchField(name, kind, get)


def _trait(name: str, kind: FieldType) -> SearchField:
    def get(resource: Resource) -> Any:
        return resource.traits.get(name)

    return SearchField(name, kind, get)


def _json_entry(name: str) -> SearchField:
    key = name.partition(".")[2]

    def get(resource: Resource) -> Any:
        return (resource.json_metadata or {}).get(key)

    return SearchField(name, "any", get)


_RECORD = (
    _attribute("id", "integer"),
    _attribute("name", "string"),
    _attribute("tags", "list"),
    _attribute("created_at", "datetime"),
    _attribute("updated_at", "datetime"),
)
_IMAGE_TYPES: dict[str, FieldType] = {
    **dict.fromkeys(("image_type", "cam_orientation", "radial"), "string"),
    "location": "object",
    "capture_date": "datetime",
    **dict.fromkeys(("cam_heading", "cam_pitch", "cam_roll", "hfov", "vfov", "far_dist", "near_dist"), "number"),
    **dict.fromkeys(("cam_height", "img_rotation", "focal_length"), "number"),
}


def _of_resources(collections: dict[int, Collection]) -> Iterator[SearchField]:
    def project_id(resource: Resource) -> int:
        return collections[resource.data_collection_id].project_id

    yield _attribute("data_collection_id", "integer")
    yield SearchField("project_id", "integer", project_id)
    yield _attribute("json_metadata", "object")
    yield _attribute("support_files", "list")
    yield _attribute("md5", "string")
    yield _attribute("size", "integer")


def searchable_fields(on: str, collections: dict[int, Collection]) -> dict[str, SearchField]:
    """Return the fields of a kind of records, by name."""
    return {field.name: field for field in _fields(on, collections)}


def _fields(on: str, collections: dict[int, Collection]) -> Iterator[SearchField]:
    yield from _RECORD
    if on in ("projects", "data_collections"):
        yield _attribute("description", "string")
    if on == "projects":
        yield _attribute("area_of_interest", "object")
        yield _attribute("parent_project_id", "integer")
    elif on == "data_collections":
        yield _attribute("project_id", "integer")
        yield _attribute("data_collection_type", "string")
        yield _attribute("raster_info", "object")
    else:
        yield from _of_resources(collections)
    if on == "images":
        yield from (_metadata_field(name, kind) for name, kind in _IMAGE_TYPES.items())
    elif on in ("rasters", "point_clouds"):
        yield _metadata_field("capture_date", "datetime")
        yield _trait("format", "string")
    if on == "point_clouds":
        yield from (_trait(name, "integer") for name in ("point_record_format", "version_major", "version_minor"))


def find_field(fields: dict[str, SearchField], name: str) -> SearchField | None:
    """Return a field by its name, also for one entry of `json_metadata`."""
    field = fields.get(name)
    if field is None and name.startswith("json_metadata.") and "json_metadata" in fields:
        return _json_entry(name)
    return field


def searchable_text(record: Project | Collection | Resource) -> str:
    """Return the text of a record for the full-text search, in lower case."""
    parts = [record.name, *record.tags]
    if isinstance(record, Resource):
        parts += [f"{value}" for value in (record.json_metadata or {}).values() if value is not None]
        parts += [value for value in record.fields.values() if isinstance(value, str)]
    else:
        parts.append(record.description)
    return "\n".join(parts).lower()

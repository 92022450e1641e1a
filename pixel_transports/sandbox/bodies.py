"""What the API takes: bodies and queries, checked by pydantic, refused in FastAPI's words.

Rules kept here:

* These models are the server's own, not the client's, so that a mistake of the client does not pass unseen.
* A refusal is 422 with `{"detail": [{"type", "loc", "msg", "input"}]}`; `loc` starts with "body" or "query".
* Unknown names are ignored; of a repeated name in a query the last value counts.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.minting import md5_hex

M = TypeVar("M", bound=BaseModel)

CollectionType = Literal["image", "raster", "RGB", "DTM", "DSM", "point_cloud"]
JsonMetadata = dict[str, StrictBool | str | float | int | None]


def read_body(incoming: Incoming, model: type[M]) -> M:
    """The body as a `model`. Raises RefusedError (422)."""
    if not len(incoming.content):
        raise refusal(422, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    if incoming.media_type != "application/json":
        message = "Input should be a valid dictionary or object to extract fields from"
        text = str(incoming.content[:200], "utf-8", "replace")
        raise refusal(422, [{"type": "model_attributes_type", "loc": ["body"], "msg": message, "input": text}])
    try:
        value = from_json(bytes(incoming.content), allow_inf_nan=False)
    except ValueError as error:
        context = {"error": str(error)}
        wrong = {"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}, "ctx": context}
        raise refusal(422, [wrong]) from None
    return _checked(model, value, "body")


def read_query(incoming: Incoming, model: type[M]) -> M:
    """The query as a `model`. Raises RefusedError (422)."""
    try:
        query = incoming.query
    except ValueError:
        raise refusal(422, [{"type": "too_long", "loc": ["query"], "msg": "Too many fields", "input": None}]) from None
    return _checked(model, query, "query")


def _checked(model: type[M], value: Any, place: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        wrong = [
            {"type": e["type"], "loc": [place, *e["loc"]], "msg": e["msg"], "input": e["input"]}
            for e in error.errors(include_url=False)
        ]
        raise refusal(422, wrong) from None


class Taken(BaseModel):
    """The base of all bodies and queries."""

    model_config = ConfigDict(extra="ignore")

    @property
    def given(self) -> dict[str, Any]:
        """What was sent and is not null, as JSON says it."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


def _commas(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1, max_length=500)]
Tags = list[str]


class ListQuery(Taken):
    """What narrows a list. `ids` and `tags` are one comma-separated value each."""

    extended: bool = False
    name: str | None = None
    ids: Annotated[list[int], BeforeValidator(_commas)] | None = None
    tags: Annotated[list[str], BeforeValidator(_commas)] | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=0)


class CollectionListQuery(ListQuery):
    data_collection_type: CollectionType | None = None


class ExtendedQuery(Taken):
    extended: bool = False


class ParentQuery(Taken):
    new_parent_id: int


class ProjectQuery(Taken):
    new_project_id: int


class PlaceQuery(Taken):
    new_project_id: int
    new_data_collection_id: int


class CollectionBody(Taken):
    new_data_collection_id: int


Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Position = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]


class Polygon(Taken):
    """A GeoJSON polygon (RFC 7946, section 3.1.6): closed rings of four or more positions, the outer one first."""

    type: Literal["Polygon"]
    coordinates: list[list[Position]] = Field(min_length=1)
    bbox: list[float] | None = None

    @model_validator(mode="after")
    def _rings_closed(self) -> Self:
        for ring in self.coordinates:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("a ring of a polygon has four or more positions, and ends where it starts")
        return self


class ProjectBody(Taken):
    name: Name
    description: str
    area_of_interest: Polygon
    parent_project_id: int | None = None
    tags: Tags = []


class ProjectChange(Taken):
    name: Name | None = None
    description: str | None = None
    area_of_interest: Polygon | None = None
    add_tags: Tags = []
    remove_tags: Tags = []


class RasterInfo(Taken):
    srid: int | None = None
    format: str | None = None
    data_type: str | None = None
    cell_size: tuple[float, float] | None = None
    num_bands: int | None = None


class DataCollectionBody(Taken):
    name: Name
    description: str
    data_collection_type: CollectionType
    tags: Tags = []
    raster_info: RasterInfo | None = None


class DataCollectionChange(Taken):
    name: Name | None = None
    description: str | None = None
    add_tags: Tags = []
    remove_tags: Tags = []


class _PlainFields(Taken):
    name: Name | None = None
    capture_date: datetime | None = None


class ImageFields(_PlainFields):
    """What the server knows of an image. Angles are in degrees, heights and distances in metres."""

    fields_type: Literal["image"]
    image_type: str | None = None
    location: dict[str, Any] | None = None
    cam_heading: float | None = None
    cam_pitch: float | None = None
    cam_roll: float | None = None
    hfov: float | None = None
    vfov: float | None = None
    far_dist: float | None = None
    near_dist: float | None = None
    cam_height: float | None = None
    img_rotation: float | None = None
    cam_orientation: str | None = None
    focal_length: float | None = None
    radial: str | None = None


class RasterFields(_PlainFields):
    fields_type: Literal["raster"]


class PointCloudFields(_PlainFields):
    fields_type: Literal["point_cloud"]


Fields = Annotated[ImageFields | RasterFields | PointCloudFields, Field(discriminator="fields_type")]


class Metadata(Taken):
    """What is told about a file when it is uploaded. (`fields` is a name that pydantic keeps for itself.)"""

    known: Fields | None = Field(None, alias="fields")
    json_metadata: JsonMetadata | None = None


class ResourceChange(Metadata):
    add_tags: Tags = []
    remove_tags: Tags = []


def _digest(value: str) -> str:
    if md5_hex(value) is None:
        raise ValueError("an MD5 is given as base64 of its 16 bytes")
    return value


def _file_name(value: str) -> str:
    if "/" in value or any(ord(character) < 32 for character in value):
        raise ValueError("a file name holds no slash and no control character")
    return value


Digest = Annotated[str, AfterValidator(_digest)]
FileName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_file_name)]


class SupportFile(Taken):
    name: FileName
    md5: Digest


class _NewFile(Taken):
    name: FileName
    metadata: Metadata | None = None
    support_files: list[SupportFile] = []


class WholeFile(_NewFile):
    md5: Digest


class Part(Taken):
    part_number: int = Field(ge=1, le=10_000)
    md5: Digest
    content_length: int = Field(ge=0, le=5 * 1024**3)


class PartedFile(_NewFile):
    parts: list[Part] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _numbers_differ(self) -> Self:
        if len({part.part_number for part in self.parts}) != len(self.parts):
            raise ValueError("the numbers of the parts have to differ")
        return self


class WholeFiles(Taken):
    files: list[WholeFile] = Field(min_length=1, max_length=200)


class PartedFiles(Taken):
    files: list[PartedFile] = Field(min_length=1, max_length=200)


class FinishedBody(Taken):
    job_ids: list[int] = Field(min_length=1)

"""What operations take: pydantic models that check arguments before anything is sent.

Rules kept here:

* Unknown names are ignored, strings are coerced; wrong values are a ValidationError (a ValueError).
* Dumps are in JSON mode; what is None is left out of bodies and queries.
* No model reads a file: sizes and digests come from effects.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from pixel_core.models.results import DataCollectionType

JsonMetadata: TypeAlias = dict[str, StrictBool | str | float | int | None]
"""Free metadata by name. A bool stays one (as 1.0, which a float would make of it, it would say something else)."""


class PixelModel(BaseModel):
    """The base of all inputs."""

    model_config = ConfigDict(extra="ignore")

    def body(self) -> dict[str, Any]:
        """The model as a JSON body: without what is None."""
        return self.model_dump(mode="json", exclude_none=True)


class ListParams(PixelModel):
    """What a list can be narrowed by. `offset` and `limit` count items."""

    extended: bool | None = None
    name: str | None = None
    ids: list[int] | None = None
    tags: list[str] | None = None
    offset: int | None = None
    limit: int | None = None


class DataCollectionListParams(ListParams):
    """What a list of data collections can be narrowed by."""

    data_collection_type: DataCollectionType | None = None


class RasterInfo(PixelModel):
    """What the rasters of a collection have in common: EPSG code, format, pixel type, cell size (x, y), bands."""

    srid: int | None = None
    format: str | None = None
    data_type: str | None = None
    cell_size: tuple[float, float] | None = None
    num_bands: int | None = None


class ImageMetadataFields(PixelModel):
    """What is known of an image. Angles are in degrees, heights and distances in metres."""

    fields_type: Literal["image"] = "image"
    image_type: str | None = None
    name: str | None = None
    location: dict[str, Any] | None = None
    cam_heading: float | None = None
    cam_pitch: float | None = None
    cam_roll: float | None = None
    hfov: float | None = None
    vfov: float | None = None
    far_dist: float | None = None
    near_dist: float | None = None
    capture_date: datetime | None = None
    cam_height: float | None = None
    img_rotation: float | None = None
    cam_orientation: str | None = None
    focal_length: float | None = None
    radial: str | None = None


class RasterMetadataFields(PixelModel):
    """What is known of a raster."""

    fields_type: Literal["raster"] = "raster"
    name: str | None = None
    capture_date: datetime | None = None


class PointCloudMetadataFields(PixelModel):
    """What is known of a point cloud."""

    fields_type: Literal["point_cloud"] = "point_cloud"
    name: str | None = None
    capture_date: datetime | None = None


MetadataFieldsType: TypeAlias = Annotated[
    ImageMetadataFields | RasterMetadataFields | PointCloudMetadataFields, Field(discriminator="fields_type")
]


class MetadataObject(PixelModel):
    """Metadata of a file to upload: the fields that Pixel knows, and free ones."""

    fields: MetadataFieldsType | None = None
    json_metadata: JsonMetadata | None = None


class PixelUploadFile(PixelModel):
    """A file to upload, the files that belong to it (world files, say), and its metadata."""

    file: Path
    support_files: list[Path] | None = None
    metadata: MetadataObject | None = None


class UpdateInputBase(PixelModel):
    """Changes to an image, raster or point cloud; at least one has to be given ([] and {} count)."""

    add_tags: list[str] | None = None
    remove_tags: list[str] | None = None
    json_metadata: JsonMetadata | None = None

    @model_validator(mode="after")
    def _something_given(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("no change given: at least one field has to be set")
        return self


class ImageUpdateInput(UpdateInputBase):
    """Changes to an image."""

    fields: ImageMetadataFields | None = None


Position: TypeAlias = tuple[float, float] | tuple[float, float, float]
"""Longitude and latitude in degrees, and maybe a height in metres."""


class Polygon(PixelModel):
    """A GeoJSON polygon (RFC 7946, section 3.1.6): closed rings of four or more positions, the outer one first."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[Position]]
    bbox: list[float] | None = None

    @model_validator(mode="after")
    def _rings_closed(self) -> Self:
        for ring in self.coordinates:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("a ring of a polygon has four or more positions, and ends where it starts")
        return self

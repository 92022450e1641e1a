"""Files to upload, metadata of images, rasters and point clouds, and changes to it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from pixel_core.models.base import JsonMetadata, PixelModel
from pixel_core.models.geometry import check_crs, check_positions


class RasterInfo(PixelModel):
    """Properties that all rasters of a data collection share. `srid` is an EPSG code, `cell_size` the size (x, y) of a
    cell in units of that reference system.
    """

    srid: int | None = None
    format: str | None = None
    data_type: str | None = None
    cell_size: tuple[float, float] | None = None
    num_bands: int | None = None


class ImageMetadataFields(PixelModel):
    """Metadata of an image. Angles are in degrees, heights and distances in metres.

    `location` is a GeoJSON point: longitude and latitude in degrees, and the height in metres. `cam_heading` is
    clockwise from north, `hfov` and `vfov` are the horizontal and vertical field of view.
    """

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

    @field_validator("location")
    @classmethod
    def _in_degrees(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            check_crs(value)
            check_positions(value.get("coordinates"))
        return value


class RasterMetadataFields(PixelModel):
    """Metadata of a raster."""

    fields_type: Literal["raster"] = "raster"
    name: str | None = None
    capture_date: datetime | None = None


class PointCloudMetadataFields(PixelModel):
    """Metadata of a point cloud."""

    fields_type: Literal["point_cloud"] = "point_cloud"
    name: str | None = None
    capture_date: datetime | None = None


MetadataFieldsType: TypeAlias = Annotated[
    ImageMetadataFields | RasterMetadataFields | PointCloudMetadataFields, Field(discriminator="fields_type")
]


class MetadataObject(PixelModel):
    """Metadata of a file to upload: fields that Pixel defines (`fields`), and free ones (`json_metadata`)."""

    fields: MetadataFieldsType | None = None
    json_metadata: JsonMetadata | None = None


Metadata: TypeAlias = Mapping[str, Any] | MetadataObject
"""Metadata of a file to upload, as a model, or as a mapping that is sent unchanged."""


NameFrom: TypeAlias = Literal["path", "parent", "counter"]
"""How files get their names in Pixel: of their path from the folder of the upload (`day1_flight2_a.jpg`), of the folder
that they are in (`flight2_a.jpg`), or with a number (`a-2.jpg`) for all but the first of a name.
"""


def merge_metadata(*layers: Mapping[str, Any] | None) -> MetadataObject | None:
    """Merge metadata name by name; later layers override earlier ones. Returns None when all are empty. Raises
    ValidationError.
    """
    parts: dict[str, dict[str, Any]] = {name: {} for name in MetadataObject.model_fields}
    for layer in layers:
        for name in parts:
            parts[name].update((layer or {}).get(name) or {})
    merged = {name: values for name, values in parts.items() if values}
    return MetadataObject.model_validate(merged) if merged else None


class PixelUploadFile(PixelModel):
    """A file to upload with its support files (world files, for example) and its metadata. `name` is the name in Pixel,
    by default that of the file; names of support files follow it.
    """

    file: Path
    support_files: list[Path] | None = None
    metadata: MetadataObject | None = None
    name: str | None = None


class PixelAttachmentUpload(PixelModel):
    """A file to attach. `name` is the name of the file by default."""

    file: Path = Field(exclude=True)
    name: str = ""
    description: str = ""

    @model_validator(mode="after")
    def _named(self) -> Self:
        self.name = self.name or self.file.name
        return self


class UpdateInputBase(PixelModel):
    """Changes to an image, raster or point cloud. At least one field must be set; [] and {} count as set."""

    add_tags: list[str] | None = None
    remove_tags: list[str] | None = None
    json_metadata: JsonMetadata | None = None

    @model_validator(mode="after")
    def _has_changes(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("no change given: at least one field has to be set")
        return self


class ImageUpdateInput(UpdateInputBase):
    """Changes to an image."""

    fields: ImageMetadataFields | None = None


class RasterUpdateInput(UpdateInputBase):
    """Changes to a raster."""

    fields: RasterMetadataFields | None = None


class PointCloudUpdateInput(UpdateInputBase):
    """Changes to a point cloud."""

    fields: PointCloudMetadataFields | None = None


class NearblackOptions(PixelModel):
    """Options for removing borders of optimised rasters. `color` is a name or a grey value from 0 to 255."""

    enabled: bool
    color: Literal["black", "white"] | Annotated[int, Field(ge=0, le=255)] = "black"
    algorithm: Literal["floodfill", "twopasses"] = "twopasses"

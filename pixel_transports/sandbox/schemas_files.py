"""Request schemas of uploads, images, rasters, point clouds, their optimised forms, and attachments.

Rules kept here:

* An MD5 is the base64 text of 16 bytes; a file name has no slash and no control character.
* `fields_type` is required, and selects the metadata fields.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pixel_transports.sandbox.objects import md5_hex
from pixel_transports.sandbox.schemas import JsonMetadata, ListQuery, Name, Schema, Status, Tags


class RasterListQuery(ListQuery):
    format: Literal["GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF"] | None = None


class PointCloudListQuery(ListQuery):
    """`point_record_format` and the version are those of LAS."""

    format: Literal["LAZ", "LAS"] | None = None
    point_record_format: int | None = Field(None, ge=0, le=10)
    version_major: int | None = None
    version_minor: int | None = None


class OptimizedPointCloudListQuery(PointCloudListQuery):
    status: Status | None = None


class _CommonFields(Schema):
    name: Name | None = None
    capture_date: datetime | None = None


class ImageFields(_CommonFields):
    """Metadata fields of an image. Angles are in degrees, heights and distances in metres."""

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


class RasterFields(_CommonFields):
    fields_type: Literal["raster"]


class PointCloudFields(_CommonFields):
    fields_type: Literal["point_cloud"]


Fields = Annotated[ImageFields | RasterFields | PointCloudFields, Field(discriminator="fields_type")]


class Metadata(Schema):
    """Metadata of a file. (`fields` is a reserved name in pydantic.)"""

    typed_fields: Fields | None = Field(None, alias="fields")
    json_metadata: JsonMetadata | None = None


class ResourceChange(Metadata):
    add_tags: Tags = Field(default_factory=list)
    remove_tags: Tags = Field(default_factory=list)


def _digest(value: str) -> str:
    if md5_hex(value) is None:
        raise ValueError("an MD5 is the base64 text of its 16 bytes")
    return value


def _file_name(value: str) -> str:
    if "/" in value or any(ord(character) < 32 for character in value):
        raise ValueError("a file name has no slash and no control character")
    return value


Digest = Annotated[str, AfterValidator(_digest)]
FileName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_file_name)]


class SupportFile(Schema):
    name: FileName
    md5: Digest


class _UploadFile(Schema):
    name: FileName
    metadata: Metadata | None = None
    support_files: list[SupportFile] = Field(default_factory=list)


class FormUploadFile(_UploadFile):
    md5: Digest


class Part(Schema):
    part_number: int = Field(ge=1, le=10_000)
    md5: Digest
    content_length: int = Field(ge=0, le=5 * 1024**3)


class MultipartUploadFile(_UploadFile):
    parts: list[Part] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _numbers_differ(self) -> Self:
        if len({part.part_number for part in self.parts}) != len(self.parts):
            raise ValueError("the numbers of the parts have to differ")
        return self


class FormUploadFiles(Schema):
    files: list[FormUploadFile] = Field(min_length=1, max_length=200)


class MultipartUploadFiles(Schema):
    files: list[MultipartUploadFile] = Field(min_length=1, max_length=200)


class UploadFinishedBody(Schema):
    job_ids: list[int] = Field(min_length=1)


# Optimised forms


class Nearblack(Schema):
    enabled: bool
    color: Literal["black", "white"] | Annotated[int, Field(ge=0, le=255)] = "black"
    algorithm: Literal["floodfill", "twopasses"] = "twopasses"


Resampling = Literal["nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "gauss", "rms"]


class CreationOptions(Schema):
    nearblack_options: Nearblack = Nearblack(enabled=False)
    overview_resampling: Resampling = "average"


class OptimizedRasters(Schema):
    """The rasters to optimise; without ids all of the data collection."""

    raster_ids: list[int] | None = None
    profile: str | None = None
    creation_options: CreationOptions = CreationOptions()


class OptimizedRastersRun(Schema):
    optimized_raster_ids: list[int] | None = None
    retry_failed: bool = False


class PointCloudIds(Schema):
    point_cloud_ids: list[int] | None = None


class PointCloudIdsRun(PointCloudIds):
    retry_failed: bool = False


class ProfileQuery(Schema):
    profile: str | None = None


# Attachments

ResourceType = Literal["project", "data_collection", "image"]
AttachmentStatus = Literal["Pending", "Completed"]


class OwnerQuery(Schema):
    """The owner of an attachment."""

    resource_type: ResourceType
    resource_id: int


class AttachmentListQuery(OwnerQuery):
    status: AttachmentStatus | None = None


class AttachmentQuery(OwnerQuery):
    attachment_id: int


class AttachmentStatusQuery(AttachmentQuery):
    status: AttachmentStatus


class AttachmentMoveQuery(AttachmentQuery):
    new_resource_type: ResourceType
    new_resource_id: int


class AttachedFile(Schema):
    name: FileName
    description: str = ""
    md5: Digest


class AttachedFiles(Schema):
    files: list[AttachedFile] = Field(max_length=200)

"""Inputs (pydantic models, checked before anything is sent) and results (TypedDicts over the server's JSON)."""

from pixel_core.models.geometry import Geometry
from pixel_core.models.inputs import (
    DataCollectionListParams,
    ImageMetadataFields,
    ImageUpdateInput,
    ListParams,
    MetadataFieldsType,
    MetadataObject,
    PixelUploadFile,
    PointCloudMetadataFields,
    Polygon,
    RasterInfo,
    RasterMetadataFields,
    UpdateInputBase,
)
from pixel_core.models.results import (
    DataCollection,
    DataCollectionType,
    Image,
    Job,
    JobGroup,
    Plugin,
    Project,
    UploadJob,
    User,
)

__all__ = [
    "DataCollection",
    "DataCollectionListParams",
    "DataCollectionType",
    "Geometry",
    "Image",
    "ImageMetadataFields",
    "ImageUpdateInput",
    "Job",
    "JobGroup",
    "ListParams",
    "MetadataFieldsType",
    "MetadataObject",
    "PixelUploadFile",
    "Plugin",
    "PointCloudMetadataFields",
    "Polygon",
    "Project",
    "RasterInfo",
    "RasterMetadataFields",
    "UpdateInputBase",
    "UploadJob",
    "User",
]

"""What lists can be narrowed by.

`ids` and `tags` become one value with commas in a query; `offset` and `limit` count items.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from pixel_core.models.base import PixelModel
from pixel_core.models.results import DataCollectionType


class PixelStatusEnum(StrEnum):
    """The states of optimised objects and of harvest tasks."""

    pending = "pending"
    submitted = "submitted"
    in_progress = "in_progress"
    completed = "completed"
    failed = "failed"


class AnalysisTaskStatusEnum(StrEnum):
    """The states of analysis tasks."""

    REVOKED = "REVOKED"
    PENDING = "PENDING"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class ListParams(PixelModel):
    """What any list can be narrowed by."""

    extended: bool | None = None
    name: str | None = None
    ids: list[int] | None = None
    tags: list[str] | None = None
    offset: int | None = None
    limit: int | None = None


class DataCollectionListParams(ListParams):
    """What a list of data collections can be narrowed by."""

    data_collection_type: DataCollectionType | None = None


class RasterListParams(ListParams):
    """What a list of rasters can be narrowed by."""

    format: Literal["GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF"] | None = None


class PointCloudListParams(ListParams):
    """What a list of point clouds can be narrowed by; `point_record_format` and the version are those of LAS."""

    format: Literal["LAZ", "LAS"] | None = None
    point_record_format: Annotated[int, Field(ge=0, le=10)] | None = None
    version_major: int | None = None
    version_minor: int | None = None


class OptimizedPointCloudListParams(PointCloudListParams):
    """What a list of optimised point clouds can be narrowed by."""

    status: PixelStatusEnum | None = None


class HarvestTaskListParams(ListParams):
    """What a list of harvest tasks can be narrowed by."""

    status: PixelStatusEnum | None = None
    get_new: bool | None = None


class AnalysisServiceListParams(PixelModel):
    """What a list of analysis services can be narrowed by."""

    name: str | None = None
    ids: list[int] | None = None
    enabled: bool | None = None
    offset: int | None = None
    limit: int | None = None


class AnalysisTaskListParams(PixelModel):
    """What a list of analysis tasks can be narrowed by."""

    name: str | None = None
    ids: list[int] | None = None
    status: AnalysisTaskStatusEnum | None = None
    offset: int | None = None
    limit: int | None = None

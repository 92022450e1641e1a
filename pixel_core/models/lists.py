"""Filters of lists.

`ids` and `tags` become one comma-separated value in the query. `offset` and `limit` count items.
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
    """Filters of all lists. `extended` asks for all fields, `name` for items with this name, `ids` and `tags` for items
    with one of them.
    """

    extended: bool | None = None
    name: str | None = None
    ids: list[int] | None = None
    tags: list[str] | None = None
    offset: int | None = None
    limit: int | None = None


class DataCollectionListParams(ListParams):
    """Filters of data collections."""

    data_collection_type: DataCollectionType | None = None


class RasterListParams(ListParams):
    """Filters of rasters."""

    format: Literal["GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF"] | None = None


class PointCloudListParams(ListParams):
    """Filters of point clouds. `point_record_format` and the version are those of the LAS header."""

    format: Literal["LAZ", "LAS"] | None = None
    point_record_format: Annotated[int, Field(ge=0, le=10)] | None = None
    version_major: int | None = None
    version_minor: int | None = None


class OptimizedPointCloudListParams(PointCloudListParams):
    """Filters of optimised point clouds."""

    status: PixelStatusEnum | None = None


class HarvestTaskListParams(ListParams):
    """Filters of harvest tasks."""

    status: PixelStatusEnum | None = None
    get_new: bool | None = None


class AnalysisServiceListParams(PixelModel):
    """Filters of analysis services."""

    name: str | None = None
    ids: list[int] | None = None
    enabled: bool | None = None
    offset: int | None = None
    limit: int | None = None


class AnalysisTaskListParams(PixelModel):
    """Filters of analysis tasks."""

    name: str | None = None
    ids: list[int] | None = None
    status: AnalysisTaskStatusEnum | None = None
    offset: int | None = None
    limit: int | None = None

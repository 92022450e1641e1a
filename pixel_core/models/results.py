"""Results of operations: TypedDicts for the server's JSON.

A result is the server's JSON, unchanged: no key is checked or dropped, and keys of newer servers are kept. All keys are
optional except `id` and `name` of resources. These types are for editors and type checkers. At run time a result is a
plain dict.
"""

from typing import Any, Literal, Required, TypeAlias, TypedDict

AttachmentResourceType: TypeAlias = Literal["project", "data_collection", "image"]
OverviewResampling: TypeAlias = Literal[
    "nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "gauss", "rms"
]
DataCollectionType: TypeAlias = Literal["image", "raster", "RGB", "DTM", "DSM", "point_cloud"]


class User(TypedDict, total=False):
    """A user of the tenant."""

    id: int | str
    email: str
    first_name: str
    last_name: str
    user_type: str
    enabled: bool


class Plugin(TypedDict, total=False):
    """A capability of the tenant."""

    name: str
    enabled: bool


class GeoJSONPolygon(TypedDict, total=False):
    """A GeoJSON polygon (RFC 7946): rings of positions, longitude first, in degrees."""

    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]
    bbox: list[float]


class Project(TypedDict, total=False):
    """A project. `area_of_interest` is the polygon that contains its data."""

    id: Required[int]
    name: Required[str]
    description: str
    area_of_interest: GeoJSONPolygon
    parent_project_id: int | None
    tags: list[str]


class RasterInfo(TypedDict, total=False):
    """Properties that all rasters of a data collection share. `srid` is an EPSG code."""

    srid: int
    format: str
    data_type: str
    cell_size: list[float]
    num_bands: int


class DataCollection(TypedDict, total=False):
    """A data collection: images, rasters or point clouds of one project."""

    id: Required[int]
    project_id: int
    name: Required[str]
    description: str
    data_collection_type: DataCollectionType
    tags: list[str]
    raster_info: RasterInfo | None


class Image(TypedDict, total=False):
    """An image. Angles are in degrees, heights and distances in metres. `location` is a GeoJSON point."""

    id: Required[int]
    name: Required[str]
    tags: list[str]
    json_metadata: dict[str, Any] | None
    image_type: str | None
    location: dict[str, Any] | None
    capture_date: str | None
    cam_heading: float | None
    cam_pitch: float | None
    cam_roll: float | None
    hfov: float | None
    vfov: float | None
    far_dist: float | None
    near_dist: float | None
    cam_height: float | None
    img_rotation: float | None
    cam_orientation: str | None
    focal_length: float | None
    radial: str | None


class UploadResult(TypedDict, total=False):
    """The resource that an upload created: its kind ("image", "raster" or "point_cloud") and its id."""

    resource_name: str
    resource_id: int


class UploadPart(TypedDict, total=False):
    """One part of a multipart upload: the URL that takes it, and the headers that the request needs."""

    part_number: int
    url: str
    headers: dict[str, str]


class UploadJob(TypedDict, total=False):
    """The upload of one file. `status` ends as "validated_and_moved"; if it does not, `detail` has the reason."""

    id: Required[int]
    name: Required[str]
    status: str
    detail: Any
    url: str
    upload_fields: dict[str, str]
    upload_parts: list[UploadPart]
    support_files: list[dict[str, Any]]
    result: UploadResult | None


class Job(TypedDict, total=False):
    """A job on the server. `completed` is true when it ended, with success or not."""

    job_id: int | str
    completed: bool
    status: str
    detail: Any


class JobGroup(TypedDict, total=False):
    """A group of jobs. `completed` is true when all have ended."""

    group_id: int | str
    completed: bool
    total_jobs: int
    success_count: int
    failed_count: int


class Raster(TypedDict, total=False):
    """A raster."""

    id: Required[int]
    name: Required[str]
    format: str
    tags: list[str]
    json_metadata: dict[str, Any] | None
    capture_date: str | None


class PointCloud(TypedDict, total=False):
    """A point cloud. `point_record_format` and the version are those of the LAS header."""

    id: Required[int]
    name: Required[str]
    format: str
    point_record_format: int
    version_major: int
    version_minor: int
    tags: list[str]
    json_metadata: dict[str, Any] | None
    capture_date: str | None


class OptimizedRaster(TypedDict, total=False):
    """A raster in a format for fast display."""

    id: Required[int]
    raster_id: int
    profile: str | None
    status: str


class OptimizedPointCloud(TypedDict, total=False):
    """A point cloud in a format for fast display."""

    id: Required[int]
    point_cloud_id: int
    status: str


class ArcgisService(TypedDict, total=False):
    """An ArcGIS feature or image service."""

    id: Required[int]
    name: Required[str]
    description: str
    data_collection_ids: list[int]
    options: dict[str, Any]
    status: str


class ArcgisServiceChange(TypedDict, total=False):
    """The result of a start, stop or refresh: its job, None without one, and the service."""

    job: Job | None
    arcgis_service: ArcgisService


class HarvestService(TypedDict, total=False):
    """A harvest service."""

    id: Required[int]
    name: Required[str]
    description: str
    url: str
    where_clause: str
    field_mappings: dict[str, Any]


class HarvestTask(TypedDict, total=False):
    """One run of a harvest service."""

    id: Required[int]
    status: str


class Attachment(TypedDict, total=False):
    """A file attached to a project, a data collection or an image."""

    id: Required[int]
    name: Required[str]
    description: str
    md5: str
    status: str


class SearchResults(TypedDict, total=False):
    """One page of search results. `count` is their number on the page, `total_count` the number of all results."""

    count: int
    results: list[dict[str, Any]]
    total_count: int


class AnalysisModule(TypedDict, total=False):
    """A module that an analysis service can run."""

    name: str
    description: str


class AnalysisService(TypedDict, total=False):
    """An analysis service."""

    id: Required[int]
    name: Required[str]
    module_name: str
    enabled: bool
    config: dict[str, Any]


class AnalysisTask(TypedDict, total=False):
    """A task of an analysis service."""

    id: Required[int]
    name: str | None
    params: dict[str, Any]
    status: str

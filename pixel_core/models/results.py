"""What operations give back: TypedDicts of the fields that are known, over the server's JSON as it is.

Rules kept here:

* No key is checked and none is dropped: what a newer server adds passes through untouched. All are optional but `id`
  and `name`, which every resource has.
* These types are for editors and type checkers; at run time a result is a plain dict.
"""

from typing import Any, Literal, Required, TypeAlias, TypedDict

AttachmentResourceType: TypeAlias = Literal["project", "data_collection", "image"]
OverviewResampling: TypeAlias = Literal[
    "nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "gauss", "rms"
]
DataCollectionType: TypeAlias = Literal["image", "raster", "RGB", "DTM", "DSM", "point_cloud"]


class User(TypedDict, total=False):
    """The user who is logged in."""

    id: int | str
    email: str
    first_name: str
    last_name: str
    user_type: str
    enabled: bool


class Plugin(TypedDict, total=False):
    """A capability that is switched on for the tenant."""

    name: str
    enabled: bool


class GeoJSONPolygon(TypedDict, total=False):
    """A polygon of RFC 7946: rings of positions, longitude first, in degrees."""

    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]
    bbox: list[float]


class Project(TypedDict, total=False):
    """A project: a name, a description and the polygon that is its outer frame."""

    id: Required[int]
    name: Required[str]
    description: str
    area_of_interest: GeoJSONPolygon
    parent_project_id: int | None
    tags: list[str]


class RasterInfo(TypedDict, total=False):
    """What the rasters of a collection have in common."""

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
    """An image. Angles are in degrees, heights and distances in metres, `location` is a GeoJSON point."""

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
    """What an upload became: the kind of resource ("image", "raster", "point_cloud") and its id."""

    resource_name: str
    resource_id: int


class UploadPart(TypedDict, total=False):
    """Where one part of a multipart upload goes, and the header fields it has to be sent with."""

    part_number: int
    url: str
    headers: dict[str, str]


class UploadJob(TypedDict, total=False):
    """One file's way into Pixel. `status` ends at "validated_and_moved", or `detail` says why it did not."""

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
    """Work on the server. `completed` says that it is over, not that it went well."""

    job_id: int | str
    completed: bool
    status: str
    detail: Any


class JobGroup(TypedDict, total=False):
    """Several jobs that are waited for together."""

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
    """A point cloud; `point_record_format` and the version are those of LAS."""

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
    """A raster prepared for quick viewing."""

    id: Required[int]
    raster_id: int
    profile: str | None
    status: str


class OptimizedPointCloud(TypedDict, total=False):
    """A point cloud prepared for quick viewing."""

    id: Required[int]
    point_cloud_id: int
    status: str


class ArcgisService(TypedDict, total=False):
    """A feature or image service."""

    id: Required[int]
    name: Required[str]
    description: str
    data_collection_ids: list[int]
    options: dict[str, Any]
    status: str


class ArcgisServiceChange(TypedDict, total=False):
    """A start, stop or refresh: the job that does it, if one is needed, and the service."""

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
    """One page of results: how many there are on it, the results, and how many there are in all."""

    count: int
    results: list[dict[str, Any]]
    total_count: int


class AnalysisModule(TypedDict, total=False):
    """A module that analysis services can run."""

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

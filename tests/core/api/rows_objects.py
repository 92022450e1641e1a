"""The requests of rasters, point clouds and what is optimised of them, and of uploads, waiting and pages."""

from datetime import UTC, datetime
from typing import Any

from pixel_core.models import (
    ListParams,
    NearblackOptions,
    OptimizedPointCloudListParams,
    PixelStatusEnum,
    PixelUploadFile,
    PointCloudListParams,
    PointCloudMetadataFields,
    PointCloudUpdateInput,
    RasterListParams,
    RasterMetadataFields,
    RasterUpdateInput,
)
from tests.core.api.rows import Call, D, Row, Story
from tests.support.scripted_api import Expected, told

R = f"{D}/rasters"
C = f"{D}/point_clouds"
UPLOADS = "/acme/projects/1/data_collections/2"
NO_NEARBLACK = {"enabled": False, "color": "black", "algorithm": "twopasses"}
PLAIN = {"nearblack_options": NO_NEARBLACK, "overview_resampling": "average"}

ROWS = [
    # Rasters
    Row("get_rasters", lambda api: api.get_rasters(7, 8), "GET", f"{R}/"),
    Row(
        "get_rasters",
        lambda api: api.get_rasters(7, 8, RasterListParams(format="GTiff", limit=1), limit=2, newer=True),
        "GET",
        f"{R}/?limit=2&format=GTiff&newer=true",
    ),
    Row("get_rasters", lambda api: api.get_rasters(7, 8, ids=[1, 2]), "GET", f"{R}/?ids=1%2C2"),
    Row("get_raster", lambda api: api.get_raster(7, 8, 9), "GET", f"{R}/9"),
    Row(
        "update_raster",
        lambda api: api.update_raster(7, 8, 9, RasterUpdateInput(remove_tags=["x"])),
        "PUT",
        f"{R}/9",
        {"remove_tags": ["x"]},
    ),
    Row(
        "update_raster",
        lambda api: api.update_raster(
            7,
            8,
            9,
            update_input=RasterUpdateInput(
                add_tags=["a"],
                remove_tags=[],
                json_metadata={},
                fields=RasterMetadataFields(name="n", capture_date=datetime(2024, 5, 17, tzinfo=UTC)),
            ),
        ),
        "PUT",
        f"{R}/9",
        {
            "add_tags": ["a"],
            "remove_tags": [],
            "json_metadata": {},
            "fields": {"fields_type": "raster", "name": "n", "capture_date": "2024-05-17T00:00:00Z"},
        },
    ),
    Row(
        "move_raster",
        lambda api: api.move_raster(7, 8, 9, 1, 2),
        "PUT",
        f"{R}/9/move?new_project_id=1&new_data_collection_id=2",
    ),
    Row("delete_raster", lambda api: api.delete_raster(7, 8, raster_id=9), "DELETE", f"{R}/9"),
    # Point clouds
    Row("get_point_clouds", lambda api: api.get_point_clouds(7, 8), "GET", f"{C}/"),
    Row(
        "get_point_clouds",
        lambda api: api.get_point_clouds(
            7,
            8,
            PointCloudListParams(format="LAZ", point_record_format=0, version_major=1, version_minor=4, extended=False),
            tags=["a", "b"],
        ),
        "GET",
        f"{C}/?extended=false&format=LAZ&point_record_format=0&version_major=1&version_minor=4&tags=a%2Cb",
    ),
    Row("get_point_cloud", lambda api: api.get_point_cloud(7, 8, 9), "GET", f"{C}/9"),
    Row(
        "update_point_cloud",
        lambda api: api.update_point_cloud(
            7, 8, 9, PointCloudUpdateInput(json_metadata={"a": None}, fields=PointCloudMetadataFields(name="n"))
        ),
        "PUT",
        f"{C}/9",
        {"json_metadata": {"a": None}, "fields": {"fields_type": "point_cloud", "name": "n"}},
    ),
    Row(
        "move_point_cloud",
        lambda api: api.move_point_cloud(7, 8, 9, new_data_collection_id=2),
        "POST",
        f"{C}/9/move",
        {"new_data_collection_id": 2},
    ),
    Row("delete_point_cloud", lambda api: api.delete_point_cloud(7, 8, point_cloud_id=9), "DELETE", f"{C}/9"),
    # Optimised rasters
    Row(
        "create_optimized_rasters",
        lambda api: api.create_optimized_rasters(7, 8, None),
        "POST",
        f"{R}/optimized/",
        {"creation_options": PLAIN},
    ),
    Row(
        "create_optimized_rasters",
        lambda api: api.create_optimized_rasters(7, 8, (1, 2), "", NearblackOptions(enabled=True, color=7), "mode"),
        "POST",
        f"{R}/optimized/",
        {
            "creation_options": {
                "nearblack_options": {"enabled": True, "color": 7, "algorithm": "twopasses"},
                "overview_resampling": "mode",
            },
            "raster_ids": [1, 2],
        },
    ),
    Row(
        "create_optimized_rasters",
        lambda api: api.create_optimized_rasters(
            7,
            8,
            raster_ids=[1],
            profile="webp",
            nearblack=NearblackOptions(enabled=True, color="white", algorithm="floodfill"),
            overview_resampling="rms",
        ),
        "POST",
        f"{R}/optimized/",
        {
            "creation_options": {
                "nearblack_options": {"enabled": True, "color": "white", "algorithm": "floodfill"},
                "overview_resampling": "rms",
            },
            "raster_ids": [1],
            "profile": "webp",
        },
    ),
    Row("get_optimized_rasters", lambda api: api.get_optimized_rasters(7, 8), "GET", f"{R}/optimized/"),
    Row(
        "get_optimized_rasters",
        lambda api: api.get_optimized_rasters(7, 8, ListParams(ids=[1, 2], limit=2)),
        "GET",
        f"{R}/optimized/?ids=1%2C2&limit=2",
    ),
    Row(
        "get_optimized_rasters",
        lambda api: api.get_optimized_rasters(7, 8, name="n", unknown=1),
        "GET",
        f"{R}/optimized/?name=n",
    ),
    Row(
        "delete_optimized_rasters",
        lambda api: api.delete_optimized_rasters(7, 8, 9),
        "DELETE",
        f"{R}/9/optimized",
    ),
    Row(
        "delete_optimized_rasters",
        lambda api: api.delete_optimized_rasters(7, 8, 9, profile=""),
        "DELETE",
        f"{R}/9/optimized",
    ),
    Row(
        "delete_optimized_rasters",
        lambda api: api.delete_optimized_rasters(7, 8, raster_id=9, profile="a b"),
        "DELETE",
        f"{R}/9/optimized?profile=a+b",
    ),
    # Optimised point clouds
    Row(
        "create_optimized_point_clouds",
        lambda api: api.create_optimized_point_clouds(7, 8, None),
        "POST",
        f"{C}/optimized/",
        {},
    ),
    Row(
        "create_optimized_point_clouds",
        lambda api: api.create_optimized_point_clouds(7, 8, point_cloud_ids=[1, 2]),
        "POST",
        f"{C}/optimized/",
        {"point_cloud_ids": [1, 2]},
    ),
    Row(
        "get_optimized_point_clouds",
        lambda api: api.get_optimized_point_clouds(
            7, 8, OptimizedPointCloudListParams(status=PixelStatusEnum.in_progress, format="LAS", point_record_format=3)
        ),
        "GET",
        f"{C}/optimized/?format=LAS&point_record_format=3&status=in_progress",
    ),
    Row(
        "get_optimized_point_clouds",
        lambda api: api.get_optimized_point_clouds(7, 8, status="failed", version_major="1"),
        "GET",
        f"{C}/optimized/?version_major=1&status=failed",
    ),
    Row(
        "delete_optimized_point_cloud",
        lambda api: api.delete_optimized_point_cloud(7, 8, 9),
        "DELETE",
        f"{C}/9/optimized",
    ),
]

DONE = {"completed": True, "status": "x"}
DECLARED = {"files": [{"name": "a.jpg", "md5": "XUFAKrxLKna5cZ2REBfFkg=="}]}
JOB = {"id": 5, "name": "a.jpg", "url": "https://s3.test/b", "upload_fields": {"key": "k"}}


def finished(kind: str) -> dict[str, Any]:
    """An upload job that became such a resource."""
    return {"id": 5, "status": "validated_and_moved", "result": {"resource_name": kind, "resource_id": 9}}


def upload_of_one(name: str, call: Call, collection_type: str, kind: str) -> Story:
    script = [
        Expected("GET", UPLOADS, told({"data_collection_type": collection_type})),
        Expected("POST", f"{UPLOADS}/upload_jobs/", told([JOB]), DECLARED),
        Expected("POST", "/b", told(None, 204)),
        Expected("PUT", f"{UPLOADS}/upload_jobs/5/uploadFinished", told({"job": {"job_id": "j"}})),
        Expected("GET", "/acme/jobs/j", told(DONE)),
        Expected("GET", f"{UPLOADS}/upload_jobs/?ids=5&limit=1", told([finished(kind)])),
        Expected("GET", f"{UPLOADS}/{kind}s/9", told({"id": 9})),
    ]
    return Story(name, call, script, {"id": 9})


def upload_of_several(name: str, call: Call, collection_type: str, kind: str) -> Story:
    done = f"{UPLOADS}/upload_jobs/multiple_uploadFinished"
    script = [
        Expected("GET", UPLOADS, told({"data_collection_type": collection_type})),
        Expected("POST", f"{UPLOADS}/upload_jobs/", told([JOB]), DECLARED),
        Expected("POST", "/b", told(None, 204)),
        Expected("PUT", done, told({"group_job": {"group_id": 6}}), {"job_ids": [5]}),
        Expected("GET", "/acme/jobs/groups/6", told(DONE)),
        Expected("GET", f"{UPLOADS}/upload_jobs/?ids=5&limit=1", told([finished(kind)])),
        Expected("GET", f"{UPLOADS}/{kind}s/?ids=9&limit=1", told([{"id": 9}])),
    ]
    return Story(name, call, script, ([{"id": 9}], []))


FILES = [PixelUploadFile.model_validate({"file": "/p/a.jpg"})]
GROUP = {"group_job": {"group_id": "g"}}

STORIES = [
    Story("wait_for_job", lambda api: api.wait_for_job(5), [Expected("GET", "/acme/jobs/5", told(DONE))], DONE),
    Story(
        "wait_for_group_job",
        lambda api: api.wait_for_group_job(5),
        [Expected("GET", "/acme/jobs/groups/5", told(DONE))],
        DONE,
    ),
    upload_of_one("upload_image", lambda api: api.upload_image(1, 2, "/p/a.jpg"), "image", "image"),
    upload_of_one("upload_raster", lambda api: api.upload_raster(1, 2, "/p/a.jpg"), "raster", "raster"),
    upload_of_one(
        "upload_point_cloud", lambda api: api.upload_point_cloud(1, 2, "/p/a.jpg"), "point_cloud", "point_cloud"
    ),
    upload_of_several("upload_multiple_images", lambda api: api.upload_multiple_images(1, 2, FILES), "image", "image"),
    upload_of_several("upload_multiple_rasters", lambda api: api.upload_multiple_rasters(1, 2, FILES), "DTM", "raster"),
    upload_of_several(
        "upload_multiple_point_clouds",
        lambda api: api.upload_multiple_point_clouds(1, 2, FILES),
        "point_cloud",
        "point_cloud",
    ),
    Story(
        "paginate_images",
        lambda api: next(api.paginate_images(7, 8, 50, name="x")),
        [Expected("GET", f"{D}/images/?name=x&offset=0&limit=50", told([]))],
        None,
    ),
    Story(
        "paginate_rasters",
        lambda api: next(api.paginate_rasters(7, 8, 50, RasterListParams(format="MRF", offset=9), offset=3)),
        [Expected("GET", f"{R}/?format=MRF&offset=3&limit=50", told([]))],
        None,
    ),
    Story(
        "paginate_point_clouds",
        lambda api: next(api.paginate_point_clouds(7, 8, 50, PointCloudListParams(version_minor=4), format="LAS")),
        [Expected("GET", f"{C}/?version_minor=4&format=LAS&offset=0&limit=50", told([]))],
        None,
    ),
    Story(
        "run_optimize_rasters",
        lambda api: api.run_optimize_rasters(7, 8, None),
        [
            Expected("POST", f"{R}/optimized/run", told(GROUP), {"retry_failed": False}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
        ],
        DONE,
    ),
    Story(
        "run_optimize_rasters",
        lambda api: api.run_optimize_rasters(7, 8, optimize_raster_ids=(1, 2), retry_failed=True),
        [
            Expected("POST", f"{R}/optimized/run", told(GROUP), {"optimized_raster_ids": [1, 2], "retry_failed": True}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
        ],
        DONE,
    ),
    Story(
        "run_optimize_point_clouds",
        lambda api: api.run_optimize_point_clouds(7, 8, None),
        [
            Expected("POST", f"{C}/optimized/run", told(GROUP), {"retry_failed": False}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
        ],
        DONE,
    ),
    Story(
        "run_optimize_point_clouds",
        lambda api: api.run_optimize_point_clouds(7, 8, point_cloud_ids=[1], retry_failed=True),
        [
            Expected("POST", f"{C}/optimized/run", told(GROUP), {"point_cloud_ids": [1], "retry_failed": True}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
        ],
        DONE,
    ),
    Story(
        "optimize_rasters",
        lambda api: api.optimize_rasters(7, 8),
        [
            Expected("POST", f"{R}/optimized/", told([{"id": 3}, {"id": 4}]), {"creation_options": PLAIN}),
            Expected(
                "POST", f"{R}/optimized/run", told(GROUP), {"optimized_raster_ids": [3, 4], "retry_failed": False}
            ),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
            Expected("GET", f"{R}/optimized/?ids=3%2C4&limit=2", told([{"id": 4}, {"id": 3}])),
        ],
        [{"id": 4}, {"id": 3}],
    ),
    Story(
        "optimize_rasters",
        lambda api: api.optimize_rasters(
            7, 8, [1], "p", nearblack=NearblackOptions(enabled=True), overview_resampling="gauss"
        ),
        [
            Expected(
                "POST",
                f"{R}/optimized/",
                told([{"id": 3}]),
                {
                    "creation_options": {
                        "nearblack_options": {**NO_NEARBLACK, "enabled": True},
                        "overview_resampling": "gauss",
                    },
                    "raster_ids": [1],
                    "profile": "p",
                },
            ),
            Expected("POST", f"{R}/optimized/run", told(GROUP)),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
            Expected("GET", f"{R}/optimized/?ids=3&limit=1", told([{"id": 3}])),
        ],
        [{"id": 3}],
    ),
    Story(
        "optimize_point_clouds",
        lambda api: api.optimize_point_clouds(7, 8),
        [
            Expected("POST", f"{C}/optimized/", told([{"id": 3, "point_cloud_id": 1}]), {}),
            Expected("POST", f"{C}/optimized/run", told(GROUP), {"point_cloud_ids": [3], "retry_failed": False}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
            Expected("GET", f"{C}/optimized/?ids=3&limit=1", told([{"id": 3}])),
        ],
        [{"id": 3}],
    ),
    Story(
        "optimize_point_clouds",
        lambda api: api.optimize_point_clouds(7, 8, [1, 2]),
        [
            Expected("POST", f"{C}/optimized/", told([{"id": 3}]), {"point_cloud_ids": [1, 2]}),
            Expected("POST", f"{C}/optimized/run", told(GROUP), {"point_cloud_ids": [3], "retry_failed": False}),
            Expected("GET", "/acme/jobs/groups/g", told(DONE)),
            Expected("GET", f"{C}/optimized/?ids=3&limit=1", told([])),
        ],
        [],
    ),
]

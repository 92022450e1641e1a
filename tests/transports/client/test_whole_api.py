"""Every operation works against the sandbox, with both clients: a scenario per resource."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pixel_client as pixel
import pytest
from pydantic import SecretStr

from pixel_transports import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, sample_photos
from tests.support.callers import call as call_operation
from tests.transports.sandbox.support import TIFF, las

Call = Callable[..., Any]


@pytest.fixture(params=["blocking", "asyncio"])
def call(request: pytest.FixtureRequest) -> Call:
    """Calls an operation of one client by its name. A listing is returned as a list."""
    sandbox = Sandbox(job_seconds=0.0, min_part_bytes=0)
    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    client = pixel.get_client(request.param != "blocking", settings, transport=sandbox)
    return partial(call_operation, client)


@pytest.fixture
def project(call: Call) -> int:
    return int(call("create_project", "Project", "", SAMPLE_AREA)["id"])


def collection(call: Call, project: int, kind: str) -> int:
    return int(call("create_data_collection", project, kind, "", kind)["id"])


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_rasters_go_up_are_changed_optimised_moved_and_deleted(call: Call, project: int, tmp_path: Path) -> None:
    first, second = collection(call, project, "RGB"), collection(call, project, "DTM")
    files = [written(tmp_path / f"{n}.tif", TIFF + bytes([n])) for n in range(3)]
    world = written(tmp_path / "0.tfw", b"1.0")
    raster = call("upload_raster", project, first, files[0], [world], {"json_metadata": {"flight": 7}})
    assert raster["json_metadata"] == {"flight": 7}
    done, errors = call(
        "upload_multiple_rasters", project, first, [pixel.PixelUploadFile(file=each) for each in files[1:]]
    )
    assert ([each["name"] for each in done], errors) == (["1.tif", "2.tif"], [])
    assert [each["name"] for each in call("paginate_rasters", project, first, 2)] == ["0.tif", "1.tif", "2.tif"]
    changed = call("update_raster", project, first, raster["id"], pixel.RasterUpdateInput(add_tags=["north"]))
    assert changed["tags"] == ["north"]
    assert [each["id"] for each in call("get_rasters", project, first, tags=["north"])] == [raster["id"]]
    optimised = call("optimize_rasters", project, first, [raster["id"]])
    assert [each["status"] for each in optimised] == ["completed"]
    assert call("get_optimized_rasters", project, first)
    call("delete_optimized_rasters", project, first, raster["id"])
    assert call("get_optimized_rasters", project, first) == []
    assert call("optimize_rasters", project, first, []) == []
    call("move_raster", project, first, raster["id"], project, second)
    assert call("get_raster", project, second, raster["id"])["name"] == "0.tif"
    call("delete_raster", project, second, raster["id"])
    assert call("get_rasters", project, second) == []


def test_point_clouds_go_up_are_changed_optimised_moved_and_deleted(call: Call, project: int, tmp_path: Path) -> None:
    first, second = collection(call, project, "point_cloud"), collection(call, project, "point_cloud")
    cloud = call("upload_point_cloud", project, first, written(tmp_path / "a.las", las()), None, True, 64)
    more = [pixel.PixelUploadFile(file=written(tmp_path / "b.las", las()))]
    assert call("upload_multiple_point_clouds", project, first, more)[1] == []
    assert [each["name"] for each in call("paginate_point_clouds", project, first, 1)] == ["a.las", "b.las"]
    update = pixel.PointCloudUpdateInput(json_metadata={"dense": True})
    assert call("update_point_cloud", project, first, cloud["id"], update)["json_metadata"] == {"dense": True}
    assert len(call("get_point_clouds", project, first, format="LAS")) == 2
    assert [each["status"] for each in call("optimize_point_clouds", project, first)] == ["completed", "completed"]
    assert len(call("get_optimized_point_clouds", project, first, status="completed")) == 2
    call("delete_optimized_point_cloud", project, first, cloud["id"])
    call("move_point_cloud", project, first, cloud["id"], second)
    assert call("get_point_cloud", project, second, cloud["id"])["id"] == cloud["id"]
    call("delete_point_cloud", project, second, cloud["id"])
    assert call("get_point_clouds", project, second) == []


def test_search_finds_what_lies_where_and_pages_through_it(call: Call, project: int) -> None:
    images = collection(call, project, "image")
    photos = sample_photos()
    call("upload_multiple_images", project, images, [pixel.PixelUploadFile(file=photo) for photo in photos])
    query = {"on": "images", "filter": {"~": [{"var": "name"}, "pixel_%"]}, "sort": [{"field": "name"}]}
    assert call("search", query)["total_count"] == len(photos)
    assert [each["name"] for each in call("paginate_search", query, 4)] == [photo.name for photo in photos]
    assert call("search", {"on": "projects", "intersects": SAMPLE_AREA})["count"] == 1
    assert call("search_info", "images")


def test_a_folder_of_photos_goes_up_with_what_their_exif_says(call: Call, project: int, tmp_path: Path) -> None:
    images = collection(call, project, "image")
    flight = tmp_path / "flight"
    for number, photo in enumerate(sample_photos()[:4]):
        (folder := flight / f"day{number % 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder / f"DJI_{number // 2}.JPG")
    written(flight / "day0" / "bad.jpg", b"no picture")
    written(flight / "notes.txt", b"rain")
    uploaded, errors = call("upload_folder", project, images, flight, name_from="parent", exclude=["day1/*_1.*"])
    assert [each["name"] for each in uploaded] == ["day0_DJI_0.JPG", "day0_DJI_1.JPG", "day1_DJI_0.JPG"]
    assert all(each["location"] and each["capture_date"].startswith("2024-05") for each in uploaded)
    assert [(Path(each.file).name, each.status) for each in errors] == [("bad.jpg", "failed")]
    assert call("upload_folder", project, images, str(flight), include="*.tif") == ([], [])


def test_attachments_are_stored_moved_and_deleted(call: Call, project: int, tmp_path: Path) -> None:
    images = collection(call, project, "image")
    first, second = written(tmp_path / "b.txt", b"first"), written(tmp_path / "a.txt", b"second")
    added = call(
        "add_attachments", "project", project, [first, pixel.PixelAttachmentUpload(file=second, description="two")]
    )
    assert [(each["name"], each["status"]) for each in added] == [("a.txt", "Completed"), ("b.txt", "Completed")]
    assert len(call("list_attachments", "project", project, "Completed")) == 2
    call("move_attachment", "project", project, added[0]["id"], "data_collection", images)
    call("delete_attachment", "project", project, added[1]["id"])
    assert call("list_attachments", "project", project) == []
    assert [each["name"] for each in call("list_attachments", "data_collection", images)] == ["a.txt"]


def test_arcgis_services_start_refresh_and_stop(call: Call, project: int) -> None:
    images = collection(call, project, "image")
    layer = pixel.ArcGISFeatureServiceOptions(image_layer=pixel.ArcGISFeatureServiceImageLayerOptions())
    options = pixel.ArcgisServiceCreateOptions(feature_service_options=layer)
    values = pixel.ArcgisServiceCreateInput(name="Map", description="", data_collection_ids=[images], options=options)
    service = call("create_arcgis_service", "Feature", values)["id"]
    started = call("start_arcgis_service", "Feature", service)
    assert (started["job"]["completed"], started["arcgis_service"]["id"]) == (True, service)
    assert call("refresh_arcgis_service", "Feature", service, refresh_data=True)["job"]["completed"]
    assert call("stop_arcgis_service", "Feature", service)["job"]["completed"]
    assert [each["id"] for each in call("list_arcgis_services", "Feature", name="Map")] == [service]
    assert call("list_gdo_users") is not None
    call("delete_arcgis_service", "Feature", service)


def test_harvest_services_run(call: Call, project: int) -> None:
    images = collection(call, project, "image")
    values = pixel.HarvestServiceCreateInput(
        name="H", description="", url="https://example.invalid", auth=pixel.HarvestAuthInfo()
    )
    service = call("create_harvest_service", project, images, values)["id"]
    call("start_harvest_service", project, images, service)
    assert call("get_harvest_service_tasks", project, images, service, status="completed")
    assert call("get_harvest_service_tasks", project, images, service, status="failed") == []
    call("stop_harvest_service", project, images, service)
    assert len(call("list_harvest_services", project, images)) == 1
    call("delete_harvest_service", project, images, service)


def test_analysis_services_run_tasks(call: Call) -> None:
    module = call("list_analysis_modules")[0]["name"]
    values = pixel.AnalysisServiceCreateUpdateInput(name="A", module_name=module, config={})
    service = call("create_analysis_service", values)["id"]
    assert call("create_analysis_service", name="B", module_name=module, config={})["name"] == "B"
    assert call("patch_analysis_service", service, config={"x": None})["config"] == {"x": None}
    task = call("create_analysis_task", service, params={"y": 1}, name="T")["id"]
    call("run_analysis_task", service, task)
    assert [each["id"] for each in call("list_analysis_tasks", service, name="T")] == [task]
    assert call("delete_analysis_task", service, task) is True
    assert call("delete_analysis_service", service) is True
    assert [each["name"] for each in call("list_analysis_services", enabled=True)] == ["B"]


def test_users_are_created_and_stay_disabled_when_something_else_changes(call: Call) -> None:
    values = pixel.OIDCUserCreateInput(
        first_name="A", last_name="B", email="a@example.com", password=SecretStr("x"), enabled=False, user_type="viewer"
    )
    user = call("create_oidc_user", values)["id"]
    assert call("update_oidc_user", user, pixel.OIDCUserUpdateInput(first_name="C"))["enabled"] is False

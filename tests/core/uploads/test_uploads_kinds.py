"""Uploads of rasters and point clouds: which collections take them, and what they have in common with images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixel_core import Flow, PixelApi
from pixel_core.errors import PixelUploadJobError
from pixel_core.models import (
    ImageMetadataFields,
    MetadataObject,
    PixelUploadFile,
    PointCloudMetadataFields,
    RasterMetadataFields,
)
from tests.support.scripted_api import PixelServer, World, body_of

D = "/acme/projects/1/data_collections/2"
FILES = {"/p/a.tif": b"hello pixel", "/p/b.tif": b"other", "/p/a.wld": b"1 2 3", "/p/a.xml": b"<x/>"}
Call = Callable[[PixelApi], Flow[Any]]


def several(*names: str, **more: Any) -> list[PixelUploadFile]:
    return [PixelUploadFile.model_validate({"file": f"/p/{name}", **more}) for name in names]


ONE: dict[str, Call] = {
    "image": lambda api: api.upload_image(1, 2, "/p/a.tif"),
    "raster": lambda api: api.upload_raster(1, 2, "/p/a.tif"),
    "point_cloud": lambda api: api.upload_point_cloud(1, 2, "/p/a.tif"),
}
MANY: dict[str, Call] = {
    "image": lambda api: api.upload_multiple_images(1, 2, several("a.tif", "b.tif")),
    "raster": lambda api: api.upload_multiple_rasters(1, 2, several("a.tif", "b.tif")),
    "point_cloud": lambda api: api.upload_multiple_point_clouds(1, 2, several("a.tif", "b.tif")),
}
PARTS: dict[str, Call] = {
    "image": lambda api: api.upload_image(1, 2, "/p/a.tif", None, None, True, 4),
    "raster": lambda api: api.upload_raster(1, 2, "/p/a.tif", None, None, True, 4),
    "point_cloud": lambda api: api.upload_point_cloud(1, 2, "/p/a.tif", None, True, 4),
}
TAKES = {
    "image": {"image"},
    "raster": {"raster", "RGB", "DTM", "DSM"},
    "point_cloud": {"point_cloud"},
}
NAMES = {
    "image": "Data collection is not an image data collection",
    "raster": "Data collection is not a raster data collection",
    "point_cloud": "Data collection is not a point cloud data collection",
}
TYPES = ["image", "raster", "RGB", "DTM", "DSM", "point_cloud"]
KINDS = pytest.mark.parametrize("kind", ["image", "raster", "point_cloud"])


def made(kind: str = "raster", collection_type: str | None = None, **fields: Any) -> World:
    server = PixelServer(kind=kind, collection_type=collection_type or min(TAKES[kind]), **fields)
    return World(server, files=FILES)


def declared(world: World) -> list[dict[str, Any]]:
    """The files in requests for upload jobs."""
    requests = [each for each in world.requests if each.method == "POST" and "/upload_jobs/" in each.path]
    return [file for each in requests for file in body_of(each)["files"]]


# Which collections take what


@KINDS
@pytest.mark.parametrize("found", TYPES)
def test_a_collection_takes_what_it_is_for_and_all_else_is_a_value_error_before_anything_is_created(
    kind: str, found: str
) -> None:
    for call in (ONE[kind], MANY[kind]):
        world = made(kind, found)
        if found in TAKES[kind]:
            assert world.run(call(world.api))
            continue
        error = world.fail(call(world.api), ValueError)
        assert str(error).startswith(NAMES[kind])
        assert found in str(error)
        assert world.calls == [("GET", D)]


# What all kinds have in common


@KINDS
def test_one_file_becomes_a_resource_of_its_kind(kind: str) -> None:
    world = made(kind)
    assert world.run(ONE[kind](world.api)) == {"id": 1100, "name": "a.tif"}
    assert world.calls[-1] == ("GET", f"{D}/{kind}s/1100")


@KINDS
def test_several_files_become_resources_of_their_kind_in_the_order_of_the_files(kind: str) -> None:
    world = made(kind)
    done, errors = world.run(MANY[kind](world.api))
    assert [each["name"] for each in done] == ["a.tif", "b.tif"]
    assert errors == []
    assert world.calls[-1][1].startswith(f"{D}/{kind}s/?ids=")


@KINDS
def test_every_kind_goes_in_parts(kind: str) -> None:
    world = made(kind)
    world.run(PARTS[kind](world.api))
    assert [part["content_length"] for part in declared(world)[0]["parts"]] == [4, 4, 3]
    assert ("POST", f"{D}/upload_jobs/multipart") in world.calls


@KINDS
def test_a_file_of_any_kind_that_is_not_accepted_is_an_upload_job_error(kind: str) -> None:
    outcomes: dict[str, dict[str, Any]] = {"a.tif": {"status": "failed", "detail": "no"}}
    world = made(kind, outcomes=outcomes)
    assert world.fail(ONE[kind](world.api), PixelUploadJobError).detail == "no"
    world = made(kind, outcomes=outcomes)
    done, (error,) = world.run(MANY[kind](world.api))
    assert [each["name"] for each in done] == ["b.tif"]
    assert (error.status, error.file) == ("failed", "/p/a.tif")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda api: api.upload_raster(1, 2, "/p/none.tif"), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", support_files=["/p/none.tif"]), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", ["/p/none.tif"], None), FileNotFoundError),
        (lambda api: api.upload_point_cloud(1, 2, Path("/p/none.tif")), FileNotFoundError),
        (lambda api: api.upload_multiple_rasters(1, 2, several("a.tif", "none.tif")), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", multipart=True), ValueError),
        (lambda api: api.upload_point_cloud(1, 2, "/p/a.tif", multipart=True), ValueError),
        (lambda api: api.upload_multiple_rasters(1, 2, several("a.tif"), multipart=True), ValueError),
        (lambda api: api.upload_multiple_point_clouds(1, 2, several("a.tif"), True), ValueError),
        (lambda api: api.upload_multiple_rasters(1, 2, several("a.tif", "a.tif")), ValueError),
        (lambda api: api.upload_multiple_point_clouds(1, 2, several("a.tif", "a.tif")), ValueError),
    ],
)
def test_wrong_arguments_are_errors_before_anything_is_sent(call: Call, error: type[Exception]) -> None:
    world = World(files=FILES)
    world.fail(call(world.api), error)


# The two orders of upload_raster (defect 12)

METADATA = {"free": 1}
SUPPORT = ["/p/a.wld"]
MODEL = MetadataObject(fields=RasterMetadataFields(name="n"))


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.upload_raster(1, 2, "/p/a.tif", METADATA, SUPPORT),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", SUPPORT, METADATA),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", (Path("/p/a.wld"),), METADATA),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", metadata=METADATA, support_files=SUPPORT),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", support_files=METADATA, metadata=SUPPORT),
    ],
)
def test_both_orders_of_metadata_and_support_files_are_the_same_upload(call: Call) -> None:
    world = made()
    world.run(call(world.api))
    (file,) = declared(world)
    assert file["metadata"] == METADATA
    assert [each["name"] for each in file["support_files"]] == ["a.wld"]


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", MODEL), {"metadata"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", None, MODEL), {"metadata"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", [], MODEL), {"metadata"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", SUPPORT), {"support_files"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", None, SUPPORT), {"support_files"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", SUPPORT, {}), {"support_files"}),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", {}, []), set()),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", [], {}), set()),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", None, None), set()),
    ],
)
def test_one_of_the_two_may_be_left_out_in_both_orders(call: Call, keys: set[str]) -> None:
    world = made()
    world.run(call(world.api))
    (file,) = declared(world)
    assert file.keys() - {"name", "md5"} == keys


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.upload_raster(1, 2, "/p/a.tif", SUPPORT, SUPPORT),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", METADATA, METADATA),
        lambda api: api.upload_raster(1, 2, "/p/a.tif", MODEL, METADATA),
    ],
)
def test_two_of_the_same_are_a_type_error_before_anything_is_sent(call: Call) -> None:
    world = World(files=FILES)
    world.fail(call(world.api), TypeError)


def test_support_files_of_rasters_are_stored_beside_the_raster() -> None:
    world = made()
    world.run(world.api.upload_raster(1, 2, "/p/a.tif", support_files=["/p/a.wld", "/p/a.xml"]))
    stored = {each.target: world.sent(each) for each in world.requests if each.origin.host == "s3.test"}
    assert stored == {
        "/bucket/a.tif/100": b"hello pixel",
        "/bucket/a.wld/of-100": b"1 2 3",
        "/bucket/a.xml/of-100": b"<x/>",
    }


# Metadata


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("image", ImageMetadataFields(cam_height=2)),
        ("raster", RasterMetadataFields(name="n")),
        ("point_cloud", PointCloudMetadataFields(name="n")),
    ],
)
def test_the_metadata_of_a_file_says_of_what_it_is(kind: str, fields: Any) -> None:
    upload: dict[str, Callable[[PixelApi, Any], Flow[Any]]] = {
        "image": lambda api, files: api.upload_multiple_images(1, 2, files),
        "raster": lambda api, files: api.upload_multiple_rasters(1, 2, files),
        "point_cloud": lambda api, files: api.upload_multiple_point_clouds(1, 2, files),
    }
    world = made(kind)
    world.run(upload[kind](world.api, [PixelUploadFile(file=Path("/p/a.tif"), metadata=MetadataObject(fields=fields))]))
    assert declared(world)[0]["metadata"]["fields"]["fields_type"] == kind


def test_a_point_cloud_takes_metadata_as_a_dict_or_a_model() -> None:
    world = made("point_cloud")
    world.run(world.api.upload_point_cloud(1, 2, "/p/a.tif", {"json_metadata": {"a": None}}))
    world.run(world.api.upload_point_cloud(1, 2, "/p/a.tif", MetadataObject(json_metadata={"ok": True})))
    assert [each["metadata"] for each in declared(world)] == [
        {"json_metadata": {"a": None}},
        {"json_metadata": {"ok": True}},
    ]
    assert all("support_files" not in each for each in declared(world))

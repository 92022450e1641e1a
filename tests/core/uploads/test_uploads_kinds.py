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
METADATA = {"free": 1}
SUPPORT = ["/p/a.wld"]
MODEL = MetadataObject(fields=RasterMetadataFields(name="n"))
SENT_MODEL = {"fields": {"fields_type": "raster", "name": "n"}}
Call = Callable[[PixelApi], Flow[Any]]


def several(*names: str, **more: Any) -> list[PixelUploadFile]:
    return [PixelUploadFile.model_validate({"file": f"/p/{name}", **more}) for name in names]


def one(kind: str, *arguments: Any) -> Call:
    return lambda api: getattr(api, f"upload_{kind}")(1, 2, "/p/a.tif", *arguments)


def many(kind: str, files: list[PixelUploadFile], *arguments: Any) -> Call:
    return lambda api: getattr(api, f"upload_multiple_{kind}s")(1, 2, files, *arguments)


BOTH = several("a.tif", "b.tif")
TAKES = {"image": {"image"}, "raster": {"raster", "RGB", "DTM", "DSM"}, "point_cloud": {"point_cloud"}}
NAMES = {"image": "an image", "raster": "a raster", "point_cloud": "a point cloud"}
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
    for call in (one(kind), many(kind, BOTH)):
        world = made(kind, found)
        if found in TAKES[kind]:
            assert world.run(call(world.api))
            continue
        error = world.fail(call(world.api), ValueError)
        assert str(error).startswith(f"Data collection is not {NAMES[kind]} data collection")
        assert found in str(error)
        assert world.calls == [("GET", D)]


# What all kinds have in common


@KINDS
def test_files_become_resources_of_their_kind_in_the_order_of_the_files(kind: str) -> None:
    world = made(kind)
    assert world.run(one(kind)(world.api)) == {"id": 1100, "name": "a.tif"}
    assert world.calls[-1] == ("GET", f"{D}/{kind}s/1100")
    done, errors = world.run(many(kind, BOTH)(world.api))
    assert ([each["name"] for each in done], errors) == (["a.tif", "b.tif"], [])
    assert world.calls[-1][1].startswith(f"{D}/{kind}s/?ids=")


@KINDS
def test_every_kind_goes_in_parts(kind: str) -> None:
    world = made(kind)
    optional = [None] if kind == "point_cloud" else [None, None]
    world.run(one(kind, *optional, True, 4)(world.api))
    assert [part["content_length"] for part in declared(world)[0]["parts"]] == [4, 4, 3]
    assert ("POST", f"{D}/upload_jobs/multipart") in world.calls


@KINDS
def test_a_file_of_any_kind_that_is_not_accepted_is_an_upload_job_error(kind: str) -> None:
    outcomes: dict[str, dict[str, Any]] = {"a.tif": {"status": "failed", "detail": "no"}}
    world = made(kind, outcomes=outcomes)
    assert world.fail(one(kind)(world.api), PixelUploadJobError).detail == "no"
    world = made(kind, outcomes=outcomes)
    done, (error,) = world.run(many(kind, BOTH)(world.api))
    assert [each["name"] for each in done] == ["b.tif"]
    assert (error.status, error.file) == ("failed", "/p/a.tif")


@KINDS
def test_no_files_of_any_kind_are_two_empty_lists_and_no_request(kind: str) -> None:
    world = World()
    assert world.run(many(kind, [])(world.api)) == ([], [])
    assert world.requests == world.logins == []


@KINDS
@pytest.mark.parametrize(
    ("files", "arguments", "error"),
    [
        (several("a.tif", "none.tif"), (), FileNotFoundError),
        (several("a.tif", support_files=["/p/none.tif"]), (), FileNotFoundError),
        (several("a.tif"), (True,), ValueError),
        (several("a.tif", "a.tif"), (), ValueError),
    ],
    ids=["missing", "a missing support file", "no part size", "equal names"],
)
def test_wrong_files_of_any_kind_are_errors_before_anything_is_sent(
    kind: str, files: list[PixelUploadFile], arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    world = World(files=FILES)
    world.fail(many(kind, files, *arguments)(world.api), error)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda api: api.upload_raster(1, 2, "/p/none.tif"), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", support_files=["/p/none.tif"]), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", ["/p/none.tif"], None), FileNotFoundError),
        (lambda api: api.upload_point_cloud(1, 2, Path("/p/none.tif")), FileNotFoundError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", multipart=True), ValueError),
        (lambda api: api.upload_point_cloud(1, 2, "/p/a.tif", multipart=True), ValueError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", SUPPORT, SUPPORT), TypeError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", METADATA, METADATA), TypeError),
        (lambda api: api.upload_raster(1, 2, "/p/a.tif", MODEL, METADATA), TypeError),
    ],
)
def test_wrong_arguments_are_errors_before_anything_is_sent(call: Call, error: type[Exception]) -> None:
    world = World(files=FILES)
    world.fail(call(world.api), error)


# The two orders of upload_raster (defect 12)


ORDERS: list[tuple[tuple[Any, ...], dict[str, Any], Any, list[str]]] = [
    ((METADATA, SUPPORT), {}, METADATA, ["a.wld"]),
    ((SUPPORT, METADATA), {}, METADATA, ["a.wld"]),
    (((Path("/p/a.wld"),), METADATA), {}, METADATA, ["a.wld"]),
    ((), {"metadata": METADATA, "support_files": SUPPORT}, METADATA, ["a.wld"]),
    ((), {"support_files": METADATA, "metadata": SUPPORT}, METADATA, ["a.wld"]),
    ((MODEL,), {}, SENT_MODEL, []),
    ((None, MODEL), {}, SENT_MODEL, []),
    (([], MODEL), {}, SENT_MODEL, []),
    ((SUPPORT,), {}, None, ["a.wld"]),
    ((None, SUPPORT), {}, None, ["a.wld"]),
    ((SUPPORT, {}), {}, None, ["a.wld"]),
    (({}, []), {}, None, []),
    (([], {}), {}, None, []),
    ((None, None), {}, None, []),
]


@pytest.mark.parametrize(("arguments", "keywords", "metadata", "support"), ORDERS)
def test_metadata_and_support_files_may_come_in_both_orders_and_each_may_be_left_out(
    arguments: tuple[Any, ...], keywords: dict[str, Any], metadata: Any, support: list[str]
) -> None:
    world = made()
    world.run(world.api.upload_raster(1, 2, "/p/a.tif", *arguments, **keywords))
    (file,) = declared(world)
    assert file.get("metadata") == metadata
    assert [each["name"] for each in file.get("support_files", [])] == support
    assert file.keys() == {"name", "md5", *["metadata"][: metadata is not None], *["support_files"][: len(support)]}


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
    world = made(kind)
    file = PixelUploadFile(file=Path("/p/a.tif"), metadata=MetadataObject(fields=fields))
    world.run(many(kind, [file])(world.api))
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

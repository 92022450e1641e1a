"""Images, rasters and point clouds are recognised by their content, listed, updated, moved and deleted."""

from typing import Any

import pytest

from tests.transports.sandbox.support import JPEG, PNG, TIFF, Caller, las, names


def cloud(format_: str, record: int | None, major: int | None, minor: int | None) -> dict[str, Any]:
    return {"format": format_, "point_record_format": record, "version_major": major, "version_minor": minor}


CONTENTS: list[tuple[str, str, bytes, str, dict[str, Any]]] = [
    ("raster", "raster", TIFF, "a.tif", {"format": "GTiff"}),
    ("RGB", "raster", b"MM\0*", "a.bin", {"format": "GTiff"}),
    ("DTM", "raster", PNG, "a.png", {"format": "PNG"}),
    ("DSM", "raster", JPEG, "a.jpg", {"format": "JPEG"}),
    ("raster", "raster", b"RIFF\x10\0\0\0WEBPVP8 ", "a.webp", {"format": "WEBP"}),
    ("raster", "raster", b"%PDF-1.7\n", "a.pdf", {"format": "PDF"}),
    ("raster", "raster", b"<MRF_META>\n<Raster>", "a.mrf", {"format": "MRF"}),
    ("raster", "raster", b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --> <MRF_META />", "a.mrf", {"format": "MRF"}),
    *(("image", "image", start, "a.bin", {}) for start in (JPEG, PNG, TIFF, b"MM\0*")),
    ("point_cloud", "point_cloud", las(1, 4, 6), "a.las", cloud("LAS", 6, 1, 4)),
    ("point_cloud", "point_cloud", las(1, 2, 0x83), "a.LAZ", cloud("LAZ", 3, 1, 2)),
    ("point_cloud", "point_cloud", b"LASF", "a.las", cloud("LAS", None, None, None)),
]


@pytest.mark.parametrize(("collection", "kind", "content", "name", "traits"), CONTENTS)
def test_an_uploaded_file_becomes_a_resource_with_the_properties_of_its_content(
    caller: Caller, collection: str, kind: str, content: bytes, name: str, traits: dict[str, Any]
) -> None:
    place = caller.place(collection)
    result = caller.upload(place, content, name)["result"]
    assert result["resource_name"] == kind
    found = caller.ok("GET", f"{place}/{kind}s/{result['resource_id']}")
    assert found.items() >= {**traits, "name": name}.items()
    assert names(caller.ok("GET", f"{place}/{kind}s/?ids={result['resource_id']}&limit=1")) == [name]
    if kind != "image":
        assert caller.ok("GET", f"{place}/images/") == []


@pytest.mark.parametrize(
    ("collection", "content", "detail"),
    [
        ("image", las(), "a: not a JPEG, PNG or TIFF image"),
        ("image", b"text", "a: not a JPEG, PNG or TIFF image"),
        ("image", b"%PDF-1.7\n", "a: not a JPEG, PNG or TIFF image"),
        ("raster", las(), "a: not a GTiff, JPEG, PNG, WEBP, MRF or PDF raster"),
        ("raster", b"RIFF\x10\0\0\0WAVEfmt ", "a: not a GTiff, JPEG, PNG, WEBP, MRF or PDF raster"),
        ("raster", b"<MRF_METADATA>", "a: not a GTiff, JPEG, PNG, WEBP, MRF or PDF raster"),
        ("raster", b"", "a: not a GTiff, JPEG, PNG, WEBP, MRF or PDF raster"),
        ("point_cloud", JPEG, "a: not a LAS or LAZ point cloud"),
        ("point_cloud", b"", "a: not a LAS or LAZ point cloud"),
    ],
)
def test_content_of_another_kind_is_refused(caller: Caller, collection: str, content: bytes, detail: str) -> None:
    job = caller.upload(caller.place(collection), content, "a")
    assert (job["status"], job["detail"], job["result"]) == ("failed", detail, None)


def test_resources_are_listed_by_properties_of_their_content(caller: Caller) -> None:
    rasters = caller.place("raster")
    caller.resource(rasters, TIFF, "a.tif")
    caller.resource(rasters, PNG, "b.png")
    caller.resource(rasters, b"%PDF-1.7", "c.pdf")
    assert names(caller.ok("GET", f"{rasters}/rasters/?format=PNG")) == ["b.png"]
    assert names(caller.ok("GET", f"{rasters}/rasters/?format=PDF")) == ["c.pdf"]
    assert caller.status("GET", f"{rasters}/rasters/?format=LAZ") == 422
    clouds = caller.place("point_cloud")
    caller.resource(clouds, las(1, 2, 1), "a.las")
    caller.resource(clouds, las(1, 4, 1), "b.laz")
    caller.resource(clouds, las(1, 4, 7), "c.laz")
    table = {
        "format=LAZ": ["b.laz", "c.laz"],
        "version_major=1&version_minor=4": ["b.laz", "c.laz"],
        "point_record_format=1": ["a.las", "b.laz"],
        "format=LAZ&point_record_format=1&limit=1": ["b.laz"],
        "format=LAZ&offset=1": ["c.laz"],
        "version_minor=3": [],
    }
    for query, expected in table.items():
        assert names(caller.ok("GET", f"{clouds}/point_clouds/?{query}")) == expected, query
    for query in ("point_record_format=11", "format=PNG", "version_major=x"):
        assert caller.status("GET", f"{clouds}/point_clouds/?{query}") == 422


def test_tags_and_metadata_fields_are_updated_and_tags_are_listed_by(caller: Caller) -> None:
    for kind, content in (("image", JPEG), ("raster", TIFF), ("point_cloud", las())):
        place = caller.place(kind)
        first, second = (caller.resource(place, content, name) for name in ("a", "b"))
        caller.ok("PUT", f"{place}/{kind}s/{first}", {"add_tags": ["x", "y", "x"]})
        caller.ok("PUT", f"{place}/{kind}s/{second}", {"add_tags": ["y", "z"], "remove_tags": ["z"]})
        assert names(caller.ok("GET", f"{place}/{kind}s/?tags=y")) == ["a", "b"]
        assert names(caller.ok("GET", f"{place}/{kind}s/?tags=x,y")) == ["a"]
        assert caller.ok("GET", f"{place}/{kind}s/?tags=z") == []
        path = f"{place}/{kind}s/{first}"
        fields = {"fields_type": kind, "name": "New", "capture_date": "2024-05-14T10:00:00+02:00"}
        changed = caller.ok("PUT", path, {"fields": fields, "json_metadata": {"ok": True}})
        assert (changed["name"], changed["json_metadata"]) == ("New", {"ok": True})
        assert caller.ok("GET", path) == changed
        assert changed["capture_date"] == "2024-05-14T10:00:00+02:00"
        other = {"fields": {"fields_type": "raster" if kind == "image" else "image"}}
        assert caller.error_loc("PUT", path, other) == ["body", "fields", "fields_type"]
        assert caller.status("PUT", path, {"fields": {"name": "New"}}) == 422


@pytest.mark.parametrize(
    ("noun", "content", "kinds"),
    [("image", JPEG, ["image", "image", "RGB"]), ("raster", TIFF, ["DTM", "RGB", "image"])],
)
def test_images_and_rasters_move_to_another_project_and_are_deleted(
    caller: Caller, noun: str, content: bytes, kinds: tuple[str, ...]
) -> None:
    place, other, wrong = map(caller.place, kinds)
    first, second = (caller.resource(place, content, name) for name in ("a", "b"))
    assert caller.move(f"{place}/{noun}s", first, wrong).status == 409
    for key in (second, first):
        assert caller.move(f"{place}/{noun}s", key, other).json()["project_id"] == int(other.split("/")[2])
    assert names(caller.ok("GET", f"{other}/{noun}s/")) == ["a", "b"]
    assert caller.ok("GET", f"{place}/{noun}s/") == []
    assert caller.move(f"{place}/{noun}s", first, other).status == 404
    assert caller.status("PUT", f"{other}/{noun}s/{first}/move?new_project_id=1") == 422
    assert caller.status("POST", f"{other}/{noun}s/{first}/move") == 405
    caller.ok("DELETE", f"{other}/{noun}s/{first}")
    assert names(caller.ok("GET", f"{other}/{noun}s/")) == ["b"]
    gone = caller.call("GET", f"{other}/{noun}s/{first}")
    assert (gone.status, gone.json()) == (404, {"detail": f"{noun.capitalize()} not found"})


def test_the_metadata_of_an_image_have_its_own_fields(caller: Caller) -> None:
    place = caller.place()
    path = f"{place}/images/{caller.resource(place)}"
    assert caller.ok("PUT", path, {"fields": {"fields_type": "image", "cam_height": 3}})["cam_height"] == 3.0
    assert caller.ok("GET", f"{path}/metadata")["fields"]["cam_height"] == 3.0


def test_a_point_cloud_moves_by_its_body(caller: Caller) -> None:
    project = caller.project()
    one, two = (f"/projects/{project}/data_collections/{caller.collection(project, 'point_cloud')}" for _ in "ab")
    elsewhere = int(caller.place("point_cloud").rpartition("/")[2])
    cloud = caller.resource(one, las())
    target = int(two.rpartition("/")[2])
    assert caller.status("POST", f"{one}/point_clouds/{cloud}/move", {"new_data_collection_id": elsewhere}) == 404
    assert caller.ok("POST", f"{one}/point_clouds/{cloud}/move", {"new_data_collection_id": target})["id"] == cloud
    assert caller.ok("GET", f"{two}/point_clouds/{cloud}")["id"] == cloud
    assert caller.status("GET", f"{one}/point_clouds/{cloud}") == 404


def test_deleting_a_parent_hides_its_resources(caller: Caller) -> None:
    place = caller.place()
    image = f"{place}/images/{caller.resource(place)}"
    for parent in (place, "/".join(place.split("/")[:3])):
        caller.ok("DELETE", parent)
        assert caller.status("GET", image) == caller.status("GET", f"{place}/images/") == 404
        caller.ok("POST", f"{parent}/restore")
        assert caller.ok("GET", image)["name"] == "a.jpg"


def test_the_content_of_an_image_is_found_by_name_and_by_id(caller: Caller) -> None:
    place = caller.place()
    image_id = caller.upload(place, JPEG, "a.jpg")["result"]["resource_id"]
    project_id, collection_id = (int(part) for part in place.split("/")[2::2])
    assert caller.sandbox.stored(project_id, collection_id, "a.jpg") == JPEG
    assert bytes(caller.sandbox.stored_by_id(image_id)) == JPEG
    with pytest.raises(KeyError):
        caller.sandbox.stored(project_id, collection_id, "b.jpg")
    with pytest.raises(KeyError):
        caller.sandbox.stored_by_id(10**6)

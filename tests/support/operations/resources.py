"""Cases of images, rasters and point clouds."""

from collections.abc import Iterator
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import CLOUDS, DC, RASTERS, Case, Method, instant, model
from tests.support.operations.lists import cases_of_pages, cases_of_passing_lists

FIELDS: dict[str, Any] = {
    "image_type": "blurred",
    "name": "bilde",
    "location": {"type": "Point", "coordinates": [5, 58.8], "crs": None},
    "cam_heading": 0,
    "cam_pitch": -90.5,
    "hfov": "84",
    "capture_date": instant("2024-05-14T12:00:00+02:00"),
}
_DATES = {
    "without zone": ("2024-05-14T12:00:00", "2024-05-14T12:00:00"),
    "in UTC": ("2024-05-14T12:00:00+00:00", "2024-05-14T12:00:00Z"),
    "west": ("2024-05-14T12:00:00-03:30", "2024-05-14T12:00:00-03:30"),
    "with microseconds": ("2024-05-14T12:00:00.000120", "2024-05-14T12:00:00.000120"),
    "with milliseconds": ("2024-05-14T12:00:00.120000+00:00", "2024-05-14T12:00:00.120000Z"),
}
"""Dates by label: as ISO 8601, and as sent."""
DIVERSE = {"s": "å", "i": 1, "f": 1.5, "n": None, "zero": 0, "text": "1"}


def cases_of_updates(method: str, collection: int, kind: str, fields: dict[str, Any]) -> Iterator[Case]:
    call = Method(method, 1, collection, 9)
    target = f"PUT /projects/1/data_collections/{collection}/{method.removeprefix('update_')}s/9"
    fields_type = {"fields_type": method.removeprefix("update_")}
    name, fields_name = f"{kind}UpdateInput", f"{kind}MetadataFields"
    tags, no_tags = {"add_tags": ["a"], "remove_tags": ["å"]}, {"add_tags": list[str](), "remove_tags": list[str]()}
    yield call("tags", model(name, **tags)).sends((target, {"add_tags": ["a"], "remove_tags": ["å"]}))
    yield call("no tags", update_input=model(name, **no_tags)).sends((target, {"add_tags": [], "remove_tags": []}))
    yield call("free metadata", model(name, json_metadata=DIVERSE)).sends((target, {"json_metadata": DIVERSE}))
    yield call("no free metadata", model(name, json_metadata={})).sends((target, {"json_metadata": {}}))
    yield call("free metadata with true", model(name, json_metadata={"flag": True, "other": False}))
    yield call("fields", model(name, fields=model(fields_name, **fields)))
    yield call("fields as a mapping", model(name, fields={"name": "x", "unknown": 1})).sends(
        (target, {"fields": {**fields_type, "name": "x"}})
    )
    yield call("fields without values", model(name, fields=model(fields_name)))
    for label, (date, sent) in _DATES.items():
        yield call(f"date {label}", model(name, fields=model(fields_name, capture_date=instant(date)))).sends(
            (target, {"fields": {**fields_type, "capture_date": sent}})
        )
    yield call("date as text", model(name, fields=model(fields_name, capture_date="2024-05-14 12:00")))
    yield call("nothing given", model(name)).raises("ValidationError")
    yield call("a number that is none", model(name, json_metadata={"x": {"$number": "nan"}})).raises("ValueError")
    yield call("wrong fields", model(name, fields={"name": ["x"]})).raises("ValidationError")


def resources() -> Iterator[Case]:
    yield from cases_of_passing_lists("get_images", 1, DC)
    yield from cases_of_passing_lists("get_rasters", 1, RASTERS, params="RasterListParams", more=({"format": "GTiff"},))
    las = {"format": "LAZ", "point_record_format": 0, "version_major": 1, "version_minor": 0}
    name, wrong = "PointCloudListParams", ({"point_record_format": 11},)
    yield from cases_of_passing_lists("get_point_clouds", 1, CLOUDS, params=name, more=(las,), invalid=wrong)
    yield from cases_of_pages("paginate_images", DC, "images")
    yield from cases_of_pages("paginate_rasters", RASTERS, "rasters")
    yield from cases_of_pages("paginate_point_clouds", CLOUDS, "point_clouds", name)
    for kind, collection in (("image", DC), ("raster", RASTERS), ("point_cloud", CLOUDS)):
        for verb in ("get", "delete"):
            call = Method(f"{verb}_{kind}", 1, collection)
            target = f"{verb.upper()} /projects/1/data_collections/{collection}/{kind}s/9"
            yield call("defaults", 9).sends(target)
            yield call("keyword", **{f"{kind}_id": 9}).sends(target)
            yield call("id as text", "9").sends(target)
            yield call("not found", 9).answered(Answer(verb.upper(), "*/9", 404, {"detail": "not found"}))
    metadata = Method("get_image_metadata", 1, DC)
    yield metadata("defaults", 9).sends("GET /projects/1/data_collections/2/images/9/metadata")
    yield metadata("keyword", image_id=9)
    yield from cases_of_updates("update_image", DC, "Image", FIELDS)
    short = {"name": "x", "capture_date": instant("2024-05-14T12:00:00+02:00")}
    yield from cases_of_updates("update_raster", RASTERS, "Raster", short)
    yield from cases_of_updates("update_point_cloud", CLOUDS, "PointCloud", short)
    for kind, collection in (("image", DC), ("raster", RASTERS)):
        call = Method(f"move_{kind}", 1, collection, 9)
        target = f"PUT /projects/1/data_collections/{collection}/{kind}s/9/move?new_project_id="
        yield call("defaults", 5, 6).sends(f"{target}5&new_data_collection_id=6")
        yield call("keywords", new_project_id=5, new_data_collection_id=6).sends(f"{target}5&new_data_collection_id=6")
        yield call("to 0", 0, 0).sends(f"{target}0&new_data_collection_id=0")
    move, sent = Method("move_point_cloud", 1, CLOUDS, 9), {"new_data_collection_id": 6}
    yield move("defaults", 6).sends(("POST /projects/1/data_collections/4/point_clouds/9/move", sent))
    yield move("keyword", **sent)
    yield move("to 0", 0)

"""A request that does not match its schema is a validation error that names the location; unknown ids are a 404."""

from typing import Any

import pytest

from pixel_transports.sandbox import SAMPLE_AREA
from tests.transports.sandbox.support import Caller, md5
from tests.transports.sandbox.test_arcgis_services import FEATURE, IMAGE
from tests.transports.sandbox.test_harvest_services import SERVICE
from tests.transports.sandbox.test_users import USER

PROJECT = {"name": "n", "description": "d", "area_of_interest": SAMPLE_AREA}
POINT = {**SAMPLE_AREA, "type": "Point"}
OPEN_RING = {"type": "Polygon", "coordinates": [[[5.6, 58.8], *SAMPLE_AREA["coordinates"][0][1:]]]}
ARCGIS = {"name": "Photos", "description": "d", "data_collection_ids": [2], "options": {**FEATURE, **IMAGE}}
OTHER = {"fields": {"fields_type": "x"}}
FILE = {"name": "a.jpg", "md5": md5(b"")}
PART = {"part_number": 1, "md5": md5(b""), "content_length": 0}
P, D = "/projects/1", "/projects/1/data_collections/2"
OPTIMIZED, ATTACHED = f"{D}/rasters/optimized/", "/attachments/?resource_type=project&resource_id=1"

# For each method and path: the query or the change of the body, and the location of the error, or the status.
QUERIES: list[tuple[str, str, list[str]]] = [
    (f"{P}/data_collections/", "limit=x|limit=-1|offset=-1|ids=1,x|ids=|extended=maybe|data_collection_type=x", []),
    ("/attachments/", "resource_type=raster&resource_id=1|resource_id=1", ["resource_type"]),
    ("/attachments/", "resource_type=project|resource_type=project&resource_id=x", ["resource_id"]),
    ("/attachments/", "resource_type=project&resource_id=1&status=Done", ["status"]),
    ("/search/info", "on=x|", ["on"]),
]
BODIES: list[tuple[str, dict[str, Any], dict[str, Any], list[Any]]] = [
    ("/projects/", PROJECT, {"area_of_interest": POINT}, ["area_of_interest", "type"]),
    ("/projects/", PROJECT, {"area_of_interest": OPEN_RING}, ["area_of_interest"]),
    ("/projects/", {"description": "d"}, {}, ["name"]),
    *(
        ("/users/oidc/", USER, {name: value}, [name])
        for name, value in (("email", "no address"), ("user_type", "owner"), ("password", ""), ("enabled", "perhaps"))
    ),
    ("/users/oidc/", USER, {"first_name": None}, ["first_name"]),
    *((f"{D}/upload_jobs/", {}, {"files": value}, ["files"]) for value in ([], [FILE] * 201)),
    *(
        (f"{D}/upload_jobs/", {}, {"files": [{**FILE, name: value}]}, ["files", 0, name])
        for name, value in (
            ("md5", "zz"),
            ("name", "../a"),
            ("name", ""),
            ("metadata", {"fields": {"fields_type": "x"}}),
        )
    ),
    (f"{D}/upload_jobs/multipart", {}, {"files": [FILE]}, ["files", 0, "parts"]),
    *(
        (f"{D}/upload_jobs/multipart", {}, {"files": [{"name": "a.jpg", "parts": parts}]}, ["files", 0])
        for parts in ([], [PART, PART], [{**PART, "part_number": 10_001}])
    ),
    *(
        (ATTACHED, {}, {"files": [{**FILE, name: value}]}, ["files", 0, name])
        for name, value in (("md5", "x"), ("name", ""), ("name", "a/b"), ("description", 1))
    ),
    ("/arcgis_services/Feature/", ARCGIS, {"options": IMAGE}, ["options", "feature_service_options"]),
    ("/arcgis_services/Feature/", ARCGIS, {"options": {}}, ["options", "feature_service_options"]),
    ("/arcgis_services/Image/", ARCGIS, {"options": FEATURE}, ["options", "image_service_options"]),
    ("/arcgis_services/Image/", ARCGIS, {"data_collection_ids": []}, ["data_collection_ids"]),
    ("/arcgis_services/Image/", ARCGIS, {"name": ""}, ["name"]),
    *(
        (f"{D}/harvest_services/", {key: SERVICE[key] for key in SERVICE if key != name}, {}, [name])
        for name in ("name", "description", "url", "auth")
    ),
    (OPTIMIZED, {}, {"creation_options": {"overview_resampling": "best"}}, ["creation_options"]),
    (OPTIMIZED, {}, {"creation_options": {"nearblack_options": {"enabled": True, "color": 256}}}, ["creation_options"]),
    (f"{OPTIMIZED}run", {}, {"retry_failed": "x"}, ["retry_failed"]),
    ("/search/", {}, {"on": "photos"}, ["on"]),
    ("/search/", {}, {}, ["on"]),
    ("/search/", {"on": "images"}, {"out_fields": ["name", "x"]}, ["out_fields", 1]),
    ("/search/", {"on": "projects"}, {"out_fields": ["json_metadata.x"]}, ["out_fields", 0]),
    *(("/search/", {"on": "images"}, {"sort": [{"field": name}]}, ["sort", 0, "field"]) for name in ("x", "tags")),
    ("/search/", {"on": "images"}, {"sort": [{"field": "id", "direction": "up"}]}, ["sort", 0, "direction"]),
    ("/search/", {"on": "images"}, {"limit": -1}, ["limit"]),
    ("/search/", {"on": "images"}, {"offset": "x"}, ["offset"]),
    ("/search/", {"on": "images"}, {"intersects": "CIRCLE (1 2)"}, ["intersects"]),
]


@pytest.fixture(scope="module")
def small() -> Caller:
    """A user of a sandbox with project 1 and data collection 2."""
    made = Caller()
    made.place()
    return made


@pytest.mark.parametrize(("path", "queries", "loc"), QUERIES)
def test_an_invalid_query_is_a_validation_error(small: Caller, path: str, queries: str, loc: list[str]) -> None:
    for query in queries.split("|"):
        assert small.error_loc("GET", f"{path}?{query}")[: len(loc) + 1] == ["query", *loc], query


@pytest.mark.parametrize(("path", "body", "change", "loc"), BODIES)
def test_an_invalid_body_is_a_validation_error_and_changes_nothing(
    small: Caller, path: str, body: dict[str, Any], change: dict[str, Any], loc: list[Any]
) -> None:
    assert small.error_loc("POST", path, {**body, **change})[: len(loc) + 1] == ["body", *loc]
    assert not small.sandbox.state.upload_jobs[2]
    assert len(small.sandbox.state.projects) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *(("GET", f"/attachments/?resource_type={kind}&resource_id=99", None) for kind in ("project", "image")),
        ("GET", "/attachments/?resource_type=data_collection&resource_id=1", None),
        ("POST", "/arcgis_services/Image/", {**ARCGIS, "data_collection_ids": [99]}),
        ("POST", "/analysis/services/", {"name": "n", "module_name": "x", "config": {}}),
        ("POST", OPTIMIZED, {"raster_ids": [99]}),
        ("POST", f"{OPTIMIZED}run", {"optimized_raster_ids": [99]}),
        ("POST", OPTIMIZED.replace("raster", "point_cloud"), {"point_cloud_ids": [99]}),
        ("POST", f"{OPTIMIZED}run".replace("raster", "point_cloud"), {"point_cloud_ids": [99]}),
    ],
)
def test_an_unknown_id_is_a_404(small: Caller, method: str, path: str, body: Any) -> None:
    assert small.status(method, path, body) == 404


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        (None, "missing", ["body"]),
        (b"{", "json_invalid", ["body", 0]),
        (b'{"name": NaN}', "json_invalid", ["body", 0]),
        (b'"\\ud800"', "json_invalid", ["body", 0]),
        (b"[]", "model_type", ["body"]),
    ],
)
def test_a_body_that_is_no_object_is_a_validation_error(
    small: Caller, body: bytes | None, kind: str, loc: list[Any]
) -> None:
    response = small.call("POST", "/projects/", body)
    error = response.json()["detail"][0]
    assert (response.status, error["type"], error["loc"]) == (422, kind, loc)
    assert set(error) >= {"type", "loc", "msg", "input"}


def test_a_validation_error_repeats_the_input_with_its_secrets(small: Caller) -> None:
    body = {"email": "kari@example.com", "password": "fjord"}
    response = small.call("POST", "/users/oidc/", body)
    assert (response.status, response.json()["detail"][0]["input"]) == (422, body)

"""Every route responds to any request with 2xx or 4xx, never with an exception."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from pixel_core.messages import Headers
from pixel_transports.sandbox import Sandbox
from pixel_transports.sandbox.schemas import Schema
from tests.transports.sandbox.support import JPEG, ORIGIN, TIFF, Caller, las, md5
from tests.transports.sandbox.test_arcgis_services import FEATURE
from tests.transports.sandbox.test_harvest_services import MAPS, SERVICE

KINDS = ("image", "raster", "point_cloud")


def schemas(base: type[Schema] = Schema) -> list[type[Schema]]:
    return [base, *(each for child in base.__subclasses__() for each in schemas(child))]


def field_names(*, queries: bool) -> list[str]:
    """Return the names of all fields of queries, or of all other schemas."""
    chosen = [each for each in schemas() if each.__name__.endswith("Query") == queries]
    return sorted({info.alias or name for each in chosen for name, info in each.model_fields.items()})


# Every route of the API, so that a new one is fuzzed too.
ROUTES = itertools.chain.from_iterable(Sandbox()._api._router._routes.values())
PATHS = sorted({"/" + "/".join(route.segments).replace(":str}", "}") for route in ROUTES})
NUMBERS = st.one_of(st.integers(0, 30), st.sampled_from([-1, 2**63, 10**30]))
TEXTS = st.text(max_size=5) | st.sampled_from(
    [
        *("Feature", "images", "project", "image", "Completed", "a.jpg", "2024-05-14", "POINT (1 2)", "name"),
        *("count_objects", "kari@example.com", "viewer", "==", "in", "raster", "update", md5(b"")),
    ]
)
NAMES = st.sampled_from([*field_names(queries=False), "and", "or", "~", "contains"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
FILE = {"name": "a", "md5": md5(b"")}
GOOD: list[dict[str, Any]] = [
    {"on": "images", "filter": {"==": [{"var": "name"}, "a"]}, "sort": [{"field": "name"}]},
    {"files": [FILE]},
    {"name": "n", "description": "d", "data_collection_ids": [2], "options": FEATURE},
    {**SERVICE, "field_mappings": {"maps": MAPS}},
    {"name": "n", "module_name": "count_objects", "config": {}, "params": {}},
    {"fields": {"fields_type": "image", "location": {}}},
]
PIECES = ["storage", "pixel-sandbox", "auth", "realms", "_sandbox", "api", "sandbox", "projects", "1", "..", "", "%ff"]
# Paths that are no route of the API, without `/api/sandbox` before them.
TOKEN_PATH = "/auth/realms/Sandbox/protocol/openid-connect/token"
OTHER_PATHS = st.one_of(
    st.sampled_from([TOKEN_PATH, "/storage/pixel-sandbox", "/_sandbox/state"]),
    st.lists(st.sampled_from(PIECES), max_size=8).map(lambda each: "/" + "/".join(each)),
    st.text(max_size=30),
)
CHANGES = st.dictionaries(NAMES, VALUES, max_size=3)
BODIES = st.one_of(
    st.builds(lambda good, change: to_json({**good, **change}), st.sampled_from([{}, *GOOD]), CHANGES),
    st.binary(max_size=40),
    st.sampled_from([b"[1e999]", b'{"name":1e999}', b'{"files":[{}]}', b"grant_type=password", b"[" * 5000]),
)
QUERY_NAMES = st.sampled_from(field_names(queries=True))
QUERIES = st.dictionaries(QUERY_NAMES, st.one_of(NUMBERS.map(str), st.sampled_from(["image", "project", "a,b", "1,2"])))
TYPES = ["application/json"] * 3 + ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] * 2) | st.text(max_size=5),
        "path": st.sampled_from(PATHS) | OTHER_PATHS,
        "query": QUERIES.map(lambda query: "&".join(map("=".join, query.items()))) | st.text(max_size=20),
        "body": BODIES,
        "number": st.integers(0, 2),
        "fields": st.fixed_dictionaries(
            {"Content-Type": st.sampled_from(TYPES), "X-Request-ID": st.text(max_size=20)},
            optional={"Host": st.text(max_size=9), "Content-Length": st.text(max_size=9)},
        ),
    }
)


def filled(**options: Any) -> tuple[Caller, list[dict[str, Any]]]:
    """Return a user of a sandbox with one record of each kind, and their ids, for each kind of resource."""
    caller = Caller(job_seconds=1, **options)
    project = caller.project()
    place = f"/projects/{project}/data_collections"
    collections = [caller.collection(project, kind) for kind in KINDS]
    resources = [
        caller.resource(f"{place}/{collection}", content)
        for collection, content in zip(collections, (JPEG, TIFF, las()), strict=True)
    ]
    harvest = caller.ok("POST", f"{place}/{collections[1]}/harvest_services/", SERVICE)["id"]
    feature = {"name": "n", "description": "d", "data_collection_ids": collections[:1], "options": FEATURE}
    arcgis = caller.ok("POST", "/arcgis_services/Feature/", feature)["id"]
    body = {"name": "n", "module_name": "count_objects", "config": {}}
    analysis = caller.ok("POST", "/analysis/services/", body)["id"]
    task = caller.ok("POST", f"/analysis/services/{analysis}/tasks/", {"params": {}})["id"]
    caller.ok("POST", f"/attachments/?resource_type=project&resource_id={project}", {"files": [FILE]})
    common = {"project_id": project, "user_id": 1, "job_id": "x", "group_id": "x", "upload_job_id": 5, "task_id": task}
    names = ("service_type", "data_collection_id", "resource_id", "service_id")
    values = zip(("Feature", "Image", "x"), collections, resources, (arcgis, harvest, analysis), strict=True)
    return caller, [{**common, **dict(zip(names, each, strict=True))} for each in values]


@settings(max_examples=60, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=8))
def test_any_requests_in_any_order_get_responses(requests: list[dict[str, Any]]) -> None:
    caller, ids = filled()
    for each in requests:
        path = each["path"]
        if path in PATHS:
            path = caller.sandbox.api_path + path.format(**ids[each["number"]])
        headers = Headers({"Authorization": f"Bearer {caller.token}", **each["fields"]})
        response = caller.sandbox.handle(each["method"], ORIGIN, f"{path}?{each['query']}", headers, each["body"])
        assert not caller.sandbox.failures, caller.sandbox.failures
        assert 200 <= response.status < 500
        caller.clock.advance(0.4)
    assert caller.raw("GET", "/_sandbox/requests").status == 200

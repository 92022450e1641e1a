"""Every endpoint answers whatever it is sent: with 2xx or 4xx, never with a mistake of its own."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from pixel_core.messages import Headers
from tests.transports.sandbox.support import JPEG, ORIGIN, TIFF, Caller, las, md5
from tests.transports.sandbox.test_arcgis_services import FEATURE
from tests.transports.sandbox.test_harvest_services import MAPS, SERVICE

P = "/projects/{project}"
KINDS = ("image", "raster", "point_cloud")
PATHS = [
    *("/users/me", "/users/oidc/", "/users/oidc/{small}/", "/plugins/"),
    *("/projects/", "/projects/deleted", P, f"{P}/move", f"{P}/restore"),
    *(f"{P}/data_collections/", f"{P}/data_collections/deleted"),
    *(f"{P}/data_collections/{{{kind}s}}{end}" for kind in KINDS for end in ("", "/move", "/restore", "/upload_jobs/")),
    *(f"{P}/data_collections/{{{kind}s}}/{kind}s/" for kind in KINDS),
    *(f"{P}/data_collections/{{{kind}s}}/{kind}s/{{{kind}}}" for kind in KINDS),
    *(f"{P}/data_collections/{{{kind}s}}/{kind}s/{{{kind}}}/move" for kind in KINDS),
    f"{P}/data_collections/{{images}}/images/{{image}}/metadata",
    *(f"{P}/data_collections/{{{kind}s}}/{kind}s/optimized/{end}" for kind in KINDS[1:] for end in ("", "run")),
    *(f"{P}/data_collections/{{{kind}s}}/{kind}s/{{{kind}}}/optimized" for kind in KINDS[1:]),
    *(f"{P}/data_collections/{{images}}/upload_jobs/{end}" for end in ("multipart", "multiple_uploadFinished")),
    *(f"{P}/data_collections/{{images}}/harvest_services/{{harvest}}{end}" for end in ("", "/", "/start", "/stop")),
    *("/jobs/x", "/jobs/groups/x", f"{P}/data_collections/{{images}}/harvest_services/"),
    *("/arcgis_services/gdo-users", "/arcgis_services/Feature/", "/arcgis_services/Image/", "/arcgis_services/x/"),
    *(f"/arcgis_services/Feature/{{arcgis}}{end}" for end in ("", "/start", "/stop", "/refresh")),
    *("/attachments/", "/attachments/update", "/attachments/move", "/search/info", "/search/"),
    *(
        "/analysis/modules/",
        "/analysis/services/",
        "/analysis/services/{analysis}",
        "/analysis/services/{analysis}/tasks/",
    ),
    *(f"/analysis/services/{{analysis}}/tasks/{{task}}{end}" for end in ("", "/run", "/revoke")),
]
NUMBERS = st.one_of(st.integers(0, 30), st.sampled_from([-1, 2**63, 10**30]))
TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["Feature", "images", "project", "image", "Completed", "a.jpg", "2024-05-14", "POINT (1 2)", "name"]
    ),
    st.sampled_from(["count_objects", "kari@example.com", "viewer", "==", "in", "raster", "update", md5(b"")]),
)
NAMES = st.sampled_from(
    [
        *("name", "description", "area_of_interest", "data_collection_type", "parent_project_id", "tags", "add_tags"),
        *("remove_tags", "json_metadata", "fields", "fields_type", "location", "coordinates", "type", "files", "md5"),
        *("parts", "metadata", "job_ids", "raster_ids", "point_cloud_ids", "optimized_raster_ids", "retry_failed"),
        *("creation_options", "new_data_collection_id", "data_collection_ids", "options", "auth", "field_mappings"),
        *(
            "maps",
            "url",
            "config",
            "params",
            "module_name",
            "enabled",
            "email",
            "password",
            "user_type",
            "on",
            "filter",
        ),
        *("search", "intersects", "out_fields", "sort", "distinct", "limit", "offset", "and", "or", "~", "contains"),
    ]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
GOOD: list[dict[str, Any]] = [
    {"on": "images", "filter": {"==": [{"var": "name"}, "a"]}, "sort": [{"field": "name"}]},
    {"files": [{"name": "a", "md5": md5(b"")}]},
    {"name": "n", "description": "d", "data_collection_ids": [2], "options": FEATURE},
    {**SERVICE, "field_mappings": {"maps": MAPS}},
    {"name": "n", "module_name": "count_objects", "config": {}, "params": {}},
    {"fields": {"fields_type": "image", "location": {}}},
]
BODIES = st.builds(
    lambda good, change: {**good, **change},
    st.sampled_from([{}, *GOOD]),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
QUERY_NAMES = st.sampled_from(
    [
        *("ids", "tags", "name", "limit", "offset", "extended", "format", "status", "get_new", "on", "profile"),
        *("resource_type", "resource_id", "attachment_id", "new_parent_id", "new_project_id", "refresh_data"),
        *("new_data_collection_id", "new_resource_type", "new_resource_id", "version_major", "enabled"),
    ]
)
QUERIES = st.dictionaries(QUERY_NAMES, st.one_of(NUMBERS.map(str), st.sampled_from(["image", "project", "a,b", "1,2"])))
REQUESTS = st.tuples(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), st.sampled_from(PATHS), QUERIES, BODIES
)


def filled() -> tuple[Caller, dict[str, Any]]:
    """A sandbox with one of everything, and the ids."""
    caller = Caller(job_seconds=1)
    project = caller.project()
    ids: dict[str, Any] = {"project": project, "small": 1}
    for kind, content in zip(KINDS, (JPEG, TIFF, las()), strict=True):
        ids[f"{kind}s"] = caller.collection(project, kind)
        ids[kind] = caller.resource(f"/projects/{project}/data_collections/{ids[f'{kind}s']}", content)
    place = f"/projects/{project}/data_collections/{ids['images']}"
    ids["harvest"] = caller.ok("POST", f"{place}/harvest_services/", SERVICE)["id"]
    feature = {"name": "n", "description": "d", "data_collection_ids": [ids["images"]], "options": FEATURE}
    ids["arcgis"] = caller.ok("POST", "/arcgis_services/Feature/", feature)["id"]
    service = {"name": "n", "module_name": "count_objects", "config": {}}
    ids["analysis"] = caller.ok("POST", "/analysis/services/", service)["id"]
    ids["task"] = caller.ok("POST", f"/analysis/services/{ids['analysis']}/tasks/", {"params": {}})["id"]
    query = f"resource_type=project&resource_id={project}"
    caller.ok("POST", f"/attachments/?{query}", {"files": [{"name": "a", "md5": md5(b"")}]})
    return caller, ids


@settings(max_examples=150, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=8))
def test_any_requests_in_any_order_give_responses(requests: list[tuple[str, str, dict[str, str], Any]]) -> None:
    caller, ids = filled()
    headers = Headers({"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"})
    for method, path, query, body in requests:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        target = f"{caller.sandbox.api_path}{path.format(**ids)}?{text}"
        response = caller.sandbox.handle(method, ORIGIN, target, headers, to_json(body))
        assert not caller.sandbox.failures, caller.sandbox.failures
        assert response.status < 500
        caller.clock.advance(0.4)

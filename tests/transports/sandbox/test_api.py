"""The API's authentication and routing, and its projects and data collections."""

import ast
import re

import pytest

from pixel_transports.sandbox import SAMPLE_AREA
from tests.support.paths import ROOT
from tests.transports.sandbox.support import Caller, names


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Not authenticated"),
        ({"Authorization": "Basic eDp5"}, "Not authenticated"),
        ({"Authorization": "Bearer a.b.c"}, "Could not validate credentials"),
        ({"Authorization": "Bearer \xe6.b"}, "Could not validate credentials"),
    ],
)
def test_without_a_valid_token_every_path_is_a_401(caller: Caller, headers: dict[str, str], detail: str) -> None:
    response = caller.raw("GET", "/api/sandbox/projects/x", headers)
    assert (response.status, response.json()) == (401, {"detail": detail})
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_valid_until_it_expires(caller: Caller) -> None:
    caller.login()
    caller.clock.advance(299.9)
    assert caller.status("GET", "/users/me") == 200
    caller.clock.advance(0.1)
    assert caller.call("GET", "/users/me").json() == {"detail": "Could not validate credentials"}


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [
        ("GET", "/projects?name=x", 307, "http://pixel.test/api/sandbox/projects/?name=x"),
        ("GET", "/users/me/", 307, "http://pixel.test/api/sandbox/users/me"),
        ("GET", "/nothing", 404, None),
        ("PATCH", "/projects/", 405, None),
        ("DELETE", "/projects/", 405, None),
        ("HEAD", "/users/me", 405, None),
        ("GET", "/projects/1%2F..%2F2", 422, None),
        ("GET", "/projects/-1", 404, None),
        ("GET", "/projects/7", 404, None),
    ],
)
def test_paths_are_matched_exactly_and_redirected_to_the_other_slash(
    caller: Caller, method: str, path: str, status: int, location: str | None
) -> None:
    response = caller.call(method, path)
    assert response.status == status
    assert response.headers.get("Location") == location


def test_the_request_id_is_repeated_and_another_tenant_is_not_found(caller: Caller) -> None:
    assert caller.raw("GET", "/api/other/users/me").status == 404
    for path in ("/users/me", "/projects/7"):
        assert caller.call("GET", path, headers={"X-Request-ID": "abc"}).headers["X-Request-ID"] == "abc"
    assert "X-Request-ID" not in caller.call("GET", "/users/me", headers={"X-Request-ID": "a\r\nb"}).headers


def test_every_conflict_is_on_the_page_of_assumptions() -> None:
    folder, found = ROOT / "pixel_transports" / "sandbox", set()
    for node in (node for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))):
        match node:
            case ast.Call(func=ast.Name("http_error"), args=[ast.Constant(409), ast.Constant(str(detail))]):
                found.add(detail)
            case ast.Call(func=ast.Name("http_error"), args=[ast.Constant(409), ast.JoinedStr(values)]):
                found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values))
            case ast.Call(func=ast.Name("http_error"), args=[ast.Constant(409), other]):
                raise AssertionError(ast.unparse(other))
    section = (folder / "README.md").read_text().partition("| 409 Conflict |")[2].partition("\n\n")[0]
    assert set(re.findall("`([^`]+)`", section)) == found


def test_the_plugins_are_listed(caller: Caller) -> None:
    plugins = {plugin["name"]: plugin["enabled"] for plugin in caller.ok("GET", "/plugins/")}
    assert plugins == {"optimized_raster": True, "image_service": True}


def test_a_project_is_created_read_updated_and_listed(caller: Caller) -> None:
    one = caller.project("One", tags=["a", "b", "a"])
    caller.project("Two")
    project = caller.ok("GET", f"/projects/{one}?extended=false")
    assert project["tags"] == ["a", "b"]
    assert project["area_of_interest"] == SAMPLE_AREA
    assert project["created_at"] == "2025-01-01T00:00:00Z"
    caller.clock.advance(0.5)
    changed = caller.ok("PUT", f"/projects/{one}", {"name": "Uno", "add_tags": ["c"], "remove_tags": ["a"]})
    assert (changed["name"], changed["tags"], changed["description"]) == ("Uno", ["b", "c"], "d")
    assert changed["updated_at"] == "2025-01-01T00:00:00.500000Z"
    assert names(caller.ok("GET", "/projects/")) == ["Uno", "Two"]
    assert names(caller.ok("GET", "/projects/?tags=b%2Cc")) == ["Uno"]
    assert names(caller.ok("GET", "/projects/?name=Two")) == ["Two"]
    assert names(caller.ok("GET", "/projects/?offset=1&limit=1")) == ["Two"]


def test_an_extended_project_has_its_children_and_data_collections(caller: Caller) -> None:
    above = caller.project("Above")
    below, gone = (caller.project(name, parent_project_id=above) for name in ("Below", "Gone"))
    caller.project("Deeper", parent_project_id=below)
    collection, other = caller.collection(above), caller.collection(above)
    caller.ok("DELETE", f"/projects/{gone}")
    caller.ok("DELETE", f"/projects/{above}/data_collections/{other}")
    extended = {
        **caller.ok("GET", f"/projects/{above}"),
        "child_projects": [caller.ok("GET", f"/projects/{below}")],
        "data_collections": [caller.ok("GET", f"/projects/{above}/data_collections/{collection}")],
    }
    assert caller.ok("GET", f"/projects/{above}?extended=true") == extended
    assert caller.ok("GET", f"/projects/?ids={above}&extended=true") == [extended]
    assert caller.ok("GET", f"/projects/?ids={above}")[0].keys() < extended.keys()


def test_a_deleted_project_is_hidden_with_its_children_until_it_is_restored(caller: Caller) -> None:
    above = caller.project("Above")
    below = caller.project("Below", parent_project_id=above)
    collection = caller.collection(below)
    caller.ok("DELETE", f"/projects/{above}")
    for path in (f"/projects/{above}", f"/projects/{below}", f"/projects/{below}/data_collections/{collection}"):
        assert caller.call("GET", path).json() == {"detail": "Project not found"}
    assert caller.ok("GET", "/projects/") == []
    assert names(caller.ok("GET", "/projects/deleted")) == ["Above"]
    caller.ok("POST", f"/projects/{above}/restore")
    assert caller.ok("GET", f"/projects/{below}/data_collections/{collection}")["id"] == collection
    assert caller.status("POST", f"/projects/{above}/restore") == 409
    for project in (below, above):
        caller.ok("DELETE", f"/projects/{project}")
    assert caller.status("POST", f"/projects/{below}/restore") == 409
    assert caller.status("POST", "/projects/99/restore") == 404


def test_projects_move_but_never_below_themselves(caller: Caller) -> None:
    above = caller.project()
    below = caller.project(parent_project_id=above)
    for target in (above, below):
        assert caller.status("PUT", f"/projects/{above}/move?new_parent_id={target}") == 409
    assert caller.ok("PUT", f"/projects/{below}/move?new_parent_id=-1")["parent_project_id"] is None
    assert caller.ok("PUT", f"/projects/{above}/move?new_parent_id={below}")["parent_project_id"] == below
    assert caller.status("PUT", f"/projects/{above}/move?new_parent_id=99") == 404
    assert caller.status("PUT", f"/projects/{above}/move") == 422


def test_data_collections_are_created_listed_and_updated(caller: Caller) -> None:
    project = caller.project()
    info = {"srid": 25832, "cell_size": [0.1, 0.1]}
    made = caller.collection(project, "DTM", name="Terrain", raster_info=info)
    caller.collection(project, "image")
    path = f"/projects/{project}/data_collections"
    assert caller.ok("GET", f"{path}/{made}")["raster_info"] == info
    assert names(caller.ok("GET", f"{path}/?data_collection_type=DTM")) == ["Terrain"]
    assert caller.ok("PUT", f"{path}/{made}", {"description": ""})["description"] == ""
    assert caller.status("POST", f"{path}/", b'{"name":"n","description":"","data_collection_type":"x"}') == 422
    assert caller.status("GET", f"/projects/{caller.project()}/data_collections/{made}") == 404


def test_data_collections_are_deleted_restored_and_moved(caller: Caller) -> None:
    project, other = caller.project(), caller.project()
    made = caller.collection(project)
    path = f"/projects/{project}/data_collections"
    caller.ok("DELETE", f"{path}/{made}")
    assert caller.ok("GET", f"{path}/") == []
    assert names(caller.ok("GET", f"{path}/deleted")) == ["Photos"]
    caller.ok("POST", f"{path}/{made}/restore")
    assert caller.status("POST", f"{path}/{made}/restore") == 409
    assert caller.status("POST", f"{path}/99/restore") == 404
    assert caller.ok("PUT", f"{path}/{made}/move?new_project_id={other}")["project_id"] == other
    assert caller.status("GET", f"{path}/{made}") == 404

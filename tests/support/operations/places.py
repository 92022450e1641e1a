"""Cases of clients, users, projects and data collections."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import BOXED, POLYGON, RING, Case, Method, model, untagged
from tests.support.operations.lists import cases_of_lists


def _settings(api: str = "/api/acme", auth: str = "/auth", **more: Any) -> dict[str, Any]:
    places = {"PIXEL_API_URL": {"$server": api}, "PIXEL_AUTH_SERVER_URL": {"$server": auth}}
    login = {"PIXEL_USERNAME": "ola", "PIXEL_PASSWORD": "hemmelig", "PIXEL_TENANT": "aCME"}
    return model("PixelApiSettings", **places, **login, **more)


def clients() -> Iterator[Case]:
    call = Method("from_settings")
    yield call("defaults", _settings())
    yield call("keywords", settings=_settings(PIXEL_ENV="test"), upload_num_retries=2, upload_max_concurrency=1)
    yield call("unknown keyword", _settings(), nonsense=1)
    yield call("a slash at the end of the API", _settings(api="/api/acme/"))
    yield call("a slash at the end of the login", _settings(auth="/auth/"))


def users() -> Iterator[Case]:
    me = Method("me")
    yield me("login").but(fresh=True).sends("GET /users/me?extended=false")
    yield me("defaults").sends("GET /users/me?extended=false")
    yield me("extended", extended=True).sends("GET /users/me?extended=true")
    yield me("extended in place", True).sends("GET /users/me?extended=true")
    yield me("extended 0", extended=0).sends("GET /users/me?extended=0")

    def answer(status: int = 200, json: Any = None, **more: Any) -> Answer:
        return Answer("GET", "/users/me", status, json, **more)

    def always(status: int, json: Any = None, **more: Any) -> Answer:
        return answer(status, json, times=0, **more)

    yield me("null").answered(answer())
    yield me("a list").answered(answer(json=[1]))
    yield me("a token that was refused once").answered(answer(401, {"detail": "x"})).but(fresh=True)
    yield me("a token that is always refused").answered(always(401, {"detail": "x"})).but(fresh=True)
    for status in (400, 403, 404, 409, 422):
        yield me(f"status {status}").answered(always(status, {"detail": "blåbær"}))
    yield me("status 400 and a list").answered(always(400, ["no"]))
    yield me("status 400 and null").answered(always(400))
    yield me("status 400 and no UTF-8").answered(always(400, content="blåbær".encode("latin-1")))
    yield me("status 400 and no JSON").answered(always(400, text="<html>"))
    yield me("status 429 once").answered(answer(429, {"detail": "slowly"}))
    yield me("status 500").answered(always(500, {"detail": "broken"}))
    yield me("status 503 once").answered(answer(503, {"detail": "away"}))
    yield me("a redirect").answered(always(307, headers={"Location": "/api/acme/users/you"}))
    yield me("no JSON").answered(answer(text="hello"))
    yield me("status 204").answered(answer(204, text=""))
    plugins = Method("get_plugins")
    yield plugins("defaults").sends("GET /plugins/")
    yield plugins("an object").answered(Answer("GET", "/plugins/", json={"a": 1}))
    yield plugins("no argument taken", 1).raises("TypeError")
    user = {"first_name": "Kåre", "last_name": "Ås", "email": "kare@example.com", "password": "hemmelig"}
    create, target = Method("create_oidc_user"), "/users/oidc/"
    new, change = partial(model, "OIDCUserCreateInput", **user), partial(model, "OIDCUserUpdateInput")
    weak = [{"input": {"password": "hemmelig"}, "msg": "weak"}]
    yield create("defaults", new(user_type="viewer"))
    yield create("all", create_input=new(user_type="creator", enabled=False, more=1)).sends(
        (f"POST {target}", {**user, "enabled": False, "user_type": "creator"})
    )
    yield create("wrong address", new(email="kare", user_type="viewer"))
    yield create("wrong type", new(user_type="king")).raises("ValidationError")
    viewer = new(user_type="viewer")
    yield create("refused", viewer).answered(Answer("POST", target, 409, {"detail": "exists"}))
    yield create("refused with what was sent", viewer).answered(Answer("POST", target, 422, {"detail": weak}))
    update = Method("update_oidc_user", 5)
    yield update("enabled", change(enabled=True, first_name="Kari"))
    yield update("enabled false", update_input=change(enabled=False))
    password = change(password="nøkkel", enabled=True, user_type="superuser")
    yield update("password", password).sends_input(f"PUT {target}5/")
    yield update("enabled not given", change(last_name="Ås")).sends_input(f"PUT {target}5/")
    yield update("nothing given", change()).sends_input(f"PUT {target}5/")
    yield update("wrong type", change(user_type="king")).raises("ValidationError")


def projects() -> Iterator[Case]:
    create = Method("create_project", "Jæren", "Flights “of May”")
    project = {"name": "Jæren", "description": "Flights “of May”", "area_of_interest": untagged(POLYGON)}
    boxed = {**project, "area_of_interest": untagged(BOXED), "parent_project_id": 7, "tags": ["a", "å"]}
    yield create("defaults", POLYGON).sends(("POST /projects/", project))
    yield create("below a parent", POLYGON, 7)
    yield create("all", area_of_interest=BOXED, parent_project_id=7, tags=["a", "å"]).sends(("POST /projects/", boxed))
    yield create("parent 0, no tags", POLYGON, 0, [])
    yield create("parent None, tags None", POLYGON, None, None)
    yield Case("create_project", "empty texts", ("", "", POLYGON)).sends(
        ("POST /projects/", {**project, "name": "", "description": ""})
    )
    yield Case("create_project", "keywords", (), {"name": "n", "description": "d", "area_of_interest": POLYGON})
    yield create("an open ring", {"$polygon": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}).raises("ValidationError")
    yield create("no area").raises("TypeError")
    yield create("with a hole", {"$polygon": [*RING, [[5.1, 58.9], [5.2, 58.9], [5.2, 58.95], [5.1, 58.9]]]})
    yield create("refused", POLYGON).answered(Answer("POST", "/projects/", 400, {"detail": "no"}))
    yield create("status 500", POLYGON).answered(Answer("POST", "/projects/", 500, {"detail": "no"}, times=0))
    yield from cases_of_lists("list_projects")
    yield from cases_of_lists("list_deleted_projects")
    get = Method("get_project")
    yield get("defaults", 1).sends("GET /projects/1?extended=false")
    yield get("extended", 1, extended=True).sends("GET /projects/1?extended=true")
    yield get("extended in place", 1, True).sends("GET /projects/1?extended=true")
    yield get("extended None", 1, None).sends("GET /projects/1")
    yield get("id as text", "12").sends("GET /projects/12?extended=false")
    yield get("id 0", 0).sends("GET /projects/0?extended=false")
    yield get("id that is a path", "1/../../users/me").sends("GET /projects/1%2F..%2F..%2Fusers%2Fme?extended=false")
    yield get("id with a question mark", "1?x=2").sends("GET /projects/1%3Fx%3D2?extended=false")
    yield get("not found", 1).answered(Answer("GET", "/projects/1", 404, {"detail": "not found"}))
    update = Method("update_project", 1)
    yield update("name", "New").sends(("PUT /projects/1", {"name": "New"}))
    yield update("all", "N", "D", POLYGON, ["a"], ["b"])
    yield update("false values", name="", description="", add_tags=[], remove_tags=[]).sends(
        ("PUT /projects/1", {"name": "", "description": "", "add_tags": [], "remove_tags": []})
    )
    yield update("area", area_of_interest=BOXED)
    yield update("tags", add_tags=["å", "b"], remove_tags=["c"])
    yield update("nothing").raises("ValueError")
    yield update("only None", name=None, add_tags=None).raises("ValueError")
    for name, sent in (("delete_project", "DELETE /projects/{}"), ("restore_project", "POST /projects/{}/restore")):
        yield Case(name, "defaults", (1,)).sends(sent.format(1))
        yield Case(name, "keyword", (), {"project_id": 7}).sends(sent.format(7))
        yield Case(name, "id as text", ("7",)).sends(sent.format(7))
    move = Method("move_project", 1)
    yield move("below another", 7).sends("PUT /projects/1/move?new_parent_id=7")
    yield move("to the root").sends("PUT /projects/1/move?new_parent_id=-1")
    yield move("to the root by None", new_parent_project_id=None).sends("PUT /projects/1/move?new_parent_id=-1")
    yield move("to the root by 0", 0).sends("PUT /projects/1/move?new_parent_id=-1")
    yield move("to the root by -1", -1).sends("PUT /projects/1/move?new_parent_id=-1")


def data_collections() -> Iterator[Case]:
    create = Method("create_data_collection", 1, "Bilder", "d")
    target, named = "POST /projects/1/data_collections/", {"name": "Bilder", "description": "d"}
    yield create("defaults", "image").sends((target, {**named, "data_collection_type": "image"}))
    for kind in ("raster", "RGB", "DTM", "DSM", "point_cloud", "something new"):
        yield create(f"type {kind}", kind).sends((target, {**named, "data_collection_type": kind}))
    info = {"srid": 25832, "format": "GTiff", "data_type": "uint8", "cell_size": [0.5, 1], "num_bands": 3}
    yield create("all", "RGB", ["a", "b"], model("RasterInfo", **info)).sends(
        (target, {**named, "data_collection_type": "RGB", "tags": ["a", "b"], "raster_info": info})
    )
    yield create("raster info without values", data_collection_type="DTM", raster_info=model("RasterInfo")).sends(
        (target, {**named, "data_collection_type": "DTM", "raster_info": {}})
    )
    yield create("some raster info", "DTM", raster_info=model("RasterInfo", srid=0, num_bands="2"))
    yield create("no tags", "image", [])
    yield create("tags None", "image", None, None)
    yield create("wrong raster info", "DTM", raster_info=model("RasterInfo", srid="x")).raises("ValidationError")
    more, invalid = {"data_collection_type": "DTM"}, {"data_collection_type": "nonsense"}
    name = "DataCollectionListParams"
    yield from cases_of_lists("list_data_collections", 1, params=name, more=(more,), invalid=(invalid,))
    yield from cases_of_lists("list_deleted_data_collections", 1, params=name, more=(more,))
    get = Method("get_data_collection")
    yield get("defaults", 1, 2).sends("GET /projects/1/data_collections/2")
    yield get("keywords", project_id=1, data_collection_id=2).sends("GET /projects/1/data_collections/2")
    yield get("ids as text", "1", "2").sends("GET /projects/1/data_collections/2")
    yield get("an id that is a path", 1, "../../9").sends("GET /projects/1/data_collections/..%2F..%2F9")
    update = Method("update_data_collection", 1, 2)
    yield update("name", "New").sends(("PUT /projects/1/data_collections/2", {"name": "New"}))
    everything = {"name": "N", "description": "D", "add_tags": ["a"], "remove_tags": ["b"]}
    yield update("all", "N", "D", ["a"], ["b"]).sends(("PUT /projects/1/data_collections/2", everything))
    yield update("false values", name="", description="", add_tags=[], remove_tags=[])
    yield update("nothing").raises("ValueError")
    move, collection = Method("move_data_collection", 1, 2), "/projects/1/data_collections/2"
    yield move("defaults", 7).sends(f"PUT {collection}/move?new_project_id=7")
    yield move("keyword", new_project_id=7).sends(f"PUT {collection}/move?new_project_id=7")
    yield move("project 0", 0)
    sends = {"delete_data_collection": f"DELETE {collection}", "restore_data_collection": f"POST {collection}/restore"}
    for name, sent in sends.items():
        yield Case(name, "defaults", (1, 2)).sends(sent)
        yield Case(name, "keywords", (), {"project_id": 1, "data_collection_id": 2}).sends(sent)

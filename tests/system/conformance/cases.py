"""The cases: what is called, with what, and what the server answers where its generic answers are not enough.

Rules kept here:

* A case is data: the arguments are JSON with the tagged forms of `driving.py`, so that both sides read the same.
* Every public method has several: its defaults, each argument, values that are false (0, "", [], False), None, models
  and keywords and both, wrong values.
* The name of a case is `method/what varies`; the documented differences are bound to these names.
* In paths 1 is a project, and the data collection says what is in it: 2 images, 3 rasters, 4 point clouds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.system.conformance.recorder import Script, Scripted

DC, RASTERS, CLOUDS = 2, 3, 4
RING = [[[5, 58.8], [5.9, 58.8], [5.9, 59.0], [5, 59], [5, 58.8]]]
POLYGON = {"$polygon": RING}
BOXED = {"$polygon": [[[0, 0, 1], [1, 0, 1], [1, 1, 1.5], [0, 0, 1]]], "bbox": [0, 0, 1, 1, 1, 2]}
PART = 10_000
"""The part size of multipart uploads, in bytes: `big.tif` has three parts, the last one shorter."""

FILES = {
    "a.jpg": b"\xff\xd8\xff\xe0 a",
    "a.jgw": b"1.0\n0.0\n",
    "a.prj": b'GEOGCS["WGS 84"]',
    "b.jpg": b"\xff\xd8\xff\xe0 bb",
    "bad.jpg": b"no picture",
    "empty.jpg": b"",
    "blå himmel.jpg": b"\xff\xd8\xff\xe0 bl\xc3\xa5",
    "big.tif": bytes(range(256)) * 98,
    "even.tif": bytes(2 * PART),
    "a.tif": b"II*\x00 a",
    "a.tfw": b"2.0\n",
    "a.laz": b"LASF a",
    "b.laz": b"LASF bb",
    "notes.txt": "æøå\r\n".encode(),
    "other/a.jpg": b"\xff\xd8\xff\xe0 of the same name",
}
"""The files that cases name, by path in the folder of the run."""


def write_files(folder: Path) -> None:
    """Put the files where a run finds them."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@dataclass(frozen=True)
class Case:
    """A call. `take` is how many items of a listing are asked for (None: all); `fresh` gives it a client of its own;
    `only` limits it to one mode ("sync" or "async").
    """

    method: str
    label: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    script: Script = Script()
    take: int | None = None
    fresh: bool = False
    only: str | None = None

    @property
    def name(self) -> str:
        return f"{self.method}/{self.label}"

    def answered(self, *answers: Scripted) -> "Case":
        return replace(self, script=replace(self.script, answers=answers))

    def at(self, **script: Any) -> "Case":
        return replace(self, script=replace(self.script, **script))

    def but(self, **options: Any) -> "Case":
        return replace(self, **options)

    def plan(self) -> dict[str, Any]:
        """What the runner is told of it."""
        told = {"method": self.method, "args": list(self.args), "kwargs": self.kwargs, "take": self.take}
        return {**told, "fresh": self.fresh, "items": self.method.startswith("paginate_")}


class _Method:
    """Makes the cases of a method; `leading` arguments are those that every call has."""

    def __init__(self, method: str, *leading: Any) -> None:
        self.method = method
        self.leading = leading

    def __call__(self, label: str, /, *args: Any, **kwargs: Any) -> Case:
        return Case(self.method, label, (*self.leading, *args), kwargs)


def model(name: str, /, **values: Any) -> dict[str, Any]:
    return {"$model": name, "values": values}


def path(name: str) -> dict[str, Any]:
    return {"$path": name}


def paths(*names: str) -> list[dict[str, Any]]:
    return [path(name) for name in names]


def instant(text: str) -> dict[str, Any]:
    return {"$datetime": text}


def upload_file(name: str, /, **values: Any) -> dict[str, Any]:
    return model("PixelUploadFile", file=path(name), **values)


# Lists


def _of_lists(
    method: str, *leading: Any, params: str = "ListParams", name: str = "params", more: tuple[dict[str, Any], ...] = ()
) -> Iterator[Case]:
    """Cases of a list whose keywords are read into a model. `more` are values that its model has beyond ListParams."""
    call = _Method(method, *leading)
    analysis = params.startswith("Analysis")
    full: dict[str, Any] = {"name": "Jæren 1", "ids": [3, 1], "offset": 0, "limit": 2}
    full |= {} if analysis else {"extended": True, "tags": ["a b", "å,c"]}
    zero: dict[str, Any] = {"name": "", "offset": 0, "limit": 0} | ({} if analysis else {"extended": False})
    yield call("defaults")
    yield call("params", **{name: model(params, **full)})
    yield call("params in place", model(params, limit=1))
    yield call("params without values", **{name: model(params)})
    yield call("params of false values", **{name: model(params, **zero)})
    yield call("keywords", **full)
    yield call("keywords of false values", **zero)
    yield call("params and keywords", **{name: model(params, name="model"), "limit": 7})
    yield call("params of None and keywords", **{name: None, "limit": 7})
    yield call("keyword None", name=None, limit=7)
    yield call("keywords as text", ids=["4", "5"], limit="6")
    yield call("unknown keyword", nonsense=1, limit=7)
    yield call("wrong keyword", limit="many")
    yield call("wrong params", **{name: model(params, ids="1,2")})
    yield call("ids empty", **{name: model(params, ids=[])})
    yield call("keyword ids empty", ids=[])
    if not analysis:
        yield call("tags empty", **{name: model(params, tags=[])})
    for values in more:
        told = ", ".join(f"{key} {value}" for key, value in values.items())
        yield call(f"params {told}", **{name: model(params, **values)})
        yield call(f"keyword {told}", **values)


def _of_passing_lists(
    method: str, *leading: Any, params: str = "ListParams", more: tuple[dict[str, Any], ...] = ()
) -> Iterator[Case]:
    """Cases of a list whose keywords go to the query as they are."""
    call = _Method(method, *leading)
    yield call("defaults")
    yield call("params", params=model(params, extended=True, name="ø", ids=[3, 1], tags=["a", "b"], offset=0, limit=2))
    yield call("params in place", model(params, limit=1))
    yield call("params of false values", params=model(params, extended=False, name=""))
    yield call("keywords", name="a b+c&d=é", extended=True, nonsense="kept", ratio=0.5)
    yield call("keywords of false values", name="", extended=False, number=0)
    yield call("params and other keywords", params=model(params, name="model"), extended=True)
    yield call("params and the same keywords", params=model(params, name="model", ids=[9]), name="keyword")
    yield call("params of None and keywords", params=None, extended=True)
    yield call("keyword in a list", ids=[1, 2])
    yield call("keyword tags in a list", tags=["a", "b"])
    yield call("keyword in text with commas", ids="1,2")
    yield call("keyword None", name=None, extended=True)
    yield call("keyword enum", status={"$enum": "PixelStatusEnum.completed"})
    yield call("ids empty", params=model(params, ids=[]))
    yield call("tags empty", params=model(params, tags=[]))
    yield call("wrong params", params=model(params, limit="many"))
    for values in more:
        told = ", ".join(f"{key} {value}" for key, value in values.items())
        yield call(f"params {told}", params=model(params, **values))
        yield call(f"keyword {told}", **values)


def _of_pages(method: str, collection: int, kind: str, params: str = "ListParams") -> Iterator[Case]:
    """Cases of a listing in pages."""
    call = _Method(method, 1, collection)
    place = f"/projects/1/data_collections/{collection}/{kind}/"
    yield from (case.but(take=2) for case in _of_passing_lists(method, 1, collection, 2, params=params))
    yield call("a short last page", 2).at(total=5)
    yield call("a full last page", 2).at(total=4)
    yield call("one page", page_size=10)
    yield call("no items", 5).at(total=0)
    yield call("page of one", 1)
    yield call("only the first item", 2).at(total=5).but(take=1)
    yield call("from a keyword offset", 2, offset=3).at(total=6)
    yield call("limit as keyword", 2, limit=7)
    yield call("offset and limit in params", 2, model(params, offset=2, limit=7))
    yield call("page size 0", 0).answered(
        Scripted("GET", place, json=[]), Scripted("GET", place, status=400, json={"detail": "enough"}, times=0)
    )
    yield call("an object for a page", 2).answered(Scripted("GET", place, json={"items": [], "more": 1, "etc": 2}))
    yield call("an error on the second page", 2).answered(
        Scripted("GET", place, json=[{"id": 1}, {"id": 2}]), Scripted("GET", place, status=400, json={"detail": "no"})
    )


# Users, projects, data collections


def _settings(api: str = "/api/acme", auth: str = "/auth", **more: Any) -> dict[str, Any]:
    places = {"PIXEL_API_URL": {"$server": api}, "PIXEL_AUTH_SERVER_URL": {"$server": auth}}
    login = {"PIXEL_USERNAME": "ola", "PIXEL_PASSWORD": "hemmelig", "PIXEL_TENANT": "aCME"}
    return model("PixelApiSettings", **places, **login, **more)


def _clients() -> Iterator[Case]:
    call = _Method("from_settings")
    yield call("defaults", _settings())
    yield call("keywords", settings=_settings(PIXEL_ENV="test"), upload_num_retries=2, upload_max_concurrency=1)
    yield call("unknown keyword", _settings(), nonsense=1)
    yield call("a slash at the end of the API", _settings(api="/api/acme/"))
    yield call("a slash at the end of the login", _settings(auth="/auth/"))


def _users() -> Iterator[Case]:
    me = _Method("me")
    yield me("login").but(fresh=True)
    yield me("defaults")
    yield me("extended", extended=True)
    yield me("extended in place", True)
    yield me("extended 0", extended=0)
    yield me("null").answered(Scripted("GET", "/users/me", json=None))
    yield me("a list").answered(Scripted("GET", "/users/me", json=[1]))
    yield (
        me("a token that was refused once").answered(Scripted("GET", "/users/me", 401, {"detail": "x"})).but(fresh=True)
    )
    yield (
        me("a token that is always refused")
        .answered(Scripted("GET", "/users/me", 401, {"detail": "x"}, times=0))
        .but(fresh=True)
    )
    for status in (400, 403, 404, 409, 422):
        yield me(f"status {status}").answered(Scripted("GET", "/users/me", status, {"detail": "blåbær"}, times=0))
    yield me("status 400 and a list").answered(Scripted("GET", "/users/me", 400, ["no"], times=0))
    yield me("status 400 and null").answered(Scripted("GET", "/users/me", 400, None, times=0))
    latin = "blåbær".encode("latin-1")
    yield me("status 400 and no UTF-8").answered(Scripted("GET", "/users/me", 400, content=latin, times=0))
    yield me("status 400 and no JSON").answered(Scripted("GET", "/users/me", 400, text="<html>", times=0))
    yield me("status 429 once").answered(Scripted("GET", "/users/me", 429, {"detail": "slowly"}))
    yield me("status 500").answered(Scripted("GET", "/users/me", 500, {"detail": "broken"}, times=0))
    yield me("status 503 once").answered(Scripted("GET", "/users/me", 503, {"detail": "away"}))
    yield me("a redirect").answered(
        Scripted("GET", "/users/me", 307, headers={"Location": "/api/acme/users/you"}, times=0)
    )
    yield me("no JSON").answered(Scripted("GET", "/users/me", text="hello"))
    yield me("status 204").answered(Scripted("GET", "/users/me", status=204, text=""))
    plugins = _Method("get_plugins")
    yield plugins("defaults")
    yield plugins("an object").answered(Scripted("GET", "/plugins/", json={"a": 1}))
    yield plugins("no argument taken", 1)
    user = {"first_name": "Kåre", "last_name": "Ås", "email": "kare@example.com", "password": "hemmelig"}
    create = _Method("create_oidc_user")
    yield create("defaults", model("OIDCUserCreateInput", **user, user_type="viewer"))
    yield create("all", create_input=model("OIDCUserCreateInput", **user, user_type="creator", enabled=False, more=1))
    yield create("wrong address", model("OIDCUserCreateInput", **{**user, "email": "kare"}, user_type="viewer"))
    yield create("wrong type", model("OIDCUserCreateInput", **user, user_type="king"))
    yield create("refused", model("OIDCUserCreateInput", **user, user_type="viewer")).answered(
        Scripted("POST", "/users/oidc/", 409, {"detail": "exists"})
    )
    yield create("refused with what was sent", model("OIDCUserCreateInput", **user, user_type="viewer")).answered(
        Scripted("POST", "/users/oidc/", 422, {"detail": [{"input": {"password": "hemmelig"}, "msg": "weak"}]})
    )
    update = _Method("update_oidc_user", 5)
    yield update("enabled", model("OIDCUserUpdateInput", enabled=True, first_name="Kari"))
    yield update("enabled false", update_input=model("OIDCUserUpdateInput", enabled=False))
    yield update("password", model("OIDCUserUpdateInput", password="nøkkel", enabled=True, user_type="superuser"))
    yield update("enabled not given", model("OIDCUserUpdateInput", last_name="Ås"))
    yield update("nothing given", model("OIDCUserUpdateInput"))
    yield update("wrong type", model("OIDCUserUpdateInput", user_type="king"))


def _projects() -> Iterator[Case]:
    create = _Method("create_project", "Jæren", "Flights “of May”")
    yield create("defaults", POLYGON)
    yield create("below a parent", POLYGON, 7)
    yield create("all", area_of_interest=BOXED, parent_project_id=7, tags=["a", "å"])
    yield create("parent 0, no tags", POLYGON, 0, [])
    yield create("parent None, tags None", POLYGON, None, None)
    yield Case("create_project", "empty texts", ("", "", POLYGON))
    yield Case("create_project", "keywords", (), {"name": "n", "description": "d", "area_of_interest": POLYGON})
    yield create("an open ring", {"$polygon": [[[0, 0], [1, 0], [1, 1], [0, 1]]]})
    yield create("no area")
    yield create("with a hole", {"$polygon": [*RING, [[5.1, 58.9], [5.2, 58.9], [5.2, 58.95], [5.1, 58.9]]]})
    yield create("refused", POLYGON).answered(Scripted("POST", "/projects/", 400, {"detail": "no"}))
    yield create("status 500", POLYGON).answered(Scripted("POST", "/projects/", 500, {"detail": "no"}, times=0))
    yield from _of_lists("list_projects")
    yield from _of_lists("list_deleted_projects")
    get = _Method("get_project")
    yield get("defaults", 1)
    yield get("extended", 1, extended=True)
    yield get("extended in place", 1, True)
    yield get("extended None", 1, None)
    yield get("id as text", "12")
    yield get("id 0", 0)
    yield get("id that is a path", "1/../../users/me")
    yield get("id with a question mark", "1?x=2")
    yield get("not found", 1).answered(Scripted("GET", "/projects/1", 404, {"detail": "not found"}))
    update = _Method("update_project", 1)
    yield update("name", "New")
    yield update("all", "N", "D", POLYGON, ["a"], ["b"])
    yield update("false values", name="", description="", add_tags=[], remove_tags=[])
    yield update("area", area_of_interest=BOXED)
    yield update("tags", add_tags=["å", "b"], remove_tags=["c"])
    yield update("nothing")
    yield update("only None", name=None, add_tags=None)
    for name, label in (("delete_project", "project"), ("restore_project", "project")):
        yield Case(name, "defaults", (1,))
        yield Case(name, "keyword", (), {f"{label}_id": 7})
        yield Case(name, "id as text", ("7",))
    move = _Method("move_project", 1)
    yield move("below another", 7)
    yield move("to the root")
    yield move("to the root by None", new_parent_project_id=None)
    yield move("to the root by 0", 0)
    yield move("to the root by -1", -1)


def _data_collections() -> Iterator[Case]:
    create = _Method("create_data_collection", 1, "Bilder", "d")
    yield create("defaults", "image")
    for kind in ("raster", "RGB", "DTM", "DSM", "point_cloud", "something new"):
        yield create(f"type {kind}", kind)
    info = {"srid": 25832, "format": "GTiff", "data_type": "uint8", "cell_size": [0.5, 1], "num_bands": 3}
    yield create("all", "RGB", ["a", "b"], model("RasterInfo", **info))
    yield create("raster info without values", data_collection_type="DTM", raster_info=model("RasterInfo"))
    yield create("some raster info", "DTM", raster_info=model("RasterInfo", srid=0, num_bands="2"))
    yield create("no tags", "image", [])
    yield create("tags None", "image", None, None)
    yield create("wrong raster info", "DTM", raster_info=model("RasterInfo", srid="x"))
    more: tuple[dict[str, Any], ...] = ({"data_collection_type": "DTM"}, {"data_collection_type": "nonsense"})
    yield from _of_lists("list_data_collections", 1, params="DataCollectionListParams", more=more)
    yield from _of_lists("list_deleted_data_collections", 1, params="DataCollectionListParams", more=more[:1])
    get = _Method("get_data_collection")
    yield get("defaults", 1, 2)
    yield get("keywords", project_id=1, data_collection_id=2)
    yield get("ids as text", "1", "2")
    yield get("an id that is a path", 1, "../../9")
    update = _Method("update_data_collection", 1, 2)
    yield update("name", "New")
    yield update("all", "N", "D", ["a"], ["b"])
    yield update("false values", name="", description="", add_tags=[], remove_tags=[])
    yield update("nothing")
    yield Case("move_data_collection", "defaults", (1, 2, 7))
    yield Case("move_data_collection", "keyword", (1, 2), {"new_project_id": 7})
    yield Case("move_data_collection", "project 0", (1, 2, 0))
    for name in ("delete_data_collection", "restore_data_collection"):
        yield Case(name, "defaults", (1, 2))
        yield Case(name, "keywords", (), {"project_id": 1, "data_collection_id": 2})


# Resources

_FIELDS: dict[str, Any] = {
    "image_type": "blurred",
    "name": "bilde",
    "location": {"type": "Point", "coordinates": [5, 58.8], "crs": None},
    "cam_heading": 0,
    "cam_pitch": -90.5,
    "hfov": "84",
    "capture_date": instant("2024-05-14T12:00:00+02:00"),
}
_DATES = {
    "without zone": "2024-05-14T12:00:00",
    "in UTC": "2024-05-14T12:00:00+00:00",
    "west": "2024-05-14T12:00:00-03:30",
    "with microseconds": "2024-05-14T12:00:00.000120",
    "with milliseconds": "2024-05-14T12:00:00.120000+00:00",
}
_DIVERSE = {"s": "å", "i": 1, "f": 1.5, "n": None, "zero": 0, "text": "1"}


def _of_updates(method: str, collection: int, kind: str, fields: dict[str, Any]) -> Iterator[Case]:
    call = _Method(method, 1, collection, 9)
    name, fields_name = f"{kind}UpdateInput", f"{kind}MetadataFields"
    yield call("tags", model(name, add_tags=["a"], remove_tags=["å"]))
    yield call("no tags", update_input=model(name, add_tags=[], remove_tags=[]))
    yield call("free metadata", model(name, json_metadata=_DIVERSE))
    yield call("no free metadata", model(name, json_metadata={}))
    yield call("free metadata with true", model(name, json_metadata={"flag": True, "other": False}))
    yield call("fields", model(name, fields=model(fields_name, **fields)))
    yield call("fields as a mapping", model(name, fields={"name": "x", "unknown": 1}))
    yield call("fields without values", model(name, fields=model(fields_name)))
    for label, text in _DATES.items():
        yield call(f"date {label}", model(name, fields=model(fields_name, capture_date=instant(text))))
    yield call("date as text", model(name, fields=model(fields_name, capture_date="2024-05-14 12:00")))
    yield call("nothing given", model(name))
    yield call("a number that is none", model(name, json_metadata={"x": {"$number": "nan"}}))
    yield call("wrong fields", model(name, fields={"name": ["x"]}))


def _resources() -> Iterator[Case]:
    yield from _of_passing_lists("get_images", 1, DC)
    yield from _of_passing_lists("get_rasters", 1, RASTERS, params="RasterListParams", more=({"format": "GTiff"},))
    las: tuple[dict[str, Any], ...] = (
        {"format": "LAZ", "point_record_format": 0, "version_major": 1, "version_minor": 0},
        {"point_record_format": 11},
    )
    yield from _of_passing_lists("get_point_clouds", 1, CLOUDS, params="PointCloudListParams", more=las)
    yield from _of_pages("paginate_images", DC, "images")
    yield from _of_pages("paginate_rasters", RASTERS, "rasters")
    yield from _of_pages("paginate_point_clouds", CLOUDS, "point_clouds", "PointCloudListParams")
    for kind, collection in (("image", DC), ("raster", RASTERS), ("point_cloud", CLOUDS)):
        for verb in ("get", "delete"):
            call = _Method(f"{verb}_{kind}", 1, collection)
            yield call("defaults", 9)
            yield call("keyword", **{f"{kind}_id": 9})
            yield call("id as text", "9")
            yield call("not found", 9).answered(Scripted(verb.upper(), "*/9", 404, {"detail": "not found"}))
    yield Case("get_image_metadata", "defaults", (1, DC, 9))
    yield Case("get_image_metadata", "keyword", (1, DC), {"image_id": 9})
    yield from _of_updates("update_image", DC, "Image", _FIELDS)
    short = {"name": "x", "capture_date": instant("2024-05-14T12:00:00+02:00")}
    yield from _of_updates("update_raster", RASTERS, "Raster", short)
    yield from _of_updates("update_point_cloud", CLOUDS, "PointCloud", short)
    for kind, collection in (("image", DC), ("raster", RASTERS)):
        call = _Method(f"move_{kind}", 1, collection, 9)
        yield call("defaults", 5, 6)
        yield call("keywords", new_project_id=5, new_data_collection_id=6)
        yield call("to 0", 0, 0)
    yield Case("move_point_cloud", "defaults", (1, CLOUDS, 9, 6))
    yield Case("move_point_cloud", "keyword", (1, CLOUDS, 9), {"new_data_collection_id": 6})
    yield Case("move_point_cloud", "to 0", (1, CLOUDS, 9, 0))


# Uploads


def _of_single_uploads(method: str, collection: int, file: str, wrong: int, support: bool) -> Iterator[Case]:
    call = _Method(method, 1, collection)
    job = f"/projects/1/data_collections/{collection}/upload_jobs"
    yield call("defaults", path(file))
    yield call("keyword", file_path=path(file))
    yield call("metadata", path(file), metadata={"fields": {"name": "ø", "fields_type": "x"}, "free": None})
    yield call("no metadata", path(file), metadata={})
    yield call("empty file", path("empty.jpg"))
    yield call("a name with letters and space", path("blå himmel.jpg"))
    yield call("multipart", path("big.tif"), multipart=True, multipart_part_size=PART)
    yield call("multipart in even parts", path("even.tif"), multipart=True, multipart_part_size=PART)
    yield call("multipart of one part", path(file), multipart=True, multipart_part_size=PART)
    yield call("multipart, metadata", path("big.tif"), metadata={"a": 1}, multipart=True, multipart_part_size=PART)
    yield call("multipart without part size", path(file), multipart=True)
    yield call("part size without multipart", path(file), multipart_part_size=PART)
    yield call("another kind of collection", path(file)).but(args=(1, wrong, path(file)))
    yield call("missing file", path("missing.jpg"))
    yield call("not accepted", path("bad.jpg"))
    yield call("the job at the second look", path(file)).at(job_looks=2)
    yield call("storage refuses", path(file)).answered(Scripted("POST", "/storage/*", 403, text="<Error/>", times=0))
    yield call("storage away once", path(file)).answered(Scripted("POST", "/storage/*", 503, text="<Error/>"))
    yield call("storage hangs up once", path(file)).answered(Scripted("POST", "/storage/*", drop=True))
    yield call("no upload jobs", path(file)).answered(Scripted("POST", f"{job}/", json=[]))
    yield call("refused", path(file)).answered(Scripted("POST", f"{job}/", 400, {"detail": "no"}))
    yield call("still validating", path(file)).answered(
        Scripted(
            "GET",
            f"{job}/",
            json=[{"id": 101, "name": file, "status": "validating", "detail": None, "result": None}],
        )
    )
    if support:
        yield call("support files", path(file), support_files=paths("a.prj", "a.jgw"))
        yield call("no support files", path(file), support_files=[])
        yield call("missing support file", path(file), support_files=paths("a.prj", "missing.prj"))
        big: dict[str, Any] = {"multipart": True, "multipart_part_size": PART}
        yield call("multipart with support files", path("big.tif"), support_files=paths("notes.txt"), **big)


def _of_multiple_uploads(method: str, collection: int, names: tuple[str, str], wrong: int) -> Iterator[Case]:
    call = _Method(method, 1, collection)
    two = [upload_file(name) for name in names]
    one = [upload_file(names[0])]
    yield call("defaults", two)
    yield call("one file", files=one)
    yield call("no files", [])
    yield call("files in another order", two[::-1])
    yield call("metadata", [upload_file(names[0], metadata=model("MetadataObject", json_metadata=_DIVERSE)), two[1]])
    fields = {"fields_type": "image", **_FIELDS}
    yield call("metadata with fields", [upload_file(names[0], metadata={"fields": fields, "json_metadata": {"a": 1}})])
    yield call("metadata without values", [upload_file(names[0], metadata=model("MetadataObject"))])
    yield call("metadata with true", [upload_file(names[0], metadata={"json_metadata": {"flag": True}})])
    yield call("support files", [upload_file(names[0], support_files=paths("a.prj", "a.jgw")), two[1]])
    yield call("no support files", [upload_file(names[0], support_files=[])])
    yield call("one is not accepted", [two[0], upload_file("bad.jpg")])
    yield call("none is accepted", [upload_file("bad.jpg")])
    yield call("equal names", [upload_file("a.jpg"), upload_file("other/a.jpg")])
    yield call("missing file", [two[0], upload_file("missing.jpg")])
    yield call("multipart", [two[0], upload_file("big.tif")], multipart=True, multipart_part_size=PART)
    yield call("multipart without part size", two, True)
    yield call("multipart with support files", [upload_file("big.tif", support_files=paths("notes.txt"))], True, PART)
    yield call("another kind of collection", two).but(args=(1, wrong, two))
    yield call("the group at the first look", two).at(group_looks=1)
    yield call("a file without metadata fields", [upload_file(names[0], metadata={"fields": {"name": "x"}})])
    jobs = f"/projects/1/data_collections/{collection}/upload_jobs/"
    yield call("validating at the first look", one).answered(
        Scripted("GET", jobs, json=[{"id": 101, "name": names[0], "status": "validating", "detail": None}])
    )


def _uploads() -> Iterator[Case]:
    yield from _of_lists("get_upload_jobs", 1, DC)
    yield from _of_single_uploads("upload_image", DC, "a.jpg", CLOUDS, True)
    yield from _of_single_uploads("upload_raster", RASTERS, "a.tif", DC, True)
    yield from _of_single_uploads("upload_point_cloud", CLOUDS, "a.laz", RASTERS, False)
    yield Case("upload_image", "arguments in place", (1, DC, path("a.jpg"), {"a": 1}, paths("a.jgw")))
    yield Case("upload_raster", "metadata in place", (1, RASTERS, path("a.tif"), {"a": 1}))
    yield Case("upload_raster", "support files in place", (1, RASTERS, path("a.tif"), paths("a.tfw")))
    for collection in (5, 6, 7):
        yield Case("upload_raster", f"collection {collection}", (1, collection, path("a.tif")))
    yield from _of_multiple_uploads("upload_multiple_images", DC, ("a.jpg", "b.jpg"), RASTERS)
    yield from _of_multiple_uploads("upload_multiple_rasters", RASTERS, ("a.tif", "big.tif"), DC)
    yield from _of_multiple_uploads("upload_multiple_point_clouds", CLOUDS, ("a.laz", "b.laz"), DC)


# Optimising, jobs


def _optimizing() -> Iterator[Case]:
    black = model("NearblackOptions", enabled=True)
    grey = model("NearblackOptions", enabled=True, color=0, algorithm="floodfill")
    place = "/projects/1/data_collections"
    for name in ("create_optimized_rasters", "optimize_rasters"):
        call = _Method(name, 1, RASTERS)
        yield call("ids", [1, 2])
        yield call("ids None", None)
        yield call("ids empty", [])
        yield call("all", raster_ids=[1], profile="web", nearblack=grey, overview_resampling="cubic")
        yield call("in place", [1], "web", black, "mode")
        yield call("no profile", [1], "")
        yield call("colour as text", [1], nearblack=model("NearblackOptions", enabled=False, color="white"))
        yield call("wrong colour", [1], nearblack=model("NearblackOptions", enabled=True, color=256))
    yield Case("create_optimized_rasters", "without ids", (1, RASTERS))
    yield Case("optimize_rasters", "defaults", (1, RASTERS))
    for name in ("create_optimized_point_clouds", "optimize_point_clouds"):
        call = _Method(name, 1, CLOUDS)
        yield call("ids", [1, 2])
        yield call("ids None", None)
        yield call("ids empty", point_cloud_ids=[])
    yield Case("optimize_point_clouds", "defaults", (1, CLOUDS))
    yield Case("create_optimized_point_clouds", "without ids", (1, CLOUDS))
    for name, collection, kind in (
        ("run_optimize_rasters", RASTERS, "optimize_raster_ids"),
        ("run_optimize_point_clouds", CLOUDS, "point_cloud_ids"),
    ):
        call = _Method(name, 1, collection)
        yield call("ids", [71, 72])
        yield call("ids None", None)
        yield call("ids empty", [])
        yield call("failed ones again", **{kind: [71], "retry_failed": True})
        yield call("the group at the first look", [71]).at(group_looks=1)
        yield call("the group at the fourth look", [71]).at(group_looks=4)
    for name, collection, kind in (
        ("optimize_rasters", RASTERS, "rasters"),
        ("optimize_point_clouds", CLOUDS, "point_clouds"),
    ):
        call = _Method(name, 1, collection)
        nothing = Scripted("POST", f"{place}/{collection}/{kind}/optimized/", json=[])
        yield call("nothing was created", [1]).answered(nothing)
        yield call("the group at the first look", [1]).at(group_looks=1)
    yield from _of_lists("get_optimized_rasters", 1, RASTERS)
    statuses: tuple[dict[str, Any], ...] = (
        {"status": "completed"},
        {"status": {"$enum": "PixelStatusEnum.in_progress"}},
        {"status": "nonsense"},
        {"format": "LAS", "point_record_format": 10, "version_major": 1, "version_minor": 4},
    )
    lists = _of_lists("get_optimized_point_clouds", 1, CLOUDS, params="OptimizedPointCloudListParams", more=statuses)
    yield from lists
    delete = _Method("delete_optimized_rasters", 1, RASTERS, 9)
    yield delete("defaults")
    yield delete("profile", "web å")
    yield delete("no profile", profile="")
    yield Case("delete_optimized_point_cloud", "defaults", (1, CLOUDS, 9))
    yield Case("delete_optimized_point_cloud", "keyword", (1, CLOUDS), {"point_cloud_id": 9})


def _jobs() -> Iterator[Case]:
    for name in ("get_job", "get_job_group"):
        yield Case(name, "defaults", (51,))
        yield Case(name, "keyword", (), {"job_id": 51})
        yield Case(name, "id as text", ("a-b",))
        yield Case(name, "not found", (51,)).answered(Scripted("GET", "/jobs/*", 404, {"detail": "no"}))
    wait = _Method("wait_for_job", 51)
    yield wait("defaults")
    yield wait("at the second look").at(job_looks=2)
    yield wait("at the fourth look", timeout=60).at(job_looks=4)
    yield wait("timeout in place", 30)
    yield wait("never, timeout 0", 0).at(job_looks=0)
    yield wait("never, timeout 1", timeout=1).at(job_looks=0)
    yield wait("at the last look that is allowed", timeout=5).at(job_looks=2)
    yield wait("refused").answered(Scripted("GET", "/jobs/*", 404, {"detail": "no"}))
    group = _Method("wait_for_group_job", 61)
    yield group("defaults")
    yield group("at the first look").at(group_looks=1)
    yield group("at the fourth look", timeout=60).at(group_looks=4)
    yield group("never, timeout 0", 0).at(group_looks=0)
    yield group("at the last look that is allowed", timeout=5).at(group_looks=3)
    yield group("refused").answered(Scripted("GET", "/jobs/groups/*", 404, {"detail": "no"}))


# Services


def _arcgis() -> Iterator[Case]:
    yield Case("list_gdo_users", "defaults")
    yield Case("list_gdo_users", "nobody").answered(Scripted("GET", "/arcgis_services/gdo-users", json=[]))
    layer = model(
        "ArcGISFeatureServiceImageLayerOptions",
        include_fields=["a", "å"],
        enable_oriented_imagery=True,
        enable_images_as_attachments=True,
        image_processed_type="original",
    )
    plain_layer = model("ArcGISFeatureServiceImageLayerOptions")
    feature = model("ArcGISFeatureServiceOptions", image_layer=plain_layer)
    full = model(
        "ArcGISFeatureServiceOptions",
        image_layer=layer,
        project_layer=model("ArcGISFeatureServiceProjectLayerOptions", include_fields=[]),
    )
    wms = {"enable": False, "supported_srids": [25832, 0], "abstract": "", "keywords": [], "title": "Ø"}
    image = model(
        "ArcGISImageServiceOptions",
        default_service_srid=25832,
        wms_options=model("ArcGISImageServiceWMSOptions", **wms),
    )

    def wanted(ids: Any = (1, 2), **options: Any) -> dict[str, Any]:
        chosen = model("ArcgisServiceCreateOptions", **options)
        return model(
            "ArcgisServiceCreateInput", name="Tjeneste", description="", data_collection_ids=[*ids], options=chosen
        )

    create = _Method("create_arcgis_service")
    yield create("feature", "Feature", wanted(feature_service_options=feature))
    yield create("feature, all", "Feature", wanted(gdo_users=["a"], feature_service_options=full))
    yield create("image", service_type="Image", create_input=wanted(image_service_options=image))
    yield create(
        "image, few",
        "Image",
        wanted(image_service_options=model("ArcGISImageServiceOptions", default_service_srid="0")),
    )
    yield create(
        "both options", "Image", wanted(gdo_users=[], image_service_options=image, feature_service_options=full)
    )
    yield create("feature without options", "Feature", wanted())
    yield create("image with options of feature", "Image", wanted(feature_service_options=feature))
    yield create("no collections", "Feature", wanted(ids=(), feature_service_options=feature))
    yield from _of_lists("list_arcgis_services", "Feature")
    yield Case("list_arcgis_services", "image", ("Image",))
    for name in ("get_arcgis_service", "delete_arcgis_service"):
        yield Case(name, "feature", ("Feature", 9))
        yield Case(name, "image", (), {"service_type": "Image", "service_id": 9})
        yield Case(name, "not found", ("Image", 9)).answered(Scripted(name[: name.index("_")].upper(), "*", 404, {}))
    update = _Method("update_arcgis_service", "Feature", 9)
    yield update("name", model("ArcgisServiceUpdateInput", name="Ny"))
    yield update("nothing", update_input=model("ArcgisServiceUpdateInput"))
    yield update("false values", model("ArcgisServiceUpdateInput", name="", description=""))
    options = model("ArcgisServiceCreateOptions", gdo_users=[], feature_service_options=full)
    yield update(
        "all", model("ArcgisServiceUpdateInput", name="N", description="D", data_collection_ids=[1], options=options)
    )
    yield update("no collections", model("ArcgisServiceUpdateInput", data_collection_ids=[]))
    for what in ("start", "stop", "refresh"):
        name = f"{what}_arcgis_service"
        place = f"/arcgis_services/Feature/9/{what}"
        call = _Method(name, "Feature", 9)
        yield call("defaults")
        yield call("the job at the third look").at(job_looks=3)
        yield call("without waiting", wait=False)
        yield call("without a job").answered(Scripted("PUT", place, json={"job": None, "arcgis_service": {"id": 9}}))
        yield Case(name, "image", (), {"service_type": "Image", "service_id": 9})
        yield call("refused").answered(Scripted("PUT", place, 409, {"detail": "is running"}))
    yield Case("start_arcgis_service", "in place", ("Feature", 9, False))
    yield Case("stop_arcgis_service", "in place", ("Feature", 9, False))
    refresh = _Method("refresh_arcgis_service", "Image", 9)
    yield refresh("data", True)
    yield refresh("data, without waiting", refresh_data=True, wait=False)
    yield refresh("in place", False, False)


def _harvest() -> Iterator[Case]:
    base: dict[str, Any] = {"name": "Høst", "description": "d", "url": "https://example.com/FeatureServer/0"}
    login = model("HarvestAuthInfo", credentials=model("Credentials", username="u", password="hemmelig"))
    key = model("HarvestAuthInfo", api_key=model("ApiKey", api_key="nøkkel", api_key_item_id="7"))
    create = _Method("create_harvest_service", 1, DC)
    yield create("login", model("HarvestServiceCreateInput", **base, auth=login))
    token = model("Credentials", username="u", password="p", token_url="https://example.com/t")
    yield create("login at a place", model("HarvestServiceCreateInput", **base, auth={"credentials": token}))
    yield create("key", create_input=model("HarvestServiceCreateInput", **base, auth=key))
    yield create("no login", model("HarvestServiceCreateInput", **base, auth=model("HarvestAuthInfo")))
    maps = [model("HarvestFieldMap", model="image", field_name="name", external_field="navn")]
    mapping = model("HarvestFieldMapping", maps=maps, extra_fields=["a", "b"])
    yield create(
        "all", model("HarvestServiceCreateInput", **base, auth=key, field_mappings=mapping, where_clause="år > 2020")
    )
    yield create(
        "false values",
        model(
            "HarvestServiceCreateInput",
            **base,
            auth=key,
            field_mappings={"maps": [], "extra_fields": []},
            where_clause="",
        ),
    )
    yield create("wrong", model("HarvestServiceCreateInput", **base))
    yield create("refused", model("HarvestServiceCreateInput", **base, auth=login)).answered(
        Scripted("POST", "*", 400, {"detail": "no"})
    )
    yield from _of_lists("list_harvest_services", 1, DC)
    for name in ("get_harvest_service", "delete_harvest_service", "start_harvest_service", "stop_harvest_service"):
        yield Case(name, "defaults", (1, DC, 9))
        yield Case(name, "keyword", (1, DC), {"service_id": 9})
    yield Case("start_harvest_service", "refused", (1, DC, 9)).answered(
        Scripted("POST", "*/start", 409, {"detail": "x"})
    )
    update = _Method("update_harvest_service", 1, DC, 9)
    yield update("name", model("HarvestServiceUpdateInput", name="Ny"))
    yield update("nothing", update_input=model("HarvestServiceUpdateInput"))
    changes = [
        model("HarvestFieldMapUpdate", operation="add", model="image", field_name="n", external_field="e"),
        model("HarvestFieldMapUpdate", operation="remove", model="image", field_name="m"),
    ]
    fields = model("FieldMapsUpdateInput", maps=changes, add_extra_fields=["a"], remove_extra_fields=[])
    yield update("all", model("HarvestServiceUpdateInput", **base, auth=login, where_clause="", field_mappings=fields))
    lacking = model("HarvestFieldMapUpdate", operation="update", model="image", field_name="n")
    yield update("a map without its field", model("HarvestServiceUpdateInput", field_mappings={"maps": [lacking]}))
    yield update("refused", model("HarvestServiceUpdateInput", auth=key)).answered(
        Scripted("PUT", "*", 400, {"detail": "no"})
    )
    tasks = _Method("get_harvest_service_tasks", 1, DC, 9)
    name = "HarvestTaskListParams"
    yield tasks("params", model(name, limit=2, ids=[1, 2]))
    yield tasks("params without values", params=model(name))
    yield tasks("status", params=model(name, status="completed", get_new=True))
    yield tasks("status as enum", params=model(name, status={"$enum": "PixelStatusEnum.failed"}, get_new=False))
    yield tasks("params of None", None)
    yield tasks("params of None and keywords", None, limit=2, offset=0)
    yield tasks("params and keywords", params=model(name, limit=2), offset=5)
    yield tasks("keywords of harvest", None, status="completed", get_new=True)
    yield tasks("no params")
    yield tasks("keywords alone", limit=3)
    yield tasks("wrong params", params=model(name, status="nonsense"))


def _attachments() -> Iterator[Case]:
    lists = _Method("list_attachments")
    for kind in ("project", "data_collection", "image"):
        yield lists(kind, kind, 3)
    yield lists("status", "project", 3, "Completed")
    yield lists("status as keyword", resource_type="project", resource_id=3, status="Pending")
    yield lists("status None", "project", 0, None)
    yield lists("status empty", "project", 3, "")
    add = _Method("add_attachments", "project", 3)
    full = model("PixelAttachmentUpload", file=path("a.jpg"), name="Bilde å.jpg", description="et bilde")
    yield add("a path", paths("notes.txt"))
    yield add("a model", files=[model("PixelAttachmentUpload", file=path("a.jpg"))])
    yield add("name and description", [full])
    yield add("several", [path("notes.txt"), full, model("PixelAttachmentUpload", file=path("a.prj"), description="x")])
    yield add("an empty file", paths("empty.jpg"))
    yield add("a name with letters and space", paths("blå himmel.jpg"))
    yield add("none", [])
    yield add("equal names", [path("a.jpg"), path("other/a.jpg")])
    yield add(
        "equal names, renamed", [path("a.jpg"), model("PixelAttachmentUpload", file=path("other/a.jpg"), name="b")]
    )
    yield add("missing file", paths("missing.txt"))
    yield Case("add_attachments", "to an image", ("image", 9, paths("a.jpg")))
    yield add("not pending", paths("a.jpg")).answered(
        Scripted(
            "POST",
            "/attachments/",
            json=[{"id": 81, "name": "a.jpg", "status": "Completed", "upload_file_params": None}],
        )
    )
    yield add("refused", paths("a.jpg")).answered(Scripted("POST", "/attachments/", 400, {"detail": "no"}))
    yield Case("move_attachment", "defaults", ("project", 3, 81, "image", 4))
    yield Case(
        "move_attachment",
        "keywords",
        ("project", 0),
        {"attachment_id": 81, "new_resource_type": "data_collection", "new_resource_id": 0},
    )
    yield Case("delete_attachment", "defaults", ("project", 3, 81))
    yield Case("delete_attachment", "keywords", (), {"resource_type": "image", "resource_id": 3, "attachment_id": 0})


# Search, analysis

_FILTERS: dict[str, Any] = {
    "text": {"==": [{"var": "name"}, "Å"]},
    "number": {">=": [{"var": "id"}, 0]},
    "float": {"<": [{"var": "hfov"}, 1.5]},
    "null": {"!=": [{"var": "name"}, None]},
    "list": {"in": [{"var": "id"}, [1, "a", None, 2.5]]},
    "date": {">": [{"var": "created_at"}, instant("2024-05-14T12:00:00+00:00")]},
    "date without zone": {">": [{"var": "created_at"}, instant("2024-05-14T12:00:00")]},
    "text like a date": {">": [{"var": "created_at"}, "2024-05-14T12:00:00Z"]},
    "nested": {
        "and": [
            {"or": [{"~": [{"var": "name"}, "%a%"]}, {"!contains": [{"var": "tags"}, ["b"]]}]},
            {"!in": [{"var": "id"}, [3]]},
        ]
    },
    "unknown operator": {"=~": [{"var": "name"}, "a"]},
    "an empty list": {"in": [{"var": "id"}, []]},
    "true": {"==": [{"var": "enabled"}, True]},
}


def _search() -> Iterator[Case]:
    yield Case("search_info", "defaults", ("images",))
    yield Case("search_info", "keyword", (), {"on": "data_collections"})
    search = _Method("search")
    yield search("a mapping", {"on": "images"})
    yield search("a model", model("SearchQuery", on="projects"))
    full: dict[str, Any] = {
        "on": "rasters",
        "intersects": "POINT (5 58)",
        "search": "blå himmel",
        "out_fields": ["id", "name"],
        "sort": [{"field": "id", "direction": "desc"}, {"field": "name"}],
        "distinct": True,
        "limit": 2,
        "offset": 1,
    }
    yield search("all", search_query=full)
    yield search("all in a model", model("SearchQuery", **full))
    yield search("false values", {"on": "images", "search": "", "out_fields": [], "sort": [], "limit": 0})
    yield search("unknown name", {"on": "images", "more": 1})
    yield search("unknown place", {"on": "nothing"})
    yield search("no place", {})
    for label, value in _FILTERS.items():
        yield search(f"filter {label}", {"on": "images", "filter": value})
        yield search(f"filter {label} in a model", model("SearchQuery", on="images", filter=value))
    yield search("refused", {"on": "images"}).answered(Scripted("POST", "/search/", 400, {"detail": "no"}))
    pages = _Method("paginate_search")
    yield pages("a mapping", {"on": "images"}, 2).at(total=5)
    yield pages("a model", model("SearchQuery", **full), page_size=2).at(total=4)
    yield pages("limit and offset", {"on": "images", "limit": 7, "offset": 3}, 2)
    yield pages("only the first item", {"on": "images", "search": "x"}, 2).but(take=1)
    yield pages("no results", {"on": "images"}, 2).at(total=0)
    yield pages("no results in the answer", {"on": "images"}, 2).answered(
        Scripted("POST", "/search/", json={"count": 0})
    )
    yield pages("a list", {"on": "images"}, 2).answered(Scripted("POST", "/search/", json=[{"id": 1}]))
    yield pages("filter null", {"on": "images", "filter": {"==": [{"var": "a"}, None]}}, 5)
    yield pages("unknown place", {"on": "nothing"}, 2)
    yield pages("page size 0", {"on": "images"}, 0).answered(
        Scripted("POST", "/search/", json={"results": []}),
        Scripted("POST", "/search/", status=400, json={"detail": "enough"}, times=0),
    )


def _analysis() -> Iterator[Case]:
    yield Case("list_analysis_modules", "defaults")
    yield Case("list_analysis_modules", "none").answered(Scripted("GET", "/analysis/modules/", json=[]))
    services: tuple[dict[str, Any], ...] = ({"enabled": True}, {"enabled": False}, {"enabled": "nonsense"})
    yield from _of_lists("list_analysis_services", params="AnalysisServiceListParams", more=services)
    yield Case("list_analysis_services", "list_input", (), {"list_input": model("AnalysisServiceListParams", limit=1)})
    config = {"a": None, "b": [1, None], "c": {"d": 0}}
    wanted = {"name": "Tjeneste", "module_name": "m", "config": config}
    create = _Method("create_analysis_service")
    yield create("a model", model("AnalysisServiceCreateUpdateInput", **wanted))
    yield create("not enabled", create_input=model("AnalysisServiceCreateUpdateInput", **wanted, enabled=False))
    yield create("keywords", **wanted)
    yield create("keywords and more", **wanted, enabled=False, nonsense=1)
    yield create("a model and keywords", model("AnalysisServiceCreateUpdateInput", **wanted), name="other")
    yield create("no config", name="n", module_name="m", config={})
    yield create("nothing")
    yield create("wrong", name="n")
    patch = _Method("patch_analysis_service", 9)
    yield patch("a model", model("AnalysisServicePatchInput", name="Ny"))
    yield patch("keywords", enabled=False, config=config)
    yield patch("an explicit None", model("AnalysisServicePatchInput", name=None, enabled=True))
    yield patch("keyword None", name=None)
    yield patch("no config", config={})
    yield patch("nothing")
    yield patch("a model without values", patch_input=model("AnalysisServicePatchInput"))
    yield patch("a model and keywords", model("AnalysisServicePatchInput", name="Ny"), enabled=False)
    yield patch("unknown keyword", nonsense=1)
    yield patch("wrong", enabled="perhaps")
    for name, args, label in (
        ("delete_analysis_service", (9,), "service_id"),
        ("delete_analysis_task", (9, 4), "task_id"),
    ):
        yield Case(name, "defaults", args)
        yield Case(name, "keyword", args[:-1], {label: args[-1]})
        yield Case(name, "status 204", args).answered(Scripted("DELETE", "*", status=204, text=""))
        yield Case(name, "no JSON", args).answered(Scripted("DELETE", "*", text="gone"))
        yield Case(name, "not found", args).answered(Scripted("DELETE", "*", 404, {"detail": "no"}))
    tasks: tuple[dict[str, Any], ...] = (
        {"status": "SUCCESS"},
        {"status": {"$enum": "AnalysisTaskStatusEnum.RUNNING"}},
        {"status": "completed"},
    )
    yield from _of_lists("list_analysis_tasks", 9, params="AnalysisTaskListParams", name="list_input", more=tasks)
    create = _Method("create_analysis_task", 9)
    yield create("a model", model("AnalysisTaskCreateInput", params={"x": None}))
    yield create("a model with a name", params=model("AnalysisTaskCreateInput", name="ø", params={}))
    yield create("keywords", name="n", params={"x": 1})
    yield create("nothing")
    for name in ("run_analysis_task", "revoke_analysis_task"):
        yield Case(name, "defaults", (9, 4))
        yield Case(name, "keyword", (9,), {"task_id": 4})
        yield Case(name, "refused", (9, 4)).answered(Scripted("POST", "*", 409, {"detail": "no"}))


def all_cases() -> list[Case]:
    """All cases, in the order in which they run. Raises ValueError for two of the same name."""
    groups = (_clients, _users, _projects, _data_collections, _resources, _uploads, _optimizing, _jobs, _arcgis)
    cases = [case for group in (*groups, _harvest, _attachments, _search, _analysis) for case in group()]
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"several cases have the name {', '.join(twice)}")
    return cases

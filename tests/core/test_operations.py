"""Every operation and the exact requests that it makes: the table below is the contract of spec sections 2 and 3."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pixel_core import Flow, PixelApi
from pixel_core.api import operation_names
from pixel_core.http1 import ClientConnection
from pixel_core.models import (
    DataCollectionListParams,
    ImageMetadataFields,
    ImageUpdateInput,
    ListParams,
    PixelUploadFile,
    RasterInfo,
)
from tests.core.scripted_api import Expected, World, body_of, told

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
SQUARE_SENT = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}
ROOT = "/acme/projects"
P = f"{ROOT}/7"
D = f"{P}/data_collections/8"
UPLOADS = "/acme/projects/1/data_collections/2"

Call = Callable[[PixelApi], Flow[Any]]


@dataclass
class Row:
    """An operation, how it is called, and the one request that has to come of it."""

    name: str
    call: Call
    method: str
    target: str
    body: Any = None


@dataclass
class Story:
    """An operation that makes several requests: all of them, with their answers, and the result."""

    name: str
    call: Call
    script: list[Expected]
    result: Any


ROWS = [
    Row("me", lambda api: api.me(), "GET", "/acme/users/me?extended=false"),
    Row("me", lambda api: api.me(extended=True), "GET", "/acme/users/me?extended=true"),
    Row("me", lambda api: api.me(True), "GET", "/acme/users/me?extended=true"),
    Row("get_plugins", lambda api: api.get_plugins(), "GET", "/acme/plugins/"),
    Row(
        "create_project",
        lambda api: api.create_project("Ås", "d", SQUARE),
        "POST",
        f"{ROOT}/",
        {"name": "Ås", "description": "d", "area_of_interest": SQUARE_SENT},
    ),
    Row(
        "create_project",
        lambda api: api.create_project("n", "d", {**SQUARE, "bbox": [0, 0, 1, 1]}, 0, []),
        "POST",
        f"{ROOT}/",
        {"name": "n", "description": "d", "area_of_interest": {**SQUARE_SENT, "bbox": [0.0, 0.0, 1.0, 1.0]}},
    ),
    Row(
        "create_project",
        lambda api: api.create_project("n", "", SQUARE, parent_project_id=3, tags=("a", "b")),
        "POST",
        f"{ROOT}/",
        {
            "name": "n",
            "description": "",
            "area_of_interest": SQUARE_SENT,
            "parent_project_id": 3,
            "tags": ["a", "b"],
        },
    ),
    Row("list_projects", lambda api: api.list_projects(), "GET", f"{ROOT}/"),
    Row(
        "list_projects",
        lambda api: api.list_projects(
            ListParams(extended=True, name="a b&c", ids=[1, 2], tags=["x", "y"], offset=0, limit=5)
        ),
        "GET",
        f"{ROOT}/?extended=true&name=a+b%26c&ids=1%2C2&tags=x%2Cy&offset=0&limit=5",
    ),
    Row("list_projects", lambda api: api.list_projects(ids=["3"], name="", unknown=1), "GET", f"{ROOT}/?name=&ids=3"),
    Row("list_deleted_projects", lambda api: api.list_deleted_projects(), "GET", f"{ROOT}/deleted"),
    Row("list_deleted_projects", lambda api: api.list_deleted_projects(limit=1), "GET", f"{ROOT}/deleted?limit=1"),
    Row("get_project", lambda api: api.get_project(7), "GET", f"{P}?extended=false"),
    Row("get_project", lambda api: api.get_project(7, extended=True), "GET", f"{P}?extended=true"),
    Row("update_project", lambda api: api.update_project(7, "n"), "PUT", P, {"name": "n"}),
    Row(
        "update_project",
        lambda api: api.update_project(
            7, name="", description="", area_of_interest=SQUARE, add_tags=[], remove_tags=["x"]
        ),
        "PUT",
        P,
        {"name": "", "description": "", "area_of_interest": SQUARE_SENT, "add_tags": [], "remove_tags": ["x"]},
    ),
    Row("delete_project", lambda api: api.delete_project(7), "DELETE", P),
    Row("restore_project", lambda api: api.restore_project(7), "POST", f"{P}/restore"),
    Row("move_project", lambda api: api.move_project(7, 3), "PUT", f"{P}/move?new_parent_id=3"),
    Row("move_project", lambda api: api.move_project(7), "PUT", f"{P}/move?new_parent_id=-1"),
    Row("move_project", lambda api: api.move_project(7, 0), "PUT", f"{P}/move?new_parent_id=-1"),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "image"),
        "POST",
        f"{P}/data_collections/",
        {"name": "n", "description": "d", "data_collection_type": "image"},
    ),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "DTM", ["t"], RasterInfo(srid=25833, cell_size=(1, 2))),
        "POST",
        f"{P}/data_collections/",
        {
            "name": "n",
            "description": "d",
            "data_collection_type": "DTM",
            "tags": ["t"],
            "raster_info": {"srid": 25833, "cell_size": [1.0, 2.0]},
        },
    ),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "RGB", tags=[], raster_info=RasterInfo()),
        "POST",
        f"{P}/data_collections/",
        {"name": "n", "description": "d", "data_collection_type": "RGB", "raster_info": {}},
    ),
    Row("list_data_collections", lambda api: api.list_data_collections(7), "GET", f"{P}/data_collections/"),
    Row(
        "list_data_collections",
        lambda api: api.list_data_collections(7, data_collection_type="RGB", tags=["a"]),
        "GET",
        f"{P}/data_collections/?tags=a&data_collection_type=RGB",
    ),
    Row(
        "list_data_collections",
        lambda api: api.list_data_collections(7, DataCollectionListParams(extended=False, tags=[])),
        "GET",
        f"{P}/data_collections/?extended=false",
    ),
    Row(
        "list_deleted_data_collections",
        lambda api: api.list_deleted_data_collections(7, limit=3),
        "GET",
        f"{P}/data_collections/deleted?limit=3",
    ),
    Row("get_data_collection", lambda api: api.get_data_collection(7, 8), "GET", D),
    Row(
        "update_data_collection",
        lambda api: api.update_data_collection(7, 8, "n", "d", ["a"], []),
        "PUT",
        D,
        {"name": "n", "description": "d", "add_tags": ["a"], "remove_tags": []},
    ),
    Row("move_data_collection", lambda api: api.move_data_collection(7, 8, 9), "PUT", f"{D}/move?new_project_id=9"),
    Row("delete_data_collection", lambda api: api.delete_data_collection(7, 8), "DELETE", D),
    Row("restore_data_collection", lambda api: api.restore_data_collection(7, 8), "POST", f"{D}/restore"),
    Row("get_images", lambda api: api.get_images(7, 8), "GET", f"{D}/images/"),
    Row(
        "get_images",
        lambda api: api.get_images(7, 8, ListParams(name="a", limit=1), limit=2, newer=1.5),
        "GET",
        f"{D}/images/?name=a&limit=2&newer=1.5",
    ),
    Row("get_image", lambda api: api.get_image(7, 8, 9), "GET", f"{D}/images/9"),
    Row("get_image_metadata", lambda api: api.get_image_metadata(7, 8, 9), "GET", f"{D}/images/9/metadata"),
    Row(
        "update_image",
        lambda api: api.update_image(
            7,
            8,
            9,
            ImageUpdateInput(
                add_tags=[], json_metadata={"ok": True, "n": None}, fields=ImageMetadataFields(cam_height=2)
            ),
        ),
        "PUT",
        f"{D}/images/9",
        {
            "add_tags": [],
            "json_metadata": {"ok": True, "n": None},
            "fields": {"fields_type": "image", "cam_height": 2.0},
        },
    ),
    Row(
        "move_image",
        lambda api: api.move_image(7, 8, 9, new_project_id=1, new_data_collection_id=2),
        "PUT",
        f"{D}/images/9/move?new_project_id=1&new_data_collection_id=2",
    ),
    Row("delete_image", lambda api: api.delete_image(7, 8, 9), "DELETE", f"{D}/images/9"),
    Row("get_upload_jobs", lambda api: api.get_upload_jobs(7, 8), "GET", f"{D}/upload_jobs/"),
    Row(
        "get_upload_jobs",
        lambda api: api.get_upload_jobs(7, 8, ids=[1, 2], limit=2),
        "GET",
        f"{D}/upload_jobs/?ids=1%2C2&limit=2",
    ),
    Row("get_job", lambda api: api.get_job("j-1"), "GET", "/acme/jobs/j-1"),
    Row("get_job_group", lambda api: api.get_job_group(5), "GET", "/acme/jobs/groups/5"),
]

DONE = {"completed": True, "status": "x"}
JOB = {
    "id": 5,
    "name": "a.jpg",
    "url": "https://s3.test/b",
    "upload_fields": {"key": "k"},
}
FINISHED = {"id": 5, "status": "validated_and_moved", "result": {"resource_name": "image", "resource_id": 9}}
DECLARED = {"files": [{"name": "a.jpg", "md5": "XUFAKrxLKna5cZ2REBfFkg=="}]}

STORIES = [
    Story("wait_for_job", lambda api: api.wait_for_job(5), [Expected("GET", "/acme/jobs/5", told(DONE))], DONE),
    Story(
        "wait_for_group_job",
        lambda api: api.wait_for_group_job(5),
        [Expected("GET", "/acme/jobs/groups/5", told(DONE))],
        DONE,
    ),
    Story(
        "upload_image",
        lambda api: api.upload_image(1, 2, "/p/a.jpg"),
        [
            Expected("GET", UPLOADS, told({"data_collection_type": "image"})),
            Expected("POST", f"{UPLOADS}/upload_jobs/", told([JOB]), DECLARED),
            Expected("POST", "/b", told(None, 204)),
            Expected("PUT", f"{UPLOADS}/upload_jobs/5/uploadFinished", told({"job": {"job_id": "j"}})),
            Expected("GET", "/acme/jobs/j", told(DONE)),
            Expected("GET", f"{UPLOADS}/upload_jobs/?ids=5&limit=1", told([FINISHED])),
            Expected("GET", f"{UPLOADS}/images/9", told({"id": 9})),
        ],
        {"id": 9},
    ),
    Story(
        "upload_multiple_images",
        lambda api: api.upload_multiple_images(1, 2, [PixelUploadFile.model_validate({"file": "/p/a.jpg"})]),
        [
            Expected("GET", UPLOADS, told({"data_collection_type": "image"})),
            Expected("POST", f"{UPLOADS}/upload_jobs/", told([JOB]), DECLARED),
            Expected("POST", "/b", told(None, 204)),
            Expected(
                "PUT",
                f"{UPLOADS}/upload_jobs/multiple_uploadFinished",
                told({"group_job": {"group_id": 6}}),
                {"job_ids": [5]},
            ),
            Expected("GET", "/acme/jobs/groups/6", told(DONE)),
            Expected("GET", f"{UPLOADS}/upload_jobs/?ids=5&limit=1", told([FINISHED])),
            Expected("GET", f"{UPLOADS}/images/?ids=9&limit=1", told([{"id": 9}])),
        ],
        ([{"id": 9}], []),
    ),
    Story(
        "paginate_images",
        lambda api: next(api.paginate_images(7, 8, 50, name="x")),
        [Expected("GET", f"{D}/images/?offset=0&limit=50&name=x", told([]))],
        None,
    ),
]


def _label(row: Row) -> str:
    return f"{row.name}: {row.method} {row.target}"


@pytest.mark.parametrize("row", ROWS, ids=_label)
def test_an_operation_makes_exactly_its_request_and_gives_the_answer_as_it_is(row: Row) -> None:
    answer = [{"id": 1, "unknown": None}] if row.name.startswith(("list", "get_images")) else {"id": 1, "unknown": None}
    world = World([Expected(row.method, row.target, told(answer))])
    assert world.finish(row.call(world.api)) == answer
    (request,) = world.requests
    assert str(request.origin) == "https://pixel.test"
    assert body_of(request) == row.body
    names = ["Authorization", "X-Request-ID", "Accept"] + (["Content-Type"] if row.body is not None else [])
    assert [name for name, _ in request.headers] == names
    assert request.headers["Authorization"] == "Bearer t1"
    assert request.headers["Accept"] == "application/json"
    assert request.headers.get("Content-Type") == ("application/json" if row.body is not None else None)
    assert UUID4.fullmatch(request.headers["X-Request-ID"])


@pytest.mark.parametrize("story", STORIES, ids=[each.name for each in STORIES])
def test_an_operation_of_several_requests_makes_them_in_order(story: Story) -> None:
    world = World(story.script, files={"/p/a.jpg": b"hello"})
    result = world.finish(story.call(world.api))
    assert story.result is None or result == story.result


def test_every_operation_has_a_row() -> None:
    assert sorted({each.name for each in ROWS} | {each.name for each in STORIES}) == operation_names()


@pytest.mark.parametrize("row", ROWS, ids=_label)
def test_an_operation_asks_for_nothing_before_it_is_run(row: Row) -> None:
    world = World()
    row.call(world.api).close()
    assert (world.requests, world.logins, world.events) == ([], [], [])


def wire(call: Call) -> bytes:
    """The whole request of a call as bytes."""
    world = World(lambda _: told({"id": 1}), bits=[0x0123456789ABCDEF0123456789ABCDEF])
    world.run(call(world.api))
    segments = ClientConnection().start(world.requests[0])
    assert all(isinstance(each, bytes) for each in segments)
    return b"".join(each for each in segments if isinstance(each, bytes))


COMMON = (
    b"Host: pixel.test\r\n"
    b"Authorization: Bearer t1\r\n"
    b"X-Request-ID: 01234567-89ab-4def-8123-456789abcdef\r\n"
    b"Accept: application/json\r\n"
)

WIRES: list[tuple[Call, bytes]] = [
    (lambda api: api.me(), b"GET /acme/users/me?extended=false HTTP/1.1\r\n" + COMMON + b"\r\n"),
    (lambda api: api.delete_project(7), b"DELETE /acme/projects/7 HTTP/1.1\r\n" + COMMON + b"\r\n"),
    (
        lambda api: api.restore_project(7),
        b"POST /acme/projects/7/restore HTTP/1.1\r\n" + COMMON + b"Content-Length: 0\r\n\r\n",
    ),
    (
        lambda api: api.move_project(7, 3),
        b"PUT /acme/projects/7/move?new_parent_id=3 HTTP/1.1\r\n" + COMMON + b"Content-Length: 0\r\n\r\n",
    ),
    (
        lambda api: api.update_project(7, name="Ås"),
        b"PUT /acme/projects/7 HTTP/1.1\r\n"
        + COMMON
        + b"Content-Type: application/json\r\nContent-Length: 14\r\n\r\n"
        + '{"name":"Ås"}'.encode(),
    ),
    (
        lambda api: api.list_projects(name="a b,c/d", ids=[1, 2]),
        b"GET /acme/projects/?name=a+b%2Cc%2Fd&ids=1%2C2 HTTP/1.1\r\n" + COMMON + b"\r\n",
    ),
]


@pytest.mark.parametrize(("call", "expected"), WIRES, ids=lambda value: value[:40] if isinstance(value, bytes) else "")
def test_a_request_is_right_to_the_byte(call: Call, expected: bytes) -> None:
    assert wire(call) == expected


# What is refused before anything is sent


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.update_project(7),
        lambda api: api.update_data_collection(7, 8),
        lambda api: api.update_project(7, None, None, None, None, None),
    ],
)
def test_an_update_of_nothing_is_a_value_error(call: Call) -> None:
    world = World()
    error = world.fail(call(world.api), ValueError)
    assert str(error).startswith("No update parameters provided")


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.create_project("n", "d", {"type": "Point", "coordinates": [1, 2]}),
        lambda api: api.update_project(7, area_of_interest={"type": "Polygon"}),
        lambda api: api.list_projects(ids="abc"),
        lambda api: api.list_data_collections(7, data_collection_type="shoes"),
        lambda api: api.update_image(7, 8, 9, {}),
        lambda api: api.upload_multiple_images(7, 8, [{"path": "a"}]),
    ],
)
def test_a_wrong_value_is_a_validation_error(call: Callable[[Any], Flow[Any]]) -> None:
    world = World()
    error = world.fail(call(world.api), ValueError)
    assert type(error).__name__ == "ValidationError"


def test_wrong_arguments_are_a_type_error_at_the_call_itself() -> None:
    api: Any = World().api
    with pytest.raises(TypeError):
        api.get_project()
    with pytest.raises(TypeError):
        api.get_project(7, wrong=1)


# Ids in paths (defect 13)


@pytest.mark.parametrize(
    ("project_id", "target"),
    [
        ("1/../../users/me", f"{ROOT}/1%2F..%2F..%2Fusers%2Fme?extended=false"),
        ("7?x=1#y", f"{ROOT}/7%3Fx%3D1%23y?extended=false"),
        ("Å", f"{ROOT}/%C3%85?extended=false"),
        ("7\r\nX: y", f"{ROOT}/7%0D%0AX%3A%20y?extended=false"),
        ("%2e%2e", f"{ROOT}/%252e%252e?extended=false"),
    ],
)
def test_an_id_cannot_reach_another_endpoint(project_id: Any, target: str) -> None:
    world = World([Expected("GET", target, told({}))])
    world.finish(world.api.get_project(project_id))


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_that_no_escaping_makes_safe_is_refused(bad: Any) -> None:
    calls: list[Call] = [
        lambda api: api.get_project(bad),
        lambda api: api.get_data_collection(7, bad),
        lambda api: api.get_image(7, 8, bad),
        lambda api: api.get_job(bad),
    ]
    for call in calls:
        world = World()
        world.fail(call(world.api), ValueError)


def test_keywords_may_be_called_self() -> None:
    world = World([Expected("GET", f"{D}/images/?self=1", told([]))])
    world.finish(world.api.get_images(7, 8, self=1))


def test_a_body_is_compact_json() -> None:
    world = World(lambda _: told({}))
    world.run(world.api.update_project(7, name="a", add_tags=["b"]))
    assert world.requests[0].body == json.dumps({"name": "a", "add_tags": ["b"]}, separators=(",", ":")).encode()

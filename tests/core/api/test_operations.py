"""Every operation and the exact requests that it makes: the tables are the contract of spec sections 2 and 3."""

import json
import re
from collections.abc import Callable
from inspect import signature
from typing import Any, Literal, get_args, get_origin

import pytest

from pixel_core import Flow, PixelApi, Request
from pixel_core.api import operation_names
from pixel_core.errors import PixelNotFoundError
from pixel_core.http.connection import ClientConnection
from pixel_core.models import ImageMetadataFields, ImageUpdateInput, OIDCUserUpdateInput
from tests.core.api import rows_objects, rows_places, rows_search, rows_services
from tests.core.api.rows import ROOT, Call, D, Row, Story
from tests.support.scripted_api import Expected, World, body_of, told

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ROWS: list[Row] = rows_places.ROWS + rows_objects.ROWS + rows_services.ROWS + rows_search.ROWS
STORIES: list[Story] = rows_places.STORIES + rows_objects.STORIES + rows_services.STORIES + rows_search.STORIES


def _label(row: Row) -> str:
    return f"{row.name}: {row.method} {row.target}"


def check_headers(request: Request) -> None:
    """A request to the API has exactly these header fields."""
    assert str(request.origin) == "https://pixel.test"
    fields = dict(request.headers)
    assert UUID4.fullmatch(fields.pop("X-Request-ID"))
    content_type = {} if body_of(request) is None else {"Content-Type": "application/json"}
    always = {"Authorization": "Bearer t1", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
    assert fields == {**always, **content_type}


@pytest.mark.parametrize("row", ROWS, ids=_label)
def test_an_operation_makes_exactly_its_request_and_gives_the_answer_as_it_is(row: Row) -> None:
    shape = get_args(signature(getattr(PixelApi, row.name)).return_annotation)[-1]
    item = {"id": 1, "unknown": None}
    answer = [item] if get_origin(shape) is list else item
    world = World([Expected(row.method, row.target, told(answer))])
    assert world.finish(row.call(world.api)) == (True if get_origin(shape) is Literal else answer)
    (request,) = world.requests
    assert body_of(request) == row.body
    check_headers(request)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_an_operation_of_several_requests_makes_them_in_order(story: Story) -> None:
    world = World(story.script, files={"/p/a.jpg": b"hello", "/p/b.jpg": b"other"})
    result = world.finish(story.call(world.api))
    assert story.result is None or result == story.result
    for request in world.requests:
        if request.origin.host == "s3.test":
            assert list(request.headers) == []
        else:
            check_headers(request)


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
    b"Host: pixel.test\r\nAuthorization: Bearer t1\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
)
REQUEST_ID = b"X-Request-ID: 01234567-89ab-4def-8123-456789abcdef\r\n"

WIRES: list[tuple[Call, bytes]] = [
    (lambda api: api.me(), b"GET /acme/users/me?extended=false HTTP/1.1\r\n" + COMMON + REQUEST_ID + b"\r\n"),
    (lambda api: api.delete_project(7), b"DELETE /acme/projects/7 HTTP/1.1\r\n" + COMMON + REQUEST_ID + b"\r\n"),
    (
        lambda api: api.restore_project(7),
        b"POST /acme/projects/7/restore HTTP/1.1\r\n" + COMMON + REQUEST_ID + b"Content-Length: 0\r\n\r\n",
    ),
    (
        lambda api: api.move_project(7, 3),
        b"PUT /acme/projects/7/move?new_parent_id=3 HTTP/1.1\r\n" + COMMON + REQUEST_ID + b"Content-Length: 0\r\n\r\n",
    ),
    (
        lambda api: api.update_project(7, name="Ås"),
        b"PUT /acme/projects/7 HTTP/1.1\r\n"
        + COMMON
        + b"Content-Type: application/json\r\n"
        + REQUEST_ID
        + b"Content-Length: 14\r\n\r\n"
        + '{"name":"Ås"}'.encode(),
    ),
    (
        lambda api: api.list_projects(name="a b,c/d", ids=[1, 2]),
        b"GET /acme/projects/?name=a+b%2Cc%2Fd&ids=1%2C2 HTTP/1.1\r\n" + COMMON + REQUEST_ID + b"\r\n",
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


def calls_with(value: Any) -> list[Flow[Any]]:
    """Calls that put a value into their path, of every resource and every kind of id."""
    api = World().api
    return [
        api.get_project(value),
        api.get_data_collection(7, value),
        api.get_image(7, 8, value),
        api.get_raster(7, 8, value),
        api.move_raster(7, 8, value, 1, 2),
        api.get_point_cloud(7, 8, value),
        api.move_point_cloud(7, 8, value, 1),
        api.create_optimized_rasters(value, 8, None),
        api.run_optimize_point_clouds(7, value, None),
        api.delete_optimized_rasters(7, 8, value),
        api.delete_optimized_point_cloud(7, 8, value),
        api.get_job(value),
        api.wait_for_group_job(value),
        api.list_arcgis_services(value),
        api.get_arcgis_service("Image", value),
        api.start_arcgis_service("Image", value),
        api.get_harvest_service(7, 8, value),
        api.get_harvest_service_tasks(7, 8, value),
        api.stop_harvest_service(value, 8, 9),
        api.patch_analysis_service(value),
        api.list_analysis_tasks(value),
        api.delete_analysis_task(5, value),
        api.run_analysis_task(value, 6),
        api.update_oidc_user(value, OIDCUserUpdateInput()),
    ]


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_that_no_escaping_makes_safe_is_refused(bad: Any) -> None:
    for flow in calls_with(bad):
        World().fail(flow, ValueError)


def test_no_id_of_any_operation_can_reach_another_endpoint() -> None:
    for flow in calls_with("1/../../users/me"):
        world = World(lambda _: told({}, 404))
        world.fail(flow, PixelNotFoundError)
        (request,) = world.requests
        assert "1%2F..%2F..%2Fusers%2Fme" in request.target


def test_numbers_that_json_does_not_have_are_a_value_error_and_nothing_is_sent() -> None:
    calls: list[Call] = [
        lambda api: api.update_image(7, 8, 9, ImageUpdateInput(fields=ImageMetadataFields(hfov=float("nan")))),
        lambda api: api.create_analysis_task(5, params={"a": float("inf")}),
        lambda api: api.search({"on": "images", "filter": {"<": [{"var": "a"}, float("nan")]}}),
    ]
    for call in calls:
        world = World()
        world.fail(call(world.api), ValueError)
        assert world.requests == world.logins == []


def test_keywords_may_be_called_self() -> None:
    world = World([Expected("GET", f"{D}/images/?self=1", told([]))])
    world.finish(world.api.get_images(7, 8, self=1))


def test_a_body_is_compact_json() -> None:
    world = World(lambda _: told({}))
    world.run(world.api.update_project(7, name="a", add_tags=["b"]))
    assert world.requests[0].body == json.dumps({"name": "a", "add_tags": ["b"]}, separators=(",", ":")).encode()

"""Every operation sends exactly the requests of the table (`tests/support/operations`)."""

import re
from inspect import signature
from typing import Any, Literal, get_args, get_origin

import pytest

from pixel_core import PixelApi, Request
from pixel_core.api import operation_names
from pixel_core.errors import PixelNotFoundError
from pixel_core.models import ImageMetadataFields, ImageUpdateInput
from tests.support.operations.case import Case
from tests.support.operations.core import Call, cases_with_requests, run_case
from tests.support.scripted_api import Expected, World, body_of, json_response

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
OWN = {"request", "upload_files", "upload_folder"}
"""The operations without cases in the table: the reference client does not have them."""


def check_headers(request: Request) -> None:
    """A request to the API has exactly these header fields, one to the storage has none."""
    if request.origin.host == "s3.test":
        assert list(request.headers) == []
        return
    assert str(request.origin) == "https://pixel.test"
    fields = dict(request.headers)
    assert UUID4.fullmatch(fields.pop("X-Request-ID"))
    content_type = {} if body_of(request) is None else {"Content-Type": "application/json"}
    always = {"Authorization": "Bearer t1", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
    assert fields == {**always, **content_type}


@pytest.mark.parametrize("case", cases_with_requests(), ids=lambda case: case.name)
def test_an_operation_sends_exactly_its_requests(case: Case) -> None:
    run = run_case(case)
    assert run.sent == case.requests
    assert (None if run.error is None else type(run.error).__name__) == case.error
    for request in run.requests:
        check_headers(request)
    if case.result is not None:
        assert run.result == case.result
    elif len(run.answers) == 1 and not case.method.startswith("paginate_"):
        returned = get_args(signature(getattr(PixelApi, case.method)).return_annotation)[-1]
        assert run.result == (True if get_origin(returned) is Literal else run.answers[0])


CREATED = json_response({"id": 1}, 201)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            lambda api: api.request("get", "/new/", {"ids": [1, 2], "flag": True, "name": None}),
            Expected("GET", "/acme/new/?ids=1%2C2&flag=true", CREATED),
        ),
        (
            lambda api: api.request("PATCH", "/new", json={"a": None}),
            Expected("PATCH", "/acme/new", CREATED, {"a": None}),
        ),
    ],
)
def test_request_calls_any_endpoint(start: Call, expected: Expected) -> None:
    world = World([expected])
    assert world.finish(start(world.api)) == CREATED
    check_headers(world.requests[0])


def test_every_operation_is_in_the_table() -> None:
    assert sorted({case.method for case in cases_with_requests()} | OWN) == operation_names()


def test_wrong_arguments_are_a_type_error_at_the_call_itself() -> None:
    api: Any = World().api
    with pytest.raises(TypeError):
        api.get_project()
    with pytest.raises(TypeError):
        api.get_project(7, wrong=1)


@pytest.mark.parametrize(
    ("project_id", "segment"),
    [
        ("1/../../users/me", "1%2F..%2F..%2Fusers%2Fme"),
        ("7?x=1#y", "7%3Fx%3D1%23y"),
        ("Å", "%C3%85"),
        ("7\r\nX: y", "7%0D%0AX%3A%20y"),
        ("%2e%2e", "%252e%252e"),
    ],
)
def test_an_id_cannot_reach_another_endpoint(project_id: Any, segment: str) -> None:
    world = World([Expected("GET", f"/acme/projects/{segment}?extended=false", json_response({}))])
    world.finish(world.api.get_project(project_id))


@pytest.mark.parametrize(
    "start",
    [
        lambda api: api.update_image(7, 8, 9, ImageUpdateInput(fields=ImageMetadataFields(hfov=float("nan")))),
        lambda api: api.create_analysis_task(5, params={"a": float("inf")}),
        lambda api: api.search({"on": "images", "filter": {"<": [{"var": "a"}, float("nan")]}}),
    ],
)
def test_numbers_that_json_does_not_have_are_a_value_error_and_nothing_is_sent(start: Call) -> None:
    world = World()
    world.fail(start(world.api), ValueError)
    assert world.requests == world.logins == []


@pytest.mark.parametrize(
    "start",
    [
        lambda api: api.run_optimize_point_clouds(7, "1/../../users/me", None),
        lambda api: api.wait_for_group_job("1/../../users/me"),
        lambda api: api.start_arcgis_service("Image", "1/../../users/me"),
    ],
)
def test_an_id_of_an_operation_with_several_requests_is_encoded(start: Call) -> None:
    """Those of operations with one request are in `tests/transports/client/test_bytes.py`."""
    world = World(lambda _: json_response({}, 404))
    world.fail(start(world.api), PixelNotFoundError)
    assert "1%2F..%2F..%2Fusers%2Fme" in world.requests[0].target


@pytest.mark.parametrize(("bad", "kind"), [("", ValueError), (".", ValueError), ("..", ValueError), (None, TypeError)])
def test_an_id_that_escaping_cannot_make_safe_is_an_error(bad: Any, kind: type[Exception]) -> None:
    World().fail(World().api.get_project(bad), kind)


def test_an_update_without_changes_names_the_arguments() -> None:
    error = World().fail(World().api.update_project(7), ValueError)
    assert str(error).startswith("No update parameters provided: give at least one of name, description")


def test_keywords_may_be_called_self() -> None:
    world = World([Expected("GET", "/acme/projects/7/data_collections/8/images/?self=1", json_response([]))])
    world.finish(world.api.get_images(7, 8, self=1))

"""ArcGIS and harvest services, analysis and users: validation, waiting, and secrets. Requests are in the table."""

from collections.abc import Callable
from typing import Any

import pytest

from pixel_core import Flow, Response, models
from pixel_core.errors import PixelError, PixelJobTimeoutError, PixelProtocolError
from tests.support.scripted_api import Expected, World, body_of, json_response

S = "/acme/analysis/services"

FEATURE: dict[str, Any] = {"feature_service_options": {"image_layer": {}}}
IMAGE = {"image_service_options": {"default_service_srid": 25833}}
NEITHER = {"gdo_users": ["kari"]}


@pytest.mark.parametrize(
    ("service_type", "options", "missing"),
    [
        ("Feature", IMAGE, "feature_service_options"),
        ("Feature", NEITHER, "feature_service_options"),
        ("Image", FEATURE, "image_service_options"),
        ("Image", NEITHER, "image_service_options"),
    ],
)
def test_a_service_without_the_options_of_its_type_is_a_value_error(
    service_type: Any, options: dict[str, Any], missing: str
) -> None:
    values = {"name": "n", "description": "d", "data_collection_ids": [1], "options": options}
    service = models.ArcgisServiceCreateInput.model_validate(values)
    world = World()
    error = world.fail(world.api.create_arcgis_service(service_type, service), ValueError)
    assert f"options.{missing}" in str(error)


def test_a_change_times_out_after_a_thousand_seconds() -> None:
    world = World(
        lambda request: json_response({"job": {"job_id": "j"}} if request.method == "PUT" else {"completed": False})
    )
    world.fail(world.api.start_arcgis_service("Image", 5), PixelJobTimeoutError)
    assert world.now == pytest.approx(1000 + 1000)


@pytest.mark.parametrize(("answer", "field"), [({"job": {}}, "'job.job_id'"), ({"job": 5}, "'job'"), ([], "an object")])
def test_a_change_whose_job_has_no_id_is_a_protocol_error(answer: Any, field: str) -> None:
    world = World(lambda _: json_response(answer))
    assert field in str(world.fail(world.api.start_arcgis_service("Image", 5), PixelProtocolError))


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda api: api.create_analysis_task(5, params={"a": 1}), {"params": {"a": 1}}),
        (lambda api: api.create_analysis_task(5, params={"a": None}, name="n"), {"name": "n", "params": {"a": None}}),
        (lambda api: api.create_analysis_task(5, {"params": 1}, name="n"), {"name": "n", "params": {"params": 1}}),
        (lambda api: api.create_analysis_task(service_id=5, params={}), {"params": {}}),
        (
            lambda api: api.create_analysis_task(5, params=models.AnalysisTaskCreateInput(params={"a": 1}), name="no"),
            {"params": {"a": 1}},
        ),
    ],
)
def test_a_task_can_be_created_from_keywords_including_params(call: Any, body: Any) -> None:
    world = World([Expected("POST", f"{S}/5/tasks/", json_response({"id": 1}), body)])
    world.finish(call(world.api))


def test_analysis_services_accept_list_input_in_place_of_params() -> None:
    filters = models.AnalysisServiceListParams(name="n")
    world = World(lambda _: json_response([]))
    world.run(world.api.list_analysis_services(list_input=filters))
    world.run(world.api.list_analysis_services(params=filters))
    world.run(world.api.list_analysis_services(filters))
    world.run(world.api.list_analysis_services(filters, list_input=models.AnalysisServiceListParams(name="other")))
    assert world.run(world.api.list_analysis_services(list_input=models.AnalysisServiceListParams(ids=[]))) == []
    assert [each.query for each in world.requests] == ["name=n"] * 4


SECRET = "hemmelig-7"
AUTH = {"credentials": {"username": "k", "password": SECRET}, "api_key": {"api_key": SECRET}}
USER = {"first_name": "a", "last_name": "b", "email": "a@acme.no", "password": SECRET, "user_type": "viewer"}
SENSITIVE: list[Callable[[Any], Flow[Any]]] = [
    lambda api: api.create_oidc_user(USER),
    lambda api: api.update_oidc_user(5, {"password": SECRET}),
    lambda api: api.create_harvest_service(7, 8, {"name": "n", "description": "d", "url": "u", "auth": AUTH}),
    lambda api: api.update_harvest_service(7, 8, 9, {"auth": AUTH}),
]


@pytest.mark.parametrize("call", SENSITIVE, ids=["new user", "user", "new harvest service", "harvest service"])
@pytest.mark.parametrize(
    "answer",
    [
        json_response({"detail": [{"msg": "too short", "input": SECRET, "ctx": {"input": SECRET}}]}, 422),
        Response(400, body=SECRET.encode() + b"\xff"),
        Response(502, body=SECRET.encode()),
        Response(302, body=SECRET.encode()),
        Response(200, body=SECRET.encode()),
    ],
)
def test_an_error_of_a_sensitive_call_contains_no_secret_of_the_answer_and_no_payload(
    call: Callable[[Any], Flow[Any]], answer: Response
) -> None:
    world = World(lambda _: answer)
    error = world.fail(call(world.api), PixelError)
    assert SECRET in str(body_of(world.requests[0]))
    assert SECRET not in f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"
    assert getattr(error, "body", None) is None
    assert "Payload" not in str(error)

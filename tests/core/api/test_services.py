"""ArcGIS and harvest services, analysis and users: validation, waiting, and secrets. Requests are in the table."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from pixel_core import Response
from pixel_core.errors import (
    PixelBadRequestError,
    PixelConflictError,
    PixelError,
    PixelJobTimeoutError,
    PixelProtocolError,
)
from pixel_core.models import (
    AnalysisServiceListParams,
    AnalysisTaskCreateInput,
    ApiKey,
    ArcGISFeatureServiceImageLayerOptions,
    ArcGISFeatureServiceOptions,
    ArcGISImageServiceOptions,
    ArcgisServiceCreateInput,
    ArcgisServiceCreateOptions,
    Credentials,
    HarvestAuthInfo,
    HarvestServiceCreateInput,
    HarvestServiceUpdateInput,
    OIDCUserCreateInput,
    OIDCUserUpdateInput,
)
from tests.support.operations.core import Call
from tests.support.scripted_api import Expected, World, body_of, json_response

A = "/acme/arcgis_services/Image/5"
H = "/acme/projects/7/data_collections/8/harvest_services"
S = "/acme/analysis/services"

FEATURE = ArcgisServiceCreateOptions(
    feature_service_options=ArcGISFeatureServiceOptions(image_layer=ArcGISFeatureServiceImageLayerOptions())
)
IMAGE = ArcgisServiceCreateOptions(image_service_options=ArcGISImageServiceOptions(default_service_srid=25833))
NEITHER = ArcgisServiceCreateOptions(gdo_users=["kari"])

# ArcGIS services

CHANGES: list[tuple[str, Call]] = [
    (f"{A}/start", lambda api: api.start_arcgis_service("Image", 5)),
    (f"{A}/stop", lambda api: api.stop_arcgis_service("Image", 5)),
    (f"{A}/refresh?refresh_data=true", lambda api: api.refresh_arcgis_service("Image", 5, refresh_data=True)),
]
ALL_CHANGES = pytest.mark.parametrize(("target", "call"), CHANGES)


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
    service_type: Any, options: ArcgisServiceCreateOptions, missing: str
) -> None:
    service = ArcgisServiceCreateInput(name="n", description="d", data_collection_ids=[1], options=options)
    world = World()
    error = world.fail(world.api.create_arcgis_service(service_type, service), ValueError)
    assert f"options.{missing}" in str(error)


@ALL_CHANGES
def test_a_change_returns_the_final_job_and_service(target: str, call: Call) -> None:
    world = World(
        [
            Expected("PUT", target, json_response({"job": {"job_id": "j"}, "arcgis_service": {"id": 5}, "new": 1})),
            Expected("GET", "/acme/jobs/j", json_response({"job_id": "j", "completed": False})),
            Expected("GET", "/acme/jobs/j", json_response({"job_id": "j", "completed": True, "status": "failed"})),
            Expected("GET", A, json_response({"id": 5, "status": "x"})),
        ]
    )
    assert world.finish(call(world.api)) == {
        "job": {"job_id": "j", "completed": True, "status": "failed"},
        "arcgis_service": {"id": 5, "status": "x"},
        "new": 1,
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.start_arcgis_service("Image", 5, wait=False),
        lambda api: api.stop_arcgis_service("Image", 5, False),
        lambda api: api.refresh_arcgis_service("Image", 5, wait=False),
    ],
)
@pytest.mark.parametrize("answer", [{"job": {"job_id": "j"}, "arcgis_service": {"id": 5}}, None, []])
def test_without_wait_the_answer_is_returned_unchanged(call: Call, answer: Any) -> None:
    world = World(lambda _: json_response(answer))
    assert world.run(call(world.api)) == answer
    assert len(world.requests) == 1


@ALL_CHANGES
def test_a_change_times_out_after_a_thousand_seconds(target: str, call: Call) -> None:
    world = World(
        lambda request: json_response({"job": {"job_id": "j"}} if request.method == "PUT" else {"completed": False})
    )
    world.fail(call(world.api), PixelJobTimeoutError)
    assert world.now == pytest.approx(1000 + 1000)


@ALL_CHANGES
@pytest.mark.parametrize(("answer", "field"), [({"job": {}}, "'job.job_id'"), ({"job": 5}, "'job'"), ([], "an object")])
def test_a_change_whose_job_has_no_id_is_a_protocol_error(target: str, call: Call, answer: Any, field: str) -> None:
    world = World([Expected("PUT", target, json_response(answer))])
    assert field in str(world.fail(call(world.api), PixelProtocolError))


# Harvest tasks (defect 11)


def test_tasks_of_a_harvest_service_have_keywords_for_status_and_get_new() -> None:
    world = World([Expected("GET", f"{H}/9/?limit=2&status=failed&get_new=true", json_response([]))])
    world.finish(world.api.get_harvest_service_tasks(7, 8, 9, status="failed", get_new=True, limit=2))


# Analysis (defects 11 and 12)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda api: api.create_analysis_task(5, params={"a": 1}), {"params": {"a": 1}}),
        (lambda api: api.create_analysis_task(5, params={"a": None}, name="n"), {"name": "n", "params": {"a": None}}),
        (lambda api: api.create_analysis_task(5, {"params": 1}, name="n"), {"name": "n", "params": {"params": 1}}),
        (lambda api: api.create_analysis_task(service_id=5, params={}), {"params": {}}),
        (
            lambda api: api.create_analysis_task(5, params=AnalysisTaskCreateInput(params={"a": 1}), name="no"),
            {"params": {"a": 1}},
        ),
    ],
)
def test_a_task_can_be_created_from_keywords_including_params(call: Any, body: Any) -> None:
    world = World([Expected("POST", f"{S}/5/tasks/", json_response({"id": 1}), body)])
    world.finish(call(world.api))


def test_analysis_services_accept_list_input_in_place_of_params() -> None:
    filters = AnalysisServiceListParams(name="n")
    world = World(lambda _: json_response([]))
    world.run(world.api.list_analysis_services(list_input=filters))
    world.run(world.api.list_analysis_services(params=filters))
    world.run(world.api.list_analysis_services(filters))
    world.run(world.api.list_analysis_services(filters, list_input=AnalysisServiceListParams(name="other")))
    assert world.run(world.api.list_analysis_services(list_input=AnalysisServiceListParams(ids=[]))) == []
    assert [each.query for each in world.requests] == ["name=n"] * 4


@pytest.mark.parametrize("answer", [Response(204), Response(200, body=b"gone"), json_response({"id": 5})])
def test_deleting_an_analysis_object_returns_true_for_any_answer(answer: Response) -> None:
    world = World(lambda _: answer)
    assert world.run(world.api.delete_analysis_service(5)) is True
    assert world.run(world.api.delete_analysis_task(5, 6)) is True


# Users (defect 8)


def test_changing_a_disabled_user_does_not_enable_it() -> None:
    world = World(lambda _: json_response({}))
    world.run(world.api.update_oidc_user(5, OIDCUserUpdateInput(first_name="a")))
    assert body_of(world.requests[0]) == {"first_name": "a"}


# Secrets (defect 22)

SECRET = "hemmelig-7"
AUTH = HarvestAuthInfo(
    credentials=Credentials(username="k", password=SecretStr(SECRET)), api_key=ApiKey(api_key=SecretStr(SECRET))
)
SENSITIVE: list[Call] = [
    lambda api: api.create_oidc_user(
        OIDCUserCreateInput(
            first_name="a", last_name="b", email="a@acme.no", password=SecretStr(SECRET), user_type="viewer"
        )
    ),
    lambda api: api.update_oidc_user(5, OIDCUserUpdateInput(password=SecretStr(SECRET))),
    lambda api: api.create_harvest_service(
        7, 8, HarvestServiceCreateInput(name="n", description="d", url="u", auth=AUTH)
    ),
    lambda api: api.update_harvest_service(7, 8, 9, HarvestServiceUpdateInput(auth=AUTH)),
]
QUOTING = {"detail": [{"loc": ["body", "password"], "msg": "too short", "input": SECRET, "ctx": {"input": SECRET}}]}


def shown(error: PixelError) -> str:
    """Return all text of an error and its causes."""
    return f"{error} {error!r} {vars(error)} {error.__cause__!r} {error.__context__!r}"


@pytest.mark.parametrize("call", SENSITIVE)
@pytest.mark.parametrize(
    "answer",
    [
        json_response(QUOTING, 422),
        json_response({"detail": [QUOTING]}, 409),
        Response(400, body=f"no: {SECRET}".encode()),
        Response(400, body=SECRET.encode() + b"\xff"),
        json_response(QUOTING, 500),
        Response(502, body=SECRET.encode()),
        Response(302, body=SECRET.encode()),
    ],
)
def test_an_error_of_a_sensitive_call_contains_no_secret_of_the_answer(call: Call, answer: Response) -> None:
    world = World(lambda _: answer)
    error = world.fail(call(world.api), PixelError)
    assert SECRET in str(body_of(world.requests[0]))
    assert SECRET not in shown(error)


@pytest.mark.parametrize("call", SENSITIVE)
def test_an_error_of_a_sensitive_call_has_no_payload_but_the_messages(call: Call) -> None:
    world = World(lambda _: json_response(QUOTING, 422))
    error = world.fail(call(world.api), PixelBadRequestError)
    assert error.body is None
    assert "Payload" not in str(error)
    assert error.response_json == {"detail": [{"loc": ["body", "password"], "msg": "too short"}]}


def test_an_error_of_another_call_has_the_payload() -> None:
    world = World(lambda _: json_response({}, 409))
    error = world.fail(world.api.update_project(7, name="n"), PixelConflictError)
    assert error.body == '{"name":"n"}'


def test_a_sensitive_answer_that_is_no_json_is_a_protocol_error_without_the_secret() -> None:
    world = World(lambda _: Response(200, body=SECRET.encode()))
    for call in SENSITIVE:
        assert SECRET not in shown(world.fail(call(world.api), PixelProtocolError))


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.create_oidc_user({"password": SECRET, "email": SECRET, "user_type": SECRET}),
        lambda api: api.create_oidc_user({"password": [SECRET]}),
        lambda api: api.update_oidc_user(5, {"password": {"a": SECRET}}),
        lambda api: api.update_oidc_user(5, SECRET),
        lambda api: api.create_harvest_service(7, 8, {"auth": {"credentials": {"password": SECRET}}}),
        lambda api: api.create_harvest_service(7, 8, {"auth": {"api_key": SECRET}}),
        lambda api: api.update_harvest_service(7, 8, 9, {"auth": {"api_key": {"api_key": [SECRET]}}}),
        lambda api: api.update_harvest_service(7, 8, 9, {"auth": SECRET}),
        lambda api: api.update_harvest_service(7, 8, 9, {"field_mappings": {"maps": [{"model": SECRET}]}}),
    ],
)
def test_a_validation_error_of_a_sensitive_input_contains_no_secret(call: Any) -> None:
    world = World()
    error = world.fail(call(world.api), ValidationError)
    assert SECRET not in f"{error} {error!r}"

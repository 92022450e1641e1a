"""Optimising: what no ids and all ids mean, and what is read out of the answers."""

from typing import Any

import pytest
from pydantic import ValidationError

from pixel_core.errors import PixelJobTimeoutError, PixelNotFoundError, PixelProtocolError
from tests.support.operations.core import Call
from tests.support.scripted_api import Expected, World, body_of, json_response

D = "/acme/projects/7/data_collections/8"
R = f"{D}/rasters/optimized/"
C = f"{D}/point_clouds/optimized/"
GROUP = {"group_job": {"group_id": "g"}}

OPTIMIZE: list[tuple[str, Call]] = [
    (R, lambda api: api.optimize_rasters(7, 8)),
    (C, lambda api: api.optimize_point_clouds(7, 8)),
]
RUN: list[tuple[str, Call]] = [
    (R, lambda api: api.run_optimize_rasters(7, 8, None)),
    (C, lambda api: api.run_optimize_point_clouds(7, 8, None)),
]


# Empty lists of ids (defect 10)


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.create_optimized_rasters(7, 8, []),
        lambda api: api.create_optimized_point_clouds(7, 8, ()),
        lambda api: api.optimize_rasters(7, 8, []),
        lambda api: api.optimize_point_clouds(7, 8, []),
        lambda api: api.get_optimized_rasters(7, 8, ids=[]),
        lambda api: api.get_optimized_point_clouds(7, 8, ids=[]),
    ],
)
def test_an_empty_list_of_ids_is_nothing_and_never_everything(call: Call) -> None:
    world = World()
    assert world.run(call(world.api)) == []
    assert world.requests == world.logins == []


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.run_optimize_rasters(7, 8, []),
        lambda api: api.run_optimize_point_clouds(7, 8, [], retry_failed=True),
    ],
)
def test_a_run_over_an_empty_list_of_ids_sends_nothing_and_is_a_completed_group_of_no_jobs(call: Call) -> None:
    world = World()
    group = world.run(call(world.api))
    assert group == {"completed": True, "total_jobs": 0, "success_count": 0, "failed_count": 0}
    assert world.requests == world.logins == []
    group["total_jobs"] = 5
    assert world.run(call(world.api))["total_jobs"] == 0, "each run has a group of its own"


@pytest.mark.parametrize(("path", "call"), OPTIMIZE)
def test_where_nothing_was_created_nothing_is_run_and_nothing_listed(path: str, call: Call) -> None:
    world = World([Expected("POST", path, json_response([]))])
    assert world.finish(call(world.api)) == []


def test_no_ids_are_the_whole_collection_and_none_stand_in_the_body() -> None:
    calls: list[Call] = [
        lambda api: api.create_optimized_rasters(7, 8, None),
        lambda api: api.create_optimized_point_clouds(7, 8, None),
    ]
    for call in calls:
        world = World(lambda _: json_response([]))
        world.run(call(world.api))
        (request,) = world.requests
        assert not {"raster_ids", "point_cloud_ids"} & body_of(request).keys()


# Answers


@pytest.mark.parametrize(("path", "call"), OPTIMIZE)
@pytest.mark.parametrize(
    ("answer", "field"), [({"id": 1}, "a list"), (None, "a list"), ([{"id": 1}, {}], "'[1].id'"), ([5], "'[0]'")]
)
def test_a_created_object_without_an_id_is_a_protocol_error_before_anything_is_run(
    path: str, call: Call, answer: Any, field: str
) -> None:
    world = World([Expected("POST", path, json_response(answer))])
    error = world.fail(call(world.api), PixelProtocolError)
    assert field in str(error)
    assert f"POST https://pixel.test{path}" in str(error)


@pytest.mark.parametrize(("path", "call"), RUN)
@pytest.mark.parametrize("answer", [{}, {"group_job": None}, {"group_job": {}}, {"group_job": {"group_id": ""}}])
def test_a_run_whose_answer_lacks_the_group_is_a_protocol_error(path: str, call: Call, answer: Any) -> None:
    world = World([Expected("POST", f"{path}run", json_response(answer))])
    assert "group_job" in str(world.fail(call(world.api), PixelProtocolError))


@pytest.mark.parametrize(("path", "call"), RUN)
def test_a_run_that_is_completed_at_the_first_look_is_given(path: str, call: Call) -> None:
    done = {"completed": True, "total_jobs": 2, "failed_count": 2, "success_count": 0}
    world = World(
        [
            Expected("POST", f"{path}run", json_response(GROUP)),
            Expected("GET", "/acme/jobs/groups/g", json_response(done)),
        ]
    )
    assert world.finish(call(world.api)) == done
    assert world.sleeps == []


@pytest.mark.parametrize(("path", "call"), RUN)
def test_a_run_that_does_not_end_is_waited_for_twenty_minutes(path: str, call: Call) -> None:
    world = World(lambda request: json_response(GROUP if request.method == "POST" else {"completed": False}))
    world.fail(call(world.api), PixelJobTimeoutError)
    assert world.now == pytest.approx(1000 + 1200)


@pytest.mark.parametrize(("path", "call"), OPTIMIZE)
def test_an_error_of_the_run_comes_up(path: str, call: Call) -> None:
    world = World(
        [Expected("POST", path, json_response([{"id": 3}])), Expected("POST", f"{path}run", json_response({}, 404))]
    )
    world.fail(call(world.api), PixelNotFoundError)


@pytest.mark.parametrize("nearblack", [{"color": 256, "enabled": True}, {"color": "red", "enabled": True}, {}])
def test_wrong_options_are_a_validation_error_and_nothing_is_sent(nearblack: Any) -> None:
    calls: list[Call] = [
        lambda api: api.create_optimized_rasters(7, 8, None, nearblack=nearblack),
        lambda api: api.optimize_rasters(7, 8, nearblack=nearblack),
    ]
    for call in calls:
        world = World()
        world.fail(call(world.api), ValidationError)

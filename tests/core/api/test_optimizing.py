"""Optimising: empty lists of ids, and answers of the wrong shape. Requests are in the table."""

from typing import Any

import pytest

from pixel_core.errors import PixelProtocolError
from tests.support.operations.core import Call
from tests.support.scripted_api import World, json_response


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.run_optimize_rasters(7, 8, []),
        lambda api: api.run_optimize_point_clouds(7, 8, [], retry_failed=True),
    ],
)
def test_a_run_with_an_empty_list_of_ids_sends_nothing_and_returns_a_completed_group(call: Call) -> None:
    world = World()
    group = world.run(call(world.api))
    assert group == {"completed": True, "total_jobs": 0, "success_count": 0, "failed_count": 0}
    assert world.requests == world.logins == []
    group["total_jobs"] = 5
    assert world.run(call(world.api))["total_jobs"] == 0, "a shared dict was returned"


@pytest.mark.parametrize(
    ("answer", "field"), [({"id": 1}, "a list"), (None, "a list"), ([{"id": 1}, {}], "'[1].id'"), ([5], "'[0]'")]
)
def test_a_created_object_without_an_id_is_a_protocol_error(answer: Any, field: str) -> None:
    world = World(lambda _: json_response(answer))
    error = world.fail(world.api.optimize_rasters(7, 8), PixelProtocolError)
    assert field in str(error)
    assert "POST https://pixel.test/acme/projects/7/data_collections/8/rasters/optimized/" in str(error)


@pytest.mark.parametrize("answer", [{}, {"group_job": None}, {"group_job": {}}, {"group_job": {"group_id": ""}}])
def test_an_answer_without_the_group_is_a_protocol_error(answer: Any) -> None:
    world = World(lambda _: json_response(answer))
    assert "group_job" in str(world.fail(world.api.run_optimize_rasters(7, 8, None), PixelProtocolError))

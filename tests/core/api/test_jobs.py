"""Waiting for jobs of the server: by the clock, not by the number of requests."""

from collections.abc import Callable
from typing import Any

import pytest

from pixel_core import Flow, Response
from pixel_core.errors import PixelJobTimeoutError, PixelNotFoundError, PixelProtocolError
from pixel_core.events import JobProgress
from tests.support.scripted_api import Expected, World, json_response

PATH = "/acme/jobs/5"
GROUP = "/acme/jobs/groups/5"
OPEN, DONE = json_response({"completed": False}), json_response({"completed": True, "status": "failed"})


def pending(count: int, path: str = PATH, takes: float = 0.0) -> list[Expected]:
    return [Expected("GET", path, OPEN, takes=takes) for _ in range(count)]


WAITS = pytest.mark.parametrize(
    ("path", "wait"),
    [
        (PATH, lambda world, **limits: world.api.wait_for_job(5, **limits)),
        (GROUP, lambda world, **limits: world.api.wait_for_group_job(5, **limits)),
    ],
    ids=["job", "group"],
)
Wait = Callable[..., Flow[Any]]


@WAITS
@pytest.mark.parametrize("count", [0, 2])
def test_a_job_that_is_completed_by_the_first_request_needs_no_pause(path: str, wait: Wait, count: int) -> None:
    world = World([*pending(count, path), Expected("GET", path, DONE)])
    assert world.finish(wait(world)) == {"completed": True, "status": "failed"}
    assert len(world.sleeps) == count


@WAITS
def test_a_timeout_of_zero_is_one_request(path: str, wait: Wait) -> None:
    world = World(pending(1, path))
    world.fail(wait(world, timeout=0), PixelJobTimeoutError)
    world = World([Expected("GET", path, DONE)])
    world.finish(wait(world, timeout=0))


def test_the_pauses_grow_to_three_seconds() -> None:
    world = World([*pending(8), Expected("GET", PATH, DONE)])
    world.finish(world.api.wait_for_job(5))
    assert world.sleeps == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0])


def test_a_job_found_completed_by_the_request_at_the_deadline_is_completed() -> None:
    world = World([*pending(4), Expected("GET", PATH, DONE)])
    world.finish(world.api.wait_for_job(5, timeout=1))
    assert world.sleeps == pytest.approx([0.1, 0.2, 0.4, 0.3])
    assert world.now == pytest.approx(1001)


def test_a_job_that_is_not_completed_at_the_deadline_times_out_then_and_no_earlier() -> None:
    world = World(pending(5))
    error = world.fail(world.api.wait_for_job(5, timeout=1), PixelJobTimeoutError)
    assert world.now == pytest.approx(1001)
    assert isinstance(error, TimeoutError)
    assert str(error) == (
        "The job 5 was not completed within 1 seconds; it may still complete: look again, or wait with a longer timeout"
    )


def test_the_time_of_requests_counts_too() -> None:
    world = World(pending(2, takes=5.0))
    world.fail(world.api.wait_for_job(5, timeout=6), PixelJobTimeoutError)
    assert world.now == pytest.approx(1010.1)


@pytest.mark.parametrize(("path", "wait", "limit"), [(PATH, "wait_for_job", 600), (GROUP, "wait_for_group_job", 1200)])
def test_the_timeouts_by_default_are_ten_and_twenty_minutes(path: str, wait: str, limit: int) -> None:
    world = World(lambda _: OPEN)
    world.fail(getattr(world.api, wait)(5), PixelJobTimeoutError)
    assert world.now == pytest.approx(1000 + limit)


def test_the_error_of_a_group_that_times_out_has_its_counts() -> None:
    counts = {"completed": False, "success_count": 3, "failed_count": 1, "total_jobs": 9}
    world = World(lambda _: json_response(counts))
    error = world.fail(world.api.wait_for_group_job("g", timeout=1), PixelJobTimeoutError)
    assert "group job g was not completed within 1 seconds (3 done, 1 failed of 9)" in str(error)


def test_each_request_is_reported() -> None:
    counts = {"success_count": 3, "failed_count": 1, "total_jobs": 9}
    script = [
        Expected("GET", GROUP, json_response({"completed": False, **counts})),
        Expected("GET", GROUP, json_response({"completed": True})),
    ]
    world = World(script)
    world.finish(world.api.wait_for_group_job(5))
    assert [event for event in world.events if isinstance(event, JobProgress)] == [
        JobProgress("group job 5", False, "3 done, 1 failed of 9"),
        JobProgress("group job 5", True, ""),
    ]


WRONG: dict[str, list[Any]] = {
    "'completed'": [{}, {"completed": None}, {"completed": "yes"}, {"completed": 1}],
    "a body that has to be an object": [None, [], "done", 5],
}


@WAITS
@pytest.mark.parametrize(("wrong", "answer"), [(wrong, each) for wrong, answers in WRONG.items() for each in answers])
def test_an_answer_without_completed_is_an_error_that_names_field_and_request(
    path: str, wait: Wait, answer: Any, wrong: str
) -> None:
    world = World([Expected("GET", path, json_response(answer))])
    error = world.fail(wait(world), PixelProtocolError)
    assert wrong in str(error)
    assert f"GET https://pixel.test{path} (request ID: " in str(error)


def test_a_request_that_fails_once_is_repeated_within_the_wait_and_an_unknown_job_is_not_found() -> None:
    world = World([*pending(1), Expected("GET", PATH, Response(503)), Expected("GET", PATH, DONE)])
    world.finish(world.api.wait_for_job(5, timeout=float("inf")))
    world = World([Expected("GET", PATH, json_response({"detail": "no"}, 404))])
    world.fail(world.api.wait_for_job(5), PixelNotFoundError)


@pytest.mark.parametrize("timeout", [-1, float("nan"), None, "10", True])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(timeout: Any) -> None:
    world = World()
    world.fail(world.api.wait_for_job(5, timeout=timeout), ValueError)

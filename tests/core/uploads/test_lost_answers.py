"""What an upload says and does when answers are lost or late: nothing is sent twice, and no file is called uploaded, or
not uploaded, that may not be."""

from typing import Any

import pytest

from pixel_core import Request
from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.events import SizeDiffers
from tests.core.uploads.simulated import Simulation
from tests.core.uploads.test_engine import Storage, is_declaration, is_finish, simulated, upload, upload_all
from tests.support.scripted_api import Outcome, PixelServer, body_of, json_response

LOST = PixelConnectionError("the connection broke", sent=True)
LATE = PixelTimeoutError("no answer in time", sent=True)


def count(world: Simulation, of: Any) -> int:
    return sum(map(of, world.requests))


def is_look(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("/upload_jobs/")


def statuses(errors: list[Any]) -> set[str]:
    return {each.status for each in errors}


@pytest.mark.parametrize(("deadline", "status"), [(1.5, "not_uploaded"), (2.5, "not_confirmed")])
def test_a_file_may_be_on_the_server_from_the_moment_that_the_server_is_asked_to_finish_it(
    deadline: float, status: str
) -> None:
    """Requests take a second: the deadline ends the upload while files are sent, and while they are finished."""
    _, world = simulated(latency=1.0, upload_deadline=deadline)
    done, errors = upload(world)
    assert (done, statuses(errors), count(world, is_finish)) == ([], {status}, 0)


def test_a_lost_answer_and_no_look_after_it_leave_the_file_unconfirmed() -> None:
    def instead(server: Storage, request: Request) -> Outcome | None:
        if is_finish(request):
            server.finished.update(body_of(request)["job_ids"])
        return LOST if is_finish(request) or is_look(request) else None

    _, world = simulated(instead=instead)
    done, errors = upload(world)
    assert (done, statuses(errors), count(world, is_finish)) == ([], {"not_confirmed"}, 1)


def test_what_a_lost_answer_left_in_the_lobby_is_asked_for_again() -> None:
    batches: list[list[int]] = []

    def instead(server: Storage, request: Request) -> Outcome | None:
        if not is_finish(request):
            return None
        batches.append(body_of(request)["job_ids"])
        if len(batches) > 1:
            return None
        server.finished.update(batches[0][:2])
        return LOST

    _, world = simulated(instead=instead, number=5)
    upload_all(world)
    assert batches == [[100, 101, 102, 103, 104], [102, 103, 104]]


def test_a_slow_server_is_asked_once() -> None:
    """It finishes the files 12 s after the request."""
    finished_at: list[float] = []

    def instead(server: Storage, request: Request) -> Outcome | None:
        assert server.world is not None
        if is_finish(request):
            finished_at.append(server.world.now)
            return LATE
        if finished_at and server.world.now > finished_at[0] + 12:
            server.finished.update(server.jobs)
        return None

    _, world = simulated(instead=instead)
    upload_all(world)
    assert len(finished_at) == 1


def test_a_request_of_a_slow_server_counts_as_lost_after_a_minute() -> None:
    finished_at: list[float] = []

    def instead(server: Storage, request: Request) -> Outcome | None:
        assert server.world is not None
        if not is_finish(request):
            return None
        finished_at.append(server.world.now)
        return LATE if len(finished_at) == 1 else None

    _, world = simulated(instead=instead)
    upload_all(world)
    assert 60 < finished_at[1] - finished_at[0] < 65


@pytest.mark.parametrize("options", [{}, {"multipart": True, "multipart_part_size": 3}], ids=["whole", "parts"])
def test_upload_jobs_of_lost_answers_are_used(options: dict[str, Any]) -> None:
    """Of three answers, two are lost; the first after half of the jobs were made."""
    lost: list[int] = []

    def instead(server: Storage, request: Request) -> Outcome | None:
        if request.method != "POST" or "/upload_jobs" not in request.path or len(lost) == 2:
            return None
        files = body_of(request)["files"]
        server._create(files if lost else files[:2])
        lost.append(len(files))
        return LOST

    server, world = simulated(instead=instead, number=5)
    upload_all(world, **options)
    assert (lost, len(server.jobs)) == ([5, 3], 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "validating"},
        {"upload_fields": {"key": "k", "Content-MD5": "another"}},
        {"upload_fields": None},
        {"upload_fields": "no object"},
        {"support_files": 5},
        {"name": "another.jpg"},
    ],
    ids=["is not in the lobby", "takes other bytes", "has no form", "has no form at all", "is strange", "has a name"],
)
def test_an_upload_job_is_not_used_that(changes: dict[str, Any]) -> None:
    def instead(server: Storage, request: Request) -> Outcome | None:
        if is_declaration(request) and not server.jobs:
            server._create(body_of(request)["files"])
            return LOST
        if is_look(request) and "name=" in request.query:
            return json_response([{**server.jobs[100], "status": "lobby", **changes}])
        return None

    server, world = simulated(instead=instead, number=1)
    upload_all(world)
    assert sorted(server.jobs) == [100, 101]


def test_a_resource_of_another_size_is_the_resource_and_the_difference_is_reported() -> None:
    def instead(server: Storage, request: Request) -> Outcome | None:
        if not request.path.endswith("/images/"):
            return None
        answer = PixelServer.__call__(server, request)
        return json_response([{**each, "size": 7, "md5": "x"} for each in answer.json()])  # type: ignore[union-attr]

    _, world = simulated(instead=instead, number=1)
    done, errors = upload(world)
    assert (done[0]["size"], errors) == (7, [])
    (differs,) = [each for each in world.events if isinstance(each, SizeDiffers)]
    assert (differs.path, differs.size, differs.listed, differs.job_id) == ("/p/00000.jpg", 10, 7, 100)

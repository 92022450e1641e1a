"""Analysis services are configured; their tasks run, fail and are revoked with the clock."""

from typing import Any

import pytest

from tests.transports.sandbox.support import Caller

SERVICE = {"name": "Trees", "module_name": "count_objects", "config": {"model": None, "size": 3}}


def service(caller: Caller, **changes: Any) -> str:
    """The path of a new service."""
    return f"/analysis/services/{caller.ok('POST', '/analysis/services/', {**SERVICE, **changes})['id']}"


def task(caller: Caller, path: str, **more: Any) -> str:
    """The path of a new task."""
    return f"{path}/tasks/{caller.ok('POST', f'{path}/tasks/', {'params': {}, **more})['id']}"


def statuses(caller: Caller, path: str, query: str = "") -> list[str]:
    return [each["status"] for each in caller.ok("GET", f"{path}/tasks/?{query}")]


def test_services_are_listed_by_name_id_and_enabled(caller: Caller) -> None:
    one = service(caller)
    service(caller, name="Roofs", enabled=False)
    (found,) = caller.ok("GET", f"/analysis/services/?ids={one.rpartition('/')[2]}")
    assert found.items() >= {**SERVICE, "enabled": True}.items()
    table = {"": 2, "name=Roofs": 1, "enabled=true": 1, "enabled=false": 1, "limit=1": 1, "offset=2": 0, "tags=x": 2}
    for query, count in table.items():
        assert len(caller.ok("GET", f"/analysis/services/?{query}")) == count, query


def test_a_patch_changes_only_the_fields_of_its_body(caller: Caller) -> None:
    path = service(caller)
    assert caller.ok("PATCH", path, {"enabled": False})["name"] == "Trees"
    patched = caller.ok("PATCH", path, {"name": "Woods", "module_name": "always_fails"})
    assert patched.items() >= {**SERVICE, "name": "Woods", "enabled": False}.items()
    assert caller.ok("PATCH", path, {}) == patched
    for name in ("name", "enabled", "config"):
        assert caller.error_loc("PATCH", path, {name: None}) == ["body", name]
    assert caller.status("PATCH", f"{path}/", {}) == 307
    assert caller.status("PATCH", "/analysis/services/99", {}) == 404


def test_a_patch_merges_its_configuration_deeply(caller: Caller) -> None:
    path = service(caller, config={"model": {"name": "m", "layers": {"a": 1, "b": 2}}, "classes": [1, 2], "size": 3})
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"model": {"name": "m", "layers": {"a": 1, "b": 2}}, "classes": [1, 2], "size": 3}),
        (
            {"model": {"layers": {"b": None, "c": {}}}},
            {"model": {"name": "m", "layers": {"a": 1, "b": None, "c": {}}}, "classes": [1, 2], "size": 3},
        ),
        ({"model": 1, "classes": [3]}, {"model": 1, "classes": [3], "size": 3}),
        ({"model": {"name": "n"}, "classes": {}}, {"model": {"name": "n"}, "classes": {}, "size": 3}),
    ]
    for change, merged in steps:
        assert caller.ok("PATCH", path, {"config": change})["config"] == merged
        assert caller.ok("GET", "/analysis/services/")[0]["config"] == merged


def test_a_deleted_service_is_gone_with_its_tasks(caller: Caller) -> None:
    path = service(caller)
    job = caller.ok("POST", f"{task(caller, path)}/run")["job_id"]
    answer = caller.call("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    assert caller.status("DELETE", path) == caller.status("GET", f"{path}/tasks/") == 404
    assert caller.ok("GET", f"/jobs/{job}")["completed"] is True


@pytest.mark.parametrize(("module", "end"), [("count_objects", "SUCCESS"), ("always_fails", "FAILED")])
def test_a_task_runs_with_the_clock(caller: Caller, module: str, end: str) -> None:
    path = service(caller, module_name=module)
    one = task(caller, path)
    assert statuses(caller, path) == ["PENDING"]
    run = caller.ok("POST", f"{one}/run")
    assert run["status"] == "SCHEDULED"
    assert caller.status("POST", f"{one}/run") == 409
    states = []
    for _ in range(3):
        caller.clock.advance(1)
        states += statuses(caller, path)
    assert states == ["RUNNING", "RUNNING", end]
    assert caller.ok("GET", f"/jobs/{run['job_id']}")["status"] == {"SUCCESS": "completed", "FAILED": "failed"}[end]
    assert caller.status("POST", f"{one}/revoke") == 409
    assert caller.ok("POST", f"{one}/run")["status"] == "SCHEDULED"


def test_a_task_is_revoked_before_or_while_it_runs(caller: Caller) -> None:
    path = service(caller)
    waiting, running = task(caller, path), task(caller, path)
    job = caller.ok("POST", f"{running}/run")["job_id"]
    for one in (waiting, running):
        assert caller.ok("POST", f"{one}/revoke")["status"] == "REVOKED"
    caller.clock.advance(3)
    assert statuses(caller, path) == ["REVOKED", "REVOKED"]
    assert caller.ok("GET", f"/jobs/{job}")["detail"] == "the task was revoked"
    assert caller.ok("POST", f"{waiting}/run")["status"] == "SCHEDULED"


def test_tasks_are_listed_by_status_and_name(caller: Caller) -> None:
    path = service(caller)
    first, second = task(caller, path, name="A", params={"n": None}), task(caller, path)
    caller.ok("POST", f"{second}/run")
    assert caller.ok("GET", f"{path}/tasks/?name=A")[0]["params"] == {"n": None}
    assert statuses(caller, path, "status=SCHEDULED") == ["SCHEDULED"]
    assert statuses(caller, path, f"ids={first.rpartition('/')[2]}&limit=5") == ["PENDING"]
    assert caller.status("GET", f"{path}/tasks/?status=done") == 422
    assert caller.call("DELETE", second).status == 204
    assert caller.status("DELETE", second) == 404
    assert caller.error_loc("POST", f"{path}/tasks/", {"name": "A"}) == ["body", "params"]


def test_a_disabled_service_runs_no_task_and_an_unknown_task_is_a_404(caller: Caller) -> None:
    path = service(caller, enabled=False)
    assert caller.status("POST", f"{task(caller, path)}/run") == 409
    assert caller.status("POST", f"{path}/tasks/99/run") == caller.status("POST", f"{path}/tasks/99/revoke") == 404

"""Harvest services hide secrets, change field maps as a whole, and create tasks that end with the clock."""

from typing import Any

import pytest

from tests.transports.sandbox.support import Caller

MAPS = [
    {"model": "image", "field_name": "name", "external_field": "TITLE"},
    {"model": "image", "field_name": "capture_date", "external_field": "DATE"},
]
SERVICE: dict[str, Any] = {
    "name": "Hydrants",
    "description": "d",
    "url": "https://gis.example.com/0",
    "auth": {
        "credentials": {"username": "kari", "password": "s3cret", "token_url": "https://gis.example.com/token"},
        "api_key": {"api_key": "k3y", "api_key_item_id": "item"},
    },
    "field_mappings": {"maps": MAPS, "extra_fields": ["A", "B"]},
}


def service(caller: Caller, **changes: Any) -> str:
    """The path of a new service."""
    place = caller.place()
    made = caller.ok("POST", f"{place}/harvest_services/", {**SERVICE, **changes})
    return f"{place}/harvest_services/{made['id']}"


def test_a_service_is_returned_without_its_secrets(caller: Caller) -> None:
    path = service(caller)
    found = caller.ok("GET", path)
    assert found["auth"] == {
        "credentials": {"username": "kari", "token_url": "https://gis.example.com/token"},
        "api_key": {"api_key_item_id": "item"},
    }
    assert (found["where_clause"], found["state"]) == ("1=1", "stopped")
    assert found["field_mappings"] == SERVICE["field_mappings"]
    assert caller.ok("GET", path.rpartition("/")[0] + "/") == [found]
    assert caller.ok("PUT", path, {}) == found
    assert not any(secret in str(found) for secret in ("s3cret", "k3y"))
    plain = caller.ok("GET", service(caller, auth={}, field_mappings={}))
    assert plain["auth"] == {"credentials": None, "api_key": None}
    assert plain["field_mappings"] == {"maps": [], "extra_fields": []}


def test_services_are_listed_in_their_collection(caller: Caller) -> None:
    path, other = service(caller), service(caller)
    here = path.rpartition("/")[0]
    assert [each["name"] for each in caller.ok("GET", f"{here}/?name=Hydrants")] == ["Hydrants"]
    assert caller.ok("GET", f"{here}/?ids=99") == []
    assert caller.status("GET", f"{here}/{other.rpartition('/')[2]}") == 404
    caller.ok("DELETE", path)
    assert caller.status("GET", path) == 404
    caller.ok("DELETE", other.partition("/harvest")[0])
    assert caller.status("GET", other) == 404


def test_an_update_changes_only_the_fields_of_its_body(caller: Caller) -> None:
    path = service(caller)
    changed = caller.ok("PUT", path, {"where_clause": "A=1", "auth": {"api_key": {"api_key": "new"}}})
    assert (changed["name"], changed["where_clause"]) == ("Hydrants", "A=1")
    assert changed["auth"] == {"credentials": None, "api_key": {"api_key_item_id": None}}
    assert caller.error_loc("PUT", path, {"auth": {"api_key": {}}}) == ["body", "auth", "api_key", "api_key"]


def test_field_maps_are_added_updated_and_removed(caller: Caller) -> None:
    path = service(caller)
    maps = [
        {"operation": "add", "model": "image", "field_name": "radial", "external_field": "R"},
        {"operation": "update", "model": "image", "field_name": "name", "external_field": "NAME"},
        {"operation": "remove", "model": "image", "field_name": "capture_date"},
    ]
    change = {"maps": maps, "add_extra_fields": ["C", "A"], "remove_extra_fields": ["B"]}
    assert caller.ok("PUT", path, {"field_mappings": change})["field_mappings"] == {
        "maps": [
            {**MAPS[0], "external_field": "NAME"},
            {"model": "image", "field_name": "radial", "external_field": "R"},
        ],
        "extra_fields": ["A", "C"],
    }


@pytest.mark.parametrize(
    ("operation", "field", "external", "status"),
    [
        ("add", "name", "X", 409),
        ("update", "radial", "X", 404),
        ("remove", "radial", None, 404),
        ("add", "radial", None, 422),
        ("update", "name", None, 422),
        ("swap", "name", "X", 422),
    ],
)
def test_a_wrong_change_of_field_maps_changes_nothing(
    caller: Caller, operation: str, field: str, external: str | None, status: int
) -> None:
    path = service(caller)
    good = {"operation": "remove", "model": "image", "field_name": "capture_date"}
    bad = {"operation": operation, "model": "image", "field_name": field, "external_field": external}
    assert caller.status("PUT", path, {"name": "New", "field_mappings": {"maps": [good, bad]}}) == status
    assert caller.ok("GET", path).items() >= {"name": "Hydrants", "field_mappings": SERVICE["field_mappings"]}.items()


def test_starting_creates_a_task_that_ends_with_the_clock(caller: Caller) -> None:
    path = service(caller)
    answer = caller.ok("POST", f"{path}/start")
    assert (answer["harvest_service"]["state"], answer["task"]["status"]) == ("started", "pending")
    assert caller.ok("POST", f"{path}/start")["task"]["id"] == answer["task"]["id"]
    states = []
    for _ in range(4):
        (task,) = caller.ok("GET", f"{path}/")
        states.append((task["status"], caller.ok("GET", f"/jobs/{task['job_id']}")["completed"]))
        caller.clock.advance(1)
    assert states == [("pending", False), ("in_progress", False), ("in_progress", False), ("completed", True)]


def test_tasks_are_filtered(caller: Caller) -> None:
    path = service(caller)
    first = caller.ok("POST", f"{path}/start")["task"]["id"]
    caller.clock.advance(3)
    second = caller.ok("POST", f"{path}/start")["task"]["id"]
    table = {"": [first, second], "status=completed": [first], "status=pending": [second], "status=failed": []}
    more = {"get_new=true": [second], "get_new=false&limit=1": [first], "offset=1": [second]}
    for query, expected in {**table, **more}.items():
        assert [task["id"] for task in caller.ok("GET", f"{path}/?{query}")] == expected, query
    assert caller.status("GET", f"{path}/?status=done") == 422


def test_stopping_ends_the_running_task(caller: Caller) -> None:
    path = service(caller)
    caller.ok("POST", f"{path}/start")
    answer = caller.ok("POST", f"{path}/stop")
    assert (answer["harvest_service"]["state"], answer["task"]["status"]) == ("stopped", "failed")
    assert answer["task"]["detail"] == "the service was stopped"
    assert caller.ok("POST", f"{path}/stop")["task"] is None
    job = caller.ok("POST", f"{path}/start")["task"]["job_id"]
    caller.ok("DELETE", path)
    assert caller.ok("GET", f"/jobs/{job}")["detail"] == "the service was deleted"

"""The page and its data, without a browser."""

import re
from typing import Any

from pixel_transports.sandbox.dashboard import MAX_ROWS
from tests.transports.sandbox.support import JPEG, Caller

PLACED: dict[str, Any] = {"fields": {"fields_type": "image", "location": {"type": "Point", "coordinates": [5.7, 58.9]}}}


def state(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = caller.raw("GET", "/_sandbox/state").json()
    return found


def test_the_page_is_one_file_that_loads_nothing_writes_no_html_and_allows_only_its_own_script() -> None:
    answer = Caller().raw("GET", "/_sandbox/")
    text = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    addresses = set(re.findall(r"https?://[^\s\"']+", text)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert not re.search(r"<(script|img|iframe|link)[^>]+(src|href)=\"(?!data:)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/]{43}='; ", policy)


def test_images_and_projects_have_positions_and_areas_until_they_are_deleted() -> None:
    caller = Caller()
    image = caller.resource(caller.place(), metadata=PLACED)
    found = state(caller)
    assert found["projects"][0]["area"]["type"] == "Polygon"
    location = PLACED["fields"]["location"]
    shown = {"id": image, "name": "a.jpg", "project_id": 1, "location": location, "heading": None}
    assert found["images"] == [shown]
    caller.ok("DELETE", "/projects/1")
    found = state(caller)
    assert (found["projects"], found["images"], found["image_count"]) == ([], [], 0)


def test_a_job_has_its_status_and_its_resource() -> None:
    caller = Caller()
    place = caller.place()
    caller.upload_job(place, JPEG, "waiting.jpg")
    image = caller.resource(place)
    jobs = state(caller)["jobs"]
    assert [(job["name"], job["status"], job["resource_id"]) for job in jobs] == [
        ("a.jpg", "validated_and_moved", image),
        ("waiting.jpg", "lobby", None),
    ]
    assert state(caller)["job_counts"] == {"validated_and_moved": 1, "lobby": 1}


def test_requests_are_listed_newest_first_without_those_of_the_page() -> None:
    caller = Caller()
    caller.ok("GET", "/users/me")
    for path in ("/_sandbox", "/_sandbox/", "/_sandbox/state"):
        caller.raw("GET", path)
    found = state(caller)
    assert [record["path"].rpartition("/")[2] for record in found["requests"]] == ["me", "token"]
    assert found["request_count"] == 2


def test_long_lists_have_their_newest_rows_and_a_count() -> None:
    caller = Caller()
    place = caller.place()
    for number in range(MAX_ROWS + 1):
        caller.upload_job(place, JPEG, f"{number}.jpg")
    found = state(caller)
    assert (len(found["jobs"]), found["job_counts"]) == (MAX_ROWS, {"lobby": MAX_ROWS + 1})
    assert found["jobs"][0]["name"] == f"{MAX_ROWS}.jpg"
    assert len(found["requests"]) == MAX_ROWS < found["request_count"]

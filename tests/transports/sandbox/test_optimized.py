"""Optimised rasters and point clouds are created, run as a group and listed, and end with the clock."""

from typing import Any

import pytest

from tests.transports.sandbox.support import TIFF, Caller, las


@pytest.fixture
def caller() -> Caller:
    return Caller(job_seconds=1)


def statuses(caller: Caller, path: str) -> list[str]:
    return [each["status"] for each in caller.ok("GET", path)]


def group(caller: Caller, answer: dict[str, Any]) -> tuple[bool, int, int, int]:
    found = caller.ok("GET", f"/jobs/groups/{answer['group_job']['group_id']}")
    return found["completed"], found["total_jobs"], found["success_count"], found["failed_count"]


def test_rasters_are_optimised_with_the_clock(caller: Caller) -> None:
    place = caller.place("raster")
    rasters = [caller.resource(place, TIFF, name) for name in ("a", "b")]
    options = {
        "nearblack_options": {"enabled": True, "color": 255, "algorithm": "floodfill"},
        "overview_resampling": "cubic",
    }
    body = {"raster_ids": rasters, "profile": "web", "creation_options": options}
    made = caller.ok("POST", f"{place}/rasters/optimized/", body)
    assert [each["raster_id"] for each in made] == rasters
    assert (made[0]["profile"], made[0]["creation_options"], made[0]["status"]) == ("web", options, "pending")
    caller.clock.advance(9)
    ids = [each["id"] for each in made]
    listing = f"{place}/rasters/optimized/?ids={ids[0]},{ids[1]}&limit=2"
    assert statuses(caller, listing) == ["pending", "pending"]
    answer = caller.ok("POST", f"{place}/rasters/optimized/run", {"optimized_raster_ids": ids, "retry_failed": False})
    assert statuses(caller, listing) == ["in_progress", "in_progress"]
    job = caller.ok("GET", f"/jobs/{answer['optimized_rasters'][0]['job_id']}")
    assert (job["completed"], job["status"]) == (False, "submitted")
    assert group(caller, answer) == (False, 2, 0, 0)
    caller.clock.advance(1)
    assert group(caller, answer) == (True, 2, 2, 0)
    assert statuses(caller, listing) == ["completed", "completed"]


def test_without_ids_the_whole_collection_is_optimised(caller: Caller) -> None:
    for kind, content in (("raster", TIFF), ("point_cloud", las())):
        place = caller.place(kind)
        ids = [caller.resource(place, content, name) for name in ("a", "b")]
        first = caller.ok("POST", f"{place}/{kind}s/optimized/", {f"{kind}_ids": ids[:1]})
        assert [each[f"{kind}_id"] for each in first] == ids[:1]
        assert [each[f"{kind}_id"] for each in caller.ok("POST", f"{place}/{kind}s/optimized/", {})] == ids[1:]
        assert caller.ok("POST", f"{place}/{kind}s/optimized/", {}) == []
        answer = caller.ok("POST", f"{place}/{kind}s/optimized/run", {"retry_failed": False})
        assert answer["group_job"]["total_jobs"] == 2
        again = caller.ok("POST", f"{place}/{kind}s/optimized/run", {})
        assert group(caller, again) == (True, 0, 0, 0)


def test_a_raster_has_one_optimised_form_for_each_profile(caller: Caller) -> None:
    place = caller.place("raster")
    raster = caller.resource(place, TIFF)
    for profile in (None, "web", "print"):
        caller.ok("POST", f"{place}/rasters/optimized/", {"raster_ids": [raster], "profile": profile})
    deleted = caller.ok("DELETE", f"{place}/rasters/{raster}/optimized?profile=web")
    assert [each["profile"] for each in deleted] == ["web"]
    assert len(caller.ok("GET", f"{place}/rasters/optimized/")) == 2
    assert len(caller.ok("DELETE", f"{place}/rasters/{raster}/optimized")) == 2
    assert caller.ok("DELETE", f"{place}/rasters/{raster}/optimized") == []


def test_only_retry_failed_runs_failed_ones(caller: Caller) -> None:
    place = caller.place("raster")
    raster = caller.resource(place, TIFF)
    caller.ok("POST", f"{place}/rasters/optimized/", {"raster_ids": [raster]})
    objects = caller.sandbox.state.objects
    kept = dict(objects)
    objects.clear()
    answer = caller.ok("POST", f"{place}/rasters/optimized/run", {})
    caller.clock.advance(1)
    assert group(caller, answer) == (True, 1, 0, 1)
    (failed,) = caller.ok("GET", f"{place}/rasters/optimized/")
    assert (failed["status"], failed["detail"]) == ("failed", "a.jpg: nothing is stored")
    objects.update(kept)
    assert caller.ok("POST", f"{place}/rasters/optimized/run", {})["group_job"]["total_jobs"] == 0
    again = caller.ok("POST", f"{place}/rasters/optimized/run", {"retry_failed": True})
    caller.clock.advance(1)
    assert group(caller, again) == (True, 1, 1, 0)


def test_point_clouds_are_run_by_either_id_and_deleted_once(caller: Caller) -> None:
    place = caller.place("point_cloud")
    clouds = [caller.resource(place, las(), name) for name in ("a", "b")]
    made = caller.ok("POST", f"{place}/point_clouds/optimized/", {})
    ids = [made[0]["id"], clouds[1], made[1]["id"]]
    answer = caller.ok("POST", f"{place}/point_clouds/optimized/run", {"point_cloud_ids": ids})
    assert answer["group_job"]["total_jobs"] == 2
    caller.clock.advance(1)
    assert statuses(caller, f"{place}/point_clouds/optimized/?ids={made[0]['id']}&limit=1") == ["completed"]
    for optimized, cloud in zip(made, clouds, strict=True):
        assert caller.ok("DELETE", f"{place}/point_clouds/{cloud}/optimized")["id"] == optimized["id"]
        assert caller.status("DELETE", f"{place}/point_clouds/{cloud}/optimized") == 404


def test_optimised_point_clouds_are_listed_by_status_and_content(caller: Caller) -> None:
    place = caller.place("point_cloud")
    cloud = caller.resource(place, las(1, 2), "a.las")
    caller.resource(place, las(), "b.laz")
    caller.ok("PUT", f"{place}/point_clouds/{cloud}", {"add_tags": ["x"]})
    made = caller.ok("POST", f"{place}/point_clouds/optimized/", {})
    caller.ok("POST", f"{place}/point_clouds/optimized/run", {"point_cloud_ids": [made[0]["id"]]})
    table = {"status=in_progress": 0, "status=pending": 1, "format=LAZ": 1, "version_minor=2": 0, "name=b.laz": 1}
    for query, expected in {**table, "tags=x": 0, "offset=1": 1}.items():
        found = caller.ok("GET", f"{place}/point_clouds/optimized/?{query}")
        assert [each["id"] for each in found] == [made[expected]["id"]], query
    assert caller.status("GET", f"{place}/point_clouds/optimized/?status=done") == 422


def test_optimised_forms_move_and_are_deleted_with_their_raster(caller: Caller) -> None:
    place, other = caller.place("raster"), caller.place("raster")
    raster = caller.resource(place, TIFF)
    caller.ok("POST", f"{place}/rasters/optimized/", {})
    caller.move(f"{place}/rasters", raster, other)
    assert caller.ok("GET", f"{place}/rasters/optimized/") == []
    assert len(caller.ok("GET", f"{other}/rasters/optimized/")) == 1
    caller.ok("DELETE", f"{other}/rasters/{raster}")
    assert caller.ok("GET", f"{other}/rasters/optimized/") == []

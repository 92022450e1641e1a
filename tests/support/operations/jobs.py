"""Cases of optimised rasters and point clouds, and of jobs."""

from collections.abc import Iterator
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import CLOUDS, RASTERS, Case, Method, Sent, model
from tests.support.operations.lists import cases_of_lists


def optimizing() -> Iterator[Case]:
    black = model("NearblackOptions", enabled=True)
    grey = model("NearblackOptions", enabled=True, color=0, algorithm="floodfill")
    place = "/projects/1/data_collections"
    plain = {"enabled": False, "color": "black", "algorithm": "twopasses"}

    def options(nearblack: dict[str, Any], resampling: str) -> dict[str, Any]:
        return {"creation_options": {"nearblack_options": nearblack, "overview_resampling": resampling}}

    def after(name: str, target: str, ids: str) -> tuple[Sent, ...]:
        """Return the requests after the creation: none of `create_...`, otherwise the run, its group and the list."""
        run = (f"POST {target}run", {ids: [71, 72], "retry_failed": False})
        return () if name.startswith("create") else (run, *group, f"GET {target}?ids=71%2C72&limit=2")

    default = options(plain, "average")
    group = ["GET /jobs/groups/61"] * 2
    optimized = [{"id": 71, "of": "optimized"}, {"id": 72, "of": "optimized"}]
    counts = {"total_jobs": 2, "success_count": 2, "failed_count": 0}
    completed = {"id": "61", "group_id": "61", "completed": True, **counts}
    for name in ("create_optimized_rasters", "optimize_rasters"):
        call = Method(name, 1, RASTERS)
        target = f"{place}/{RASTERS}/rasters/optimized/"
        then = after(name, target, "optimized_raster_ids")
        create = f"POST {target}"
        result = optimized if then else None
        grey_options = options({"enabled": True, "color": 0, "algorithm": "floodfill"}, "cubic")
        yield call("ids", [1, 2]).sends((create, {**default, "raster_ids": [1, 2]}), *then).returns(result)
        yield call("ids None", None).sends((create, default), *then).returns(result)
        yield call("ids empty", []).sends().returns([])
        yield call("all", raster_ids=[1], profile="web", nearblack=grey, overview_resampling="cubic").sends(
            (create, {**grey_options, "raster_ids": [1], "profile": "web"}), *then
        )
        yield call("in place", [1], "web", black, "mode").sends(
            (create, {**options({**plain, "enabled": True}, "mode"), "raster_ids": [1], "profile": "web"}), *then
        )
        yield call("no profile", [1], "").sends((create, {**default, "raster_ids": [1]}), *then)
        yield call("colour as text", [1], nearblack=model("NearblackOptions", enabled=False, color="white"))
        yield call("wrong colour", [1], nearblack=model("NearblackOptions", enabled=True, color=256))
    yield Case("create_optimized_rasters", "without ids", (1, RASTERS)).raises("TypeError")
    yield Case("optimize_rasters", "defaults", (1, RASTERS))
    for name in ("create_optimized_point_clouds", "optimize_point_clouds"):
        call = Method(name, 1, CLOUDS)
        target = f"{place}/{CLOUDS}/point_clouds/optimized/"
        then = after(name, target, "point_cloud_ids")
        result = optimized if then else None
        yield call("ids", [1, 2]).sends((f"POST {target}", {"point_cloud_ids": [1, 2]}), *then).returns(result)
        yield call("ids None", None).sends((f"POST {target}", {}), *then).returns(result)
        yield call("ids empty", point_cloud_ids=[]).sends().returns([])
    yield Case("optimize_point_clouds", "defaults", (1, CLOUDS))
    yield Case("create_optimized_point_clouds", "without ids", (1, CLOUDS)).raises("TypeError")
    for kinds, collection, kind, field in (
        ("rasters", RASTERS, "optimize_raster_ids", "optimized_raster_ids"),
        ("point_clouds", CLOUDS, "point_cloud_ids", "point_cloud_ids"),
    ):
        call = Method(f"run_optimize_{kinds}", 1, collection)
        start = f"POST {place}/{collection}/{kinds}/optimized/run"
        sent = {field: [71, 72], "retry_failed": False}
        yield call("ids", [71, 72]).sends((start, sent), *group).returns(completed)
        yield call("ids None", None).sends((start, {"retry_failed": False}), *group)
        yield call("ids empty", [])
        again = {field: [71], "retry_failed": True}
        yield call("failed ones again", **{kind: [71], "retry_failed": True}).sends((start, again), *group)
        one = (start, {field: [71], "retry_failed": False})
        yield call("the group at the first look", [71]).at(group_polls=1).sends(one, group[0]).returns(completed)
        yield call("the group at the fourth look", [71]).at(group_polls=4)
    for kinds, collection in (("rasters", RASTERS), ("point_clouds", CLOUDS)):
        call = Method(f"optimize_{kinds}", 1, collection)
        nothing = Answer("POST", f"{place}/{collection}/{kinds}/optimized/", json=[])
        yield call("nothing was created", [1]).answered(nothing)
        yield call("the group at the first look", [1]).at(group_polls=1)
    yield from cases_of_lists("get_optimized_rasters", 1, RASTERS)
    las = {"format": "LAS", "point_record_format": 10, "version_major": 1, "version_minor": 4}
    more = ({"status": "completed"}, {"status": {"$enum": "PixelStatusEnum.in_progress"}}, las)
    name, wrong = "OptimizedPointCloudListParams", ({"status": "nonsense"},)
    yield from cases_of_lists("get_optimized_point_clouds", 1, CLOUDS, params=name, more=more, invalid=wrong)
    delete = Method("delete_optimized_rasters", 1, RASTERS, 9)
    target = "DELETE /projects/1/data_collections/3/rasters/9/optimized"
    yield delete("defaults").sends(target)
    yield delete("profile", "web å").sends(f"{target}?profile=web+%C3%A5")
    yield delete("no profile", profile="").sends(target)
    delete = Method("delete_optimized_point_cloud", 1, CLOUDS)
    yield delete("defaults", 9).sends("DELETE /projects/1/data_collections/4/point_clouds/9/optimized")
    yield delete("keyword", point_cloud_id=9)


def jobs() -> Iterator[Case]:
    for name, sent in (("get_job", "GET /jobs/{}"), ("get_job_group", "GET /jobs/groups/{}")):
        yield Case(name, "defaults", (51,)).sends(sent.format(51))
        yield Case(name, "keyword", (), {"job_id": 51}).sends(sent.format(51))
        yield Case(name, "id as text", ("a-b",)).sends(sent.format("a-b"))
        yield Case(name, "not found", (51,)).answered(Answer("GET", "/jobs/*", 404, {"detail": "no"}))
    wait = Method("wait_for_job", 51)
    yield wait("defaults").sends("GET /jobs/51")
    yield wait("at the second look").at(job_polls=2)
    yield wait("at the fourth look", timeout=60).at(job_polls=4)
    yield wait("timeout in place", 30).sends("GET /jobs/51")
    yield wait("never, timeout 0", 0).at(job_polls=0)
    yield wait("never, timeout 1", timeout=1).at(job_polls=0)
    yield wait("at the last look that is allowed", timeout=5).at(job_polls=2)
    yield wait("refused").answered(Answer("GET", "/jobs/*", 404, {"detail": "no"}))
    group = Method("wait_for_group_job", 61)
    yield group("defaults")
    yield group("at the first look").at(group_polls=1).sends("GET /jobs/groups/61")
    yield group("at the fourth look", timeout=60).at(group_polls=4)
    yield group("never, timeout 0", 0).at(group_polls=0)
    yield group("at the last look that is allowed", timeout=5).at(group_polls=3)
    yield group("refused").answered(Answer("GET", "/jobs/groups/*", 404, {"detail": "no"}))

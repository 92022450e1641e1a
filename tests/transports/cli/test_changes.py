"""Projects, collections, data and attachments are changed as the options say, and the sandbox holds it then."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.cli.exits import DONE, FAILED, NOTHING, USAGE
from tests.transports.cli.support import World

AREA = "POLYGON((5.5 58.8, 5.9 58.8, 5.9 59, 5.5 58.8))"


def told(world: World, *arguments: object, stdin: str = "") -> Any:
    """What a command shows as JSON."""
    done = world.run(*arguments, "--json", stdin=stdin)
    assert done.exit_code == DONE, done.output
    return json.loads(done.stdout)


def test_a_project_is_created_changed_moved_deleted_and_restored(world: World) -> None:
    made = told(world, "projects", "create", "Sandnes", "--area", AREA, "--parent", world.project, "--tag", "new")
    assert (made["name"], made["parent_project_id"], made["tags"]) == ("Sandnes", world.project, ["new"])
    assert made["area_of_interest"]["coordinates"] == [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 58.8]]]
    changed = told(world, "projects", "update", made["id"], "--description", "Town", "--remove-tag", "new")
    assert (changed["description"], changed["tags"]) == ("Town", [])
    assert told(world, "projects", "move", made["id"], "--to-root")["parent_project_id"] is None
    done = world.run("projects", "delete", made["id"], "--yes")
    assert (done.exit_code, done.stdout) == (DONE, "")
    assert f"pixel projects restore {made['id']}" in done.stderr
    assert [each["id"] for each in told(world, "projects", "list", "--deleted")] == [made["id"]]
    assert told(world, "projects", "restore", made["id"])["name"] == "Sandnes"


@pytest.mark.parametrize("shape", ["Polygon", "Feature", "FeatureCollection"])
def test_the_area_of_a_project_may_be_a_geojson_file(world: World, tmp_path: Path, shape: str) -> None:
    polygon = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 58.8]]]}
    feature = {"type": "Feature", "geometry": polygon, "properties": {}}
    forms = {"Polygon": polygon, "Feature": feature, "FeatureCollection": {"type": shape, "features": [feature]}}
    (tmp_path / "area.geojson").write_text(json.dumps(forms[shape]))
    made = told(world, "projects", "create", "New", "--area", tmp_path / "area.geojson")
    assert made["area_of_interest"] == polygon
    found = told(world, "search", "--on", "images", "--intersects", tmp_path / "area.geojson")
    assert [each["name"] for each in found] == ["photo_2.jpg"]


def test_an_area_that_is_no_polygon_is_wrong_usage(world: World) -> None:
    for text in ("POINT(5 58)", "POLYGON((5 58, 6 58, 5 59))", "LINESTRING(5 58, 6 59)"):
        done = world.run("projects", "create", "New", "--area", text)
        assert (done.exit_code, done.stdout) == (USAGE, ""), text
        assert "--area: no geometry" in done.stderr


def test_a_collection_is_created_changed_moved_deleted_and_restored(world: World) -> None:
    of = ("--project", world.project)
    made = told(world, "collections", "create", "Evening", *of, "--type", "image", "--tag", "x")
    changed = told(world, "collections", "update", made["id"], *of, "--name", "Night", "--add-tag", "y")
    assert (changed["name"], changed["tags"]) == ("Night", ["x", "y"])
    assert told(world, "collections", "move", made["id"], *of, "--to-project", 2)["project_id"] == 2
    assert world.run("collections", "delete", made["id"], "--project", 2, "--yes").exit_code == DONE
    assert [each["id"] for each in told(world, "collections", "list", "--project", 2, "--deleted")] == [made["id"]]
    assert told(world, "collections", "restore", made["id"], "--project", 2)["name"] == "Night"
    assert told(world, "collections", "show", made["id"], "--project", 2)["id"] == made["id"]


@pytest.mark.parametrize("group", ["projects", "collections"])
def test_an_update_without_a_change_says_what_could_be_changed(world: World, group: str) -> None:
    done = world.run(group, "update", 1, *(["--project", 1] if group == "collections" else []))
    assert done.exit_code == USAGE
    assert "--name" in done.output


@pytest.mark.parametrize(("command", "of", "what"), [("images", "images", "image"), ("rasters", "rasters", "raster")])
def test_images_and_rasters_move_to_another_project_and_are_deleted(
    world: World, command: str, of: str, what: str
) -> None:
    kind = {"images": "image", "rasters": "RGB"}[command]
    there = told(world, "collections", "create", "There", "--project", 2, "--type", kind)["id"]
    thing = getattr(world, what)
    moved = told(world, command, "move", thing, *world.of(of), "--to-project", 2, "--to-collection", there)
    assert moved["id"] == thing
    place = ("--project", 2, "--collection", there)
    assert [each["id"] for each in told(world, command, "list", *place)] == [thing]
    assert world.run(command, "delete", thing, *place, "--yes").exit_code == DONE
    assert told(world, command, "list", *place) == []


def test_a_point_cloud_moves_within_its_project_and_is_deleted_when_the_answer_is_yes(world: World) -> None:
    there = told(world, "collections", "create", "There", "--project", 1, "--type", "point_cloud")["id"]
    told(world, "pointclouds", "move", world.cloud, *world.of("clouds"), "--to-collection", there)
    place = ("--project", 1, "--collection", there)
    done = world.at_terminal("pointclouds", "delete", world.cloud, *place, answer="y\n")
    assert (done.returncode, "Delete point cloud" in done.stderr) == (DONE, True), done.stderr
    assert told(world, "pointclouds", "list", *place) == []


def test_files_are_attached_listed_moved_and_deleted(world: World, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("windy")
    (tmp_path / "plan.txt").write_text("north")
    files = (tmp_path / "notes.txt", tmp_path / "plan.txt")
    added = told(world, "attachments", "add", "project", 1, *files, "--description", "Field notes")
    assert [(each["name"], each["status"]) for each in added] == [("notes.txt", "Completed"), ("plan.txt", "Completed")]
    assert {each["description"] for each in added} == {"Field notes"}
    first, second = (each["id"] for each in added)
    told(world, "attachments", "move", "project", 1, first, "--to", "image", "--to-id", world.image)
    assert [each["id"] for each in told(world, "attachments", "list", "image", world.image)] == [first]
    assert world.run("attachments", "delete", "project", 1, second, "--yes").exit_code == DONE
    assert told(world, "attachments", "list", "project", 1) == []


def test_rasters_and_point_clouds_are_optimised_listed_and_forgotten(world: World) -> None:
    rasters, clouds = world.of("rasters"), world.of("clouds")
    made = told(world, "optimise", "rasters", world.raster, *rasters, "--clean-borders", "white")
    assert [(each["raster_id"], each["status"]) for each in made] == [(world.raster, "completed")]
    assert told(world, "optimise", "rasters", "--list", *rasters) == made
    assert len(told(world, "optimise", "pointclouds", "--all", *clouds)) == 1
    assert world.run("optimise", "rasters", world.raster, "--delete", "--yes", *rasters).exit_code == DONE
    assert told(world, "optimise", "rasters", "--list", *rasters) == []
    assert world.run("optimise", "pointclouds", world.cloud, "--delete", "--yes", *clouds).exit_code == DONE


def test_no_ids_are_never_everything(world: World) -> None:
    done = world.run("optimise", "rasters", *world.of("rasters"))
    assert done.exit_code == USAGE
    assert "--all" in done.output
    empty = told(world, "collections", "create", "Empty", "--project", 1, "--type", "RGB")["id"]
    done = world.run("optimise", "rasters", "--all", "--project", 1, "--collection", empty)
    assert (done.exit_code, done.stdout) == (NOTHING, "")


def test_a_job_is_shown_and_waited_for_and_progress_goes_to_stderr(world: World) -> None:
    job, group = next(iter(world.server.sandbox.state.jobs)), next(iter(world.server.sandbox.state.groups), None)
    assert told(world, "jobs", "show", job)["completed"] is True
    done = world.run("jobs", "wait", job)
    assert (done.exit_code, f"pixel: job {job}" in done.stderr) == (DONE, True)
    if group is not None:
        assert told(world, "jobs", "wait", group, "--group")["completed"] is True


def test_a_job_that_does_not_end_in_time_exits_with_1(world: World) -> None:
    job = next(iter(world.server.sandbox.state.jobs.values()))
    job.ended, job.ends_at = False, float("inf")
    done = world.run("jobs", "wait", job.id, "--timeout", "0")
    assert (done.exit_code, done.stdout) == (FAILED, "")
    assert "not completed within 0 seconds" in done.stderr


def test_a_job_that_failed_exits_with_1_and_shows_what_the_server_says(world: World) -> None:
    job = next(iter(world.server.sandbox.state.jobs.values()))
    job.failure = "the disk is full"
    done = world.run("jobs", "wait", job.id)
    assert done.exit_code == FAILED
    assert "the disk is full" in done.stdout
    assert "The job failed" in done.stderr

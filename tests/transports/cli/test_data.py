"""Projects, data collections, resources, attachments and optimised forms change in the sandbox as the options say."""

import json
from pathlib import Path

import pytest

from pixel_transports.cli.errors import DONE, NOTHING
from tests.transports.cli.support import World

RING = [[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 58.8]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
FEATURE = {"type": "Feature", "geometry": POLYGON, "properties": {}}


def test_a_project_is_created_changed_moved_deleted_and_restored(world: World) -> None:
    area = "POLYGON((5.5 58.8, 5.9 58.8, 5.9 59, 5.5 58.8))"
    made = world.json("projects", "create", "Sandnes", "--area", area, "--parent", world.project, "--tag", "new")
    assert (made["name"], made["parent_project_id"], made["tags"]) == ("Sandnes", world.project, ["new"])
    assert made["area_of_interest"]["coordinates"] == [RING]
    changed = world.json("projects", "update", made["id"], "--description", "Town", "--remove-tag", "new")
    assert (changed["description"], changed["tags"]) == ("Town", [])
    assert world.json("projects", "move", made["id"], "--to-root")["parent_project_id"] is None
    done = world.run("projects", "delete", made["id"], "--yes")
    assert (done.exit_code, done.stdout) == (DONE, "")
    assert f"pixel projects restore {made['id']}" in done.stderr
    assert world.ids("projects", "list", "--deleted") == [made["id"]]
    assert world.json("projects", "restore", made["id"])["name"] == "Sandnes"


@pytest.mark.parametrize("geojson", [POLYGON, FEATURE, {"type": "FeatureCollection", "features": [FEATURE]}])
def test_an_area_is_read_from_a_geojson_file(world: World, tmp_path: Path, geojson: object) -> None:
    (tmp_path / "area.geojson").write_text(json.dumps(geojson))
    made = world.json("projects", "create", "New", "--area", tmp_path / "area.geojson")
    assert made["area_of_interest"] == POLYGON
    rows = world.json("search", "--on", "images", "--intersects", tmp_path / "area.geojson")
    assert [each["name"] for each in rows] == ["photo_2.jpg"]


def test_a_collection_is_created_changed_moved_deleted_and_restored(world: World) -> None:
    here, there = ("--project", world.project), ("--project", 2)
    made = world.json("collections", "create", "Evening", *here, "--type", "image", "--tag", "x")
    changed = world.json("collections", "update", made["id"], *here, "--name", "Night", "--add-tag", "y")
    assert (changed["name"], changed["tags"]) == ("Night", ["x", "y"])
    assert world.json("collections", "move", made["id"], *here, "--to-project", 2)["project_id"] == 2
    assert world.run("collections", "delete", made["id"], *there, "--yes").exit_code == DONE
    assert world.ids("collections", "list", *there, "--deleted") == [made["id"]]
    assert world.json("collections", "restore", made["id"], *there)["name"] == "Night"
    assert world.json("collections", "show", made["id"], *there)["id"] == made["id"]


@pytest.mark.parametrize(
    ("command", "noun", "kind", "project"),
    [("images", "image", "image", 2), ("rasters", "raster", "RGB", 2), ("pointclouds", "cloud", "point_cloud", 1)],
)
def test_resources_move_point_clouds_within_their_project_and_are_deleted_after_the_answer_yes(
    world: World, command: str, noun: str, kind: str, project: int
) -> None:
    target = world.json("collections", "create", "There", "--project", project, "--type", kind)["id"]
    resource, there = getattr(world, noun), ("--project", project, "--collection", target)
    move = ("--to-collection", target, *(("--to-project", 2) if project == 2 else ()))
    assert world.json(command, "move", resource, *world.options(f"{noun}s"), *move)["id"] == resource
    assert world.ids(command, "list", *there) == [resource]
    done = world.at_terminal(command, "delete", resource, *there, answer="y\n")
    assert (done.returncode, f"Delete {kind.replace('RGB', 'raster').replace('_', ' ')}" in done.stderr) == (DONE, True)
    assert world.ids(command, "list", *there) == []


def test_files_are_attached_listed_moved_and_deleted(world: World, tmp_path: Path) -> None:
    files = (tmp_path / "notes.txt", tmp_path / "plan.txt")
    for file in files:
        file.write_text("windy")
    added = world.json("attachments", "add", "project", 1, *files, "--description", "Field notes")
    rows = [(each["name"], each["status"], each["description"]) for each in added]
    assert rows == [("notes.txt", "Completed", "Field notes"), ("plan.txt", "Completed", "Field notes")]
    first, second = (each["id"] for each in added)
    world.json("attachments", "move", "project", 1, first, "--to", "image", "--to-id", world.image)
    assert world.ids("attachments", "list", "image", world.image) == [first]
    assert world.run("attachments", "delete", "project", 1, second, "--yes").exit_code == DONE
    assert world.ids("attachments", "list", "project", 1) == []


def test_rasters_and_point_clouds_are_optimised_listed_and_deleted_and_without_any_the_exit_code_is_3(
    world: World,
) -> None:
    rasters, clouds = world.options("rasters"), world.options("clouds")
    made = world.json("optimise", "rasters", world.raster, *rasters, "--clean-borders", "white")
    assert [(each["raster_id"], each["status"]) for each in made] == [(world.raster, "completed")]
    assert world.json("optimise", "rasters", "--list", *rasters) == made
    assert len(world.json("optimise", "pointclouds", "--all", *clouds)) == 1
    assert world.run("optimise", "rasters", world.raster, "--delete", "--yes", *rasters).exit_code == DONE
    assert world.json("optimise", "rasters", "--list", *rasters) == []
    assert world.run("optimise", "pointclouds", world.cloud, "--delete", "--yes", *clouds).exit_code == DONE
    empty = world.json("collections", "create", "Empty", "--project", 1, "--type", "RGB")["id"]
    done = world.run("optimise", "rasters", "--all", "--project", 1, "--collection", empty)
    assert (done.exit_code, done.stdout) == (NOTHING, "")

"""The main commands show what the golden files hold, in a pipe and at a terminal."""

import shlex

import pytest

from tests.transports.cli.support import World, check_golden

OF = "--project {project} --collection"

COMMANDS = {
    "projects-list": "projects list",
    "projects-list-json": "projects list --json --limit 1",
    "projects-list-csv": "projects list --csv",
    "projects-list-geojson": "projects list --geojson --name Jæren",
    "projects-show": "projects show {project}",
    "projects-unknown": "projects show 999",
    "collections-list": "collections list --project {project}",
    "collections-deleted": "collections list --project {project} --deleted",
    "images-list": f"images list {OF} {{images}}",
    "images-list-geojson": f"images list {OF} {{images}} --geojson --limit 1",
    "images-show": f"images show {{image}} {OF} {{images}}",
    "rasters-list": f"rasters list {OF} {{rasters}}",
    "pointclouds-list": f"pointclouds list {OF} {{clouds}}",
    "search": "search --on images --filter cam_height == null --sort cam_heading:desc --limit 2",
    "search-fields": "search --on projects --fields",
    "search-out-fields": "search --on images --out-fields id,cam_heading",
    "modules": "analysis modules",
    "gdo-users": "arcgis users",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_in_a_pipe_the_output_is_that_of_the_golden_file(still: World, name: str) -> None:
    command = COMMANDS[name].format(**vars_of(still))
    done = still.run(*shlex.split(command))
    assert "\x1b" not in done.output
    check_golden(f"pipe/{name}", command, done.exit_code, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["projects-list", "projects-show", "images-list", "search-out-fields"])
def test_at_a_terminal_the_output_is_that_of_the_golden_file(still: World, name: str) -> None:
    command = COMMANDS[name].format(**vars_of(still))
    done = still.at_terminal(*shlex.split(command))
    check_golden(f"terminal/{name}", command, done.returncode, done.stdout, done.stderr)


def test_no_color_takes_the_colours_away_at_a_terminal(still: World) -> None:
    done = still.at_terminal("images", "list", *still.of("images"), NO_COLOR="1")
    assert "photo_0.jpg" in done.stdout
    assert not any(f"\x1b[{code}" in done.stdout for code in ("3", "9", "38", "48"))


def test_the_name_of_a_project_cannot_move_the_cursor(still: World) -> None:
    assert "\x1b[31m" not in still.at_terminal("projects", "list").stdout


def vars_of(world: World) -> dict[str, int]:
    names = ("project", "images", "rasters", "clouds", "image", "raster", "cloud")
    return {name: getattr(world, name) for name in names}

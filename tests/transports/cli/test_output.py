"""Output formats are those of the golden files, in a pipe and at a terminal; lists are fetched in pages."""

import shlex

import pytest

from pixel_transports.cli.output import redact
from tests.transports.cli.support import World, check_golden

OF = "--project {project} --collection"

GOLDEN_COMMANDS = {
    "projects-list": "projects list",
    "projects-list-json": "projects list --json --limit 1",
    "projects-list-csv": "projects list --csv",
    "projects-list-geojson": "projects list --geojson --name Jæren",
    "projects-empty-json": "projects list --deleted --json",
    "projects-empty-csv": "projects list --deleted --csv",
    "projects-show-json": "projects show {project} --json",
    "projects-show-geojson": "projects show {project} --geojson",
    "projects-show": "projects show {project}",
    "projects-unknown": "projects show 999",
    "collections-list": "collections list --project {project}",
    "collections-deleted": "collections list --project {project} --deleted",
    "images-list": f"images list {OF} {{images}}",
    "images-list-geojson": f"images list {OF} {{images}} --geojson --limit 1",
    "images-list-csv": f"images list {OF} {{images}} --csv",
    "images-show": f"images show {{image}} {OF} {{images}}",
    "rasters-list": f"rasters list {OF} {{rasters}}",
    "pointclouds-list": f"pointclouds list {OF} {{clouds}}",
    "search": "search --on images --filter cam_height == null --sort cam_heading:desc --limit 2",
    "search-fields": "search --on projects --fields",
    "search-out-fields": "search --on images --out-fields id,cam_heading",
    "search-geojson": "search --on images --out-fields id,name --geojson",
    "search-no-geometry": "search --on rasters --geojson",
    "modules": "analysis modules",
    "gdo-users": "arcgis users",
}


def command_of(world: World, name: str) -> str:
    names = ("project", "images", "rasters", "clouds", "image")
    return GOLDEN_COMMANDS[name].format(**{each: getattr(world, each) for each in names})


@pytest.mark.parametrize("name", GOLDEN_COMMANDS)
def test_output_in_a_pipe_is_that_of_the_golden_file(still: World, name: str) -> None:
    command = command_of(still, name)
    done = still.run(*shlex.split(command))
    assert "\x1b" not in done.output
    check_golden(f"pipe/{name}", command, done.exit_code, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["projects-list", "projects-show", "images-list", "search-out-fields"])
def test_output_at_a_terminal_is_that_of_the_golden_file(still: World, name: str) -> None:
    command = command_of(still, name)
    done = still.at_terminal(*shlex.split(command))
    assert "\x1b[31m" not in done.stdout  # a project has this in its name
    check_golden(f"terminal/{name}", command, done.returncode, done.stdout, done.stderr)


def test_no_color_removes_the_colours_at_a_terminal(still: World) -> None:
    done = still.at_terminal("images", "list", *still.options("images"), NO_COLOR="1")
    assert "photo_0.jpg" in done.stdout
    assert not any(f"\x1b[{code}" in done.stdout for code in ("3", "9", "38", "48"))


@pytest.mark.parametrize("command", ["images list --project 1 --collection 3", "search --on images"])
@pytest.mark.parametrize(
    ("options", "numbers"),
    [("--limit 1", [0]), ("--limit 2 --offset 1 --page-size 1", [1, 2]), ("--page-size 2", [0, 1, 2])],
)
def test_a_list_is_fetched_in_pages_up_to_the_limit(
    still: World, command: str, options: str, numbers: list[int]
) -> None:
    rows = still.json(*command.split(), *options.split())
    assert [each["name"] for each in rows] == [f"photo_{number}.jpg" for number in numbers]


def test_secrets_are_redacted_at_any_depth() -> None:
    value = {
        "auth": {"credentials": {"username": "kari"}, "api_key": {"api_key": "k"}, "token_url": "https://t.invalid"},
        "upload_file_params": {"fields": {"signature": "s"}},
        "config": [{"db_password": "p", "accessToken": "t", "client_secret": None}],
    }
    assert redact(value) == {
        "auth": {"credentials": "***", "api_key": "***", "token_url": "https://t.invalid"},
        "upload_file_params": "***",
        "config": [{"db_password": "***", "accessToken": "***", "client_secret": None}],
    }

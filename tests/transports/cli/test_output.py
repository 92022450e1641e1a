"""Output formats are those of the golden files, in a pipe and at a terminal; lists are fetched in pages."""

import os
import re
import shlex

import pytest

from pixel_transports.cli.errors import USAGE
from pixel_transports.cli.output import redact
from pixel_transports.cli.tables import fitted_table_lines
from tests.support.cli_runs import pixel
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
    check_golden(f"pipe/{name}", (command, done.exit_code, done.stdout, done.stderr))


@pytest.mark.parametrize("name", ["projects-list", "projects-show", "images-list", "search-out-fields"])
def test_output_at_a_terminal_is_that_of_the_golden_file(still: World, name: str) -> None:
    command = command_of(still, name)
    done = still.at_terminal(*shlex.split(command))
    assert "\x1b[31m" not in done.stdout  # a project has this in its name
    check_golden(f"terminal/{name}", (command, done.returncode, done.stdout, done.stderr))


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


HEADER = ("id", "name", "description", "parent_project_id", "created_at")
ROWS = [
    ("1", "Jæren", "Flights " * 20, "", "2025-01-01T00:00:00Z"),
    ("12345", "你好" * 20, "", "1", "2025-01-01T00:00:00Z"),
]


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_a_table_fits_the_width_without_broken_headers_and_names_what_it_left_out(width: int) -> None:
    from rich.cells import cell_len

    lines, left_out = fitted_table_lines(ROWS, HEADER, width)
    plain = [re.sub("\x1b\\[[01]m", "", line) for line in lines]
    assert max(map(cell_len, plain)) <= width
    assert tuple(plain[0].split()) + tuple(left_out) == HEADER
    assert {"id", "name"} <= set(plain[0].split())
    assert "".join(plain).count("好") == 20  # names are complete
    assert len(plain) < 20


@pytest.mark.parametrize(
    ("options", "first", "line"),
    [
        ("--columns name,area_of_interest", "name", "Jæren"),
        ("--columns name,id --csv", "name,id", "Jæren,1"),
        ("--wide", "id", "1"),
    ],
)
def test_columns_are_chosen(still: World, options: str, first: str, line: str) -> None:
    lines = still.run("projects", "list", *options.split()).stdout.splitlines()
    assert lines[0].split()[0] == first
    assert lines[1].split()[0] == line


def test_wide_and_columns_leave_nothing_out_at_a_narrow_terminal(still: World) -> None:
    narrow = still.at_terminal("projects", "list", COLUMNS="40")
    assert "created_at" not in narrow.stdout
    assert "Not shown at this width: parent_project_id, tags, created_at." in narrow.stderr
    for options in (["--wide"], ["--columns", "id,name,description,tags,created_at"]):
        done = still.at_terminal("projects", "list", *options, COLUMNS="40")
        assert ("created_at" in done.stdout, done.stderr) == (True, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--columns nope", "there is no nope; the columns are id, name, description"),
        ("--columns ,", "takes names such as id,name"),
        ("--columns id --json", "goes with tables and --csv only"),
    ],
)
def test_unknown_columns_are_wrong_usage(still: World, options: str, message: str) -> None:
    done = still.run("projects", "list", *options.split())
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert message in done.stderr


PAGER = "sed s/^/paged:/"


@pytest.mark.parametrize(
    ("arguments", "settings", "paged"),
    [
        ("projects list", {"PAGER": PAGER}, True),
        ("projects show {project} --json", {"PIXEL_PAGER": PAGER, "PAGER": "false"}, True),
        ("projects list", {"PAGER": PAGER, "LINES": "50"}, False),
        ("projects list", {"PIXEL_PAGER": "", "PAGER": PAGER}, False),
        ("projects list", {"PAGER": "cat"}, False),
        ("projects list", {"PAGER": "/does/not/exist"}, False),
        ("projects list", {"PAGER": PAGER, "TERM": "dumb"}, False),
        ("projects list --no-pager", {"PAGER": PAGER}, False),
        ("--no-pager projects list", {"PAGER": PAGER}, False),
        ("projects list", {"PAGER": "sh -c 'cat >/dev/null; echo paged:Jæren with LESS=$LESS'"}, True),
    ],
)
def test_output_longer_than_the_terminal_is_shown_in_the_pager(
    still: World, arguments: str, settings: dict[str, str], paged: bool
) -> None:
    done = still.at_terminal(*arguments.format(project=still.project).split(), **{"LINES": "3", **settings})
    assert (done.returncode, "Jæren" in done.stdout, "paged:" in done.stdout) == (0, True, paged)
    if "$LESS" in settings["PAGER"]:
        assert f"LESS={os.environ.get('LESS', 'FRX')}" in done.stdout


def test_a_pager_that_is_left_early_is_no_error(still: World) -> None:
    done = still.at_terminal("search", "--on", "images", "--json", LINES="3", PAGER="head -n 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n", "")


def test_a_pipe_has_all_columns_and_no_pager(still: World) -> None:
    done = pixel("projects", "list", environment={**still.environment, "COLUMNS": "40", "LINES": "2", "PAGER": PAGER})
    assert (done.stdout, done.stderr) == (still.run("projects", "list").stdout, "")

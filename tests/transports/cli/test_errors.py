"""What goes wrong is one sentence with the next step, and an exit code; nothing is asked without a terminal."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pixel_transports.cli import cli
from pixel_transports.cli.exits import DONE, FAILED, LOGIN, NOTHING, UNREACHABLE, USAGE
from tests.support.cli_runs import pixel, run
from tests.transports.cli.support import World, at_terminal


def test_without_settings_the_missing_ones_are_named_and_what_to_do() -> None:
    done = pixel("projects", "list")
    assert (done.returncode, done.stdout) == (USAGE, "")
    for text in ("PIXEL_USERNAME", "PIXEL_PASSWORD", "PIXEL_TENANT", "--env-file", "pixel config"):
        assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_does_not_exist_exits_with_1_and_says_how_to_find_what_does(still: World) -> None:
    done = still.run("images", "show", 999, *still.of("images"))
    assert (done.exit_code, done.stdout) == (FAILED, "")
    assert "404" in done.stderr
    assert "Image not found" in done.stderr
    assert "`list` commands" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_password_exits_with_4_and_is_not_shown(still: World) -> None:
    done = run("projects", "list", environment={**still.environment, "PIXEL_PASSWORD": "hush-hush"})
    assert done.exit_code == LOGIN
    assert "hush-hush" not in done.output


def test_no_server_exits_with_5(still: World) -> None:
    done = run("projects", "list", environment={**still.environment, "PIXEL_AUTH_SERVER_URL": "http://127.0.0.1:1"})
    assert done.exit_code == UNREACHABLE
    assert "Check PIXEL_API_URL" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--intersects", "POINT(1)"), "no geometry"),
        (("--intersects", "BLOB(1 2)"), "no geometry"),
        (("--intersects", "nowhere.geojson"), "no such file"),
        (("--filter", "name", "like", "x"), "the operator is one of"),
        (("--sort", "name:up"), "asc or desc"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_a_query_that_is_none_is_told_before_anything_is_sent(
    still: World, arguments: tuple[str, ...], told: str
) -> None:
    before = len(still.server.sandbox.received)
    done = still.run("search", "--on", "images", *arguments)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert told in done.stderr
    assert len(still.server.sandbox.received) == before


def test_a_file_that_holds_no_geometry_is_told(still: World, tmp_path: Path) -> None:
    for text in ("{", '{"type": "Nothing"}', '{"type": "Feature", "geometry": null}', "words"):
        (tmp_path / "area.geojson").write_text(text)
        done = still.run("search", "--on", "images", "--intersects", tmp_path / "area.geojson")
        assert done.exit_code == USAGE, text


COMMANDS_THAT_DELETE = [
    ("projects", "delete", "1"),
    ("collections", "delete", "3", "--project", "1"),
    ("images", "delete", "5", "--project", "1", "--collection", "3"),
    ("attachments", "delete", "project", "1", "5"),
    ("arcgis", "delete", "feature", "5"),
    ("harvest", "delete", "5", "--project", "1", "--collection", "3"),
    ("analysis", "delete", "5"),
    ("analysis", "tasks", "delete", "5", "6"),
    ("optimise", "rasters", "5", "--delete", "--project", "1", "--collection", "3"),
]


@pytest.mark.parametrize("arguments", COMMANDS_THAT_DELETE)
def test_nothing_is_deleted_without_a_terminal_to_ask_at(still: World, arguments: tuple[str, ...]) -> None:
    before = len(still.server.sandbox.received)
    done = still.run(*arguments)
    assert done.exit_code == USAGE, done.output
    assert "--yes" in done.output
    assert len(still.server.sandbox.received) == before


def test_the_answer_no_deletes_nothing_and_exits_with_3(still: World) -> None:
    done = still.at_terminal("projects", "delete", still.project, answer="n\n")
    assert done.returncode == NOTHING
    assert "Delete project 1 (Jæren)?" in done.stderr
    assert "Nothing was deleted." in done.stderr
    assert len(json.loads(still.run("projects", "list", "--json").stdout)) == 2


def test_what_was_deleted_before_an_error_is_told(world: World) -> None:
    done = world.run("images", "delete", world.image, 999, "--yes", *world.of("images"))
    assert done.exit_code == FAILED
    assert f"Deleted before this: {world.image}." in done.stderr


def test_verbose_shows_requests_and_no_token(still: World) -> None:
    done = still.run("projects", "show", still.project, "-v")
    assert "/projects/1" in done.stderr
    assert "eyJ" not in done.stderr
    assert still.run("projects", "show", still.project).stderr == ""


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            found += _commands(inner, (*path, name))
    return found


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*each, id=" ".join(("pixel", *each[0]))) for each in _commands(cli)]
)
def test_every_command_and_option_has_a_help_text_that_is_a_sentence(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert command.help
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help.rstrip().endswith((".", ")", "]")), option.help
    assert run(*path, "--help").exit_code == DONE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == DONE
    assert f"_PIXEL_COMPLETE={shell}_complete" in done.stdout


def test_completion_knows_the_commands() -> None:
    words = {"_PIXEL_COMPLETE": "bash_complete", "COMP_WORDS": "pixel pro", "COMP_CWORD": "1"}
    assert pixel(environment=words).stdout == "plain,projects\n"


def test_help_loads_neither_the_clients_nor_rich() -> None:
    code = (
        "import sys, pixel_transports.cli;"
        "print([each for each in ('pixel_transports.client.blocking', 'rich', 'PIL', 'sqlite3', 'ssl') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_at_a_terminal_works_without_any_setting() -> None:
    assert at_terminal("projects", "--help").returncode == DONE

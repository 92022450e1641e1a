"""An error is one message with the next step, and an exit code; every command has help; nothing is deleted unasked."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pixel_transports.cli import cli
from pixel_transports.cli.errors import DONE, FAILED, LOGIN, NOTHING, UNREACHABLE, USAGE
from tests.support.cli_runs import pixel, run
from tests.transports.cli.support import World, at_terminal


@pytest.mark.parametrize(
    ("changes", "code", "messages"),
    [
        ({"PIXEL_PASSWORD": "hush-hush"}, LOGIN, ["check PIXEL_USERNAME and PIXEL_PASSWORD"]),
        ({"PIXEL_TENANT": "unknown"}, LOGIN, ["no tenant 'Unknown'"]),
        ({"PIXEL_AUTH_SERVER_URL": "http://127.0.0.1:1"}, UNREACHABLE, ["refused", "Check PIXEL_API_URL"]),
        (None, USAGE, ["PIXEL_USERNAME", "PIXEL_PASSWORD", "PIXEL_TENANT", "--env-file", "pixel config"]),
    ],
)
def test_a_call_that_cannot_be_made_exits_with_a_code_and_one_line(
    still: World, changes: dict[str, str] | None, code: int, messages: list[str]
) -> None:
    done = run("projects", "list", environment={} if changes is None else {**still.environment, **changes})
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (code, "", 1)
    for text in messages:
        assert text in done.stderr
    assert "hush-hush" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--intersects", "POINT(1)"), "no geometry"),
        (("--intersects", "BLOB(1 2)"), "no geometry"),
        (("--intersects", "nowhere.geojson"), "no such file"),
        (("--filter", "name", "like", "x"), "the operator is one of"),
        (("--sort", "name:up"), "asc or desc"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_a_wrong_query_is_reported_before_anything_is_sent(
    still: World, arguments: tuple[str, ...], message: str
) -> None:
    before = len(still.server.sandbox.received)
    done = still.run("search", "--on", "images", *arguments)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert message in done.stderr
    assert len(still.server.sandbox.received) == before


def test_a_file_without_a_geometry_is_wrong_usage(still: World, tmp_path: Path) -> None:
    file = tmp_path / "area.geojson"
    for text in ("{", '{"type": "Nothing"}', '{"type": "Feature", "geometry": null}', "words"):
        file.write_text(text)
        assert still.run("search", "--on", "images", "--intersects", file).exit_code == USAGE, text


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
def test_nothing_is_deleted_without_a_terminal_for_the_confirmation(still: World, arguments: tuple[str, ...]) -> None:
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


def test_ids_that_were_deleted_before_an_error_are_printed(world: World) -> None:
    done = world.run("images", "delete", world.image, 999, "--yes", *world.options("images"))
    assert done.exit_code == FAILED
    assert f"Deleted before this: {world.image}." in done.stderr


def test_verbose_logs_requests_without_the_token(still: World) -> None:
    done = still.run("projects", "show", still.project, "-v")
    assert "/projects/1" in done.stderr
    assert "eyJ" not in done.stderr
    assert still.run("projects", "show", still.project).stderr == ""


# Help and completion


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    commands = [(path, command)]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            commands += _commands(inner, (*path, name))
    return commands


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


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        ((), ("demo", "sandbox", "me", "upload", "journal", "Exit codes", "130")),
        (("upload",), ("Exit codes", "130", "tabs", "status", "skipped", "support_files", "--dry-run")),
    ],
)
def test_help_documents_exit_codes_and_output(command: tuple[str, ...], texts: tuple[str, ...]) -> None:
    help_text = run(*command, "--help").stdout
    assert [text for text in texts if text not in help_text] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    assert f"_PIXEL_COMPLETE={shell}_complete" in run("completion", shell).stdout


def test_completion_knows_the_commands() -> None:
    words = {"_PIXEL_COMPLETE": "bash_complete", "COMP_WORDS": "pixel pro", "COMP_CWORD": "1"}
    assert pixel(environment=words).stdout == "plain,projects\n"


def test_help_loads_neither_the_clients_nor_rich() -> None:
    code = (
        "import sys, pixel_transports.cli;"
        "slow = ('pixel_transports.client.blocking', 'rich', 'PIL', 'sqlite3', 'ssl', 'pixel_core.models.files');"
        "print([each for each in slow if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_at_a_terminal_needs_no_settings() -> None:
    assert at_terminal("projects", "--help").returncode == DONE

"""`pixel journal`: what is written down can be seen, and forgotten."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_transports.cli.exits import DONE, FAILED, NOTHING, USAGE
from pixel_transports.sandbox import SandboxServer
from tests.support.cli_runs import COMMAND, Place, clean_environment, make_photos, run


@pytest.fixture
def place(server: SandboxServer) -> Iterator[Place]:
    made = Place.at(server)
    with made.client:
        yield made


@pytest.fixture
def uploaded(place: Place, tmp_path: Path) -> list[Path]:
    """Two photos that were uploaded."""
    photos = make_photos(tmp_path / "flight", 2)
    assert place.upload(tmp_path / "flight").exit_code == DONE
    return photos


def test_path_shows_where_the_journal_is(tmp_path: Path) -> None:
    assert run("journal", "path").stdout == os.environ["PIXEL_JOURNAL"] + "\n"
    assert run("journal", "path", "--journal", str(tmp_path / "j")).stdout == f"{tmp_path / 'j'}\n"


def test_a_journal_that_is_not_there_holds_no_files(tmp_path: Path) -> None:
    done = run("journal", "list", "--all")
    assert (done.exit_code, done.stdout) == (DONE, "")
    assert not Path(os.environ["PIXEL_JOURNAL"]).exists()


def test_finished_files_are_listed_only_with_all(uploaded: list[Path]) -> None:
    assert run("journal", "list").stdout == ""
    done = run("journal", "list", "--all")
    assert done.stdout.splitlines()[0].startswith("http://127.0.0.1:")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["finished", "finished"]
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:]] == [str(each) for each in uploaded]


def test_with_json_a_file_is_an_object_a_line(uploaded: list[Path]) -> None:
    lines = [json.loads(line) for line in run("journal", "list", "--all", "--json").stdout.splitlines()]
    assert [each["path"] for each in lines] == [str(each) for each in uploaded]
    assert list(lines[0]) == ["destination", "path", "size", "state", "finished", "updated"]


def test_drop_forgets_all_and_the_next_upload_begins_anew(place: Place, uploaded: list[Path]) -> None:
    done = run("journal", "drop", "--yes")
    assert (done.exit_code, "2 files were forgotten" in done.stderr) == (DONE, True)
    assert place.upload(*uploaded).exit_code == DONE
    assert len(place.sent()) == 4


def test_drop_can_be_for_one_destination(uploaded: list[Path]) -> None:
    destination = run("journal", "list", "--all").stdout.splitlines()[0]
    assert run("journal", "drop", "--yes", "--destination", "elsewhere").exit_code == NOTHING
    assert run("journal", "drop", "--yes", "--destination", destination).exit_code == DONE
    assert run("journal", "list", "--all").stdout == ""


@pytest.mark.usefixtures("uploaded")
def test_drop_without_a_terminal_to_ask_at_needs_yes() -> None:
    done = run("journal", "drop")
    assert done.exit_code == USAGE
    assert len(run("journal", "list", "--all").stdout.splitlines()) == 3


@pytest.mark.usefixtures("uploaded")
@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", NOTHING, 3), (b"y\n", DONE, 0)])
def test_drop_asks_at_a_terminal(answer: bytes, code: int, left: int) -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [*COMMAND, "journal", "drop"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
        ) as process:
            os.write(ours, answer)
            out, told = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (process.returncode, out) == (code, b""), told
    assert b"Forget 2 files" in told
    assert len(run("journal", "list", "--all").stdout.splitlines()) == left


def test_what_is_no_journal_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("this is no database, but a text that is long enough to be looked at" * 20)
    done = run("journal", "list", "--journal", str(tmp_path / "j"))
    assert done.exit_code == FAILED
    assert "cannot be read" in done.stderr

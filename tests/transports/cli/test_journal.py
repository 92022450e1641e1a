"""`pixel journal` lists the recorded files and drops them."""

import json
import os
from pathlib import Path

import pytest

from pixel_transports.cli.errors import DONE, FAILED, NOTHING, USAGE
from tests.support.cli_runs import Place, make_photos, run
from tests.transports.cli.support import at_terminal


@pytest.fixture
def uploaded(place: Place, tmp_path: Path) -> list[Path]:
    """Two photos that were uploaded."""
    photos = make_photos(tmp_path / "flight", 2)
    assert place.upload(tmp_path / "flight").exit_code == DONE
    return photos


def listed() -> list[str]:
    return run("journal", "list", "--all").stdout.splitlines()


def test_path_shows_the_path_of_the_journal_and_a_missing_one_is_empty_and_is_not_created(tmp_path: Path) -> None:
    assert run("journal", "path").stdout == os.environ["PIXEL_JOURNAL"] + "\n"
    assert run("journal", "path", "--journal", str(tmp_path / "j")).stdout == f"{tmp_path / 'j'}\n"
    done = run("journal", "list", "--all")
    assert (done.exit_code, done.stdout) == (DONE, "")
    assert not Path(os.environ["PIXEL_JOURNAL"]).exists()


def test_finished_files_are_listed_only_with_all(uploaded: list[Path]) -> None:
    assert run("journal", "list").stdout == ""
    destination, *lines = listed()
    assert destination.startswith("http://127.0.0.1:")
    assert [line.split()[0] for line in lines] == ["finished", "finished"]
    assert [line.split()[-1] for line in lines] == [str(each) for each in uploaded]
    rows = [json.loads(line) for line in run("journal", "list", "--all", "--json").stdout.splitlines()]
    assert [each["path"] for each in rows] == [str(each) for each in uploaded]
    assert list(rows[0]) == ["destination", "path", "size", "state", "finished", "updated"]


def test_dropped_files_of_all_or_one_destination_are_uploaded_again(place: Place, uploaded: list[Path]) -> None:
    done = run("journal", "drop", "--yes")
    assert (done.exit_code, "2 files were dropped" in done.stderr) == (DONE, True)
    assert place.upload(*uploaded).exit_code == DONE
    assert len(place.sent()) == 4
    for destination, code in (("elsewhere", NOTHING), (listed()[0], DONE)):
        assert run("journal", "drop", "--yes", "--destination", destination).exit_code == code
    assert listed() == []


@pytest.mark.usefixtures("uploaded")
@pytest.mark.parametrize(
    ("answer", "code", "lines"),
    [(None, USAGE, 3), ("n\n", NOTHING, 3), ("y\n", DONE, 0)],
    ids=["no terminal", "n", "y"],
)
def test_drop_asks_at_a_terminal_and_needs_yes_without_one(answer: str | None, code: int, lines: int) -> None:
    if answer is None:
        assert run("journal", "drop").exit_code == code
    else:
        done = at_terminal("journal", "drop", answer=answer)
        assert done.returncode == code, done.stderr
        assert "Drop 2 files" in done.stderr
    assert len(listed()) == lines


def test_a_file_that_is_no_journal_is_reported(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("this is no database, but a text that is long enough to be read as one" * 20)
    done = run("journal", "list", "--journal", str(tmp_path / "j"))
    assert done.exit_code == FAILED
    assert "cannot be read" in done.stderr

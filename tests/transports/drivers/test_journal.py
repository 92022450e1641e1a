"""The journal of uploads: entries are read as they were written, no other user can read it, and it can be listed.

Its files are read only while no run of this process is open: other means than SQLite release its locks.
"""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixel_core.journal import JournalEntry, JournalState
from pixel_transports.drivers.journal.listing import Journal, JournalRow
from pixel_transports.drivers.journal.paths import JournalPath, default_path
from tests.support.peers import PATIENCE
from tests.transports.drivers.conftest import posix
from tests.transports.drivers.journals import DONE, HERE, SENT, SIGNED, A, OtherProcess, read, run_of, sql_of, write

B = replace(A, path="/photos/b.jpg")
PATHS = [A.path, B.path, "/photos/c.jpg"]


def stored(*parts: int) -> JournalEntry:
    return replace(A, state=JournalState.STORING, parts=parts)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_ENTRIES = st.builds(
    JournalEntry,
    path=st.sampled_from(PATHS),
    size=st.integers(0, 2**50),
    modified=st.integers(-(2**70), 2**70),
    state=st.sampled_from([state for state in JournalState if state is not JournalState.STORING]),
    job_id=st.none() | st.integers(0, 2**70) | st.text(max_size=9),
    digests=st.lists(st.text(max_size=24), max_size=3).map(tuple),
    target=_JSON,
    part_size=st.integers(0, 2**40),
    resource=st.none() | st.tuples(st.sampled_from(["image", "raster"]), st.integers(1, 99) | st.text(max_size=9)),
)
_PARTS = st.builds(
    lambda path, parts: JournalEntry(path, 0, 0, JournalState.STORING, parts=tuple(parts)),
    st.sampled_from(PATHS),
    st.lists(st.integers(1, 10_000), max_size=4),
)


@settings(max_examples=25)
@example([[A], [stored(1, 2), stored(2, 4)]], False, False)
@example([[A, stored(1)], [replace(A, job_id=6)]], False, False)
@example([[stored(3)], [replace(A, modified=15_032_385_535 * 10**9)]], False, False)
@given(writes=st.lists(st.lists(_ENTRIES | _PARTS, max_size=4), max_size=6), finished=st.booleans(), ask=st.booleans())
def test_any_writes_are_read_as_from_a_mapping(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[JournalEntry]], finished: bool, ask: bool
) -> None:
    """Files that are done are read after a finished run only on request, all others in any case."""
    journal = tmp_path_factory.mktemp("any") / "journal.sqlite"
    entries: dict[str, JournalEntry] = {}
    parts: dict[str, set[int]] = {}
    with run_of(journal, *PATHS) as run:
        for batch in writes:
            run.write(batch)
            for each in batch:
                if each.state is JournalState.STORING:
                    parts.setdefault(each.path, set()).update(each.parts)
                    continue
                parts.pop(each.path, None)
                entries[each.path] = each
                if each.state is JournalState.DROPPED:
                    del entries[each.path]
        if finished:
            run.write([], finish=True)
    expected = {
        path: replace(entry, parts=tuple(sorted(parts.get(path, ()))))
        for path, entry in entries.items()
        if ask or not finished or entry.state is not JournalState.DONE
    }
    assert read(journal, *PATHS, with_finished=ask) == expected


def test_the_end_of_a_run_concerns_its_own_files_and_destination(journal: Path) -> None:
    write(journal, DONE)
    write(journal, replace(DONE, path=B.path), finish=True)
    write(journal, DONE, destination="elsewhere", finish=True)
    assert read(journal, A.path, B.path) == {A.path: DONE}


def test_entries_are_written_all_or_none(journal: Path) -> None:
    with run_of(journal, A.path, B.path) as run:
        with pytest.raises(TypeError):
            run.write([A, replace(A, path=B.path, target=object())])
        run.write([B])
    assert list(read(journal, A.path, B.path)) == [B.path]


def test_entries_are_deleted_after_ninety_days_with_their_parts(journal: Path) -> None:
    write(journal, A, stored(1))
    sql_of(journal, "UPDATE files SET updated = updated - 91 * 86400")
    assert read(journal) == {}
    assert sql_of(journal, "SELECT * FROM parts") == []


def test_a_file_that_is_done_takes_at_most_400_bytes(journal: Path) -> None:
    paths = [f"/home/operator/surveys/2026/may/flight 14/DJI_{number:06}.JPG" for number in range(4_000)]
    for begin in range(0, len(paths), 200):
        window = paths[begin : begin + 200]
        with run_of(journal, *window) as run:
            run.write([replace(A, path=path) for path in window])
            run.write([replace(DONE, path=path, job_id=10**9 + begin) for path in window], finish=True)
    assert journal.stat().st_size / len(paths) < 400


def test_no_run_is_kept_after_its_end(journal: Path) -> None:
    write(journal, A)
    with OtherProcess(journal, A.path) as other:
        other.kill()
    write(journal, A)
    assert sql_of(journal, "SELECT * FROM runs") == []


def test_a_run_claims_further_files_and_gives_back_those_that_are_done(journal: Path) -> None:
    write(journal, B)
    with run_of(journal, A.path) as run:
        assert run.claim([B.path]).entries == {B.path: B}
        run.write([DONE])
        with OtherProcess(journal, A.path, B.path) as other:
            assert other.taken == [B.path]
            assert run.claim([A.path]).taken == {A.path}


@pytest.mark.parametrize(("column", "text"), [("details", "{"), ("state", "a state of the future")])
def test_a_row_that_cannot_be_parsed_is_ignored(journal: Path, column: str, text: str) -> None:
    write(journal, A, B)
    sql_of(journal, f"UPDATE files SET {column} = ? WHERE path = ?", text, A.path.encode())
    assert list(read(journal, A.path, B.path)) == [B.path]


def signed_files(journal: Path) -> list[str]:
    """The files of the journal that have a signed query."""
    files = sorted(journal.parent.glob(f"{journal.name}*"))
    return [path.name for path in files if b"X-Amz-Signature=" in path.read_bytes()]


@posix
def test_the_files_of_a_journal_are_readable_by_their_user_only(tmp_path: Path) -> None:
    journal = tmp_path / "new" / "journal.sqlite"
    before = os.umask(0)
    try:
        with run_of(journal) as run:
            run.write([A])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.parent.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
    assert {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"} < set(modes)
    assert set(modes.values()) == {0o600}
    assert [path.name for path in journal.parent.iterdir()] == ["journal.sqlite"]


def test_no_signature_stays_in_the_journal_of_files_that_were_sent(journal: Path) -> None:
    """Rows of many lengths, in many orders, so that SQLite moves them from page to page."""
    paths = [f"/photos/{number % 13}/{number}.jpg" for number in range(300)]
    with run_of(journal, *paths) as run:
        for number, path in enumerate(paths):
            parts = [{"part_number": part, "url": SIGNED} for part in range(number * 7 % 60)]
            run.write([replace(A, path=path, target={"url": SIGNED, "upload_parts": parts})])
        for number in range(300):
            path = paths[number * 7 % 300]
            run.write([replace(SENT, path=path), replace(DONE, path=path)])
        run.write([], finish=True)
    assert signed_files(journal) == []
    assert len(Journal(journal).files()) == 300


def test_no_signature_stays_while_another_run_has_the_journal_open(journal: Path) -> None:
    with OtherProcess(journal, B.path):
        write(journal, A, SENT)
        assert signed_files(journal) == []


DEFAULT = "pixel-client/uploads.sqlite"


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("", {"PIXEL_JOURNAL": "/j"}, Path("/j")),
        ("", {"PIXEL_JOURNAL": "j"}, Path.cwd() / "j"),
        ("linux", {"XDG_STATE_HOME": "/state"}, Path("/state") / DEFAULT),
        ("linux", {}, Path.home() / ".local/state" / DEFAULT),
        ("linux", {"PIXEL_JOURNAL": "", "XDG_STATE_HOME": "relative"}, Path.home() / ".local/state" / DEFAULT),
        ("darwin", {}, Path.home() / "Library/Application Support" / DEFAULT),
        ("win32", {"LOCALAPPDATA": "C:\\Local"}, Path("C:\\Local") / DEFAULT),
    ],
)
def test_the_default_path_depends_on_the_system_and_its_environment(
    platform: str, environment: dict[str, str], expected: Path
) -> None:
    if platform not in ("", sys.platform):
        pytest.skip(f"only on {platform}")
    assert default_path(environment) == expected


@posix
def test_a_user_without_a_home_has_no_journal_and_gets_a_warning(tmp_path: Path) -> None:
    lines = (
        "import logging\n"
        "from pixel_transports.drivers.journal.paths import JournalPath\n"
        "from pixel_transports.drivers.journal.run import begin_run\n"
        "logging.basicConfig()\n"
        "assert begin_run(JournalPath.default(), 'd', ['a']) is None"
    )
    command = [sys.executable, "-c", lines]
    ended = subprocess.run(command, env={"HOME": "~"}, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Uploads go without a journal: the user has no home" in ended.stderr


def test_a_journal_is_named_by_the_environment_or_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert JournalPath.default().named
    assert Journal().path == Path(os.environ["PIXEL_JOURNAL"])
    monkeypatch.delenv("PIXEL_JOURNAL")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert not JournalPath.default().named


def test_relative_paths_are_those_of_the_working_directory_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of journals and of files."""
    monkeypatch.chdir(tmp_path)
    journal = JournalPath.parse("journal.sqlite").path
    assert journal is not None
    write(journal, replace(A, path="a.jpg"))
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir("photos")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.sqlite", "photos"]
    assert read(journal, str(tmp_path / "a.jpg")) == {str(tmp_path / "a.jpg"): replace(A, path=f"{tmp_path}/a.jpg")}
    assert list(read(journal, "../photos/../a.jpg")) == ["../photos/../a.jpg"]
    assert read(journal, "a.jpg") == {}


@posix
def test_a_journal_is_the_same_through_a_symbolic_link(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.sqlite"
    link.symlink_to(journal)
    with run_of(journal), run_of(link) as second:
        assert second.snapshot.taken == {A.path}


def test_a_file_may_have_any_name_and_names_that_differ_in_their_bytes_are_different_files(journal: Path) -> None:
    """Also one that is no UTF-8, which Python shows with surrogates."""
    names = ["a b.jpg", "Jæren ☀.jpg", "quote'; DROP TABLE files; --.jpg", "line\nbreak.jpg", "%_*?.jpg", "\udcff.jpg"]
    entries = [replace(A, path=f"/photos/{name}") for name in (*names, "\u00e6\u00e9.jpg")]
    write(journal, *entries)
    paths = [entry.path for entry in entries]
    assert read(journal, *paths, "/photos/\u00e6e\u0301.jpg") == dict(zip(paths, entries, strict=True))
    assert {each.path for each in Journal(journal).files()} == set(paths)


def test_a_journal_is_listed_in_order_and_without_secrets(journal: Path) -> None:
    done = replace(DONE, path=B.path)
    write(journal, done, finish=True)
    write(journal, A)
    write(journal, A, destination="elsewhere")
    listed = Journal(journal).files()
    assert [replace(each, updated="") for each in listed] == [
        JournalRow("elsewhere", A.path, 10, "declared", False, ""),
        JournalRow(HERE, A.path, 10, "declared", False, ""),
        JournalRow(HERE, B.path, 10, "done", True, ""),
    ]
    assert SIGNED not in repr((listed, A))
    assert [each.path for each in Journal(journal).files(finished=False)] == [A.path, A.path]
    with run_of(journal) as run:
        assert repr(run).endswith(f" of {journal}>")


def test_a_journal_that_does_not_exist_is_empty_and_is_not_created(journal: Path) -> None:
    assert Journal(journal).files() == []
    assert Journal(journal).drop() == 0
    assert not journal.exists()
    assert repr(Journal(journal)) == f"<Journal {journal}>"


def test_a_journal_is_dropped_as_a_whole_or_for_one_destination_with_its_signatures(journal: Path) -> None:
    write(journal, A, stored(1), B)
    write(journal, A, destination="elsewhere")
    assert signed_files(journal) == ["journal.sqlite"]
    assert Journal(journal).drop("elsewhere") == 1
    assert sorted(read(journal, A.path, B.path)) == [A.path, B.path]
    assert Journal(journal).drop() == 2
    assert Journal(journal).files() == []
    assert signed_files(journal) == []

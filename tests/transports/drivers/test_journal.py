"""The journal of uploads: what was written is there again, whoever was killed meanwhile, and nobody else sees it.

Rules kept here:

* Other processes are real ones: they run a few lines of Python, and are killed with SIGKILL where they are killed.
* Files of a journal are read here only while no run of this process is open: reading one by other means than SQLite
  lets go of its locks.
"""

import json
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixel_core.effects import Exchange, Flow, OpenJournal, WriteJournal
from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_core.messages import Response
from pixel_transports import BlockingDriver
from pixel_transports.drivers.journal.listing import Journal, JournalRow
from pixel_transports.drivers.journal.paths import JournalPath, default_path
from pixel_transports.drivers.journal.run import Run, begin_run
from pixel_transports.net.transports import FunctionTransport
from tests.support.flows import get
from tests.support.peers import PATIENCE

HERE = "https://pixel.test/api/t/projects/1/data_collections/2 (t)"
SIGNED = "https://storage.test/b/key?partNumber=1&X-Amz-Signature=0123456789abcdef"
A = JournalEntry("/photos/a.jpg", 10, 20, JournalState.DECLARED, 5, ("MQ==", "Mg=="), {"id": 5, "url": SIGNED}, 7)

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def run_of(journal: Path, *paths: str, destination: str = HERE, with_finished: bool = False) -> Run:
    run = begin_run(JournalPath(journal), destination, paths or (A.path,), with_finished)
    assert run is not None
    return run


def recalled(
    journal: Path, *paths: str, destination: str = HERE, with_finished: bool = False
) -> dict[str, JournalEntry]:
    """What the next run is told."""
    with run_of(journal, *paths, destination=destination, with_finished=with_finished) as run:
        return dict(run.snapshot.entries)


def write(journal: Path, *entries: JournalEntry, finish: bool = False, destination: str = HERE) -> None:
    """A run that writes these, one after another."""
    with run_of(journal, *dict.fromkeys(each.path for each in entries), destination=destination) as run:
        for each in entries:
            run.write([each])
        if finish:
            run.finish()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


# What is written


def test_what_was_written_comes_back(journal: Path) -> None:
    write(journal, A)
    assert recalled(journal) == {A.path: A}


def test_nothing_is_recalled_of_files_that_were_never_written(journal: Path) -> None:
    write(journal, A)
    assert recalled(journal, "/photos/b.jpg") == {}


def test_a_file_is_on_its_way_to_each_destination_by_itself(journal: Path) -> None:
    write(journal, A)
    assert recalled(journal, destination="elsewhere") == {}


def test_parts_add_up(journal: Path) -> None:
    write(
        journal,
        A,
        replace(A, state=JournalState.STORING, parts=(1, 2)),
        replace(A, state=JournalState.STORING, parts=(2, 4)),
    )
    assert recalled(journal) == {A.path: replace(A, parts=(1, 2, 4))}


def test_a_new_job_has_no_parts(journal: Path) -> None:
    write(journal, A, replace(A, state=JournalState.STORING, parts=(1,)), replace(A, job_id=6))
    assert recalled(journal) == {A.path: replace(A, job_id=6)}


def test_a_file_that_is_sent_has_no_target_and_no_parts(journal: Path) -> None:
    sent = JournalEntry(A.path, 10, 20, JournalState.SENT, 5)
    write(journal, A, replace(A, state=JournalState.STORING, parts=(1,)), sent)
    assert recalled(journal) == {A.path: sent}


def test_a_file_without_a_state_is_dropped(journal: Path) -> None:
    write(journal, A, replace(A, state=JournalState.STORING, parts=(1,)), replace(A, state=JournalState.DROPPED))
    assert recalled(journal) == {}
    write(journal, replace(A, state=JournalState.STORING, parts=(3,)), A)
    assert recalled(journal)[A.path].parts == ()


def test_entries_are_written_all_or_none(journal: Path) -> None:
    with run_of(journal, A.path, "/photos/b.jpg") as run:
        with pytest.raises(KeyError):
            run.write([A, replace(A, path="/never/claimed.jpg")])
        run.write([replace(A, path="/photos/b.jpg")])
    assert list(recalled(journal, A.path, "/photos/b.jpg")) == ["/photos/b.jpg"]


def test_a_file_of_the_far_future_is_remembered(journal: Path) -> None:
    """Nanoseconds of 2446, the last year of ext4, are no 64-bit integer."""
    future = replace(A, modified=15_032_385_535 * 10**9)
    write(journal, future)
    assert recalled(journal) == {A.path: future}


_STATES = st.sampled_from([state for state in JournalState if state is not JournalState.STORING])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_ENTRIES = st.builds(
    JournalEntry,
    path=st.sampled_from(["/a", "/b", "/c"]),
    size=st.integers(0, 2**50),
    modified=st.integers(-(2**70), 2**70),
    state=_STATES,
    job_id=st.none() | st.integers(0, 2**70) | st.text(max_size=9),
    digests=st.lists(st.text(max_size=24), max_size=3).map(tuple),
    target=_JSON,
    part_size=st.integers(0, 2**40),
    resource=st.none() | st.tuples(st.sampled_from(["image", "raster"]), st.integers(1, 99) | st.text(max_size=9)),
)
_PARTS = st.builds(
    lambda path, parts: JournalEntry(path, 0, 0, JournalState.STORING, parts=tuple(parts)),
    st.sampled_from(["/a", "/b", "/c"]),
    st.lists(st.integers(1, 10_000), max_size=4),
)


@settings(max_examples=25)
@given(writes=st.lists(st.lists(_ENTRIES | _PARTS, max_size=4), max_size=6), finished=st.booleans(), ask=st.booleans())
def test_any_writes_are_recalled_as_a_mapping_would(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[JournalEntry]], finished: bool, ask: bool
) -> None:
    journal = tmp_path_factory.mktemp("any") / "journal.sqlite"
    entries: dict[str, JournalEntry] = {}
    parts: dict[str, set[int]] = {}
    with run_of(journal, "/a", "/b", "/c") as run:
        for batch in writes:
            run.write(batch)
            for each in batch:
                if each.state == "storing":
                    parts.setdefault(each.path, set()).update(each.parts)
                    continue
                parts.pop(each.path, None)
                entries[each.path] = each
                if not each.state:
                    del entries[each.path]
        if finished:
            run.finish()
    expected = {
        path: replace(entry, parts=tuple(sorted(parts.get(path, ()))))
        for path, entry in entries.items()
        if ask or not finished or entry.state != "done"
    }
    assert recalled(journal, "/a", "/b", "/c", with_finished=ask) == expected


# The end of a run


def test_what_is_done_is_recalled_after_a_run_that_was_broken_off(journal: Path) -> None:
    done = JournalEntry(A.path, 10, 20, JournalState.DONE, 5, resource=("image", 9))
    write(journal, done)
    assert recalled(journal) == {A.path: done}


def test_what_is_done_is_recalled_after_a_whole_run_only_if_asked_for(journal: Path) -> None:
    done = JournalEntry(A.path, 10, 20, JournalState.DONE, 5, resource=("image", 9))
    write(journal, done, finish=True)
    assert recalled(journal) == {}
    assert recalled(journal, with_finished=True) == {A.path: done}


def test_the_end_of_a_run_is_not_the_end_of_another(journal: Path) -> None:
    done = JournalEntry(A.path, 10, 20, JournalState.DONE, 5, resource=("image", 9))
    write(journal, done)
    write(journal, replace(done, path="/photos/b.jpg"), finish=True)
    write(journal, done, destination="elsewhere")
    assert recalled(journal) == {A.path: done}


def test_what_is_not_done_is_recalled_after_a_whole_run_too(journal: Path) -> None:
    write(journal, A, finish=True)
    assert recalled(journal) == {A.path: A}


def test_files_are_forgotten_after_ninety_days_with_their_parts(journal: Path) -> None:
    write(journal, A, replace(A, state=JournalState.STORING, parts=(1,)))
    with closing(sqlite3.connect(journal)) as sql, sql:
        sql.execute("UPDATE files SET updated = datetime('now', '-91 days')")
    assert recalled(journal) == {}
    with closing(sqlite3.connect(journal)) as sql:
        assert sql.execute("SELECT count(*) FROM parts").fetchone() == (0,)


# Who may read it


def _secret_in(journal: Path) -> list[str]:
    """The files of the journal in which a signed query is found."""
    files = sorted(journal.parent.glob(f"{journal.name}*"))
    return [path.name for path in files if b"X-Amz-Signature=" in path.read_bytes()]


@posix
def test_the_journal_and_what_lies_beside_it_is_for_its_user_alone(tmp_path: Path) -> None:
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


def test_a_file_that_is_broken_off_keeps_its_addresses(journal: Path) -> None:
    write(journal, A)
    assert _secret_in(journal) == ["journal.sqlite"]


def test_no_signature_stays_anywhere_in_the_journal_of_files_that_were_sent(journal: Path) -> None:
    """Rows of many lengths, in many orders: so that SQLite moves them from page to page."""
    paths = [f"/photos/{number % 13}/{number}.jpg" for number in range(300)]
    with run_of(journal, *paths) as run:
        for number, path in enumerate(paths):
            parts = [{"part_number": part, "url": SIGNED} for part in range(number * 7 % 60)]
            run.write([replace(A, path=path, target={"url": SIGNED, "upload_parts": parts})])
        for number in range(300):
            path = paths[number * 7 % 300]
            run.write(
                [
                    JournalEntry(path, 10, 20, JournalState.SENT, number),
                    JournalEntry(path, 10, 20, JournalState.DONE, number),
                ]
            )
        run.finish()
    assert _secret_in(journal) == []
    assert len(Journal(journal).files()) == 300


def test_no_signature_stays_where_another_run_keeps_the_journal_open(journal: Path) -> None:
    with process(journal, "/photos/b.jpg"):
        write(journal, A, JournalEntry(A.path, 10, 20, JournalState.SENT, 5))
        assert _secret_in(journal) == []


def test_no_signature_stays_of_files_that_were_dropped(journal: Path) -> None:
    write(journal, A)
    assert Journal(journal).drop() == 1
    assert _secret_in(journal) == []


# Where it is


def test_the_environment_may_say_where_the_journal_is(tmp_path: Path) -> None:
    assert default_path({"PIXEL_JOURNAL": str(tmp_path / "j")}) == tmp_path / "j"
    assert default_path({"PIXEL_JOURNAL": "j"}) == Path.cwd() / "j"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_on_linux_the_journal_is_with_the_state_of_programs(tmp_path: Path) -> None:
    usual = Path.home() / ".local" / "state" / "pixel-client" / "uploads.sqlite"
    assert default_path({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "pixel-client" / "uploads.sqlite"
    assert default_path({}) == default_path({"PIXEL_JOURNAL": "", "XDG_STATE_HOME": "relative"}) == usual


@pytest.mark.skipif(sys.platform != "darwin", reason="macOS only")
def test_on_macos_the_journal_is_with_the_support_of_applications() -> None:
    assert default_path({}) == Path.home() / "Library" / "Application Support" / "pixel-client" / "uploads.sqlite"


@pytest.mark.skipif(sys.platform != "win32", reason="Windows only")
def test_on_windows_the_journal_is_with_the_local_data_of_applications(tmp_path: Path) -> None:
    assert default_path({"LOCALAPPDATA": str(tmp_path)}) == tmp_path / "pixel-client" / "uploads.sqlite"


@posix
def test_a_user_without_a_home_has_no_journal_and_is_warned(tmp_path: Path) -> None:
    told = python(
        "import logging\n"
        "from pixel_transports.drivers.journal.paths import JournalPath\n"
        "from pixel_transports.drivers.journal.run import begin_run\n"
        "logging.basicConfig()\n"
        "assert begin_run(JournalPath.default(), 'd', ['a']) is None",
        HOME="~",
    )
    assert told.returncode == 0, told.stderr
    assert "Uploads go without a journal: the user has no home" in told.stderr


def test_a_relative_journal_stays_where_it_was_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = JournalPath.parse("journal.sqlite")
    (tmp_path / "elsewhere").mkdir()
    with closing_run(named) as run:
        monkeypatch.chdir("elsewhere")
        run.write([A])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "journal.sqlite"]
    assert recalled(tmp_path / "journal.sqlite") == {A.path: A}


@contextmanager
def closing_run(journal: JournalPath) -> Iterator[Run]:
    run = begin_run(journal, HERE, [A.path])
    assert run is not None
    with run:
        yield run


def test_relative_paths_are_those_of_the_working_directory(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(journal, replace(A, path="a.jpg"))
    assert recalled(journal, str(tmp_path / "a.jpg")) == {str(tmp_path / "a.jpg"): replace(A, path=f"{tmp_path}/a.jpg")}
    assert list(recalled(journal, "./photos/../a.jpg")) == ["./photos/../a.jpg"]
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir("photos")
    assert recalled(journal, "a.jpg") == {}


@posix
def test_a_journal_is_the_same_through_a_symbolic_link(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.sqlite"
    link.symlink_to(journal)
    with run_of(journal), run_of(link) as second:
        assert second.snapshot.taken == {A.path}


@pytest.mark.parametrize(
    "name", ["a b.jpg", "Jæren ☀.jpg", "quote'; DROP TABLE files; --.jpg", "line\nbreak.jpg", "%_*?.jpg", "\udcff.jpg"]
)
def test_a_file_may_have_any_name(journal: Path, name: str) -> None:
    """Also one that is no UTF-8, which Python tells with surrogates."""
    entry = replace(A, path=f"/photos/{name}")
    write(journal, entry)
    assert recalled(journal, entry.path) == {entry.path: entry}
    assert [each.path for each in Journal(journal).files()] == [entry.path]


def test_names_that_differ_in_their_bytes_are_different_files(journal: Path) -> None:
    composed, decomposed = "/photos/\u00e6\u00e9.jpg", "/photos/\u00e6e\u0301.jpg"
    write(journal, replace(A, path=composed))
    assert recalled(journal, decomposed) == {}


# Where it cannot be used


def _a_folder(journal: Path) -> None:
    journal.mkdir()


def _rubbish(journal: Path) -> None:
    journal.write_bytes(b"this is no database, it is longer than one hundred bytes" * 100)


def _damaged(journal: Path) -> None:
    write(journal, *(replace(A, path=f"/photos/{number}.jpg") for number in range(50)), replace(A, path=A.path))
    content = bytearray(journal.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    journal.write_bytes(content)


def _of_another_program(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as sql, sql:
        sql.execute("CREATE TABLE files (name TEXT)")


def _of_another_version(journal: Path) -> None:
    write(journal, A)
    with closing(sqlite3.connect(journal)) as sql, sql:
        sql.execute("PRAGMA user_version=1000")


def _below_a_file(journal: Path) -> None:
    journal.parent.rmdir()
    journal.parent.write_bytes(b"")


UNUSABLE = [_a_folder, _rubbish, _damaged, _of_another_program, _of_another_version, _below_a_file]


@pytest.fixture(params=UNUSABLE, ids=lambda function: function.__name__.strip("_"))
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    journal = tmp_path / "folder" / "journal.sqlite"
    journal.parent.mkdir()
    make: Callable[[Path], None] = request.param
    make(journal)
    return journal


def journaled(sent: list[str], journal: JournalPath, entries: Sequence[JournalEntry] = ()) -> Any:
    """Run a flow that writes entries and sends a request; gives what it was told."""

    def answer(request: Any) -> Response:
        sent.append(request.target)
        return Response(200)

    def lead(known: JournalSnapshot) -> Flow[JournalSnapshot]:
        if known.run is not None:
            for entry in entries:
                yield from WriteJournal(known.run, [entry])
        yield from Exchange(get("/sent"))
        return known

    def flow() -> Flow[JournalSnapshot]:
        found: JournalSnapshot = yield from OpenJournal(HERE, [A.path], lead)
        return found

    return BlockingDriver(FunctionTransport(answer), journal=journal).run(flow())


def test_a_named_journal_that_cannot_be_used_is_an_error_before_anything_is_sent(unusable: Path) -> None:
    sent: list[str] = []
    with pytest.raises(OSError, match=r"The journal .*journal\.sqlite cannot be used: "):
        journaled(sent, JournalPath(unusable))
    assert sent == []


def test_the_default_journal_that_cannot_be_used_is_warned_of_and_the_upload_goes_on(
    unusable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[str] = []
    with caplog.at_level(logging.WARNING, "pixel_client.journal"):
        found = journaled(sent, JournalPath(unusable, named=False))
    assert (found, sent) == (JournalSnapshot(), ["/sent"])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Uploads go without a journal" in caplog.text
    assert caplog.records[0].__dict__["request_id"] == ""  # as a format of the program may name it


def test_a_journal_that_cannot_be_used_is_left_as_it_is(unusable: Path) -> None:
    before = unusable.read_bytes() if unusable.is_file() else b""
    begin_run(JournalPath(unusable, named=False), HERE, [A.path])
    assert (unusable.read_bytes() if unusable.is_file() else b"") == before


def test_a_journal_that_cannot_be_read_is_no_list_but_an_error(unusable: Path) -> None:
    if unusable.exists():
        with pytest.raises(OSError, match="cannot be used"):
            Journal(unusable).files()
        with pytest.raises(OSError, match="cannot be used"):
            Journal(unusable).drop()


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_journal_in_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="cannot be used"):
        run_of(tmp_path / "journal.sqlite")


def test_the_journal_that_the_environment_names_is_a_named_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert JournalPath.default().named
    monkeypatch.delenv("PIXEL_JOURNAL")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert not JournalPath.default().named


def test_there_may_be_no_journal_at_all() -> None:
    assert journaled([], JournalPath.parse(None)) == JournalSnapshot()


def test_a_journal_that_fails_in_the_middle_is_warned_of_once_and_the_upload_goes_on(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(journal, A)
    with closing(sqlite3.connect(journal)) as sql:
        sql.execute("CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    sent: list[str] = []
    entries = [
        JournalEntry(A.path, 10, 20, JournalState.SENT, 7),
        replace(A, state=JournalState.STORING, parts=(3,)),
        replace(A, state=JournalState.DROPPED),
    ]
    with caplog.at_level(logging.WARNING, "pixel_client.journal"):
        journaled(sent, JournalPath(journal), entries)
    assert sent == ["/sent"]
    assert len(caplog.records) == 1
    assert "goes on without its journal" in caplog.text
    assert caplog.records[0].__dict__["request_id"] == ""
    assert recalled(journal) == {A.path: A}, "what came later would not fit to what was there before"


def test_a_row_that_cannot_be_understood_is_not_known(journal: Path) -> None:
    write(journal, A, replace(A, path="/photos/b.jpg"))
    with closing(sqlite3.connect(journal)) as sql, sql:
        sql.execute("UPDATE files SET details = '{' WHERE path = ?", (A.path.encode(),))
    assert list(recalled(journal, A.path, "/photos/b.jpg")) == ["/photos/b.jpg"]


# Others at the same files


def python(lines: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", lines],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("PIXEL_")}, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


_CLAIM = """
import json, sys
from pixel_core.journal import JournalEntry, JournalState
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.journal.run import begin_run
journal, destination, *paths = json.loads(sys.argv[1])
with begin_run(JournalPath.parse(journal), destination, paths) as run:
    run.write([JournalEntry(path, 10, 20, JournalState.SENT, 5) for path in paths if path not in run.snapshot.taken])
    print(json.dumps(sorted(run.snapshot.taken)), flush=True)
    sys.stdin.read()
"""


class Other:
    """Another process that is at work on files, and which of them were taken when it came."""

    def __init__(self, journal: Path, *paths: str, destination: str = HERE) -> None:
        told = json.dumps([str(journal), destination, *paths])
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CLAIM, told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.taken: list[str] = json.loads(self.process.stdout.readline())

    def ends(self) -> None:
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0

    def is_killed(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode in (-signal.SIGTERM, -9, 1)


@contextmanager
def process(journal: Path, *paths: str, destination: str = HERE) -> Iterator[Other]:
    other = Other(journal, *paths, destination=destination)
    try:
        yield other
        if other.process.poll() is None:
            other.ends()
    finally:
        other.process.kill()
        other.process.communicate()


def test_files_of_another_process_are_taken_until_it_ends(journal: Path) -> None:
    with process(journal, "/a", "/b") as other:
        with run_of(journal, "/b", "/c") as run:
            assert run.snapshot == JournalSnapshot(run, {}, frozenset({"/b"}))
            with process(journal, "/c", "/d") as third:
                assert third.taken == ["/c"]
        other.ends()
        assert sorted(recalled(journal, "/a", "/b", "/c", "/d")) == ["/a", "/b", "/d"]


def test_files_are_taken_for_one_destination_alone(journal: Path) -> None:
    with process(journal, "/a"), run_of(journal, "/a", destination="elsewhere") as run:
        assert not run.snapshot.taken


def test_files_of_a_killed_process_are_free_at_once_and_it_leaves_no_file(journal: Path) -> None:
    with process(journal, "/a") as other:
        other.is_killed()
        with run_of(journal, "/a") as run:
            assert run.snapshot.taken == frozenset()
            assert [entry.state for entry in run.snapshot.entries.values()] == ["sent"]
        assert [path.name for path in journal.parent.iterdir()] == ["journal.sqlite"]


def test_signs_of_the_killed_go_whatever_their_destination_was(journal: Path) -> None:
    with process(journal, "/a", destination="elsewhere") as other:
        other.is_killed()
        write(journal, A)
        assert [path.name for path in journal.parent.iterdir()] == ["journal.sqlite"]


def test_runs_of_one_process_keep_their_files_apart_too(journal: Path) -> None:
    with run_of(journal, "/a") as first, run_of(journal, "/a", "/b") as second:
        assert first.snapshot.taken == frozenset()
        assert second.snapshot.taken == {"/a"}
    assert not run_of_taken(journal, "/a", "/b")


def run_of_taken(journal: Path, *paths: str) -> frozenset[str]:
    with run_of(journal, *paths) as run:
        return run.snapshot.taken


@pytest.mark.parametrize("how", ["another run", "a list", "a drop"])
def test_a_run_stays_alive_whatever_its_process_does_with_the_journal_meanwhile(journal: Path, how: str) -> None:
    """Locks of POSIX are the process's: closing any descriptor of a file lets go of them."""
    with run_of(journal, "/a"):
        if how == "another run":
            write(journal, A)
        elif how == "a list":
            Journal(journal).files()
        else:
            Journal(journal).drop()
        with process(journal, "/a", "/b") as other:
            assert other.taken == ["/a"]


def test_several_processes_write_one_journal_at_once(journal: Path) -> None:
    lines = (
        "import sys\n"
        "from pixel_core.journal import JournalEntry, JournalState\n"
        "from pixel_transports.drivers.journal.paths import JournalPath\n"
        "from pixel_transports.drivers.journal.run import begin_run\n"
        "for number in range(10):\n"
        "    path = f'/{sys.argv[2]}/{number}'\n"
        "    with begin_run(JournalPath.parse(sys.argv[1]), 'd', [path, '/shared']) as run:\n"
        "        run.write([JournalEntry(path, 1, 2, JournalState.SENT, number)])\n"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", lines, str(journal), str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [other.communicate(timeout=3 * PATIENCE)[1] for other in others]
    assert [other.returncode for other in others] == [0] * 4, errors
    assert len(Journal(journal).files()) == 40
    assert [path.name for path in journal.parent.iterdir()] == ["journal.sqlite"]


def test_a_run_that_is_closed_while_a_thread_still_writes_waits_for_it(journal: Path) -> None:
    """As under asyncio, where a task that is cancelled does not wait for the thread that works for it."""
    run = run_of(journal, *(f"/{number}" for number in range(2000)))
    writing = threading.Event()

    def entries() -> Iterator[JournalEntry]:
        for number in range(2000):
            writing.set()
            yield JournalEntry(f"/{number}", 1, 2, JournalState.SENT, number)

    thread = threading.Thread(target=lambda: run.write(MadeAsTaken(entries())))
    thread.start()
    assert writing.wait(PATIENCE)
    run.close()
    thread.join()
    assert len(Journal(journal).files()) == 2000


class MadeAsTaken(Sequence[JournalEntry]):
    """Entries that are made as they are taken."""

    def __init__(self, entries: Iterator[JournalEntry]) -> None:
        self._entries = entries

    def __iter__(self) -> Iterator[JournalEntry]:
        return self._entries

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError


def test_what_is_written_after_the_end_is_not_written(journal: Path) -> None:
    run = run_of(journal)
    run.close()
    run.write([A])
    assert recalled(journal) == {}


def test_an_interrupt_in_a_write_leaves_all_of_it_or_nothing(journal: Path) -> None:
    def interrupted() -> Iterator[JournalEntry]:
        yield A
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with run_of(journal) as run:
            run.write(MadeAsTaken(interrupted()))
    assert recalled(journal) == {}


@posix
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_neither_ends_the_run_nor_uses_its_journal(journal: Path) -> None:
    with run_of(journal) as run:
        child = os.fork()
        if not child:
            status = 1
            try:
                run.close()
                if begin_run(JournalPath(journal, named=False), HERE, ["/b"]) is None:
                    status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with process(journal, A.path) as other:
            assert other.taken == [A.path]
        run.write([A])
    assert recalled(journal) == {A.path: A}


@posix
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_uses_the_journal_once_its_run_is_over_there(journal: Path) -> None:
    write(journal, A)
    child = os.fork()
    if not child:
        status = 1
        try:
            if recalled(journal) == {A.path: A}:
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_twenty_thousand_files_are_claimed_in_one_go(journal: Path) -> None:
    paths = [f"/photos/{number:05}.jpg" for number in range(20_000)]
    with run_of(journal, *paths) as run:
        run.write([replace(A, path=path, target=None) for path in paths])
        assert run_of_taken(journal, *paths) == frozenset(paths)
    assert len(recalled(journal, *paths)) == 20_000


# As its user sees it


def test_a_journal_is_listed_in_order_and_without_secrets(journal: Path) -> None:
    done = JournalEntry("/photos/b.jpg", 3, 4, JournalState.DONE, 6, resource=("image", 9))
    write(journal, done, finish=True)
    write(journal, A)
    write(journal, A, destination="elsewhere")
    listed = Journal(journal).files()
    assert [replace(each, updated="") for each in listed] == [
        JournalRow("elsewhere", A.path, 10, "declared", False, ""),
        JournalRow(HERE, A.path, 10, "declared", False, ""),
        JournalRow(HERE, done.path, 3, "done", True, ""),
    ]
    assert SIGNED not in repr(listed)
    assert [each.path for each in Journal(journal).files(finished=False)] == [A.path, A.path]


def test_a_journal_that_does_not_exist_is_empty_and_is_not_made(journal: Path) -> None:
    assert Journal(journal).files() == []
    assert Journal(journal).drop() == 0
    assert not journal.exists()


def test_the_journal_of_the_user_is_the_default() -> None:
    assert Journal().path == Path(os.environ["PIXEL_JOURNAL"])
    assert repr(Journal()) == f"<Journal {os.environ['PIXEL_JOURNAL']}>"


def test_a_journal_may_be_dropped_as_a_whole_or_for_one_destination(journal: Path) -> None:
    write(journal, A, replace(A, state=JournalState.STORING, parts=(1,)), replace(A, path="/photos/b.jpg"))
    write(journal, A, destination="elsewhere")
    assert Journal(journal).drop("elsewhere") == 1
    assert sorted(recalled(journal, A.path, "/photos/b.jpg")) == [A.path, "/photos/b.jpg"]
    assert Journal(journal).drop() == 2
    assert Journal(journal).files() == []


def test_what_a_living_run_is_at_work_on_is_not_dropped(journal: Path) -> None:
    write(journal, A, replace(A, path="/photos/b.jpg"))
    with process(journal, A.path) as other:
        assert Journal(journal).drop() == 1
        assert [each.path for each in Journal(journal).files()] == [A.path]
        other.is_killed()
        assert Journal(journal).drop() == 1


def test_a_run_says_where_it_is_and_nothing_of_its_files(journal: Path) -> None:
    with run_of(journal) as run:
        assert repr(run).endswith(f" of {journal}>")
        assert A.path not in repr(run)
    assert SIGNED not in repr(A)

"""Runs of the journal: they claim files, end with their process, and go on without a journal that fails."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pixel_core.effects import Exchange, Flow, OpenJournal, WriteJournal
from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_core.messages import Response
from pixel_transports import BlockingDriver
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.journal.run import begin_run
from pixel_transports.net.transports import FunctionTransport
from tests.support.flows import flow_of, get
from tests.support.peers import PATIENCE
from tests.transports.drivers.conftest import posix
from tests.transports.drivers.journals import HERE, SENT, A, OtherProcess, read, run_of, sql_of, taken, write
from tests.transports.runtime.forking import exit_code, fork


def files_of(journal: Path) -> list[str]:
    return [path.name for path in journal.parent.iterdir()]


def test_files_of_another_process_are_taken_until_it_ends(journal: Path) -> None:
    with OtherProcess(journal, "/a", "/b") as other:
        with run_of(journal, "/b", "/c") as run, OtherProcess(journal, "/c", "/d") as third:
            assert run.snapshot == JournalSnapshot(run, {}, frozenset({"/b"}))
            assert third.taken == ["/c"]
        with run_of(journal, "/a", destination="elsewhere") as run:
            assert not run.snapshot.taken
        other.end()
        assert sorted(read(journal, "/a", "/b", "/c", "/d")) == ["/a", "/b", "/d"]


@pytest.mark.parametrize("destination", [HERE, "elsewhere"])
def test_files_of_a_killed_process_are_free_at_once_and_its_lock_is_deleted(journal: Path, destination: str) -> None:
    with OtherProcess(journal, "/a", destination=destination) as other:
        other.kill()
        assert taken(journal, "/a") == frozenset()
        assert [entry.state for entry in read(journal, "/a", destination=destination).values()] == [JournalState.SENT]
        assert files_of(journal) == ["journal.sqlite"]


def test_a_run_stays_alive_while_its_process_uses_the_journal_in_other_ways(journal: Path) -> None:
    """POSIX locks belong to the process: closing any descriptor of a file releases them."""
    with run_of(journal, "/a"):
        write(journal, A)
        Journal(journal).files()
        Journal(journal).drop()
        with OtherProcess(journal, "/a", "/b") as other:
            assert other.taken == ["/a"]


def test_files_of_a_run_that_is_alive_are_not_dropped(journal: Path) -> None:
    write(journal, A, replace(A, path="/photos/b.jpg"))
    with OtherProcess(journal, A.path) as other:
        assert Journal(journal).drop() == 1
        assert [each.path for each in Journal(journal).files()] == [A.path]
        other.kill()
        assert Journal(journal).drop() == 1


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
    assert files_of(journal) == ["journal.sqlite"]


def test_closing_a_run_waits_for_a_thread_that_writes(journal: Path) -> None:
    """As under asyncio, where a cancelled task does not wait for its worker thread."""
    run = run_of(journal, *(f"/{number}" for number in range(2000)))
    writing = threading.Event()

    def entries() -> Iterator[JournalEntry]:
        for number in range(2000):
            writing.set()
            yield JournalEntry(f"/{number}", 1, 2, JournalState.SENT, number)

    thread = threading.Thread(target=lambda: run.write(cast(Any, entries())))
    thread.start()
    assert writing.wait(PATIENCE)
    run.close()
    thread.join()
    assert len(Journal(journal).files()) == 2000


def test_writes_after_the_end_and_interrupted_writes_leave_nothing(journal: Path) -> None:
    run = run_of(journal)
    run.close()
    run.write([A])
    assert read(journal) == {}

    def interrupted() -> Iterator[JournalEntry]:
        yield A
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), run_of(journal) as run:
        run.write(cast(Any, interrupted()))
    assert read(journal) == {}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@posix
def test_a_forked_child_neither_ends_the_run_nor_uses_its_journal(journal: Path) -> None:
    with run_of(journal) as run:

        def work() -> None:
            run.close()
            assert begin_run(JournalPath(journal, named=False), HERE, ["/b"]) is None

        assert exit_code(fork(work)) == 0
        with OtherProcess(journal, A.path) as other:
            assert other.taken == [A.path]
        run.write([A])

    def read_it() -> None:
        assert read(journal) == {A.path: A}

    assert exit_code(fork(read_it)) == 0, "a child may use it after the end of the run"


@posix
def test_a_file_is_claimed_through_any_link_to_it_of_its_name(journal: Path, tmp_path: Path) -> None:
    real, linked, elsewhere = tmp_path / "photos", tmp_path / "link", tmp_path / "elsewhere"
    for folder in (real, elsewhere):
        folder.mkdir()
    linked.symlink_to(real)
    (real / "a.jpg").write_bytes(b"")
    for link in (elsewhere / "a.jpg", elsewhere / "b.jpg"):
        link.symlink_to(real / "a.jpg")
    same = {str(folder / "a.jpg") for folder in (linked, elsewhere)}
    with run_of(journal, str(real / "a.jpg"), str(elsewhere / "b.jpg")):
        assert taken(journal, *same, str(real / "b.jpg")) == same


@contextmanager
def locked(journal: Path) -> Iterator[None]:
    write(journal, A)
    with closing(sqlite3.connect(journal)) as sql:
        sql.execute("BEGIN EXCLUSIVE")
        yield


@posix
def test_the_wait_for_a_locked_journal_can_be_interrupted(journal: Path) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with locked(journal), pytest.raises(KeyboardInterrupt):
            run_of(journal)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.slow
def test_a_locked_journal_is_an_error_after_seconds(journal: Path) -> None:
    with locked(journal), pytest.raises(OSError, match="another program has had it locked for 5 seconds"):
        run_of(journal)


def damaged(journal: Path) -> None:
    write(journal, *(replace(A, path=f"/photos/{number}.jpg") for number in range(50)), A)
    content = bytearray(journal.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    journal.write_bytes(content)


def of_another_version(journal: Path) -> None:
    write(journal, A)
    sql_of(journal, "PRAGMA user_version=1000")


def below_a_file(journal: Path) -> None:
    journal.parent.rmdir()
    journal.parent.write_bytes(b"")


def read_only(journal: Path) -> None:
    if sys.platform == "win32" or os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    journal.parent.chmod(0o500)


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "no database": lambda journal: journal.write_bytes(b"this is longer than one hundred bytes" * 100),
    "damaged": damaged,
    "of another program": lambda journal: sql_of(journal, "CREATE TABLE files (name TEXT)"),
    "of another version": of_another_version,
    "below a file": below_a_file,
    "read-only": read_only,
}


@pytest.fixture(params=UNUSABLE)
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    journal = tmp_path / "folder" / "journal.sqlite"
    journal.parent.mkdir()
    UNUSABLE[request.param](journal)
    return journal


def upload(requests: list[str], journal: JournalPath, entries: Sequence[JournalEntry] = ()) -> JournalSnapshot:
    """Run a flow that writes entries and sends a request, and return its snapshot."""

    def answer(request: Any) -> Response:
        requests.append(request.target)
        return Response(200)

    def lead(snapshot: JournalSnapshot) -> Flow[JournalSnapshot]:
        if snapshot.run is not None:
            for entry in entries:
                yield from WriteJournal(snapshot.run, [entry])
        yield from Exchange(get("/sent"))
        return snapshot

    snapshot: JournalSnapshot = BlockingDriver(FunctionTransport(answer), journal=journal).run(
        flow_of(OpenJournal(HERE, [A.path], lead))
    )
    return snapshot


def test_a_named_journal_that_cannot_be_used_is_an_error_before_anything_is_sent(unusable: Path) -> None:
    before = unusable.read_bytes() if unusable.is_file() else b""
    requests: list[str] = []
    with pytest.raises(OSError, match=r"The journal .*journal\.sqlite cannot be used: "):
        upload(requests, JournalPath(unusable))
    assert requests == []
    if unusable.exists():
        for use in (Journal(unusable).files, Journal(unusable).drop):
            with pytest.raises(OSError, match="cannot be used"):
                use()
    assert (unusable.read_bytes() if unusable.is_file() else b"") == before, "it is not changed"


def test_a_default_journal_that_cannot_be_used_is_a_warning_and_the_upload_goes_on(
    unusable: Path, caplog: pytest.LogCaptureFixture
) -> None:
    requests: list[str] = []
    with caplog.at_level(logging.WARNING, "pixel_client.journal"):
        snapshot = upload(requests, JournalPath(unusable, named=False))
    assert (snapshot, requests) == (JournalSnapshot(), ["/sent"])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Uploads go without a journal" in caplog.text
    assert caplog.records[0].__dict__["request_id"] == ""  # as a format of the program may name it


def test_an_upload_may_have_no_journal() -> None:
    assert upload([], JournalPath.parse(None)) == JournalSnapshot()


def test_a_journal_that_fails_during_an_upload_is_one_warning_and_the_upload_goes_on(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(journal, A)
    sql_of(journal, "CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    requests: list[str] = []
    later = [replace(A, state=JournalState.STORING, parts=(3,)), replace(A, state=JournalState.DROPPED)]
    with caplog.at_level(logging.WARNING, "pixel_client.journal"):
        upload(requests, JournalPath(journal), [SENT, *later])
    assert requests == ["/sent"]
    assert len(caplog.records) == 1
    assert "goes on without its journal" in caplog.text
    assert caplog.records[0].__dict__["request_id"] == ""
    assert read(journal) == {A.path: A}, "later entries would not fit to those in the journal"

"""The journal of uploads: how far each file is, in SQLite, so that a call that was broken off can go on.

Rules kept here:

* What was written is there after the process was killed at any instant (WAL: a transaction is whole or absent).
* A run claims its files: no other run takes them to the same destination meanwhile. A run is alive as long as its
  process holds a lock that the system frees at its end, however that comes; the claims of a dead run are void.
* Journals are opened and closed by SQLite alone, since closing a file lets go of all locks that the process has on it
  (POSIX). A forked process leaves a journal alone that was open when it was forked: SQLite cannot be shared so.
* The file is its user's alone (mode 0600): it holds the presigned addresses of files in parts until those are sent.
  What is deleted is overwritten, and the WAL is emptied at the end of a run.
* Paths are bytes, as the system has them: not every file name is text.
* Those who did not ask for a journal go without one where it cannot be written, and are warned in the log; those who
  named one get the error before anything is sent. One that fails later is warned of, and the upload goes on without.
"""

import json
import logging
import os
import sqlite3
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_transports.drivers.journal_paths import JournalPath as JournalPath
from pixel_transports.drivers.journal_paths import absolute
from pixel_transports.drivers.journal_paths import default_path as default_path
from pixel_transports.observability import logs

KEPT_DAYS = 90
"""How long files are remembered, those that were broken off too: no upload job lives that long."""

_VERSION = 1
"""Of the tables. A journal of another version is left as it is."""

_PAGE = 4096
_PADDING = " " * (_PAGE // 4)
"""Stands before a target, which so lies on pages of its own (SQLite keeps up to a quarter of a page of a row with other
rows): those are overwritten when they are deleted, while what is kept together may leave traces where it was moved.
"""

# `modified` is text, since nanoseconds after the year 2262 are more than an integer of SQLite holds.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    destination TEXT NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL, modified TEXT NOT NULL,
    state TEXT NOT NULL, job_id TEXT, details TEXT, finished INTEGER NOT NULL DEFAULT 0,
    updated TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, target TEXT, PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    destination TEXT NOT NULL, path BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (destination, path, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    destination TEXT NOT NULL, path BLOB NOT NULL, run TEXT NOT NULL, PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_of_runs ON claims (run);
"""


def _warn(text: str, *given: object) -> None:
    """Write a line to the log, which belongs to an upload and to none of its calls."""
    logs.write(logs.JOURNAL, logging.WARNING, "", text, *given)


def begin_run(
    journal: JournalPath | None, destination: str, paths: Sequence[str], with_finished: bool = False
) -> "Run | None":
    """Begin a run: None where there is no journal. Raises OSError when a journal that was named cannot be written."""
    if journal is None:
        return None
    if journal.path is None:
        if not journal.named:
            logs.write(
                logs.JOURNAL, logging.WARNING, "", "Uploads go without a journal: the user has no home to keep it in"
            )
        return None
    try:
        return Run(journal.path, destination, paths, with_finished)
    except (OSError, sqlite3.Error) as error:
        if journal.named:
            raise OSError(f"The journal {journal.path} cannot be used: {error}") from error
        logs.write(
            logs.JOURNAL,
            logging.WARNING,
            "",
            "Uploads go without a journal: %s cannot be used (%s)",
            journal.path,
            error,
        )
        return None


_opening = threading.Lock()
if sys.platform != "win32":  # No process is forked while a thread has it, since nobody would let go of it there.
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_opening.release)


def _connect(path: Path) -> sqlite3.Connection:
    """Open a journal, or make it. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opening:  # so that the file that one thread makes and closes here is not yet used by another
        with suppress(FileExistsError):
            _make(path)
    for _ in range(100):
        try:
            return _opened(path)
        except sqlite3.OperationalError as error:
            # SQLite does not wait for those who are just making or leaving a journal, whatever its timeout.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.02)
    return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    try:
        state = "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version"
        version, tables = connection.execute(state).fetchone()
        if version != _VERSION and (version or tables):
            raise sqlite3.DatabaseError(f"it is no journal of version {_VERSION}")
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")
        if version != _VERSION:
            with _transaction(connection):
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Make a file for its user alone. Raises FileExistsError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself when the disk is full, for one.
            connection.execute("ROLLBACK")
        raise


class RunLock:
    """The sign that a run is alive: a file beside the journal, which SQLite keeps locked for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _make(path)
        self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode=OFF")  # No file beside it: nothing is ever written.
            self._connection.execute("BEGIN EXCLUSIVE")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()
        with suppress(OSError):
            self._path.unlink()

    @staticmethod
    def seen(path: Path) -> bool:
        """Whether somebody holds the lock. What a dead run left is taken away."""
        if not path.exists():
            return False
        with closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as connection:
            try:
                connection.execute("PRAGMA journal_mode=OFF")
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return True
        with suppress(OSError):
            path.unlink()
        return False


def _sign_of(journal: Path, run: str) -> Path:
    return journal.with_name(f"{journal.name}.run-{run}")


def _void_the_dead(journal: Path, sql: sqlite3.Connection) -> None:
    """Take away the claims and signs of dead runs. Called in a transaction, since signs are made in one."""
    runs = {run for (run,) in sql.execute("SELECT DISTINCT run FROM claims")}
    prefix = _sign_of(journal, "").name
    runs |= {name.removeprefix(prefix) for name in os.listdir(journal.parent) if name.startswith(prefix)}
    for run in runs:
        if not RunLock.seen(_sign_of(journal, run)):
            sql.execute("DELETE FROM claims WHERE run = ?", (run,))


class Run:
    """One run of a journal: some files on their way to one destination."""

    def __init__(self, journal: Path, destination: str, paths: Sequence[str], with_finished: bool) -> None:
        self._destination = destination
        self._path_of = {path: os.fsencode(os.path.abspath(path)) for path in paths}
        self._journal = Path(os.path.realpath(journal))
        self._id = uuid.uuid4().hex
        self._process = os.getpid()
        self._closed = self._failed = False
        # Whoever is cancelled natively under asyncio closes the run while a thread may still be writing.
        self._lock = threading.Lock()
        with _opening:
            if any(each._process != self._process and each._journal == self._journal for each in _runs):
                raise OSError("an upload had it open when this process was forked")
        self._alive: RunLock | None = None
        self._connection = _connect(self._journal)
        try:
            self.snapshot: JournalSnapshot = self._claim(with_finished)
        except BaseException:
            self._leave()
            raise
        with _opening:
            _runs.add(self)

    def __repr__(self) -> str:
        return f"<Run {self._id[:8]} of {self._journal}>"

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _claim(self, with_finished: bool) -> JournalSnapshot:
        entries: dict[str, JournalEntry] = {}
        taken: set[str] = set()
        sql = self._connection
        with _transaction(sql):
            _void_the_dead(self._journal, sql)
            self._alive = RunLock(_sign_of(self._journal, self._id))
            if sql.execute(f"DELETE FROM files WHERE updated < datetime('now', '-{KEPT_DAYS} days')").rowcount:  # noqa: S608
                sql.execute("DELETE FROM parts WHERE (destination, path) NOT IN (SELECT destination, path FROM files)")
            for given, path in self._path_of.items():
                place = (self._destination, path)
                claimed = sql.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", (*place, self._id))
                if not claimed.rowcount:
                    taken.add(given)
                    continue
                row = sql.execute(
                    "SELECT size, modified, state, job_id, details, target FROM files"
                    " WHERE destination = ? AND path = ? AND finished <= ?",
                    (*place, with_finished),
                ).fetchone()
                if row is not None:
                    with suppress(ValueError, TypeError, LookupError):  # What cannot be understood is not known.
                        entries[given] = self._entry(given, place, *row)
        return JournalSnapshot(self, entries, frozenset(taken))

    def _entry(
        self,
        given: str,
        place: tuple[str, bytes],
        size: int,
        modified: str,
        state: str,
        job_id: str,
        details: str,
        target: str | None,
    ) -> JournalEntry:
        more = json.loads(details)
        parts = self._connection.execute("SELECT number FROM parts WHERE destination = ? AND path = ?", place)
        resource = more["resource"]
        return JournalEntry(
            given,
            size,
            int(modified),
            JournalState(state),
            json.loads(job_id),
            tuple(more["digests"]),
            None if target is None else json.loads(target),
            more["part_size"],
            tuple(number for (number,) in parts),
            None if resource is None else (resource[0], resource[1]),
            tuple((size, modified) for size, modified in more["supports"]),
            more["metadata"],
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection | None]:
        """A transaction; None once a write failed: what comes after it might not fit to what is there."""
        with self._lock:
            if self._failed or self._closed:
                yield None
                return
            try:
                with _transaction(self._connection):
                    yield self._connection
            except (OSError, sqlite3.Error) as error:
                self._failed = True
                logs.write(
                    logs.JOURNAL,
                    logging.WARNING,
                    "",
                    "The upload goes on without its journal: %s failed (%s)",
                    self._journal,
                    error,
                )

    def write(self, entries: Sequence[JournalEntry]) -> None:
        """Write entries, all or none of them."""
        with self._writing() as sql:
            if sql is not None:
                for entry in entries:
                    self._write(sql, entry)

    def _write(self, sql: sqlite3.Connection, entry: JournalEntry) -> None:
        place = (self._destination, self._path_of[entry.path])
        if entry.state is JournalState.STORING:
            rows = [(*place, number) for number in entry.parts]
            sql.executemany("INSERT OR IGNORE INTO parts VALUES (?, ?, ?)", rows)
            return
        sql.execute("DELETE FROM parts WHERE destination = ? AND path = ?", place)
        if entry.state is JournalState.DROPPED:
            sql.execute("DELETE FROM files WHERE destination = ? AND path = ?", place)
            return
        details = {
            "digests": entry.digests,
            "part_size": entry.part_size,
            "resource": entry.resource,
            "supports": entry.supports,
            "metadata": entry.metadata,
        }
        target = None if entry.target is None else _PADDING + json.dumps(entry.target)
        told = (
            entry.size,
            str(entry.modified),
            entry.state.value,
            json.dumps(entry.job_id),
            json.dumps(details),
            target,
        )
        sql.execute(
            "INSERT OR REPLACE INTO files (destination, path, size, modified, state, job_id, details, target)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*place, *told),
        )

    def finish(self) -> None:
        """The run came to its end: what is done is remembered as finished."""
        with self._writing() as sql:
            if sql is not None:
                sql.execute(
                    "UPDATE files SET finished = 1 WHERE state = 'done' AND destination = ? AND path IN"
                    " (SELECT path FROM claims WHERE destination = ? AND run = ?)",
                    (self._destination, self._destination, self._id),
                )

    def close(self) -> None:
        """Give the files free. Called once, whether or not the run came to its end; does nothing in a forked process,
        where the run is the other's.
        """
        if os.getpid() != self._process:
            return
        with self._lock:
            try:
                sql = self._connection
                if sql.in_transaction:  # It was interrupted.
                    sql.execute("ROLLBACK")
                with _transaction(sql):
                    sql.execute("DELETE FROM claims WHERE run = ?", (self._id,))
                # The last to close a journal empties its WAL; if somebody else has it open, this does, unless they
                # are at it just now: then they will.
                sql.execute("PRAGMA busy_timeout=100")
                sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except (OSError, sqlite3.Error) as error:  # Claims without a sign are void.
                logs.write(
                    logs.JOURNAL, logging.WARNING, "", "The journal %s was not closed well (%s)", self._journal, error
                )
            finally:
                self._leave()

    def _leave(self) -> None:
        self._closed = True
        with _opening:
            _runs.discard(self)
        self._connection.close()
        if self._alive is not None:
            self._alive.close()


_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A line of a journal, as it is listed: nothing in it is a secret."""

    destination: str
    path: str
    size: int
    state: str
    finished: bool
    updated: str


class Journal:
    """A journal as its user sees it: to be listed, and dropped.

    >>> Journal().files()
    >>> Journal().drop()
    """

    def __init__(self, path: "str | os.PathLike[str] | None" = None) -> None:
        """The user's own, or the one at `path`. Raises RuntimeError for the own one of a user without a home."""
        self.path: Path = default_path(os.environ) if path is None else absolute(path)

    def __repr__(self) -> str:
        return f"<Journal {self.path}>"

    def files(self, finished: bool = True) -> list[JournalRow]:
        """What it knows, in order; without `finished` only what was broken off. Raises OSError where that fails."""
        with self._opened() as sql:
            if sql is None:
                return []
            rows = sql.execute(
                "SELECT destination, path, size, state, finished, updated FROM files WHERE finished <= ?"
                " ORDER BY destination, path",
                (finished,),
            ).fetchall()
        return [JournalRow(row[0], os.fsdecode(row[1]), row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def drop(self, destination: str | None = None) -> int:
        """Forget all, or all of one destination; what a run that is alive is at work on stays. Gives the number of
        files that were forgotten. They are uploaded from the start if they are uploaded again. Raises OSError where
        the journal cannot be written.
        """
        with self._opened() as sql:
            if sql is None:
                return 0
            with _transaction(sql):
                _void_the_dead(Path(os.path.realpath(self.path)), sql)
                chosen = (
                    "(? IS NULL OR destination = ?) AND NOT EXISTS"
                    " (SELECT 1 FROM claims c WHERE c.destination = {0}.destination AND c.path = {0}.path)"
                )
                sql.execute(f"DELETE FROM parts WHERE {chosen.format('parts')}", (destination, destination))  # noqa: S608
                gone = sql.execute(f"DELETE FROM files WHERE {chosen.format('files')}", (destination, destination))  # noqa: S608
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return gone.rowcount

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """The journal, or None where there is none. Raises OSError where it cannot be used."""
        if not self.path.exists():
            yield None
            return
        try:
            with closing(_connect(Path(os.path.realpath(self.path)))) as sql:
                yield sql
        except sqlite3.Error as error:
            raise OSError(f"The journal {self.path} cannot be used: {error}") from error

"""The journal of uploads: how far each file is, in SQLite, so that a call that was broken off can go on.

Rules kept here:

* What was written is there after the process was killed at any instant (WAL: a transaction is whole or absent).
* A run claims its files: no other run takes them to the same destination meanwhile. A run is alive as long as its
  process holds a lock that the system frees at its end, however that comes; the claims of a dead run are void.
* The file is its user's alone (mode 0600): it holds the presigned addresses of files in parts until those are sent.
* Those who did not ask for a journal go without one where it cannot be written, and are warned in the log; those who
  named one get the error before anything is sent.
"""

import json
import logging
import os
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pixel_core.effects import Entry, Recalled

LOGGER = logging.getLogger("pixel_client.journal")

KEPT_DAYS = 90
"""How long finished files are remembered."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    destination TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    state TEXT NOT NULL, job_id TEXT, details TEXT, finished INTEGER NOT NULL DEFAULT 0,
    updated TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    destination TEXT NOT NULL, path TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (destination, path, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    destination TEXT NOT NULL, path TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_of_runs ON claims (run);
"""


@dataclass(frozen=True, slots=True)
class JournalPath:
    """Where a journal is, and whether somebody asked for it (`named`); without a path there is none."""

    path: Path | None
    named: bool = True

    @classmethod
    def of(cls, value: "str | os.PathLike[str] | None") -> "JournalPath":
        return cls(None if value is None else Path(value))

    @classmethod
    def default(cls) -> "JournalPath":
        return cls(default_path(os.environ), named=False)


def default_path(environment: Mapping[str, str]) -> Path:
    """The user's own journal: where `PIXEL_JOURNAL` says, else in the place that the system keeps for such files."""
    given = environment.get("PIXEL_JOURNAL")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "pixel-client" / "uploads.sqlite"


def begin_run(
    journal: JournalPath | None, destination: str, paths: Sequence[str], with_finished: bool = False
) -> "Run | None":
    """Begin a run: None where there is no journal. Raises OSError when a journal that was named cannot be written."""
    if journal is None or journal.path is None:
        return None
    try:
        return Run(journal.path, destination, [os.path.abspath(path) for path in paths], paths, with_finished)
    except (OSError, sqlite3.Error) as error:
        if journal.named:
            raise OSError(f"The journal {journal.path} cannot be used: {error}") from error
        LOGGER.warning("Uploads go without a journal: %s cannot be used (%s)", journal.path, error)
        return None


def _connect(path: Path) -> sqlite3.Connection:
    """Open a journal, or make it. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class _Alive:
    """The sign that a run is alive: a file beside the journal, which SQLite keeps locked for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
        self._connection.execute("BEGIN EXCLUSIVE")

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
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return True
        with suppress(OSError):
            path.unlink()
        return False


class Run:
    """One run of a journal: some files on their way to one destination. Used by one thread at a time."""

    def __init__(
        self, journal: Path, destination: str, paths: Sequence[str], given: Sequence[str], with_finished: bool
    ) -> None:
        self._destination = destination
        self._path_of = dict(zip(given, paths, strict=True))
        self._journal = journal
        self._id = uuid.uuid4().hex
        self._connection = _connect(journal)
        try:
            self._alive = _Alive(self._sign_of(self._id))
        except BaseException:
            self._connection.close()
            raise
        try:
            self.recalled = self._claim(with_finished)
        except BaseException:
            self._alive.close()
            self._connection.close()
            raise

    def __repr__(self) -> str:
        return f"<Run {self._id[:8]} of {self._journal}>"

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sign_of(self, run: str) -> Path:
        return self._journal.with_name(f"{self._journal.name}.run-{run}")

    def _claim(self, with_finished: bool) -> Recalled:
        entries: dict[str, Entry] = {}
        taken: set[str] = set()
        sql = self._connection
        with _transaction(sql):
            sql.execute(f"DELETE FROM files WHERE finished AND updated < datetime('now', '-{KEPT_DAYS} days')")  # noqa: S608
            of_destination = "SELECT DISTINCT run FROM claims WHERE destination = ?"
            for (run,) in sql.execute(of_destination, (self._destination,)).fetchall():
                if not _Alive.seen(self._sign_of(run)):
                    sql.execute("DELETE FROM claims WHERE run = ?", (run,))
            for given, path in self._path_of.items():
                place = (self._destination, path)
                claimed = sql.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", (*place, self._id))
                if not claimed.rowcount:
                    taken.add(given)
                    continue
                row = sql.execute(
                    "SELECT size, modified, state, job_id, details FROM files"
                    " WHERE destination = ? AND path = ? AND finished <= ?",
                    (*place, with_finished),
                ).fetchone()
                if row is not None:
                    entries[given] = self._entry(given, place, *row)
        return Recalled(self, entries, frozenset(taken))

    def _entry(
        self, given: str, place: tuple[str, str], size: int, modified: int, state: str, job_id: str, details: str
    ) -> Entry:
        more = json.loads(details)
        parts = self._connection.execute("SELECT number FROM parts WHERE destination = ? AND path = ?", place)
        resource = more["resource"]
        return Entry(
            given,
            size,
            modified,
            state,
            json.loads(job_id),
            tuple(more["digests"]),
            more["target"],
            more["part_size"],
            tuple(number for (number,) in parts),
            None if resource is None else (resource[0], resource[1]),
        )

    def write(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none of them."""
        sql = self._connection
        with _transaction(sql):
            for entry in entries:
                place = (self._destination, self._path_of[entry.path])
                if entry.state == "storing":
                    rows = [(*place, number) for number in entry.parts]
                    sql.executemany("INSERT OR IGNORE INTO parts VALUES (?, ?, ?)", rows)
                    continue
                if entry.state != "done" or entry.resource is None:
                    sql.execute("DELETE FROM parts WHERE destination = ? AND path = ?", place)
                if not entry.state:
                    sql.execute("DELETE FROM files WHERE destination = ? AND path = ?", place)
                    continue
                details = {
                    "digests": entry.digests,
                    "target": entry.target,
                    "part_size": entry.part_size,
                    "resource": entry.resource,
                }
                sql.execute(
                    "INSERT OR REPLACE INTO files (destination, path, size, modified, state, job_id, details)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*place, entry.size, entry.modified, entry.state, json.dumps(entry.job_id), json.dumps(details)),
                )

    def finish(self) -> None:
        """The run came to its end: what is done is remembered as finished."""
        with _transaction(self._connection):
            self._connection.execute(
                "UPDATE files SET finished = 1 WHERE state = 'done' AND destination = ? AND path IN"
                " (SELECT path FROM claims WHERE destination = ? AND run = ?)",
                (self._destination, self._destination, self._id),
            )

    def close(self) -> None:
        """Give the files free. Called once, whether or not the run came to its end."""
        try:
            with _transaction(self._connection):
                self._connection.execute("DELETE FROM claims WHERE run = ?", (self._id,))
        finally:
            self._connection.close()
            self._alive.close()


@dataclass(frozen=True, slots=True)
class Noted:
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
        self.path = default_path(os.environ) if path is None else Path(path)

    def __repr__(self) -> str:
        return f"<Journal {self.path}>"

    def files(self, finished: bool = True) -> list[Noted]:
        """What it knows, in order; without `finished` only what was broken off."""
        if not self.path.exists():
            return []
        with closing(_connect(self.path)) as sql:
            rows = sql.execute(
                "SELECT destination, path, size, state, finished, updated FROM files WHERE finished <= ?"
                " ORDER BY destination, path",
                (finished,),
            ).fetchall()
        return [Noted(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def drop(self, destination: str | None = None) -> int:
        """Forget all, or all of one destination; what a run that is alive is at work on stays. Gives the number of
        files that were forgotten. They are uploaded from the start if they are uploaded again.
        """
        if not self.path.exists():
            return 0
        with closing(_connect(self.path)) as sql, _transaction(sql):
            for (run,) in sql.execute("SELECT DISTINCT run FROM claims").fetchall():
                if not _Alive.seen(self.path.with_name(f"{self.path.name}.run-{run}")):
                    sql.execute("DELETE FROM claims WHERE run = ?", (run,))
            chosen = (
                "(? IS NULL OR destination = ?) AND NOT EXISTS"
                " (SELECT 1 FROM claims c WHERE c.destination = {0}.destination AND c.path = {0}.path)"
            )
            sql.execute(f"DELETE FROM parts WHERE {chosen.format('parts')}", (destination, destination))  # noqa: S608
            gone = sql.execute(f"DELETE FROM files WHERE {chosen.format('files')}", (destination, destination))  # noqa: S608
            return gone.rowcount

"""The file of a journal: opening it, its tables, and entries as rows.

Rules kept here:

* Journals are opened and closed by SQLite only, since closing a file releases all locks of the process on it (POSIX).
* A file takes little room: its destination and its run are numbers, and what is usual is not stored.
* Paths are stored as bytes, since not every file name is text. Times are stored as text, since nanoseconds after the
  year 2262 exceed an integer of SQLite.
* A journal of another version is not changed.
"""

import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from pixel_core.journal import JournalEntry, JournalState

T = TypeVar("T")

KEPT_DAYS = 90
"""Days after which entries are deleted, those of interrupted runs too: no upload job lives that long."""

LOCK_SECONDS = 5.0
"""How long a journal is waited for that another program has locked. A transaction takes milliseconds."""

_VERSION = 2
_PAGE = 4096
_PADDING = " " * (_PAGE // 4)
"""Stands before a target, which is then stored on pages of its own: SQLite keeps up to a quarter of a page of a row
with other rows. Such pages are overwritten when they are deleted; rows that share a page may leave traces when they
move. """

_SCHEMA = """
CREATE TABLE IF NOT EXISTS destinations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    destination INTEGER NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL, modified TEXT NOT NULL,
    state TEXT NOT NULL, job_id TEXT, details TEXT, finished INTEGER NOT NULL DEFAULT 0, run INTEGER NOT NULL,
    updated INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)), target TEXT,
    PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    destination INTEGER NOT NULL, path BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (destination, path, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    destination INTEGER NOT NULL, path BLOB NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (destination, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_of_runs ON claims (run);
"""

Key: TypeAlias = tuple[int, bytes]
"""Destination and path of a file."""

fork_lock: threading.Lock = threading.Lock()
"""Held while files are created and runs are registered. No process is forked while a thread holds it: the lock would
stay locked in the child.
"""
if sys.platform != "win32":
    os.register_at_fork(before=fork_lock.acquire, after_in_parent=fork_lock.release, after_in_child=fork_lock.release)


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal; create it if there is none. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fork_lock:  # so that no other thread uses the file before it is closed here
        with suppress(FileExistsError):
            create_file(path)
    return _wait_for_lock(lambda: _open(path))


def _wait_for_lock(action: Callable[[], T]) -> T:
    """Do something as soon as no other program has the journal locked. Raises OSError after `LOCK_SECONDS`.

    SQLite's own timeout does not wait for processes that create or leave a journal, and cannot be interrupted.
    """
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= end:
                raise OSError(f"another program has had it locked for {LOCK_SECONDS:g} seconds") from error
        time.sleep(0.01)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
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
            with transaction(connection):
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def create_file(path: Path) -> None:
    """Create a file that only its user may read. Raises FileExistsError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is executed inside, or roll it back if it raises."""
    _wait_for_lock(lambda: connection.execute("BEGIN IMMEDIATE"))
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself when the disk is full, for example.
            connection.execute("ROLLBACK")
        raise


def delete_old(sql: sqlite3.Connection) -> None:
    """Delete entries that were not changed for `KEPT_DAYS`."""
    if sql.execute("DELETE FROM files WHERE updated < strftime('%s', 'now') - ?", (KEPT_DAYS * 86_400,)).rowcount:
        sql.execute("DELETE FROM parts WHERE (destination, path) NOT IN (SELECT destination, path FROM files)")


def read_entry(sql: sqlite3.Connection, key: Key, path: str, with_finished: bool) -> JournalEntry | None:
    """The entry of a file, with `path` as its path. A row that cannot be parsed is ignored."""
    row = sql.execute(
        "SELECT size, modified, state, job_id, details, target FROM files"
        " WHERE destination = ? AND path = ? AND finished <= ?",
        (*key, with_finished),
    ).fetchone()
    if row is None:
        return None
    size, modified, state, job_id, text, target = row
    parts = sql.execute("SELECT number FROM parts WHERE destination = ? AND path = ?", key)
    with suppress(ValueError, TypeError, LookupError):
        details = json.loads(text)
        resource = details.get("resource")
        return JournalEntry(
            path,
            size,
            int(modified),
            JournalState(state),
            json.loads(job_id),
            tuple(details.get("digests", ())),
            None if target is None else json.loads(target),
            details.get("part_size", 0),
            tuple(number for (number,) in parts),
            None if resource is None else (resource[0], resource[1]),
            tuple((size, modified) for size, modified in details.get("supports", ())),
            details.get("metadata", ""),
            details.get("name", ""),
        )
    return None


def number_of(sql: sqlite3.Connection, table: str, name: str) -> int:
    """The number of a destination or run, which is added if necessary."""
    sql.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (name,))  # noqa: S608 # a name of ours
    number: int = sql.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()[0]  # noqa: S608
    return number


def write_entry(sql: sqlite3.Connection, key: Key, entry: JournalEntry, run: int) -> None:
    """Write an entry in place of that of the same file; add the parts of a STORING one, delete a DROPPED one."""
    if entry.state is JournalState.STORING:
        rows = [(*key, number) for number in entry.parts]
        sql.executemany("INSERT OR IGNORE INTO parts VALUES (?, ?, ?)", rows)
        return
    sql.execute("DELETE FROM parts WHERE destination = ? AND path = ?", key)
    if entry.state is JournalState.DROPPED:
        sql.execute("DELETE FROM files WHERE destination = ? AND path = ?", key)
        return
    names = ("digests", "part_size", "resource", "supports", "metadata", "name")
    details = json.dumps({name: found for name in names if (found := getattr(entry, name))}, separators=(",", ":"))
    target = None if entry.target is None else _PADDING + json.dumps(entry.target)
    sql.execute(
        "INSERT OR REPLACE INTO files (destination, path, size, modified, state, job_id, details, run, target)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, entry.size, str(entry.modified), entry.state.value, json.dumps(entry.job_id), details, run, target),
    )

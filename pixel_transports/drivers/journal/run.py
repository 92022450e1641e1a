"""One run of a journal: the files of one upload, which it claims until they are done, and their entries.

A forked process does not use a journal that was open when it was forked, since SQLite connections cannot be shared. A
journal that failed once is not written again by the same run: later entries might not fit to those in it.
"""

import logging
import os
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_transports.drivers.journal.liveness import RunLock, delete_dead_claims, lock_path
from pixel_transports.drivers.journal.paths import JournalPath, stored_path
from pixel_transports.drivers.journal.store import (
    Key,
    connect,
    delete_old,
    fork_lock,
    number_of,
    read_entry,
    transaction,
    write_entry,
)
from pixel_transports.observability import logs

_OTHERS = "PIXEL_JOURNAL names another file (as do `journal` of a client and --journal of the command line)"
_WITHOUT = f"An upload that is interrupted starts from the beginning then. {_OTHERS}"


def begin_run(
    journal: JournalPath | None, destination: str, paths: Sequence[str], with_finished: bool = False
) -> "Run | None":
    """Begin a run; None without a journal. Raises OSError if a journal that the user named cannot be written."""
    if journal is None:
        return None
    if journal.path is None:
        if not journal.named:
            _warn("Uploads go without a journal: the user has no home to keep it in. %s", _WITHOUT)
        return None
    try:
        return Run(journal.path, destination, paths, with_finished)
    except (OSError, sqlite3.Error) as error:
        if journal.named:
            raise OSError(f"The journal {journal.path} cannot be used: {error}. {_OTHERS}") from error
        _warn("Uploads go without a journal: %s cannot be used (%s). %s", journal.path, error, _WITHOUT)
        return None


class Run:
    """One run of a journal."""

    def __init__(self, journal: Path, destination: str, paths: Sequence[str], with_finished: bool) -> None:
        self._keys: dict[str, Key] = {}
        """Of files that are not at their end."""
        self._with_finished = with_finished
        self._name = destination
        self._journal = Path(os.path.realpath(journal))
        self._id = uuid.uuid4().hex
        self._process = os.getpid()
        self._usable = True
        # A thread may still write while a task that was cancelled natively under asyncio closes the run.
        self._lock = threading.Lock()
        with fork_lock:
            if any(run._process != self._process and run._journal == self._journal for run in _runs):
                raise OSError("an upload had it open when this process was forked")
        self._run_lock: RunLock | None = None
        self._connection = connect(self._journal)
        try:
            self.snapshot: JournalSnapshot = self._begin(paths)
        except BaseException:
            self._leave()
            raise
        with fork_lock:
            _runs.add(self)

    def __repr__(self) -> str:
        return f"<Run {self._id[:8]} of {self._journal}>"

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self, paths: Sequence[str]) -> JournalSnapshot:
        sql = self._connection
        with transaction(sql):
            delete_dead_claims(self._journal, sql)
            self._run_lock = RunLock(lock_path(self._journal, self._id))
            delete_old(sql)
            self._destination = number_of(sql, "destinations", self._name)
            self._number = number_of(sql, "runs", self._id)
            return self._claim(sql, paths)

    def claim(self, paths: Sequence[str]) -> JournalSnapshot:
        """Claim further files."""
        with self._writing() as sql:
            return JournalSnapshot(self) if sql is None else self._claim(sql, paths)
        return JournalSnapshot(self)  # it failed

    def _claim(self, sql: sqlite3.Connection, paths: Sequence[str]) -> JournalSnapshot:
        entries: dict[str, JournalEntry] = {}
        taken: set[str] = set()
        for path in paths:
            key = self._key(path)
            claimed = sql.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?)", (*key, self._number))
            if not claimed.rowcount:
                taken.add(path)
                continue
            self._keys[path] = key
            if (entry := read_entry(sql, key, path, self._with_finished)) is not None:
                entries[path] = entry
        return JournalSnapshot(self, entries, frozenset(taken))

    def _key(self, path: str) -> Key:
        return self._keys.get(path) or (self._destination, stored_path(path))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection | None]:
        """A transaction; None after a failure, and after `close`."""
        with self._lock:
            if not self._usable:
                yield None
                return
            try:
                with transaction(self._connection):
                    yield self._connection
            except (OSError, sqlite3.Error) as error:
                self._usable = False
                _warn("The upload goes on without its journal: %s failed (%s)", self._journal, error)

    def write(self, entries: Sequence[JournalEntry], finish: bool = False) -> None:
        """Write entries, all or none of them; with `finish`, mark the files that are done as finished."""
        with self._writing() as sql:
            if sql is None:
                return
            for entry in entries:
                key = self._key(entry.path)
                write_entry(sql, key, entry, self._number)
                if entry.state is JournalState.DONE:
                    sql.execute("DELETE FROM claims WHERE destination = ? AND path = ?", key)
                    self._keys.pop(entry.path, None)
            if finish:
                finished = "UPDATE files SET finished = 1 WHERE run = ? AND state = ?"
                sql.execute(finished, (self._number, JournalState.DONE.value))

    def close(self) -> None:
        """Release the files, whether or not the run was finished. Call it once. It does nothing in a forked process."""
        if os.getpid() != self._process:
            return
        with self._lock:
            try:
                sql = self._connection
                if sql.in_transaction:  # It was interrupted.
                    sql.execute("ROLLBACK")
                with transaction(sql):
                    sql.execute("DELETE FROM claims WHERE run = ?", (self._number,))
                    sql.execute("DELETE FROM runs WHERE id = ?", (self._number,))
                # The last connection that closes empties the WAL. This does if there are others, unless one of them
                # does it just now.
                sql.execute("PRAGMA busy_timeout=100")
                sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except (OSError, sqlite3.Error) as error:  # Claims without a lock are void.
                _warn("The journal %s was not closed well (%s)", self._journal, error)
            finally:
                self._leave()

    def _leave(self) -> None:
        self._usable = False
        with fork_lock:
            _runs.discard(self)
        self._connection.close()
        if self._run_lock is not None:
            self._run_lock.close()


_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()
"""Open runs, of which a forked process has copies."""


def _warn(text: str, *args: object) -> None:
    """Log a warning that belongs to an upload, and to no call of it."""
    logs.write(logs.JOURNAL, logging.WARNING, "", text, *args)

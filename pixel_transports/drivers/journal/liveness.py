"""Which runs of a journal are alive.

A run is alive as long as its process holds a lock, which the system releases when the process ends. The lock is a file
beside the journal that SQLite keeps locked.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pixel_transports.drivers.journal.store import create_file


class RunLock:
    """The lock of a run that is alive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        create_file(path)
        self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode=OFF")  # No file beside it: nothing is ever written.
            self._connection.execute("BEGIN EXCLUSIVE")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Release the lock, and delete its file."""
        self._connection.close()
        with suppress(OSError):
            self._path.unlink()

    @staticmethod
    def is_held(path: Path) -> bool:
        """True if a process holds the lock. The file of a dead run is deleted."""
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


def lock_path(journal: Path, run: str) -> Path:
    """The path of the lock of a run."""
    return journal.with_name(f"{journal.name}.run-{run}")


def delete_dead_claims(journal: Path, sql: sqlite3.Connection) -> None:
    """Delete the claims and locks of dead runs. Call it in a transaction, since locks are created in one."""
    runs = {name for (name,) in sql.execute("SELECT name FROM runs")}
    prefix = lock_path(journal, "").name
    runs |= {name.removeprefix(prefix) for name in os.listdir(journal.parent) if name.startswith(prefix)}
    for run in runs:
        if not RunLock.is_held(lock_path(journal, run)):
            sql.execute("DELETE FROM claims WHERE run = (SELECT id FROM runs WHERE name = ?)", (run,))
            sql.execute("DELETE FROM runs WHERE name = ?", (run,))

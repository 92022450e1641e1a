"""The SQLite database of a sandbox that keeps its state: packed records by kind and id.

Rules kept here:

* A transaction is complete or not there, also if the process is killed at any instant (write-ahead log).
* One process at a time: the database stays locked while it is open.
* A database of another version is not changed.
* Every failure is an OSError.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = "CREATE TABLE IF NOT EXISTS records (kind TEXT, id, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID"
VERSION = 2

Row = tuple[str, int | str, str]
"""The kind, the id and the packed body of a record."""


class Database:
    """The database in a folder, which is created if necessary. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with _as_os_error():
            # The sandbox's lock guards it.
            self._connection = sqlite3.connect(
                folder / "state.sqlite3", isolation_level=None, check_same_thread=False, timeout=0
            )
            try:
                for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                    self._connection.execute(f"PRAGMA {pragma}")
                self._connection.execute("BEGIN EXCLUSIVE")
                (version,) = self._connection.execute("PRAGMA user_version").fetchone()
                if version not in (0, VERSION):
                    raise OSError("another version of the sandbox wrote it")
                self._connection.execute(_SCHEMA)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the database. Can be called again."""
        self._connection.close()

    def read(self, kind: str) -> Iterator[tuple[int | str, str]]:
        """Yield the ids and bodies of one kind, in the order of their ids. Raises OSError."""
        with _as_os_error():
            yield from self._connection.execute("SELECT id, body FROM records WHERE kind = ? ORDER BY id", (kind,))

    def write(self, put: Iterable[Row], removed: Iterable[tuple[str, int | str]]) -> None:
        """Put and remove records in one transaction. Raises OSError, and changes nothing then."""
        with _as_os_error():
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany("DELETE FROM records WHERE kind = ? AND id = ?", removed)
                self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", put)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        reason = "another sandbox uses it" if "locked" in str(error) else str(error)
        raise OSError(reason) from error

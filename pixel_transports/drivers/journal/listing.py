"""A journal as its user sees it: listed and dropped."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixel_transports.drivers.journal.liveness import delete_dead_claims
from pixel_transports.drivers.journal.paths import absolute, default_path, stored_path
from pixel_transports.drivers.journal.store import connect, transaction


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One file of a journal, without secrets. `state` is the text of a `pixel_core.journal.JournalState`, `updated` the
    time of the last change in UTC.
    """

    destination: str
    path: str
    size: int
    state: str
    finished: bool
    updated: str


class Journal:
    """A journal of uploads.

    >>> Journal().files()
    >>> Journal().drop()
    """

    def __init__(self, path: "str | os.PathLike[str] | None" = None) -> None:
        """The user's journal, or the one at `path`. Raises RuntimeError without a path if the user has no home."""
        self.path: Path = default_path(os.environ) if path is None else absolute(path)

    def __repr__(self) -> str:
        return f"<Journal {self.path}>"

    def files(self, finished: bool = True) -> list[JournalRow]:
        """The files in order; without `finished` only those of interrupted uploads. Raises OSError if the journal
        cannot be read.
        """
        with self._opened() as sql:
            if sql is None:
                return []
            rows = sql.execute(
                "SELECT name, path, size, state, finished, datetime(updated, 'unixepoch') FROM files"
                " JOIN destinations ON id = destination WHERE finished <= ? ORDER BY name, path",
                (finished,),
            ).fetchall()
        return [JournalRow(row[0], os.fsdecode(row[1]), row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def drop(self, destination: str | None = None, path: "str | os.PathLike[str] | None" = None) -> int:
        """Delete all files, or those of one destination, or one path of it, and return their number. Files that are
        being uploaded stay.

        Deleted files are uploaded from the start if they are uploaded again. Raises OSError if the journal cannot be
        written.
        """
        with self._opened() as sql:
            if sql is None:
                return 0
            with transaction(sql):
                delete_dead_claims(Path(os.path.realpath(self.path)), sql)
                chosen = (
                    "(? IS NULL OR destination = (SELECT id FROM destinations WHERE name = ?))"
                    " AND (? IS NULL OR path = ?) AND NOT EXISTS"
                    " (SELECT 1 FROM claims c WHERE c.destination = {0}.destination AND c.path = {0}.path)"
                )
                key = None if path is None else stored_path(path)
                values = (destination, destination, key, key)
                sql.execute(f"DELETE FROM parts WHERE {chosen.format('parts')}", values)  # noqa: S608
                deleted = sql.execute(f"DELETE FROM files WHERE {chosen.format('files')}", values)  # noqa: S608
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return deleted.rowcount

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """The open journal; None if there is no file. Raises OSError if it cannot be used."""
        if not self.path.exists():
            yield None
            return
        try:
            with closing(connect(Path(os.path.realpath(self.path)))) as sql:
                yield sql
        except sqlite3.Error as error:
            raise OSError(f"The journal {self.path} cannot be used: {error}") from error

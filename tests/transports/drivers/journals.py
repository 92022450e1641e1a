"""Journals for tests: runs of this process, and runs of other processes."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from pixel_core.journal import JournalEntry, JournalState
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.drivers.journal.run import Run, begin_run
from tests.support.peers import PATIENCE

HERE = "https://pixel.test/api/t/projects/1/data_collections/2 (t)"
SIGNED = "https://storage.test/b/key?partNumber=1&X-Amz-Signature=0123456789abcdef"
A = JournalEntry("/photos/a.jpg", 10, 20, JournalState.DECLARED, 5, ("MQ==", "Mg=="), {"id": 5, "url": SIGNED}, 7)
SENT = JournalEntry(A.path, 10, 20, JournalState.SENT, 5)
DONE = JournalEntry(A.path, 10, 20, JournalState.DONE, 5, resource=("image", 9))


def run_of(journal: Path, *paths: str, destination: str = HERE, with_finished: bool = False) -> Run:
    run = begin_run(JournalPath(journal), destination, paths or (A.path,), with_finished)
    assert run is not None
    return run


def read(journal: Path, *paths: str, destination: str = HERE, with_finished: bool = False) -> dict[str, JournalEntry]:
    """The entries that a run reads."""
    with run_of(journal, *paths, destination=destination, with_finished=with_finished) as run:
        return dict(run.snapshot.entries)


def taken(journal: Path, *paths: str) -> frozenset[str]:
    with run_of(journal, *paths) as run:
        return run.snapshot.taken


def write(journal: Path, *entries: JournalEntry, finish: bool = False, destination: str = HERE) -> None:
    """Write entries in one run, one after another."""
    with run_of(journal, *dict.fromkeys(each.path for each in entries), destination=destination) as run:
        for each in entries:
            run.write([each])
        if finish:
            run.write([], finish=True)


def sql_of(journal: Path, statement: str, *parameters: object) -> list[Any]:
    """Change a journal by other means, or read it."""
    with closing(sqlite3.connect(journal)) as sql, sql:
        return sql.execute(statement, parameters).fetchall()


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


class OtherProcess:
    """Another process with a run of a journal. `taken` are the paths that another run had claimed."""

    def __init__(self, journal: Path, *paths: str, destination: str = HERE) -> None:
        arguments = json.dumps([str(journal), destination, *paths])
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CLAIM, arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.taken: list[str] = json.loads(self.process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            self.kill()
        elif self.process.returncode is None:
            self.end()

    def end(self) -> None:
        """Let it close its run and end."""
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

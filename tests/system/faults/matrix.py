"""`python -m tests.system.faults.matrix`: every fault, at every byte, on every face, for one small call.

Rules kept here:

* A row applies one fault to one exchange. The call ends with its result, or with the error that the table names, within
  its deadline; the next call succeeds.
* Tables: exchanges with the API and the object storage at each byte (`rows_faults`), and calls and uploads that are
  stopped by limits and cancellation (`rows_stopped`).
* After every row no slot is held, nothing waits, and only idle connections are open; at the end of a face no socket, no
  thread and no task is left, and the garbage collector had nothing to close.
* Each table runs on each face in a process of its own, several at a time: they mostly wait.
"""

import argparse
import gc
import json
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.paths import ROOT
from tests.support.peers import open_sockets
from tests.system.faults import rows_faults, rows_stopped
from tests.system.faults.bench import Bench, Case, bench, eventually
from tests.system.faults.world import FACES

TABLES: dict[str, Callable[[Bench, int], Iterable[Case]]] = {
    "storage": rows_faults.storage,
    "storage-broken-off": rows_stopped.storage,
    "exchange": rows_faults.exchange,
    "limits": rows_stopped.limits,
    "cancelled": rows_stopped.cancelled,
}


@dataclass(slots=True)
class Table:
    calls: int = 0
    longest: float = 0.0
    wrong: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """The outcome of a face: counts of results by call and fault, figures by table, and problems."""

    face: str
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Outcome":
        tables = {name: Table(**figures) for name, figures in fields["tables"].items()}
        return cls(fields["face"], fields["rows"], tables, fields["wrong"])

    def add(self, other: "Outcome") -> None:
        self.rows.update(other.rows)
        self.tables.update(other.tables)
        self.wrong += other.wrong

    @property
    def calls(self) -> int:
        return sum(table.calls for table in self.tables.values())


def shown(outcomes: Sequence[Outcome]) -> str:
    """The outcomes of faces, side by side."""
    lines = []
    for row in dict.fromkeys(row for outcome in outcomes for row in outcome.rows):
        texts: dict[str, list[str]] = {}
        for outcome in outcomes:
            if row in outcome.rows:
                counts = sorted(outcome.rows[row].items())
                texts.setdefault(", ".join(f"{name} {count}" for name, count in counts), []).append(outcome.face)
        lines += [f"{row:70} | {', '.join(faces):25} | {text}" for text, faces in texts.items()]
    for outcome in outcomes:
        for name, table in outcome.tables.items():
            lines.append(
                f"{outcome.face}, {name}: {table.calls} calls in {table.seconds:.0f} s, the longest took "
                f"{table.longest:.2f} s, {table.wrong} wrong"
            )
    calls = sum(outcome.calls for outcome in outcomes)
    wrong = [f"WRONG: {outcome.face}: {each}" for outcome in outcomes for each in outcome.wrong]
    return "\n".join([*lines, f"{calls} calls, {len(wrong)} wrong", *wrong[:100]])


def _threads() -> int:
    """The number of threads, without those that trio keeps for reuse."""
    return sum(not thread.name.startswith("Trio thread") for thread in threading.enumerate())


@contextmanager
def _collected(wrong: list[str]) -> Iterator[None]:
    """Report objects that the garbage collector has to close, and errors that it cannot raise."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: wrong.append(f"{unraisable.exc_value!r} in {unraisable.object!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = before


def run_face(face: str, every: int = 1, tables: Iterable[str] = TABLES, seed: int = 1) -> Outcome:
    """Run the tables on one face, in the main thread, with one in `every` bytes."""
    outcome = Outcome(face)
    sockets, threads = open_sockets(), _threads()
    with _collected(outcome.wrong), bench(face, seed) as here:
        for name in tables:
            table = outcome.tables[name] = Table()
            start = time.monotonic()
            for case in TABLES[name](here, every):
                played = case.play(here)
                row = outcome.rows.setdefault(f"{case.what:4} | {case.label}", {})
                row[played.result] = row.get(played.result, 0) + 1
                table.calls += 1
                table.longest = max(table.longest, played.seconds)
                table.wrong += bool(played.wrong)
                outcome.wrong += [f"{case}: {each}" for each in played.wrong]
            table.seconds = time.monotonic() - start
    if not eventually(lambda: open_sockets() == sockets):
        outcome.wrong.append(f"{open_sockets()} sockets, before it were {sockets}")
    if not eventually(lambda: _threads() == threads):
        outcome.wrong.append(f"{threading.enumerate()}, before it were {threads}")
    return outcome


def run(
    faces: Iterable[str] = FACES, every: int = 1, tables: Iterable[str] = TABLES, seed: int = 1, at_once: int = 3
) -> list[Outcome]:
    """Run the tables on these faces, each in a process of its own, `at_once` at a time."""
    options = ["--every", str(every), "--seed", str(seed), "--json"]

    def play(face: str, table: str) -> Outcome:
        command = [sys.executable, "-m", "tests.system.faults.matrix", "--face", face, "--table", table, *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            return Outcome(face, wrong=[f"{table}: it failed:\n{done.stderr[-4000:]}"])
        return Outcome.from_json(json.loads(lines[-1]))

    outcomes = {face: Outcome(face) for face in faces}
    with ThreadPoolExecutor(at_once) as threads:
        played = threads.map(play, *zip(*((face, table) for table in tables for face in outcomes), strict=True))
        for each in played:
            outcomes[each.face].add(each)
    return list(outcomes.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.system.faults.matrix", description="Every fault on every face."
    )
    parser.add_argument("--face", choices=FACES, action="append", help="one face only; may be repeated")
    parser.add_argument("--table", choices=TABLES, action="append", help="one table only; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="take one of so many bytes (default: every one)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the content of files")
    parser.add_argument("--at-once", type=int, default=3, help="how many processes at a time (default: 3)")
    parser.add_argument("--json", action="store_true", help="run one face in this process, and print JSON")
    chosen = parser.parse_args(arguments)
    faces, tables = chosen.face or FACES, chosen.table or list(TABLES)
    if not chosen.json:
        outcomes = run(faces, chosen.every, tables, chosen.seed, chosen.at_once)
        print(shown(outcomes))
        return 1 if any(outcome.wrong for outcome in outcomes) else 0
    logging.disable()
    print(json.dumps(asdict(run_face(faces[0], chosen.every, tables, chosen.seed))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

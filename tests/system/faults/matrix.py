"""`python -m tests.system.faults.matrix`: every fault, at every byte, on every face, for one small call.

After every row no slot is held, nothing waits, and only idle connections are open; at the end of a table no socket, no
thread and no task is left, and the garbage collector had nothing to close.
"""

import argparse
import gc
import logging
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from multiprocessing import get_context

from tests.support.peers import open_sockets
from tests.system.faults import rows_faults, rows_stopped
from tests.system.faults.bench import Bench, bench, eventually
from tests.system.faults.rows_faults import FaultCase
from tests.system.faults.rows_stopped import DoorCase, StoppedCase
from tests.system.faults.world import FACES

TABLES: dict[str, Callable[[Bench, int], Iterable[FaultCase | StoppedCase | DoorCase]]] = {
    "storage": rows_faults.storage,
    "storage-broken-off": rows_stopped.storage,
    "exchange": rows_faults.exchange,
    "limits": rows_stopped.limits,
    "cancelled": rows_stopped.cancelled,
}


@dataclass(slots=True)
class Outcome:
    """The outcome of a table on a face: counts of results by call and fault, figures, and problems."""

    face: str
    table: str
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    calls: int = 0
    longest: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


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
    for each in outcomes:
        figures = f"{each.calls} calls in {each.seconds:.0f} s, the longest took {each.longest:.2f} s"
        lines.append(f"{each.face}, {each.table}: {figures}, {len(each.wrong)} wrong")
    wrong = [f"WRONG: {outcome.face}: {each}" for outcome in outcomes for each in outcome.wrong]
    calls = sum(outcome.calls for outcome in outcomes)
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


def _run_table(every: int, face: str, name: str) -> Outcome:
    """Run a table on one face, in the main thread of a process, with one in `every` bytes."""
    logging.disable()
    outcome = Outcome(face, name)
    sockets, threads = open_sockets(), _threads()
    with _collected(outcome.wrong), bench(face) as here:
        start = time.monotonic()
        for case in TABLES[name](here, every):
            played = case.play(here)
            outcome.rows.setdefault(f"{case.what:4} | {case.label}", Counter())[played.result] += 1
            outcome.calls += 1
            outcome.longest = max(outcome.longest, played.seconds)
            outcome.wrong += [f"{case}: {each}" for each in played.wrong]
        outcome.seconds = time.monotonic() - start
    if not eventually(lambda: open_sockets() == sockets):
        outcome.wrong.append(f"{open_sockets()} sockets, before it were {sockets}")
    if not eventually(lambda: _threads() == threads):
        outcome.wrong.append(f"{threading.enumerate()}, before it were {threads}")
    return outcome


def run(every: int, faces: Iterable[str] = FACES, tables: Iterable[str] = TABLES, at_once: int = 3) -> list[Outcome]:
    """Run the tables on these faces, each in a process of its own, `at_once` at a time."""
    with ProcessPoolExecutor(at_once, get_context("spawn"), max_tasks_per_child=1) as processes:
        return list(processes.map(partial(_run_table, every), *zip(*product(faces, tables), strict=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face", choices=FACES, action="append", help="one face only; may be repeated")
    parser.add_argument("--table", choices=TABLES, action="append", help="one table only; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="take one of so many bytes (default: every one)")
    chosen = parser.parse_args()
    outcomes = run(chosen.every, chosen.face or FACES, chosen.table or TABLES)
    print(shown(outcomes))
    sys.exit(any(outcome.wrong for outcome in outcomes))

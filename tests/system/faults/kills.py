"""`python -m tests.system.faults.kills --seed N`: kill an upload many times, and start it again each time.

Rules kept here:

* A kill is SIGKILL: half of them at a random moment, half at a random stage of a random request.
* At the end every file is stored once, with its own bytes, and reported as uploaded.
* Only bytes in flight at a kill are sent again. Body bytes are counted where they arrive, incomplete requests included.
* A file or part whose success reached the client well before a kill is never sent again.
"""

import bisect
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from tests.support.paths import ROOT
from tests.system.faults.lines import Record, Stage
from tests.system.faults.plans import NoFaults, Place
from tests.system.faults.proxy import Proxy
from tests.system.faults.world import (
    KIB,
    MadeFile,
    child_command,
    make_files,
    parser_of,
    play,
    start_child,
    world,
    wrong_result,
)

PART = 64 * KIB
CONCURRENCY = 4
SMALL = (KIB, 48 * KIB)
LARGE = (PART, 320 * KIB)
LARGE_SHARE = 0.15
OPTIONS = {
    "multipart_threshold": PART,
    "parts_from": PART,
    "part_size": PART,
    # A kill may come after the last file: then the next run has nothing to send.
    "skip_uploaded": True,
    "keywords": {"upload_max_concurrency": CONCURRENCY},
}
GRACE_SECONDS = 0.5
"""The time in which a client records a success in its journal."""


@dataclass(slots=True)
class Outcome:
    wrong: list[str] = field(default_factory=list)
    kills: "Counter[str]" = field(default_factory=Counter)
    early: int = 0
    storage_requests: int = 0
    api_requests: int = 0
    body_bytes: int = 0
    sent_again: int = 0
    bound: int = 0
    repeats: int = 0
    unfinished_jobs: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [
            f"{self.kills.total()} kills in {self.seconds:.1f} s; {self.early} runs ended before their kill",
            *(f"  {count:5} {when}" for when, count in sorted(self.kills.items())),
            f"{self.storage_requests} storage requests, {self.api_requests} others",
            f"{self.body_bytes} body bytes arrived in the storage, {self.sent_again} of them again "
            f"(at most {self.bound} may); {self.repeats} whole requests came again",
            f"{self.unfinished_jobs} upload jobs were left unfinished",
            *(f"WRONG: {each}" for each in self.wrong),
        ]
        return "\n".join(lines)


class _Trigger:
    """Kills the child when the n-th exchange reaches a stage. `where` is the place and stage of the kill."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Popen[str] | None = None
        self._stage = Stage.HEAD
        self._left = 0
        self.where = ""

    def arm(self, child: "Popen[str]", stage: Stage, count: int) -> None:
        with self._lock:
            self._child, self._stage, self._left, self.where = child, stage, count, ""

    def disarm(self) -> None:
        with self._lock:
            self._child = None

    def __call__(self, stage: Stage, record: Record) -> None:
        with self._lock:
            if self._child is None or stage is not self._stage:
                return
            self._left -= 1
            if self._left > 0:
                return
            self._child.kill()
            self._child = None
            self.where = f"{record.place.value}: {stage.value}"


def _missing(made: Sequence[MadeFile], records: Sequence[Record]) -> int:
    """The approximate number of storage requests still to be made."""
    whole = sum(1 if each.size < PART else -(-each.size // PART) for each in made)
    return max(0, whole - len({each.stored for each in records if _succeeded(each)}))


def _succeeded(record: Record) -> bool:
    return record.place is Place.STORAGE and record.status is not None and record.status < 300


def _startup_seconds() -> float:
    start = time.monotonic()
    with Popen([sys.executable, "-c", "import tests.system.faults.child"], cwd=ROOT):
        pass
    return time.monotonic() - start


def _killed(
    child: "Popen[str]", draw: random.Random, trigger: _Trigger, requests: int, seconds: float
) -> tuple[str, str]:
    """Kill a child after about so many requests or seconds. Returns when (or "" if it ended before), and its stderr."""
    if draw.random() < 0.5:
        trigger.arm(child, draw.choice(list(Stage)), draw.randint(1, 2 * requests))
        limit = None
    else:
        trigger.where, limit = "", draw.uniform(0.0, 2 * seconds)
    when = "at a moment"
    try:
        _, errors = child.communicate(timeout=limit if limit is not None else 300.0)
    except TimeoutExpired:
        child.kill()
        _, errors = child.communicate()
        if limit is None:
            raise
    trigger.disarm()
    if child.returncode >= 0:
        return "", errors
    return trigger.where or when, errors


def _again(records: Sequence[Record]) -> tuple[int, int, int]:
    """Body bytes of all storage requests, the bytes among them that were sent again, and the largest body."""
    needed: dict[str, int] = {}
    total = largest = 0
    for each in records:
        if each.place is Place.STORAGE:
            total += each.body_bytes
            largest = max(largest, each.length)
            if _succeeded(each) and each.stored is not None:
                needed.setdefault(each.stored, each.body_bytes)
    return total, total - sum(needed.values()), largest


def _repeats(records: Sequence[Record], killed_at: Sequence[float]) -> tuple[int, list[str]]:
    """The number of repeated successes, and the names whose first success reached the client well before a kill."""
    first: dict[str, Record] = {}
    repeats, late = 0, []
    for each in records:
        name = each.stored if _succeeded(each) else None
        if name is None:
            continue
        before = first.setdefault(name, each)
        if before is each:
            continue
        repeats += 1
        if before.delivered_at is not None:
            following = bisect.bisect(killed_at, before.delivered_at)
            # Without a kill in between there is no reason to repeat it.
            if following == len(killed_at) or killed_at[following] - before.delivered_at > GRACE_SECONDS:
                late.append(name)
    return repeats, late


def run(
    folder: Path, *, seed: int, files: int, kills: int, face: str = "blocking", storage_seconds: float = 0.02
) -> Outcome:
    """Do one run. `storage_seconds` are added to each storage request, so that kills meet requests in flight."""
    draw = random.Random(seed)
    made = make_files(folder / "photos", draw, files, SMALL, LARGE, LARGE_SHARE)
    trigger, outcome, killed_at = _Trigger(), Outcome(), list[float]()
    startup = _startup_seconds()
    start = time.monotonic()
    options = {**OPTIONS, "journal": str(folder / "journal.sqlite")}
    with world(job_seconds=0.1) as here, Proxy(here.address, NoFaults(storage_seconds), trigger) as proxy:
        command = child_command(here, proxy.url, folder / "photos", face, options)
        while len(killed_at) < kills and outcome.early < 3 * kills:
            requests = _missing(made, list(proxy.records)) // (kills - len(killed_at) + 1)
            if outcome.early > kills:
                requests = 0  # Nothing is left to send, so kills can only meet the first requests of a run.
            with start_child(command) as child:
                seconds = (startup + requests * storage_seconds / CONCURRENCY) * 0.8
                when, errors = _killed(child, draw, trigger, requests + 4, seconds)
            if when:
                killed_at.append(time.monotonic())
                outcome.kills[when] += 1
            elif child.returncode == 0:
                outcome.early += 1
            else:
                outcome.wrong.append(f"a run failed by itself:\n{errors[-2000:]}")
                break
        with start_child(command) as child:
            output, errors = child.communicate()
        outcome.seconds = time.monotonic() - start
        wrong, result = wrong_result(made, output, errors, here.stored())
        outcome.unfinished_jobs = here.unfinished()
        records = list(proxy.records)
    outcome.wrong += wrong
    outcome.wrong += [f"{name} failed at the end: {why}" for name, *why in result.get("errors", ())[:3]]
    if len(killed_at) < kills:
        outcome.wrong.append(f"only {len(killed_at)} of {kills} kills met a run that was under way")
    _count(outcome, records, killed_at)
    return outcome


def _count(outcome: Outcome, records: Sequence[Record], killed_at: Sequence[float]) -> None:
    """Count what was sent, and what was sent again."""
    outcome.storage_requests = sum(each.place is Place.STORAGE for each in records)
    outcome.api_requests = len(records) - outcome.storage_requests
    outcome.body_bytes, outcome.sent_again, largest = _again(records)
    outcome.bound = len(killed_at) * CONCURRENCY * largest
    outcome.repeats, late = _repeats(records, killed_at)
    if outcome.sent_again > outcome.bound:
        outcome.wrong.append(f"{outcome.sent_again} bytes were sent again, and at most {outcome.bound} were in flight")
    if outcome.repeats > len(killed_at) * CONCURRENCY:
        outcome.wrong.append(f"{outcome.repeats} finished requests were sent again, more than were in flight")
    if late:
        outcome.wrong.append(f"{len(late)} were sent again though they were long finished: {late[:5]}")


def main(arguments: list[str] | None = None) -> int:
    parser = parser_of("kills", "Uploads that are killed.")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    return play(run, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())

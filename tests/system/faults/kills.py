"""`python -m tests.system.faults.kills --seed N`: kill an upload many times, and start it again each time.

* A kill is SIGKILL: half of them at a random moment, half at a random stage of a random request.
* At the end every file is stored once, with its own bytes, and reported as uploaded.
* Only bytes in flight at a kill are sent again, and nothing whose success reached the client well before it.
"""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from tests.support.paths import ROOT
from tests.system.faults.lines import Record, Stage
from tests.system.faults.plans import Place, no_faults
from tests.system.faults.proxy import Proxy
from tests.system.faults.world import KIB, Facts, Outcome, make_files, play, start_child, world

PART = 64 * KIB
CONCURRENCY = 4
GRACE_SECONDS = 0.5
"""The time in which a client records a success in its journal."""


class _Trigger:
    """Kills the child when the n-th exchange reaches a stage. `where` is the place and stage of the kill."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.arm(None)

    def arm(self, child: "Popen[str] | None", stage: Stage = Stage.HEAD, count: int = 0) -> None:
        with self._lock:
            self._child, self._stage, self._left, self.where = child, stage, count, "at a moment"

    def __call__(self, stage: Stage, record: Record) -> None:
        with self._lock:
            if self._child is None or stage is not self._stage:
                return
            self._left -= 1
            if self._left <= 0:
                self._child.kill()
                self._child = None
                self.where = f"{record.place.value}: {stage.value}"


def _succeeded(record: Record) -> bool:
    return record.place is Place.STORAGE and record.status is not None and record.status < 300


def _missing(made: Mapping[str, Facts], records: Sequence[Record]) -> int:
    """The approximate number of storage requests still to be made."""
    whole = sum(1 if size < PART else -(-size // PART) for size, _ in made.values())
    return max(0, whole - len({each.stored for each in records if _succeeded(each)}))


def _startup_seconds() -> float:
    start = time.monotonic()
    with Popen([sys.executable, "-c", "import tests.system.faults.child"], cwd=ROOT):
        pass
    return time.monotonic() - start


def _killed(
    child: "Popen[str]", draw: random.Random, trigger: _Trigger, requests: int, seconds: float
) -> tuple[str, str]:
    """Kill a child after about so many requests or seconds. Returns when (or "" if it ended before), and its stderr."""
    trigger.arm(None)
    limit = None
    if draw.random() < 0.5:
        trigger.arm(child, draw.choice(list(Stage)), draw.randint(1, 2 * requests))
    else:
        limit = draw.uniform(0.0, 2 * seconds)
    try:
        _, errors = child.communicate(timeout=limit or 300.0)
    except TimeoutExpired:
        child.kill()
        _, errors = child.communicate()
        if limit is None:
            raise
    return trigger.where if child.returncode < 0 else "", errors


def run(
    folder: Path, *, seed: int, files: int, kills: int, face: str = "blocking", storage_seconds: float = 0.02
) -> Outcome:
    """Do one run. `storage_seconds` are added to each storage request, so that kills meet requests in flight."""
    draw, photos, startup = random.Random(seed), folder / "photos", _startup_seconds()
    made = make_files(photos, draw, files, (KIB, 48 * KIB), (PART, 320 * KIB), 0.15)
    trigger, outcome, killed_at, early = _Trigger(), Outcome(), list[float](), 0
    where: Counter[str] = Counter()
    journal = {"journal": str(folder / "journal.sqlite"), "multipart_threshold": PART}
    # A kill may come after the last file: then the next run has nothing to send.
    keywords = {**journal, "skip_uploaded": True, "upload_max_concurrency": CONCURRENCY}
    options = {"parts_from": PART, "part_size": PART, "keywords": keywords}
    with world(job_seconds=0.1) as here, Proxy(here.address, no_faults(storage_seconds), trigger) as proxy:
        while len(killed_at) < kills and early < 3 * kills:
            requests = _missing(made, list(proxy.records)) // (kills - len(killed_at) + 1)
            if early > kills:
                requests = 0  # Nothing is left to send, so kills can only meet the first requests of a run.
            with start_child(here, proxy.url, photos, face, options) as child:
                seconds = (startup + requests * storage_seconds / CONCURRENCY) * 0.8
                when, errors = _killed(child, draw, trigger, requests + 4, seconds)
            if when:
                killed_at.append(time.monotonic())
                where[when] += 1
            elif child.returncode == 0:
                early += 1
            else:
                outcome.wrong.append(f"a run failed by itself:\n{errors[-2000:]}")
                break
        trigger.arm(None)
        with start_child(here, proxy.url, photos, face, options) as child:
            output, errors = child.communicate()
        result = outcome.judge(made, output, errors, here.stored())
        records, unfinished = list(proxy.records), here.unfinished()
    outcome.wrong += [f"{name} failed at the end: {why}" for name, *why in result["errors"][:3]]
    if len(killed_at) < kills:
        outcome.wrong.append(f"only {len(killed_at)} of {kills} kills met a run that was under way")
    outcome.figures = {
        "kills": dict(where),
        "runs that ended before their kill": early,
        "jobs left unfinished": unfinished,
    }
    _count(outcome, records, killed_at)
    return outcome


def _count(outcome: Outcome, records: Sequence[Record], killed_at: Sequence[float]) -> None:
    """Count what was sent, and what was sent again."""
    sent = [each for each in records if each.place is Place.STORAGE]
    first: dict[str, Record] = {}
    repeated: list[Record] = []
    for each in filter(_succeeded, sent):
        if each.stored is not None and first.setdefault(each.stored, each) is not each:
            repeated.append(first[each.stored])
    total = sum(each.body_bytes for each in sent)
    again = total - sum(each.body_bytes for each in first.values())
    in_flight = len(killed_at) * CONCURRENCY
    bound = in_flight * max(each.length for each in sent)
    # Without a kill just after its success there is no reason to repeat a request.
    late = [
        each.stored
        for each in repeated
        if (end := each.delivered_at) is not None and not any(0 <= kill - end <= GRACE_SECONDS for kill in killed_at)
    ]
    outcome.figures |= {"storage requests": len(sent), "other requests": len(records) - len(sent)}
    outcome.figures |= {"body bytes": total, "sent again": again, "at most": bound, "repeated requests": len(repeated)}
    if again > bound:
        outcome.wrong.append(f"{again} bytes were sent again, and at most {bound} were in flight")
    if len(repeated) > in_flight:
        outcome.wrong.append(f"{len(repeated)} finished requests were sent again, more than were in flight")
    if late:
        outcome.wrong.append(f"{len(late)} were sent again though they were long finished: {late[:5]}")


if __name__ == "__main__":
    sys.exit(play(run, files=1000, kills=100))

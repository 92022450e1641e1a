"""The upload of a cluster that loses workers, whatever its engine: photos, figures, and what is wrong.

Rules kept here:

* The sandbox is in a process of its own. Every file is stored there once, with its own bytes.
* A worker is killed (SIGKILL) while it is at work on a shard. The engine starts another, and runs the shard again.
* At the end every shard is run once more: nothing is sent.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pixel_transports.shards import Shard, ShardReport, plan
from tests.transports.shards.serving import Serving, make_photos

PATIENCE = 600.0
IN_FLIGHT = 10
"""Requests at a time of a worker: as many files are sent again at the most when it is killed."""


class Engine(Protocol):
    """A cluster."""

    def start(self, shards: Sequence[Shard]) -> list[Any]:
        """Run shards, and return a handle of each."""
        ...

    def done(self, handles: list[Any]) -> bool:
        """Return whether all of them have ended."""
        ...

    def busy(self) -> list[int]:
        """Return the processes of workers that run a shard."""
        ...

    def reports(self, handles: list[Any]) -> list[ShardReport]:
        """Wait for the reports."""
        ...


Cluster = Callable[[int, Path], AbstractContextManager[Engine]]
"""Makes a cluster with this number of workers, which works in this folder."""


def kill_workers(
    engine: Engine, handles: list[Any], serving: Serving, files: int, kills: int, draw: random.Random
) -> int:
    """Kill workers, spread over the upload. Returns how many were killed."""
    killed = 0
    until = time.monotonic() + PATIENCE
    moments = [files * (number + draw.uniform(0.3, 0.9)) / (kills + 1) for number in range(kills)]
    while killed < kills and time.monotonic() < until and not engine.done(handles):
        time.sleep(0.02)
        if serving.stores() >= moments[killed] and (victims := engine.busy()):
            os.kill(draw.choice(victims), signal.SIGKILL)
            killed += 1
            print(f"killed a worker, with {serving.stores()} of {files} files sent", file=sys.stderr, flush=True)
            time.sleep(0.5)
    return killed


def run(make: Cluster, folder: Path, files: int, workers: int, kills: int, shard_files: int, seed: int) -> Any:
    """Upload with a cluster. Returns the figures; `wrong` lists the problems."""
    paths, facts = make_photos(folder / "photos", files, seed)
    wrong: list[str] = []
    with Serving() as serving:
        os.environ.update(serving.environment)  # Workers inherit it, since shards hold no password.
        shards = plan(paths, serving.project, serving.collection, folder=folder / "journals", shard_files=shard_files)
        with make(workers, folder) as engine:
            begun = time.monotonic()
            handles = engine.start(shards)
            killed = kill_workers(engine, handles, serving, files, kills, random.Random(seed))
            reports = engine.reports(handles)
            seconds = time.monotonic() - begun
            truth = serving.truth()
            begun = time.monotonic()
            again = engine.reports(engine.start(shards))
            seconds_again = time.monotonic() - begun
            after = serving.truth()
    failed = [failure for report in reports for failure in report.failed]
    wrong += [f"{each.file}: {each.reason}: {each.detail}" for each in failed[:5]]
    uploaded, skipped = (sum(len(getattr(each, what)) for each in reports) for what in ("uploaded", "skipped"))
    if uploaded + skipped != files:
        wrong.append(f"{uploaded} files are reported as uploaded and {skipped} as skipped, of {files}")
    for moment, found in (("afterwards", truth), ("after a second run", after)):
        if found.images != facts:
            more, less = (found.images - facts).total(), (facts - found.images).total()
            wrong.append(f"{moment} {more} images are there that should not be, and {less} are missing")
    if truth.stores - files > killed * IN_FLIGHT:
        wrong.append(f"{truth.stores - files} files were sent again, more than were in flight")
    if after.stores != truth.stores or any(each.uploaded for each in again):
        wrong.append(f"the second run sent {after.stores - truth.stores} files again")
    if killed < kills:
        wrong.append(f"only {killed} of {kills} workers were killed while they were at work")
    return {
        "wrong": wrong,
        "files": files,
        "shards": len(shards),
        "workers": workers,
        "killed": killed,
        "uploaded": uploaded,
        "skipped": skipped,
        "images": truth.images.total(),
        "sent_again": truth.stores - files,
        "unfinished_jobs": truth.unfinished,
        "seconds": round(seconds, 1),
        "second_run_seconds": round(seconds_again, 1),
    }


def main(make: Cluster, name: str, arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.system.cluster.{name}", description="Uploads of a cluster.")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill", type=int, default=2)
    parser.add_argument("--shard-files", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(make, Path(folder), chosen.files, chosen.workers, chosen.kill, chosen.shard_files, chosen.seed)
    print(json.dumps(outcome))
    return 1 if outcome["wrong"] else 0

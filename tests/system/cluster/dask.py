"""`python -m tests.system.cluster.dask --files 20000 --workers 4 --kill 2`: a Dask cluster uploads, and loses workers.

Rules kept here:

* The sandbox is in a process of its own. Every file is stored there once, with its own bytes.
* A worker is killed (SIGKILL) while it is at work on a shard. Dask starts another, and runs the shard again.
* At the end every shard is run once more: nothing is sent.
"""

import argparse
import importlib
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pixel_transports.shards import Shard, plan
from tests.transports.shards.serving import Serving, make_photos

PATIENCE = 600.0


def kill_workers(dask: Any, futures: list[Any], serving: Serving, files: int, kills: int, draw: random.Random) -> int:
    """Kill workers, spread over the upload. Returns how many were killed."""
    killed = 0
    until = time.monotonic() + PATIENCE
    moments = [files * (number + draw.uniform(0.3, 0.9)) / (kills + 1) for number in range(kills)]
    while killed < kills and time.monotonic() < until and not all(each.done() for each in futures):
        time.sleep(0.02)
        if serving.stores() < moments[killed]:
            continue
        busy = [worker for worker, tasks in dask.processing().items() if tasks]
        pids = dask.run(os.getpid)
        victims = [pids[worker] for worker in busy if worker in pids]
        if victims:
            os.kill(draw.choice(victims), signal.SIGKILL)
            killed += 1
            print(f"killed a worker, with {serving.stores()} of {files} files sent", file=sys.stderr, flush=True)
            time.sleep(0.5)
    return killed


def run(folder: Path, files: int, workers: int, kills: int, shard_files: int, seed: int) -> dict[str, Any]:
    """Upload with a cluster. Returns the figures; `wrong` lists the problems."""
    distributed = importlib.import_module("distributed")
    paths, facts = make_photos(folder / "photos", files, seed)
    wrong: list[str] = []
    with Serving() as serving:
        os.environ.update(serving.environment)  # Workers inherit it, since shards hold no password.
        shards = plan(paths, serving.project, serving.collection, folder=folder / "journals", shard_files=shard_files)
        options = {"n_workers": workers, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
        with (
            distributed.LocalCluster(**options, silence_logs=logging.CRITICAL, local_directory=str(folder)) as cluster,
            distributed.Client(cluster) as dask,
        ):
            begun = time.monotonic()
            futures = dask.map(Shard.run, shards, pure=False)
            killed = kill_workers(dask, futures, serving, files, kills, random.Random(seed))
            reports = dask.gather(futures)
            seconds = time.monotonic() - begun
            truth = serving.truth()
            begun = time.monotonic()
            again = dask.gather(dask.map(Shard.run, shards, pure=False))
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


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.system.cluster.dask", description="Uploads from a Dask cluster."
    )
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill", type=int, default=2)
    parser.add_argument("--shard-files", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), chosen.files, chosen.workers, chosen.kill, chosen.shard_files, chosen.seed)
    print(json.dumps(outcome))
    return 1 if outcome["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

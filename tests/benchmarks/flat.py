"""`python -m tests.benchmarks.flat`: the memory of uploads stays flat, and their time grows no faster than they do.

Rules kept here:

* Each upload is a process of its own, against the load server, with its journal; what it holds is read from the kernel
  twenty times a second (VmRSS) while it goes on.
* The figure is the peak over what the process held when the library was loaded and had made one call, and by how much
  it grew in the second half: results are kept, nothing else is.
* A file of 20 GiB is sparse on disk; every byte of it is read, hashed and sent.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.server import LoadServer, compile_server
from tests.support.paths import ROOT

MIB = 1024 * 1024
LIMIT = 80 * MIB
"""How much an upload may hold over the idle process."""


@dataclass(frozen=True)
class Load:
    """So many files of so many bytes."""

    name: str
    count: int
    size: int

    @property
    def total(self) -> int:
        return self.count * self.size


LOADS = [
    Load("10,000 small files", 10_000, 20_000),
    Load("200 x 2 MiB", 200, 2 * MIB),
    Load("one of 512 MiB", 1, 512 * MIB),
    Load("one of 20 GiB", 1, 20 * 1024 * MIB),
]
GROWTH = [Load(f"{count:,} tiny files", count, 100) for count in (1_000, 10_000, 100_000)]


def held() -> int:
    """The bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Samples:
    """What the process holds, twenty times a second, from another thread."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._instrumentation, daemon=True)
        self._thread.start()

    def _instrumentation(self) -> None:
        while not self._over.wait(0.05):
            self.found.append(held())

    def close(self) -> list[int]:
        self._over.set()
        self._thread.join()
        return self.found


def child(plan: dict[str, Any]) -> None:
    """Upload what the plan says, and print what it took."""
    from pixel_client import PixelUploadFile, get_client

    paths = sorted(Path(plan["folder"]).iterdir())
    files = [PixelUploadFile(file=path) for path in paths]

    async def run() -> tuple[int, list[int], int, float]:
        client = get_client(True, journal=plan["journal"])
        await client.me()
        idle, started, samples = held(), time.monotonic(), Samples()
        done, errors = await client.upload_multiple_images(1, 2, files)
        found = samples.close()
        return len(done) - len(errors), found, idle, time.monotonic() - started

    if plan["async"]:
        count, found, idle, seconds = asyncio.run(run())
    else:
        with get_client(journal=plan["journal"]) as client:
            client.me()
            idle, started, samples = held(), time.monotonic(), Samples()
            done, errors = client.upload_multiple_images(1, 2, files)
            found = samples.close()
            count, seconds = len(done) - len(errors), time.monotonic() - started
    print(json.dumps({"count": count, "idle": idle, "samples": found, "seconds": seconds}))


def run(server: LoadServer, load: Load, async_: bool, work: Path) -> dict[str, Any]:
    """Upload a load in a process of its own."""
    folder = work / "files"
    folder.mkdir()
    content = os.urandom(min(load.size, MIB))
    for number in range(load.count):
        with (folder / f"{number:06}.jpg").open("wb") as file:
            file.write(b"\xff\xd8\xff\xe0" + number.to_bytes(4, "big") + content[: max(0, load.size - 8)])
            file.truncate(load.size)
    environment = {
        **os.environ,
        "PIXEL_USERNAME": "demo@example.com",
        "PIXEL_PASSWORD": "demo",
        "PIXEL_TENANT": "sandbox",
        "PIXEL_API_URL": f"http://127.0.0.1:{server.ports[0]}/api",
        "PIXEL_AUTH_SERVER_URL": f"http://127.0.0.1:{server.ports[0]}/auth",
    }
    plan = {"folder": str(folder), "async": async_, "journal": str(work / "journal.sqlite")}
    server.reset()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.flat", "--child", json.dumps(plan)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment,
            cwd=ROOT,
        )
    finally:
        shutil.rmtree(folder)
    finished = server.finished()
    result: dict[str, Any] = json.loads(done.stdout)
    if result["count"] != load.count or finished.stored_bytes < load.total:
        raise RuntimeError(
            f"{result['count']} of {load.count} files were uploaded, {finished.stored_bytes} bytes stored"
        )
    samples: list[int] = result["samples"] or [result["idle"]]
    half = samples[len(samples) // 2 :]
    return {
        "seconds": result["seconds"],
        "over": max(samples) - result["idle"],
        "grown": half[-1] - half[0],
        "calls": (finished.requests - finished.stored) / load.count,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status: 1 when something was not flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.flat", description=__doc__)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--async", dest="async_", action="store_true", help="the async client, on asyncio")
    chosen = parser.parse_args(arguments)
    if chosen.child is not None:
        child(chosen.child)
        return 0
    flat = True
    with tempfile.TemporaryDirectory() as folder, LoadServer(compile_server(Path(folder))) as server:
        for load in LOADS[:3] if chosen.quick else LOADS:
            figures = run(server, load, chosen.async_, Path(folder))
            flat = flat and figures["over"] <= LIMIT
            print(
                f"{load.name:20} {figures['seconds']:8.2f} s  {load.total / figures['seconds'] / MIB:7.0f} MiB/s  peak "
                f"{figures['over'] / MIB:5.1f} MiB over idle, {figures['grown'] / MIB:+5.1f} in the second half, "
                f"{figures['calls']:.3f} calls a file",
                flush=True,
            )
        for load in GROWTH[: 2 if chosen.quick else 3]:
            figures = run(server, load, chosen.async_, Path(folder))
            print(
                f"{load.name:20} {figures['seconds']:8.2f} s  {figures['seconds'] / load.count * 1e6:7.0f} us a file   "
                f"peak {figures['over'] / MIB:5.1f} MiB over idle, {figures['grown'] / MIB:+5.1f} in the second half, "
                f"{figures['calls']:.3f} calls a file",
                flush=True,
            )
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.benchmarks.flat`: the memory of uploads stays flat, and their time grows no faster than they do.

Rules kept here:

* Each upload is a process of its own, against the load server, with its journal; what it holds is read from the kernel
  twenty times a second (VmRSS) while it goes on.
* The figure is the peak over what the process held when the library was loaded and had made one call, and by how much
  it grew in the second half. The folder is walked while its files are uploaded, and no outcome is kept.
* A file of 20 GiB is sparse on disk; every byte of it is read, hashed and sent.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.pixel import PixelAsync, PixelBlocking
from tests.benchmarks.clients.run import run_on
from tests.benchmarks.scenarios import MIB, Environments, make_files, run_client
from tests.benchmarks.server import LoadServer, compile_server

LIMIT = 80 * MIB
"""How much an upload may hold over the idle process."""

LOADS = {
    "10,000 small files": (10_000, 20_000),
    "200 x 2 MiB": (200, 2 * MIB),
    "one of 512 MiB": (1, 512 * MIB),
    "one of 20 GiB": (1, 20 * 1024 * MIB),
}
"""Number and size of files, by name."""

GROWTH = {f"{count:,} tiny files": (count, 1024) for count in (1_000, 10_000, 100_000, 1_000_000)}


def held() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Samples:
    """The memory and time of this process, from `start` on; memory is read in another thread."""

    def start(self) -> None:
        self.found: list[int] = []
        self.idle, self.started, self._over = held(), time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.found.append(held())

    def stop(self, count: int) -> dict[str, Any]:
        """The figures of an upload of so many files."""
        self._over.set()
        self._thread.join()
        seconds = time.monotonic() - self.started
        return {"count": count, "idle": self.idle, "samples": self.found, "seconds": seconds}


def child(plan: dict[str, Any]) -> dict[str, Any]:
    """Upload what the plan says. Gives what it took."""
    samples = Samples()
    made = PixelAsync if plan["async"] else PixelBlocking

    async def run() -> dict[str, Any]:
        client = made(plan["api"], journal=plan["journal"])
        await client.call()
        samples.start()
        with os.scandir(plan["folder"]) as entries:
            return samples.stop(await client.upload_stream(entry.path for entry in entries))

    found: dict[str, Any] = run_on(made.backend, run)
    return found


def run(server: LoadServer, count: int, size: int, async_: bool, work: Path) -> tuple[float, int, str]:
    """Upload files in a process of its own. Gives seconds, the peak of memory over idle, and both as text."""
    folder = work / "files"
    folder.mkdir()
    make_files(folder, count, size, sparse=size > MIB)
    api = f"http://127.0.0.1:{server.ports[0]}/api"
    plan = {"folder": str(folder), "async": async_, "journal": str(work / "journal.sqlite"), "api": api}
    server.reset()
    try:
        result = run_client(Environments(None, None), "ours", plan, "tests.benchmarks.flat", "--child", timeout=3600.0)
    finally:
        shutil.rmtree(folder)
    finished = server.finished()
    if result["count"] != count or finished.stored_bytes < count * size:
        raise RuntimeError(f"{result['count']} of {count} files were uploaded, {finished.stored_bytes} bytes stored")
    samples: list[int] = result["samples"] or [result["idle"]]
    half = samples[len(samples) // 2 :]
    over, grown = max(samples) - result["idle"], half[-1] - half[0]
    calls = (finished.requests - finished.stored) / count
    journal = sum(path.stat().st_size for path in work.glob("journal.sqlite*")) / count
    memory = f"peak {over / MIB:5.1f} MiB over idle, {grown / MIB:+5.1f} in the second half, {calls:.3f} calls a file"
    memory += f", {journal:.0f} bytes of journal"
    return result["seconds"], over, memory


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status: 1 when something was not flat."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.flat", description=__doc__)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--growth", type=int, metavar="N", help="only the first N rows of tiny files")
    parser.add_argument("--async", dest="async_", action="store_true", help="the async client, on asyncio")
    chosen = parser.parse_args(arguments)
    if chosen.child is not None:
        print(json.dumps(child(chosen.child)))
        return 0
    flat = True
    with tempfile.TemporaryDirectory() as folder, LoadServer(compile_server(Path(folder))) as server:
        loads = [*list(LOADS.items())[: 3 if chosen.quick else 4], *list(GROWTH.items())[: 2 if chosen.quick else 4]]
        if chosen.growth:
            loads = list(GROWTH.items())[: chosen.growth]
        for name, (count, size) in loads:
            seconds, over, memory = run(server, count, size, chosen.async_, Path(folder))
            flat = flat and over <= LIMIT
            rate = f"{1e6 * seconds / count:7.0f} us a file " if name in GROWTH else ""
            rate = rate or f"{count * size / seconds / MIB:7.0f} MiB/s"
            print(f"{name:20} {seconds:8.2f} s  {rate}  {memory}", flush=True)
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())

"""Runs one client through one scenario, in this process, and prints what it took as one line of JSON.

Rules kept here:

* What is measured begins when the client is imported, logged in and warm, but for uploads and pages with a delay, which
  are measured whole; there the login of this library and of the reference is done before, by a small call.
* Seconds are those of a monotonic clock that all processes share; `cpu` are the seconds this process computed.
* The peak is the kernel's (VmHWM); `idle` is that peak once the client is imported and before it does anything.
"""

import asyncio
import cProfile
import importlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.faces import Client, drive

WARM_SECONDS = 0.2
BATCH = 20
THREADS = ThreadPoolExecutor(64)
Work = Callable[[], Coroutine[Any, Any, Any]]


def peak() -> int:
    """The most memory that this process had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def package_of(name: str) -> str:
    """What a client's user imports."""
    if name.startswith(("ours", "reference")):
        return "pixel_client"
    if name.startswith(("raw", "h11")):
        return "socket" if name == "raw" else "anyio" if "anyio" in name else "h11"
    return name.removesuffix("-async")


def make(name: str, api: str) -> Client:
    peer = "floors" if name.startswith(("raw", "h11")) else "peers"
    module = "pixel" if package_of(name) == "pixel_client" else peer
    client: Client = importlib.import_module(f"tests.benchmarks.clients.{module}").CLIENTS[name](api)
    return client


class Watch:
    """Seconds and computed seconds, from the first tick on."""

    def __init__(self, profile: cProfile.Profile | None) -> None:
        self._profile = profile
        self.started_ns = 0

    def start(self) -> None:
        self.started_ns, self._cpu = time.monotonic_ns(), time.process_time()
        if self._profile is not None:
            self._profile.enable()

    @property
    def seconds(self) -> float:
        return (time.monotonic_ns() - self.started_ns) / 1e9

    def stop(self, count: int) -> dict[str, Any]:
        result = {"count": count, "seconds": self.seconds, "cpu": time.process_time() - self._cpu}
        if self._profile is not None:
            self._profile.disable()
        return {**result, "started_ns": self.started_ns}


async def scenario(client: Client, plan: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Run a scenario. Returns what it took."""
    name, seconds = plan["scenario"], plan["seconds"]
    pages = partial(client.pages, plan["page_size"])
    if name == "calls":
        await _repeat(client.call, WARM_SECONDS, watch, BATCH)
        return await _repeat(client.call, seconds, watch, BATCH)
    if name == "at_once":
        return await _at_once(client, plan["width"], seconds, watch)
    await client.call()
    if name == "pages":
        await pages()
        return await _repeat(pages, seconds, watch)
    watch.start()
    if name == "delayed_pages":
        return watch.stop(await pages())
    await client.upload(plan["paths"], plan["part_size"])
    return watch.stop(len(plan["paths"]))


async def _repeat(work: Work, seconds: float, watch: Watch, batch: int = 0) -> dict[str, Any]:
    """Repeat the work, so many times a look at the clock; without a batch, the work gives its own count."""
    count = 0
    watch.start()
    while watch.seconds < seconds:
        if batch:
            for _ in range(batch):
                await work()
        count += batch or await work()
    return watch.stop(count)


async def _at_once(client: Client, width: int, seconds: float, watch: Watch) -> dict[str, Any]:
    """So many threads or tasks, each with one call after another. A client may have `at_once` of its own."""
    alone: Any = getattr(client, "at_once", None)
    if alone is not None:
        alone(width, WARM_SECONDS)
        watch.start()
        return watch.stop(alone(width, seconds))
    others = [await client.fork() for _ in range(width)]
    await client.call()

    together = threading.Barrier(width)

    async def work(own: Client, duration: float) -> int:
        if client.backend is None:
            together.wait()
        count, until = 0, time.perf_counter() + duration
        while time.perf_counter() < until:
            await own.call()
            count += 1
        return count

    result: dict[str, Any] = {}
    for duration in (WARM_SECONDS, seconds):
        watch.start()
        result = watch.stop(sum(await side_by_side(client.backend, [partial(work, own, duration) for own in others])))
    for own in others:
        if own is not client:
            await own.close()
    return result


async def side_by_side(backend: str | None, works: Sequence[Work]) -> list[Any]:
    """The results of these, each in a thread or a task of its own. The threads are kept for the next ones."""
    if backend is None:
        return list(THREADS.map(lambda work: drive(work()), works))
    if backend == "asyncio":
        return await asyncio.gather(*(work() for work in works))
    trio: Any = importlib.import_module("trio")
    results = []

    async def one(work: Work) -> None:
        results.append(await work())

    async with trio.open_nursery() as nursery:
        for work in works:
            nursery.start_soon(one, work)
    return results


def run_on(backend: str | None, work: Work) -> Any:
    """The result of a coroutine function, on a loop of this kind."""
    if backend == "trio":
        return importlib.import_module("trio").run(work)
    return drive(work()) if backend is None else asyncio.run(work())


def run(plan: dict[str, Any]) -> dict[str, Any]:
    if plan.get("cpu") is not None and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, {plan["cpu"]})
    name = plan["client"]
    importlib.import_module(package_of(name))
    client = make(name, plan["api"])
    idle = peak()
    profile = cProfile.Profile() if plan.get("profile") else None
    watch = Watch(profile)

    async def main() -> dict[str, Any]:
        try:
            return await scenario(client, plan, watch)
        finally:
            await client.close()

    result = run_on(client.backend, main)
    if profile is not None:
        profile.dump_stats(plan["profile"])
    return {**result, "peak": peak(), "idle": idle}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))

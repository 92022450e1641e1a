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
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.clients.faces import Async, Blocking, drive, drive_async

WARM_SECONDS = 0.2
BATCH = 20


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


def make(name: str, api: str) -> Blocking | Async:
    peer = "floors" if name.startswith(("raw", "h11")) else "peers"
    module = importlib.import_module(
        f"tests.benchmarks.clients.{'pixel' if package_of(name) == 'pixel_client' else peer}"
    )
    client: Blocking | Async = module.CLIENTS[name](api)
    return client


Scenario = Generator[Callable[[], Any], Any, Any]


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


def scenario(client: Any, plan: dict[str, Any], watch: Watch, repeat: Any, at_once: Any) -> Scenario:
    """A scenario's steps, for the client's own kind of calls. Returns what it took."""
    name, seconds = plan["scenario"], plan["seconds"]
    pages = partial(client.pages, plan["page_size"])
    if name == "calls":
        for duration in (WARM_SECONDS, seconds):
            result = yield partial(repeat, client.call, duration, watch, BATCH)
        return result
    if name == "at_once":
        return (yield partial(at_once, client, plan["width"], seconds, watch))
    yield client.call
    if name == "pages":
        yield pages
        return (yield partial(repeat, pages, seconds, watch))
    watch.start()
    if name == "delayed_pages":
        return watch.stop((yield pages))
    yield partial(client.upload, plan["paths"], plan["part_size"])
    return watch.stop(len(plan["paths"]))


def _repeat(work: Callable[[], Any], seconds: float, watch: Watch, batch: int = 0) -> dict[str, Any]:
    """Repeat the work, so many times a look at the clock; without a batch, the work gives its own count."""
    count = 0
    watch.start()
    while watch.seconds < seconds:
        if batch:
            for _ in range(batch):
                work()
        count += batch or work()
    return watch.stop(count)


async def _repeat_async(work: Callable[[], Any], seconds: float, watch: Watch, batch: int = 0) -> dict[str, Any]:
    count = 0
    watch.start()
    while watch.seconds < seconds:
        if batch:
            for _ in range(batch):
                await work()
        count += batch or await work()
    return watch.stop(count)


def _threads(client: Blocking, width: int, seconds: float, watch: Watch) -> dict[str, Any]:
    """So many threads, each with one call after another. Those that do it in one thread do it their own way."""
    alone: Any = getattr(client, "at_once", None)
    if alone is not None:
        alone(width, WARM_SECONDS)
        watch.start()
        count, _ = alone(width, seconds)
        return watch.stop(count)
    client.call()
    counts = [0] * width
    until = 0.0
    start = threading.Barrier(width + 1)

    def work(own: Blocking, number: int) -> None:
        try:
            own.call()
            for _ in range(2):
                start.wait()
                count = 0
                while time.perf_counter() < until:
                    own.call()
                    count += 1
                counts[number] = count
                start.wait()
        except BaseException:
            start.abort()
            raise

    others = [client.fork() for _ in range(width)]
    threads = [threading.Thread(target=work, args=(own, number)) for number, own in enumerate(others)]
    for thread in threads:
        thread.start()
    result: dict[str, Any] = {}
    for duration in (WARM_SECONDS, seconds):
        until = time.perf_counter() + duration + 0.05
        watch.start()
        start.wait()
        start.wait()
        result = watch.stop(sum(counts))
    for thread in threads:
        thread.join()
    for own in others:
        if own is not client:
            own.close()
    return result


async def _tasks(client: Async, width: int, seconds: float, watch: Watch) -> dict[str, Any]:
    others = [await client.fork() for _ in range(width)]
    await client.call()
    counts = [0] * width

    async def work(number: int, until: float) -> None:
        own, count = others[number], 0
        while time.perf_counter() < until:
            await own.call()
            count += 1
        counts[number] = count

    result: dict[str, Any] = {}
    for duration in (WARM_SECONDS, seconds):
        until = time.perf_counter() + duration
        watch.start()
        await _gather(client.backend, [partial(work, number, until) for number in range(width)])
        result = watch.stop(sum(counts))
    for other in others:
        if other is not client:
            await other.close()
    return result


def _on_asyncio(main: Callable[[], Any]) -> Any:
    return asyncio.run(main())


async def _gather(backend: str, works: list[Callable[[], Awaitable[None]]]) -> None:
    if backend == "asyncio":
        await asyncio.gather(*(work() for work in works))
        return
    trio: Any = importlib.import_module("trio")
    async with trio.open_nursery() as nursery:
        for work in works:
            nursery.start_soon(work)


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
    if isinstance(client, Blocking):
        result = drive(scenario(client, plan, watch, _repeat, _threads))
        client.close()
    else:
        loop_client = client

        async def main() -> Any:
            try:
                return await drive_async(scenario(loop_client, plan, watch, _repeat_async, _tasks))
            finally:
                await loop_client.close()

        run_loop: Any = importlib.import_module("trio").run if client.backend == "trio" else _on_asyncio
        result = run_loop(main)
    if profile is not None:
        profile.dump_stats(plan["profile"])
    return {**result, "peak": peak(), "idle": idle}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))

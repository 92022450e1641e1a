"""Whether calls get slower: the more were made, the more connections are idle, the more wait for one.

Rules kept here:

* Both faces. Each curve is (how many, calls a second that this process computed); the fastest of three stretches
  counts. So what else the machine does is left out, and only this library's own slowness shows.
* Connections are made idle by 32 calls at once to each of so many delayed ports, by the client's own transport.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pixel_core.messages import Origin, Request
from pixel_transports import AnyioTransport, SocketTransport
from tests.benchmarks.clients.pixel import ENVIRONMENT

EACH = 32
"""How many idle connections are kept to one origin."""


def _client(async_: bool, port: int, transport: Any) -> Any:
    from pixel_client import get_client

    api = f"http://127.0.0.1:{port}"
    os.environ.update(ENVIRONMENT, PIXEL_API_URL=f"{api}/api", PIXEL_AUTH_SERVER_URL=f"{api}/auth")
    return get_client(async_, transport=transport)


def _marks(most: int) -> list[int]:
    return [10**power for power in range(len(str(most)))]


def _rate(call: Callable[[], Any], seconds: float) -> float:
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while (elapsed := time.process_time() - start) < seconds:
            call()
            count += 1
        best = max(best, count / elapsed)
    return best


async def _async_rate(call: Callable[[], Any], seconds: float) -> float:
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while (elapsed := time.process_time() - start) < seconds:
            await call()
            count += 1
        best = max(best, count / elapsed)
    return best


def _to(port: int) -> Request:
    return Request("GET", Origin("http", "127.0.0.1", port), "/api/users/me")


def _blocking(plan: dict[str, Any]) -> dict[str, list[tuple[int, float]]]:
    ports, seconds = plan["ports"], plan["seconds"]
    transport = SocketTransport()
    client = _client(False, ports[0], transport)
    client.me()
    idle = [(0, _rate(client.me, seconds))]
    for number, port in enumerate(ports[1:], 1):
        threads = [threading.Thread(target=transport.send, args=(_to(port),)) for _ in range(EACH)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if number & (number - 1) == 0:
            idle.append((EACH * number, _rate(client.me, seconds)))
    narrow = _client(False, ports[0], SocketTransport(max_connections=1))
    narrow.me()
    waiting = []
    for width in (1, 4, 16, 64):
        best = 0.0
        for _ in range(3):
            counts = [0] * width
            until = time.perf_counter() + seconds

            def work(number: int, counts: list[int] = counts, until: float = until) -> None:
                while time.perf_counter() < until:
                    narrow.me()
                    counts[number] += 1

            threads = [threading.Thread(target=work, args=(number,)) for number in range(width)]
            start = time.process_time()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            best = max(best, sum(counts) / (time.process_time() - start))
        waiting.append((width - 1, best))
    fresh = _client(False, ports[0], SocketTransport())
    fresh.me()
    made, calls, done = [], 0, time.process_time()
    for mark in _marks(plan["calls"]):
        since = calls
        while calls < mark:
            fresh.me()
            calls += 1
        now = time.process_time()
        made.append((mark, (calls - since) / (now - done)))
        done = now
    return {"idle": idle, "waiting": waiting, "made": made}


async def _asynchronous(plan: dict[str, Any]) -> dict[str, list[tuple[int, float]]]:
    ports, seconds = plan["ports"], plan["seconds"]
    transport = AnyioTransport()
    client = _client(True, ports[0], transport)
    await client.me()
    idle = [(0, await _async_rate(client.me, seconds))]
    for number, port in enumerate(ports[1:], 1):
        await asyncio.gather(*(transport.send(_to(port)) for _ in range(EACH)))
        if number & (number - 1) == 0:
            idle.append((EACH * number, await _async_rate(client.me, seconds)))
    narrow = _client(True, ports[0], AnyioTransport(max_connections=1))
    await narrow.me()
    waiting = []
    for width in (1, 10, 100, 1000):
        best = 0.0
        for _ in range(3):
            counts = [0] * width
            until = time.perf_counter() + seconds

            async def work(number: int, counts: list[int] = counts, until: float = until) -> None:
                while time.perf_counter() < until:
                    await narrow.me()
                    counts[number] += 1

            start = time.process_time()
            await asyncio.gather(*map(work, range(width)))
            best = max(best, sum(counts) / (time.process_time() - start))
        waiting.append((width - 1, best))
    fresh = _client(True, ports[0], AnyioTransport())
    await fresh.me()
    made, calls, done = [], 0, time.process_time()
    for mark in _marks(plan["calls"]):
        since = calls
        while calls < mark:
            await fresh.me()
            calls += 1
        now = time.process_time()
        made.append((mark, (calls - since) / (now - done)))
        done = now
    return {"idle": idle, "waiting": waiting, "made": made}


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    print(json.dumps({"blocking": _blocking(plan), "async": asyncio.run(_asynchronous(plan))}))

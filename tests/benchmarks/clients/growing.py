"""Whether calls get slower: the more were made, the more connections are idle, the more wait for one.

Rules kept here:

* Both faces. Each curve is (how many, calls a second that this process computed); the fastest of three stretches
  counts. So what else the machine does is left out, and only this library's own slowness shows.
* Connections are made idle by 32 calls at once to each of so many delayed ports, by the client's own transport.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

from pixel_core.messages import Origin, Request
from pixel_transports import AnyioTransport, SocketTransport
from tests.benchmarks.clients.faces import drive, drive_async
from tests.benchmarks.clients.pixel import client_of

EACH = 32
"""How many idle connections are kept to one origin."""

Curves = Generator[Callable[[], Any], Any, dict[str, list[tuple[int, float]]]]


class Blocking:
    """Calls of the blocking face: one after another, and side by side."""

    transport = SocketTransport
    widths: Sequence[int] = (1, 4, 16, 64)

    def repeat(self, call: Callable[[], Any], goes_on: Callable[[int], bool]) -> int:
        count = 0
        while goes_on(count):
            call()
            count += 1
        return count

    def side_by_side(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        results: list[Any] = []
        threads = [threading.Thread(target=lambda work=work: results.append(work())) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


class Async:
    """The same with coroutines."""

    transport = AnyioTransport
    widths: Sequence[int] = (1, 10, 100, 1000)

    async def repeat(self, call: Callable[[], Any], goes_on: Callable[[int], bool]) -> int:
        count = 0
        while goes_on(count):
            await call()
            count += 1
        return count

    async def side_by_side(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        return await asyncio.gather(*(work() for work in works))


def _until(clock: Callable[[], float], seconds: float) -> Callable[[int], bool]:
    end = clock() + seconds
    return lambda count: clock() < end


def _fastest(work: Callable[[], Callable[[], Any]]) -> Generator[Callable[[], Any], Any, float]:
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        counts = yield work()
        best = max(best, (sum(counts) if isinstance(counts, list) else counts) / (time.process_time() - start))
    return best


def curves(face: Any, plan: dict[str, Any]) -> Curves:
    """The three curves of a face."""
    ports, seconds, clock = plan["ports"], plan["seconds"], time.process_time

    def client(transport: Any) -> Any:
        return client_of(f"http://127.0.0.1:{ports[0]}/api", isinstance(face, Async), transport=transport)

    transport = face.transport()
    wide, narrow, fresh = client(transport), client(face.transport(max_connections=1)), client(face.transport())
    for each in (wide, narrow, fresh):
        yield each.me

    def alone() -> Callable[[], Any]:
        return partial(face.repeat, wide.me, _until(clock, seconds))

    idle = [(0, (yield from _fastest(alone)))]
    for number, port in enumerate(ports[1:], 1):
        request = Request("GET", Origin("http", "127.0.0.1", port), "/api/users/me")
        yield partial(face.side_by_side, [partial(transport.send, request)] * EACH)
        if number & (number - 1) == 0:
            idle.append((EACH * number, (yield from _fastest(alone))))
    waiting = []
    for width in face.widths:

        def together(width: int = width) -> Callable[[], Any]:
            until = _until(time.perf_counter, seconds)
            return partial(face.side_by_side, [partial(face.repeat, narrow.me, until)] * width)

        waiting.append((width - 1, (yield from _fastest(together))))
    made, calls = [], 0
    for mark in (10**power for power in range(len(str(plan["calls"])))):
        start = clock()
        count = yield partial(face.repeat, fresh.me, lambda count, left=mark - calls: count < left)
        made.append((mark, count / (clock() - start)))
        calls = mark
    return {"idle": idle, "waiting": waiting, "made": made}


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    results = {"blocking": drive(curves(Blocking(), plan))}
    print(json.dumps({**results, "async": asyncio.run(drive_async(curves(Async(), plan)))}))

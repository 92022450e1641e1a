"""Whether calls get slower: the more were made, the more connections are idle, the more wait for one.

Rules kept here:

* Both faces. Each curve is (how many, calls a second that this process computed); the fastest of three stretches
  counts. So what else the machine does is left out, and only this library's own slowness shows.
* Connections are made idle by 32 calls at once to each of so many delayed ports, by the client's own transport.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import gt
from typing import Any

from pixel_core.messages import Origin, Request
from pixel_transports import AnyioTransport, SocketTransport
from tests.benchmarks.clients.pixel import PixelAsync, PixelBlocking
from tests.benchmarks.clients.run import Work, run_on, side_by_side

EACH = 32
"""How many idle connections are kept to one origin."""

FACES: dict[str, tuple[type[PixelBlocking], Any, Sequence[int]]] = {
    "blocking": (PixelBlocking, SocketTransport, (1, 4, 16, 64)),
    "async": (PixelAsync, AnyioTransport, (1, 10, 100, 1000)),
}
"""Clients, transports, and how many wait for one connection."""


async def _repeat(call: Work, goes_on: Callable[[int], bool]) -> int:
    count = 0
    while goes_on(count):
        await call()
        count += 1
    return count


async def _fastest(client: PixelBlocking, width: int, clock: Callable[[], float], seconds: float) -> float:
    """Calls a computed second of so many at once: the fastest of three stretches of these seconds."""

    async def stretch() -> float:
        start, end = time.process_time(), clock() + seconds
        work = partial(_repeat, client.call, lambda count: clock() < end)
        counts = await side_by_side(client.backend, [work] * width)
        rate: float = sum(counts) / (time.process_time() - start)
        return rate

    return max([await stretch() for _ in range(3)])


async def curves(face: str, plan: dict[str, Any]) -> dict[str, list[tuple[int, float]]]:
    """The three curves of a face."""
    client, made_transport, widths = FACES[face]
    ports, seconds, clock = plan["ports"], plan["seconds"], time.process_time
    transport = made_transport()
    wide, narrow, fresh = (
        client(f"http://127.0.0.1:{ports[0]}/api", transport=each)
        for each in (transport, made_transport(max_connections=1), made_transport())
    )
    for each in (wide, narrow, fresh):
        await each.call()
    idle = [(0, await _fastest(wide, 1, clock, seconds))]
    for number, port in enumerate(ports[1:], 1):
        request = Request("GET", Origin("http", "127.0.0.1", port), "/api/users/me")

        async def send(request: Request = request) -> None:
            response = transport.send(request)
            if wide.backend:
                await response

        await side_by_side(wide.backend, [send] * EACH)
        if number & (number - 1) == 0:
            idle.append((EACH * number, await _fastest(wide, 1, clock, seconds)))
    waiting = [(width - 1, await _fastest(narrow, width, time.perf_counter, seconds)) for width in widths]
    made, calls = [], 0
    for mark in (10**power for power in range(len(str(plan["calls"])))):
        start = clock()
        count = await _repeat(fresh.call, partial(gt, mark - calls))
        made.append((mark, count / (clock() - start)))
        calls = mark
    return {"idle": idle, "waiting": waiting, "made": made}


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    print(json.dumps({face: run_on(FACES[face][0].backend, partial(curves, face, plan)) for face in FACES}))

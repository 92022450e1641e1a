"""What it costs to begin: import, the first answer, a client from the cache; and this library's pure layers and growth.

Rules kept here:

* Each figure comes from a process of its own, and the clients alternate.
* Import is measured over an empty interpreter, by a clock inside it: starting Python does not count.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.clients.pixel import variables
from tests.benchmarks.scenarios import Environments, Sizes, output_of, run_client
from tests.benchmarks.server import LoadServer

BOTH = ("ours", "reference")
IMPORTS = {
    "raw": "json, socket",
    "h11": "h11, socket",
    "h11-anyio": "anyio, h11",
    "ours": "pixel_client",
    "reference": "pixel_client",
    **{name: name for name in ("httpx", "urllib3", "requests", "aiohttp")},
}
"""The modules that each client imports."""

_IMPORT = """
import sys, time
before, start = len(sys.modules), time.perf_counter()
import {}
print(time.perf_counter() - start, len(sys.modules) - before)
"""

_FIRST = """
import time
from pixel_client import get_client
assert get_client().me()["id"]
print(time.monotonic_ns())
"""

_CACHED = """
import sys, time
from pixel_client import get_client
first, count = get_client(), int(sys.argv[1])
start = time.process_time()
for _ in range(count):
    assert get_client() is first
print((time.process_time() - start) / count)
"""


Found = dict[str, list[float]]


def _samples(
    environments: Environments, clients: Iterable[str], rounds: int, only: Sequence[str], sample: Callable[[str], Any]
) -> dict[str, list[Any]]:
    """Samples of all clients, round by round; the first round fills the caches, of bytecode and of the disk."""
    known = [name for name in clients if environments.python(name) is not None and (not only or name in only)]
    found: dict[str, list[Any]] = {name: [] for name in known}
    for number in range(rounds + 1):
        for name in known:
            value = sample(name)
            if number:
                found[name].append(value)
    return found


def imports(environments: Environments, rounds: int, only: Sequence[str] = ()) -> dict[str, Found]:
    def sample(client: str) -> Any:
        return map(float, output_of(environments, client, "-c", _IMPORT.format(IMPORTS[client])).split())

    found = _samples(environments, IMPORTS, rounds, only, sample)
    parts = {client: zip(*each, strict=True) for client, each in found.items()}
    return {client: dict(zip(("seconds", "modules"), map(list, each), strict=True)) for client, each in parts.items()}


def first_answers(environments: Environments, program: Path, rounds: int, only: Sequence[str] = ()) -> Found:
    """Seconds from the start of the process to the first answer, with the login before it."""
    with LoadServer(program) as server:
        where = variables(f"http://127.0.0.1:{server.ports[0]}/api")

        def sample(client: str) -> float:
            start = time.monotonic_ns()
            return (int(output_of(environments, client, "-c", _FIRST, where=where)) - start) / 1e9

        return _samples(environments, BOTH, rounds, only, sample)


def cached_clients(environments: Environments, rounds: int, calls: int, only: Sequence[str] = ()) -> Found:
    where = variables("http://127.0.0.1:9/api")

    def sample(client: str) -> float:
        return float(output_of(environments, client, "-c", _CACHED, str(calls), where=where))

    return _samples(environments, BOTH, rounds, only, sample)


def layers(environments: Environments, sizes: Sizes) -> dict[str, float]:
    """Seconds a call in memory: medians over processes of `pure.layers`."""
    code = f"import json; from tests.benchmarks.pure import layers; print(json.dumps(layers({sizes.calls})))"
    results: list[dict[str, float]] = [
        json.loads(output_of(environments, "ours", "-c", code)) for _ in range(min(sizes.rounds, 5))
    ]
    return {name: median(each[name] for each in results) for name in results[0]}


def growth(environments: Environments, program: Path, sizes: Sizes) -> Any:
    """Calls a second by calls made, by idle connections, and by waiters."""
    with LoadServer(program, ports=34) as server:
        plan = {"ports": server.ports, "calls": sizes.growth, "seconds": min(sizes.seconds, 0.5)}
        return run_client(environments, "ours", plan, "tests.benchmarks.clients.growing")

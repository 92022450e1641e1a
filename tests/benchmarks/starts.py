"""What it costs to begin: import, the first answer, a client from the cache; and this library's pure layers and growth.

Rules kept here:

* Each figure comes from a process of its own, and the clients alternate.
* Import is measured over an empty interpreter, by a clock inside it: starting Python does not count.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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


def _rounds(
    environments: Environments,
    clients: Iterable[str],
    rounds: int,
    only: Sequence[str],
    sample: Callable[[str], Sequence[str]],
) -> Iterator[tuple[str, Sequence[str]]]:
    """Samples of all clients, round by round; the first round fills the caches, of bytecode and of the disk."""
    known = [name for name in clients if environments.python(name) is not None and (not only or name in only)]
    for number in range(rounds + 1):
        for name in known:
            words = sample(name)
            if number:
                yield name, words


def imports(environments: Environments, rounds: int, only: Sequence[str] = ()) -> dict[str, Found]:

    def sample(client: str) -> Sequence[str]:
        return output_of(environments, client, "-c", _IMPORT.format(IMPORTS[client])).split()

    found: dict[str, Found] = {}
    for client, (seconds, modules) in _rounds(environments, IMPORTS, rounds, only, sample):
        each = found.setdefault(client, {"seconds": [], "modules": []})
        each["seconds"].append(float(seconds))
        each["modules"].append(float(modules))
    return found


def first_answers(environments: Environments, program: Path, rounds: int, only: Sequence[str] = ()) -> Found:
    """Seconds from the start of the process to the first answer, with the login before it."""
    found: Found = {}
    with LoadServer(program) as server:
        where = variables(f"http://127.0.0.1:{server.ports[0]}/api")

        def sample(client: str) -> Sequence[str]:
            return str(time.monotonic_ns()), output_of(environments, client, "-c", _FIRST, where=where)

        for client, (start, end) in _rounds(environments, BOTH, rounds, only, sample):
            found.setdefault(client, []).append((int(end) - int(start)) / 1e9)
    return found


def cached_clients(environments: Environments, rounds: int, calls: int, only: Sequence[str] = ()) -> Found:
    where, found = variables("http://127.0.0.1:9/api"), Found()

    def sample(client: str) -> Sequence[str]:
        return output_of(environments, client, "-c", _CACHED, str(calls), where=where).split()

    for client, (seconds,) in _rounds(environments, BOTH, rounds, only, sample):
        found.setdefault(client, []).append(float(seconds))
    return found


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

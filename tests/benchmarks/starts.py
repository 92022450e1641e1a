"""What it costs to begin: import, the first answer, a client from the cache; and this library's pure layers and growth.

Rules kept here:

* Each figure comes from a process of its own, and the clients alternate.
* Import is measured over an empty interpreter, by a clock inside it: starting Python does not count.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.clients.pixel import ENVIRONMENT
from tests.benchmarks.scenarios import Environments, Sizes, run_client
from tests.benchmarks.server import LoadServer
from tests.support.paths import ROOT

IMPORTS = {
    "raw": "import json, socket",
    "h11": "import h11, socket",
    "h11-anyio": "import anyio, h11",
    "ours": "import pixel_client",
    "reference": "import pixel_client",
    "httpx": "import httpx",
    "urllib3": "import urllib3",
    "requests": "import requests",
    "aiohttp": "import aiohttp",
}

_IMPORT = """
import sys, time
before, start = len(sys.modules), time.perf_counter()
{}
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


def _python(environments: Environments, client: str, code: str, *arguments: str, api: str = "") -> list[str]:
    variables = environments.variables(client)
    if api:
        variables |= {**ENVIRONMENT, "PIXEL_API_URL": api, "PIXEL_AUTH_SERVER_URL": api.rpartition("/")[0] + "/auth"}
    done = subprocess.run(
        [str(environments.python(client)), "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=variables,
    )
    return done.stdout.split()


def imports(environments: Environments, rounds: int, only: Sequence[str] = ()) -> dict[str, dict[str, list[float]]]:
    """Seconds and modules of an import, by client."""
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds + 1):
        for client, code in IMPORTS.items():
            if environments.python(client) is None or (only and client not in only):
                continue
            seconds, modules = _python(environments, client, _IMPORT.format(code))
            if number:  # the first fills the caches, of bytecode and of the disk
                each = found.setdefault(client, {"seconds": [], "modules": []})
                each["seconds"].append(float(seconds))
                each["modules"].append(float(modules))
    return found


def _both(environments: Environments, only: Sequence[str]) -> list[str]:
    return [
        name for name in ("ours", "reference") if environments.python(name) is not None and (not only or name in only)
    ]


def first_answers(
    environments: Environments, program: Path, rounds: int, only: Sequence[str] = ()
) -> dict[str, list[float]]:
    """Seconds from the start of the process to the first answer, with the login before it."""
    found: dict[str, list[float]] = {name: [] for name in _both(environments, only)}
    with LoadServer(program) as server:
        for number in range(rounds + 1):
            for client, seconds in found.items():
                start = time.monotonic_ns()
                (end,) = _python(environments, client, _FIRST, api=f"http://127.0.0.1:{server.ports[0]}/api")
                if number:
                    seconds.append((int(end) - start) / 1e9)
    return found


def cached_clients(
    environments: Environments, rounds: int, calls: int, only: Sequence[str] = ()
) -> dict[str, list[float]]:
    """Seconds of a `get_client()` that finds its client in the cache."""
    found: dict[str, list[float]] = {name: [] for name in _both(environments, only)}
    for _ in range(rounds):
        for client, seconds in found.items():
            (each,) = _python(environments, client, _CACHED, str(calls), api="http://127.0.0.1:9/api")
            seconds.append(float(each))
    return found


def layers(environments: Environments, sizes: Sizes) -> dict[str, float]:
    """Seconds a call in memory: medians over processes of `pure.layers`."""
    code = f"import json; from tests.benchmarks.pure import layers; print(json.dumps(layers({sizes.calls})))"
    results: list[dict[str, float]] = [
        json.loads(" ".join(_python(environments, "ours", code))) for _ in range(min(sizes.rounds, 5))
    ]
    return {name: median(each[name] for each in results) for name in results[0]}


def growth(environments: Environments, program: Path, sizes: Sizes) -> dict[str, Any]:
    """Calls a second by calls made, by idle connections, and by waiters."""
    with LoadServer(program, ports=34) as server:
        plan = {"ports": server.ports, "calls": sizes.growth, "seconds": min(sizes.seconds, 0.5)}
        return run_client(environments, "ours", plan, "tests.benchmarks.clients.growing")

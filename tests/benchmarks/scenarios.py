"""What is measured, and by which clients: each scenario runs its clients in turn, round after round.

Rules kept here:

* Each client of each round is a process of its own. The clients of a round follow one another, so that what slows the
  machine down for a while slows all of them.
* In scenarios of small calls the server has one CPU and the client another; uploads may use what they can.
* A scenario that stores files checks that the load server got every byte of them.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.server import LoadServer
from tests.support.environments import clean_environment, python_of
from tests.support.paths import ROOT

MIB = 1024 * 1024
RUN_SECONDS = 300.0

OURS = ("ours", "ours-async", "ours-trio")
REFERENCE = ("reference", "reference-async")
PEERS = ("httpx", "httpx-async", "urllib3", "requests", "aiohttp")
FLOORS = ("raw", "h11", "h11-anyio", "h11-anyio-trio")


@dataclass(frozen=True)
class Sizes:
    """How long and how large: the whole measure, or a quick one that shows that everything works."""

    rounds: int = 5
    seconds: float = 1.0
    large: int = 512 * MIB
    part: int = 8 * MIB
    many: int = 200
    each: int = 2 * MIB
    page: int = 500
    width: int = 64
    calls: int = 5_000
    growth: int = 100_000


QUICK = Sizes(rounds=1, seconds=0.1, large=4 * MIB, part=MIB, many=5, each=MIB // 4, calls=200, growth=1_000)


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    unit: str
    clients: Sequence[str]

    @property
    def uploads(self) -> bool:
        return self.name.startswith("upload")


_ALL = (*FLOORS, *OURS, "ours-pure", *REFERENCE, *PEERS)
_AT_ONCE = (*FLOORS, "h11-one-thread", *OURS, "reference-async", *PEERS)
_DELAYED = ("raw", *OURS, *REFERENCE, "httpx")
_UPLOADERS = ("raw", *OURS, *REFERENCE, *PEERS)
SCENARIOS = {
    name: Scenario(name, title, unit, clients)
    for name, title, unit, clients in (
        ("calls", "Small calls, one after another", "calls/s", _ALL),
        ("at_once", "64 at once: threads, or tasks", "calls/s", _AT_ONCE),
        ("pages", "20,000 images in pages", "items/s", _ALL),
        ("delayed_pages", "The same with 50 ms more for each answer", "items/s", _DELAYED),
        ("upload_single", "A file of 512 MiB as one form", "MiB/s", _UPLOADERS),
        ("upload_multipart", "A file of 512 MiB in parts", "MiB/s", _UPLOADERS),
        ("upload_many", "200 files of 2 MiB", "files/s", _UPLOADERS),
    )
}


@dataclass
class Figures:
    """The samples of one client in one scenario: the rate that counts, and the other figures."""

    client: str
    rates: list[float] = field(default_factory=list)
    cpu_each: list[float] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    growths: list[int] = field(default_factory=list)
    trouble: str = ""

    def middle(self, name: str) -> float:
        """The median of one kind of figure; NaN without any."""
        values = getattr(self, name)
        return median(values) if values else float("nan")


@dataclass(frozen=True)
class Environments:
    """The interpreters by kind of client; None where an environment cannot be had."""

    reference: Path | None
    peers: Path | None

    def python(self, client: str) -> Path | None:
        if client.startswith(("ours", "raw", "h11")):
            return Path(sys.executable)
        folder = self.reference if client.startswith("reference") else self.peers
        return None if folder is None else python_of(folder)

    def variables(self, client: str) -> dict[str, str]:
        """The environment variables of a client's process. Only ours finds this library by a path."""
        paths = [str(ROOT)]
        if client.startswith(("ours", "raw", "h11")):
            paths += [str(ROOT / "pixel_transports"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**clean_environment(), "PYTHONPATH": os.pathsep.join(paths)}


def cpus() -> tuple[int | None, int | None]:
    """The CPU of the server and that of the client, where there are two to choose from."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def make_files(folder: Path, count: int, size: int, sparse: bool = False) -> list[str]:
    """Files of this size, each with bytes of its own. All but the first bytes of a sparse one are zeros."""
    block = os.urandom(min(size, MIB))
    paths = [folder / f"image_{number:06}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        with path.open("wb") as file:
            file.write(number.to_bytes(4, "big"))
            while not sparse and (left := size - file.tell()) > 0:
                file.write(block[:left])
            file.truncate(size)
    return list(map(str, paths))


@contextmanager
def files_for(name: str, sizes: Sizes) -> Iterator[list[str]]:
    """The files that a scenario uploads, in a folder that is removed afterwards."""
    if not SCENARIOS[name].uploads:
        yield []
        return
    count, size = (sizes.many, sizes.each) if name == "upload_many" else (1, sizes.large)
    with tempfile.TemporaryDirectory() as folder:
        space = os.statvfs(folder)
        if space.f_bavail * space.f_frsize < 2 * count * size:
            raise RuntimeError(f"{name} needs {2 * count * size // MIB} MiB of free space in the temporary folder")
        yield make_files(Path(folder), count, size)


def output_of(
    environments: Environments,
    client: str,
    *arguments: str,
    where: Mapping[str, str] | None = None,
    timeout: float = RUN_SECONDS,
) -> str:
    """Run a client's interpreter. Raises RuntimeError with its last line when it fails."""
    command = [str(environments.python(client)), *arguments]
    variables = {**environments.variables(client), **(where or {})}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=variables, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{client} was not done after {timeout:g} seconds") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200])
    return done.stdout


def run_client(
    environments: Environments, client: str, plan: Mapping[str, Any], *module: str, timeout: float = RUN_SECONDS
) -> Any:
    """Run a plan in a process, by `clients.run` or another module. Gives its JSON."""
    module = module or ("tests.benchmarks.clients.run",)
    output = output_of(environments, client, "-m", *module, json.dumps({**plan, "client": client}), timeout=timeout)
    return json.loads(output.splitlines()[-1])


def measure(
    scenario: Scenario,
    program: Path,
    environments: Environments,
    sizes: Sizes,
    only: Sequence[str] = (),
    profiles: Path | None = None,
) -> dict[str, Figures]:
    """Run a scenario: the figures by client. A client that fails has its trouble recorded, and the others go on."""
    figures = {name: Figures(name) for name in scenario.clients if not only or name in only}
    for name, found in figures.items():
        if environments.python(name) is None:
            found.trouble = "its environment could not be made"
    server_cpu, client_cpu = (None, None) if scenario.uploads else cpus()
    with files_for(scenario.name, sizes) as paths, LoadServer(program, cpu=server_cpu) as server:
        plan = {
            "scenario": "upload" if scenario.uploads else scenario.name,
            "api": f"http://127.0.0.1:{server.ports[scenario.name == 'delayed_pages']}/api",
            "seconds": sizes.seconds,
            "width": sizes.width,
            "page_size": sizes.page,
            "paths": paths,
            "part_size": sizes.part if scenario.name == "upload_multipart" else None,
            "cpu": client_cpu,
        }
        size = sum(map(os.path.getsize, paths))
        for name, found in list(figures.items()) * sizes.rounds:
            if found.trouble:
                continue
            server.reset()
            try:
                _take(found, scenario, run_client(environments, name, plan), server, size)
            except RuntimeError as error:
                found.trouble = str(error)
        for name in [name for name, found in figures.items() if profiles is not None and not found.trouble]:
            run_client(environments, name, {**plan, "profile": f"{profiles}/{scenario.name}-{name}.prof"})
    return figures


def _take(found: Figures, scenario: Scenario, result: dict[str, Any], server: LoadServer, size: int) -> None:
    seconds, count = result["seconds"], result["count"]
    if scenario.uploads:
        finished = server.finished()
        if finished.stored_bytes != size:
            raise RuntimeError(f"{finished.stored_bytes} bytes were stored, and {size} were given")
        seconds = (max(finished.times_ns) - result["started_ns"]) / 1e9
        count = size / MIB if scenario.unit == "MiB/s" else count
    found.rates.append(count / seconds)
    found.cpu_each.append(result["cpu"] / count)
    found.totals.append(result["seconds"])
    found.peaks.append(result["peak"])
    found.growths.append(result["peak"] - result["idle"])

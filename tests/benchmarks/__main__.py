"""`python -m tests.benchmarks`: this library, its peers and its floors, and which targets are reached.

Rules kept here:

* Without names all scenarios run. What is printed is one table a scenario, then the targets.
* The exit status is 0 when everything ran, 1 when a client failed, 2 when the load server cannot be had. Whether a
  target is reached does not count.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.benchmarks import starts
from tests.benchmarks.scenarios import QUICK, SCENARIOS, Environments, Sizes, measure
from tests.benchmarks.server import NoCompilerError, compile_server
from tests.benchmarks.tables import Results, growth_table, lines_of, scenario_table, seconds_table, targets_table
from tests.support.environments import REFERENCE, NotInstalledError, installed, python_of

OTHERS = ("import", "first_answer", "cached_client", "layers", "growth")
NAMES = (*SCENARIOS, *OTHERS)
PEERS = ("httpx", "sniffio", "urllib3", "requests", "aiohttp")


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    known.add_argument("scenario", nargs="*", metavar="SCENARIO", help=f"{', '.join(NAMES)}; all without")
    known.add_argument("--client", action="append", default=[], help="measure this client; may be said again")
    known.add_argument("--rounds", type=int, metavar="N", help="how often each client is run (5)")
    known.add_argument("--quick", action="store_true", help="small and short: shows that it works, not how fast")
    for name, what in (("reference", "the reference"), ("peers", ", ".join(PEERS))):
        known.add_argument(f"--{name}", type=Path, metavar="VENV", help=f"an environment that holds {what}")
    known.add_argument("--profile", type=Path, metavar="FOLDER", help="profile each client once more, into this folder")
    known.add_argument("--json", type=Path, metavar="FILE", help="write all samples to this file")
    return known


def environment(name: str, requirements: Sequence[str]) -> Path | None:
    """A new environment; None, with a note, where it cannot be installed."""
    try:
        return installed(*requirements)
    except NotInstalledError as error:
        print(f"without the {name}: {error}")
        return None


def main(arguments: list[str] | None = None) -> int:
    known = parser()
    chosen = known.parse_args(arguments)
    names = chosen.scenario or NAMES
    for name in names:
        if name not in NAMES:
            known.error(f"there is no scenario {name!r}, but {', '.join(NAMES)}")
    for folder in (chosen.reference, chosen.peers):
        if folder is not None and not python_of(folder).exists():
            known.error(f"{folder} is no virtual environment")
    sizes = QUICK if chosen.quick else Sizes()
    if chosen.rounds is not None:
        sizes = replace(sizes, rounds=chosen.rounds)
    if chosen.profile is not None:
        chosen.profile.mkdir(parents=True, exist_ok=True)
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = compile_server(Path(folder))
        except NoCompilerError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        found = Environments(chosen.reference, chosen.peers)
        if not all(name.startswith(("ours", "raw", "h11")) for name in chosen.client or ["reference"]):
            reference = found.reference or environment("reference", REFERENCE)
            found = Environments(reference, found.peers or environment("peers", PEERS))
        for name in names:
            table = run(name, program, found, sizes, results, chosen)
            print(*table, "", sep="\n", flush=True)
    print(*targets_table(results), sep="\n")
    if chosen.json is not None:
        about = {"cpus": os.cpu_count(), "python": sys.version, "sizes": asdict(sizes)}
        chosen.json.write_text(json.dumps({"about": about, **asdict(results)}, indent=1))
    return int(any(each.trouble for figures in results.figures.values() for each in figures.values()))


def run(
    name: str, program: Path, found: Environments, sizes: Sizes, results: Results, chosen: argparse.Namespace
) -> list[str]:
    """Run a scenario into the results. Gives its table."""
    if name in SCENARIOS:
        results.figures[name] = measure(SCENARIOS[name], program, found, sizes, chosen.client, chosen.profile)
        return scenario_table(SCENARIOS[name], results.figures[name])
    if name == "import":
        results.imports = starts.imports(found, sizes.rounds, chosen.client)
        parts = [{client: each[part] for client, each in results.imports.items()} for part in ("seconds", "modules")]
        return seconds_table("import: over an empty interpreter", *parts)
    if name == "first_answer":
        results.first_answers = starts.first_answers(found, program, sizes.rounds, chosen.client)
        return seconds_table("first_answer: from the start of the process", results.first_answers)
    if name == "cached_client":
        results.cached = starts.cached_clients(found, sizes.rounds, max(100, sizes.calls // 10), chosen.client)
        return seconds_table("cached_client: get_client() again", results.cached)
    if name == "layers":
        results.layers = starts.layers(found, sizes)
        rows = [["", "us a call"], *([part, f"{1e6 * each:.1f}"] for part, each in results.layers.items())]
        return ["== layers: no socket, bytes in memory", *lines_of(rows)]
    results.growth = starts.growth(found, program, sizes)
    return growth_table(results.growth)


if __name__ == "__main__":
    sys.exit(main())

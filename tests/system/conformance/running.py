"""Runs all cases on both clients and compares the outcomes.

* Each of the four runs (reference and ours, blocking and async) is a process of its own with a server of its own.
* A case matches when both modes of this library do what the same mode of the reference does. A difference is known if
  `differences.py` names it; others are unexplained, and so is one between the two modes of this library.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixel_transports.sandbox import SandboxServer
from tests.support.environments import clean_environment
from tests.support.operations.answering import SentRequest
from tests.support.operations.case import Case, write_files
from tests.support.operations.table import all_cases
from tests.support.paths import ROOT
from tests.system.conformance.compare import Difference, compare
from tests.system.conformance.differences import KNOWN, Known
from tests.system.conformance.recorder import Recorder

RUN_SECONDS = 600.0
MODES = ("async", "sync")

Run = Sequence[tuple[list[SentRequest], dict[str, Any]]]
"""The requests and the outcome of each case for one client."""


def run(side: str, python: Path, environment: Mapping[str, str], mode: str, cases: Sequence[Case]) -> Run:
    """Run cases in a process of their own. Raises RuntimeError if it ends early."""
    recorder = Recorder([case.script for case in cases])
    with tempfile.TemporaryDirectory() as folder, SandboxServer(recorder) as server:
        write_files(Path(folder))
        plan = {"url": server.url, "folder": folder, "async": mode == "async", "cases": [c.plan() for c in cases]}
        done = subprocess.run(
            [str(python), "-m", f"tests.system.conformance.run_{side}"],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=dict(environment),
            timeout=RUN_SECONDS,
        )
    _, *outcomes = map(json.loads, done.stdout.splitlines() or ["0"])  # the first one is that of the login
    if done.returncode or len(outcomes) != len(cases) or recorder.failures:
        errors = "\n".join([*done.stderr.splitlines()[-20:], *map(repr, recorder.failures)])
        raise RuntimeError(f"{side} ({mode}) ended after {len(outcomes)} of {len(cases)} cases:\n{errors}")
    return list(zip(recorder.requests, outcomes, strict=True))


@dataclass
class Verdict:
    """The differences of a case by mode: known ones with their entry, and unexplained ones."""

    case: Case
    known: list[Known] = field(default_factory=list)
    unexplained: list[tuple[str, Difference]] = field(default_factory=list)


@dataclass
class Report:
    """The verdicts of all cases."""

    verdicts: list[Verdict]
    stale: list[tuple[Known, str]]

    @property
    def totals(self) -> tuple[int, int, int]:
        """The numbers of cases that match, that differ as documented, and of unexplained ones."""
        unexplained = sum(bool(verdict.unexplained) for verdict in self.verdicts)
        matching = sum(not verdict.known and not verdict.unexplained for verdict in self.verdicts)
        return matching, len(self.verdicts) - matching - unexplained, unexplained

    @property
    def succeeded(self) -> bool:
        return not self.totals[2] and not self.stale

    def __str__(self) -> str:
        counts = Counter(known for verdict in self.verdicts for known in set(verdict.known))
        lines = [f"{known.source:8} {count:3} cases: {known.reason}" for known, count in counts.items()]
        for verdict in self.verdicts:
            lines += [f"UNEXPLAINED {verdict.case.name}, {mode}: {each}" for mode, each in verdict.unexplained]
        lines += [f"NO LONGER SO {cases}: {known.source}: {known.reason}" for known, cases in self.stale]
        matching, documented, unexplained = self.totals
        figures = f"{matching} of {len(self.verdicts)} cases match, {documented} differ as documented"
        return "\n".join([*lines, "", f"{figures}, {unexplained} unexplained"])


def compare_runs(cases: Sequence[Case], runs: Mapping[tuple[str, str], Run], known: Sequence[Known] = KNOWN) -> Report:
    """The report on runs by (side, mode)."""
    verdicts = []
    used: set[tuple[Known, str]] = set()
    for number, case in enumerate(cases):
        verdict = Verdict(case)
        for mode in MODES:
            for difference in compare(runs["reference", mode][number], runs["ours", mode][number]):
                covering = ((each, each.covers(case.name, mode, difference)) for each in known)
                found = next(((each, glob) for each, glob in covering if glob), None)
                if found is None:
                    verdict.unexplained.append((mode, difference))
                else:
                    used.add(found)
                    verdict.known.append(found[0])
        ours = compare(runs["ours", "async"][number], runs["ours", "sync"][number])
        verdict.unexplained += [("our async against our sync", difference) for difference in ours]
        verdicts.append(verdict)
    return Report(verdicts, [(each, glob) for each in known for glob in each.globs if (each, glob) not in used])


def run_all(reference: Path) -> Report:
    """Run all cases on both clients in both modes, and compare. `reference` is the interpreter that has it."""
    cases, clean = all_cases(), clean_environment()
    sides = {
        "reference": (reference, clean),
        "ours": (Path(sys.executable), {**clean, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}),
    }
    with ThreadPoolExecutor(4) as pool:
        futures = {(side, mode): pool.submit(run, side, *sides[side], mode, cases) for side in sides for mode in MODES}
        runs = {key: future.result() for key, future in futures.items()}
    return compare_runs(cases, runs)

"""Runs all cases on both clients and compares the outcomes.

Rules kept here:

* Each of the four runs (reference and ours, blocking and async) is a process of its own with a server of its own; all
  run side by side.
* A case matches when both modes of this library do what the same mode of the reference does. A difference is known if
  `differences.py` names it; others are unexplained, and so is a difference between the two modes of this library.
* A known difference that does not occur is reported.
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

from tests.support.environments import clean_environment, python_of
from tests.support.operations.answering import SentRequest
from tests.support.operations.case import Case, write_files
from tests.support.operations.table import all_cases
from tests.support.paths import ROOT
from tests.system.conformance.compare import Difference, compare
from tests.system.conformance.differences import KNOWN, Known
from tests.system.conformance.recorder import Recorder

RUN_SECONDS = 600.0
MODES = ("async", "sync")


@dataclass(frozen=True)
class Run:
    """The requests and the outcome of each case for one client."""

    requests: list[list[SentRequest]]
    outcomes: list[dict[str, Any]]

    def case(self, number: int) -> tuple[list[SentRequest], dict[str, Any]]:
        return self.requests[number], self.outcomes[number]


def run(module: str, python: Path, environment: Mapping[str, str], mode: str, cases: Sequence[Case]) -> Run:
    """Run cases in a process of their own. Raises RuntimeError if it ends early."""
    with tempfile.TemporaryDirectory() as folder, Recorder([case.script for case in cases]) as recorder:
        write_files(Path(folder))
        plan = {"url": recorder.url, "folder": folder, "async": mode == "async", "cases": [c.plan() for c in cases]}
        done = subprocess.run(
            [str(python), "-m", f"tests.system.conformance.{module}"],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=dict(environment),
            timeout=RUN_SECONDS,
        )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(outcomes) != len(cases):
        errors = "\n".join(done.stderr.splitlines()[-20:])
        raise RuntimeError(f"{module} ({mode}) ended after {len(outcomes)} of {len(cases)} cases:\n{errors}")
    if recorder.failures:
        raise RuntimeError(f"the recorder could not answer: {'; '.join(sorted(set(recorder.failures)))}")
    return Run(recorder.requests, outcomes)


@dataclass
class Verdict:
    """The differences of a case by mode: known ones with their entry, and unexplained ones."""

    case: Case
    known: list[tuple[str, Difference, Known]] = field(default_factory=list)
    unexplained: list[tuple[str, Difference]] = field(default_factory=list)

    @property
    def matches(self) -> bool:
        return not self.known and not self.unexplained


@dataclass
class Report:
    """The verdicts of all cases."""

    verdicts: list[Verdict]
    stale: list[tuple[Known, str]]

    @property
    def matching(self) -> int:
        return sum(verdict.matches for verdict in self.verdicts)

    @property
    def unexplained(self) -> int:
        return sum(bool(verdict.unexplained) for verdict in self.verdicts)

    @property
    def documented(self) -> int:
        return len(self.verdicts) - self.matching - self.unexplained

    @property
    def succeeded(self) -> bool:
        return not self.unexplained and not self.stale

    def totals(self) -> str:
        return (
            f"{self.matching} of {len(self.verdicts)} cases match, {self.documented} differ as documented, "
            f"{self.unexplained} unexplained"
        )

    def lines(self, verbose: bool = False) -> list[str]:
        """The report, as it is printed."""
        lines: list[str] = []
        for method in dict.fromkeys(verdict.case.method for verdict in self.verdicts):
            own = [verdict for verdict in self.verdicts if verdict.case.method == method]
            matching = sum(verdict.matches for verdict in own)
            unexplained = sum(bool(verdict.unexplained) for verdict in own)
            documented = len(own) - matching - unexplained
            more = f", {documented} as documented" * bool(documented)
            more += f", {unexplained} UNEXPLAINED" * bool(unexplained)
            lines.append(f"{method:32} {matching:3} of {len(own):3}{more}")
            for verdict in own if verbose else ():
                lines += [f"    {verdict.case.name}, {mode}: {known.source}: {d}" for mode, d, known in verdict.known]
        counts = Counter(known for verdict in self.verdicts for known in {known for _, _, known in verdict.known})
        lines += ["", "Known differences:"]
        lines += [f"  {known.source:12} {counts[known]:3} cases: {known.reason}" for known in counts]
        for verdict in self.verdicts:
            lines += [f"UNEXPLAINED {verdict.case.name}, {mode}: {d}" for mode, d in verdict.unexplained]
        lines += [f"NO LONGER SO {cases}: {known.source}: {known.reason}" for known, cases in self.stale]
        return [*lines, "", self.totals()]


def compare_runs(cases: Sequence[Case], runs: Mapping[tuple[str, str], Run], known: Sequence[Known] = KNOWN) -> Report:
    """The report on runs by (side, mode)."""
    verdicts = []
    used: set[tuple[Known, str]] = set()
    for number, case in enumerate(cases):
        verdict = Verdict(case)
        found = {mode: compare(runs["reference", mode].case(number), runs["ours", mode].case(number)) for mode in MODES}
        for mode, differences in found.items():
            for difference in differences:
                covering = ((each, each.covers(case.name, mode, difference)) for each in known)
                entry, cases_of_it = next((pair for pair in covering if pair[1]), (None, None))
                if entry is None or cases_of_it is None:
                    verdict.unexplained.append((mode, difference))
                else:
                    used.add((entry, cases_of_it))
                    verdict.known.append((mode, difference, entry))
        ours = compare(runs["ours", "async"].case(number), runs["ours", "sync"].case(number))
        verdict.unexplained += [("our async against our sync", difference) for difference in ours]
        verdicts.append(verdict)
    stale = [(each, names) for each in known for names in each.cases if (each, names) not in used]
    return Report(verdicts, stale)


def run_all(reference: Path, cases: Sequence[Case] | None = None) -> Report:
    """Run all cases on both clients in both modes, and compare. `reference` is the environment that holds it."""
    cases = all_cases() if cases is None else cases
    theirs = clean_environment()
    ours = {**clean_environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    sides = {
        "reference": ("run_reference", python_of(reference), theirs),
        "ours": ("run_ours", Path(sys.executable), ours),
    }
    with ThreadPoolExecutor(4) as pool:
        futures = {
            (side, mode): pool.submit(run, *arguments, mode, cases)
            for side, arguments in sides.items()
            for mode in MODES
        }
        runs = {key: future.result() for key, future in futures.items()}
    return compare_runs(cases, runs)

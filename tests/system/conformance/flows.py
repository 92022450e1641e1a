"""`python -m tests.system.conformance.flows`: the reference client goes through its main flows against our sandbox.

Rules kept here:

* The sandbox is the one that is served by `python -m pixel_transports.sandbox`, in a process of its own, on loopback;
  there is one for each of the reference's two modes.
* The exit status is 0 when every flow went well in both modes, 1 otherwise, 2 when the reference cannot be had.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.system.conformance.running import (
    MODES,
    RUN_SECONDS,
    NoReferenceError,
    clean_environment,
    make_reference,
    python_of,
)


@dataclass(frozen=True)
class Outcome:
    """What came of a flow in a mode: None, or what went wrong."""

    flow: str
    mode: str
    wrong: str | None

    def __str__(self) -> str:
        return f"{self.flow:24} {self.mode:6} {'ok' if self.wrong is None else 'WRONG: ' + self.wrong}"


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own: the settings that lead to it. Raises RuntimeError when it does not start."""
    environment = {**clean_environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-m", "pixel_transports.sandbox"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            settings: dict[str, str] = {}
            for line in process.stdout:
                if not line.strip():
                    break
                name, _, value = line.strip().partition("=")
                settings[name] = value
            if not settings:
                raise RuntimeError("the sandbox did not start")
            yield settings
        finally:
            process.terminate()
            process.wait(timeout=30)


def run_flows(reference: Path, mode: str) -> list[Outcome]:
    """Go through all flows in a mode. Raises RuntimeError when the run ends early."""
    with sandbox() as settings, tempfile.TemporaryDirectory() as folder:
        plan = {"async": mode == "async", "folder": folder, "settings": settings}
        done = subprocess.run(
            [str(python_of(reference)), "-m", "tests.system.conformance.run_flows"],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=clean_environment(),
            timeout=RUN_SECONDS,
        )
    if done.returncode:
        said = "\n".join(done.stderr.splitlines()[-20:])
        raise RuntimeError(f"the flows ({mode}) ended early:\n{said}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [Outcome(line["flow"], mode, line["wrong"]) for line in lines]


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.conformance.flows", description=__doc__)
    parser.add_argument("--reference", metavar="VENV", type=Path, help="an environment that holds the reference")
    chosen = parser.parse_args(arguments)
    if chosen.reference is not None and not python_of(chosen.reference).exists():
        parser.error(f"{chosen.reference} is no virtual environment")
    try:
        with tempfile.TemporaryDirectory() as folder:
            reference = chosen.reference or make_reference(Path(folder))
            outcomes = [outcome for mode in MODES for outcome in run_flows(reference, mode)]
    except NoReferenceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for outcome in outcomes:
        print(outcome)
    well = sum(outcome.wrong is None for outcome in outcomes)
    print(f"\n{well} of {len(outcomes)} flows of the reference went well against the sandbox")
    return 0 if well == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.system.conformance`: the reference and this library through all cases, and how many match.

Rules kept here:

* The exit status is 0 when every difference is known and every known difference occurs, 1 otherwise, 2 when the
  reference cannot be installed.
"""

import argparse
import sys
from pathlib import Path

from tests.support.environments import REFERENCE, NotInstalledError, installed, python_of
from tests.system.conformance.running import run_all


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.conformance", description=__doc__)
    parser.add_argument("--reference", metavar="VENV", type=Path, help="an environment that holds the reference")
    parser.add_argument("--verbose", action="store_true", help="show every known difference where it occurs")
    chosen = parser.parse_args(arguments)
    if chosen.reference is not None and not python_of(chosen.reference).exists():
        parser.error(f"{chosen.reference} is no virtual environment")
    try:
        report = run_all(chosen.reference or installed(*REFERENCE))
    except NotInstalledError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(report.lines(chosen.verbose)))
    return 0 if report.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())

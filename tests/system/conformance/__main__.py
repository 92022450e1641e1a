"""`python -m tests.system.conformance`: the reference and this library through all cases, and how many match.

The exit status is 0 when every difference is known and every known difference occurs, 1 otherwise.
"""

import os
import sys
from pathlib import Path

from tests.support.environments import REFERENCE, installed, python_of
from tests.system.conformance.running import run_all

if __name__ == "__main__":
    report = run_all(python_of(Path(os.environ.get("PIXEL_REFERENCE_VENV") or installed(*REFERENCE))))
    print(report)
    sys.exit(not report.succeeded)

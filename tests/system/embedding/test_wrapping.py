"""A library on top of this one: its tests pass, and it is typed, outside of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import clean_environment
from tests.support.paths import ROOT

SOURCE = Path(__file__).parent / "wrapping"


@pytest.mark.parametrize(
    "command",
    [
        ("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "pixel_transports.testing.plugin"),
        ("mypy", "--strict"),
        ("pyright", "--pythonpath", sys.executable),
    ],
    ids=lambda command: command[0],
)
def test_a_package_that_wraps_this_library_is_tested_and_typed(command: tuple[str, ...], tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "pixel_transports")])
    # Type checkers read the library from the path, as they would read an installed one.
    environment = {**clean_environment(), "PYTHONPATH": path, "MYPYPATH": path}
    words = [sys.executable, "-m", *command, "tests_of_survey.py"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

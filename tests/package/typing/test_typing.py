"""The public types, checked by the type checkers that people use: right uses are understood, wrong ones are errors."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

HERE = Path(__file__).parent
RIGHT, EFFECTS, WRONG = HERE / "api.py", HERE / "effects.py", HERE / "wrong.py"

Errors = dict[Path, dict[int, str]]


def _output(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def _mypy(*paths: Path) -> Errors:
    """The errors of mypy --strict, by file and line."""
    found: Errors = {path: {} for path in paths}
    output = _output("mypy", "--strict", "--explicit-package-bases", "--no-pretty", *map(str, paths))
    for path, line, message in re.findall(r"^(.+?):(\d+)(?::\d+)?: error: (.*)$", output, re.MULTILINE):
        found.setdefault(ROOT / path, {})[int(line)] = message
    return found


def _pyright(*paths: Path) -> Errors:
    """The errors of pyright, by file and line."""
    found: Errors = {path: {} for path in paths}
    output = _output("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, paths))
    for each in json.loads(output)["generalDiagnostics"]:
        if each["severity"] == "error":
            found.setdefault(Path(each["file"]), {})[each["range"]["start"]["line"] + 1] = each["message"]
    return found


@pytest.fixture(scope="module", params=[_mypy, _pyright], ids=["mypy", "pyright"])
def errors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """What a type checker finds in the cases, by file and line."""
    text = WRONG.read_text()
    assert text.startswith("# type: ignore\n")
    copy = tmp_path_factory.mktemp("typing") / "wrong_uses.py"
    # The path makes each copy unique: the cache of mypy reports equal files under the old path.
    copy.write_text(f"{text.replace('# type: ignore', '', 1)}# {copy}\n")
    found: Errors = request.param(RIGHT, EFFECTS, copy)
    found[WRONG] = found.pop(copy)
    return found


def test_the_faces_and_effects_are_understood_and_what_they_use_has_no_errors(errors: Errors) -> None:
    assert {path: found for path, found in errors.items() if path != WRONG} == {RIGHT: {}, EFFECTS: {}}


def test_wrong_uses_and_nothing_else_are_errors(errors: Errors) -> None:
    lines = enumerate(WRONG.read_text().splitlines(), 1)
    marked = {number for number, line in lines if line.endswith("# E")}
    found = errors[WRONG]
    assert set(found) == marked, {number: found.get(number, "no error") for number in set(found) ^ marked}

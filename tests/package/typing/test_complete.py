"""Every public symbol of the three packages has a known type: `pyright --verifytypes` says 100 %."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.structure import FOLDERS
from tests.support.paths import ROOT


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The packages side by side, as if installed; and the interpreter of the tests as `python3`.

    `pyright --verifytypes` asks the first `python3` on PATH for installed packages, even with `--pythonpath`.
    """
    for name, folder in FOLDERS.items():
        (tmp_path / name).symlink_to(ROOT / folder, target_is_directory=True)
    for name in ("python3", "python"):
        python = tmp_path / "bin" / name
        python.parent.mkdir(exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("package", FOLDERS)
def test_every_public_symbol_has_a_known_type(package: str, tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--verifytypes", package, "--ignoreexternal"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)["typeCompleteness"]
    unknown = [each["name"] for each in report["symbols"] if each["isExported"] and not each["isTypeKnown"]]
    assert unknown == []
    assert report["completenessScore"] == 1
    assert report["exportedSymbolCounts"]["withKnownType"] > 0

"""Every public symbol of the three packages has a known type: `pyright --verifytypes` says 100 %."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pixel_core
import pixel_transports

FOLDERS = {
    "pixel_core": Path(pixel_core.__file__).parent,
    "pixel_transports": Path(pixel_transports.__file__).parent,
    "pixel_client": Path(pixel_transports.__file__).parent / "pixel_client",
}


@pytest.mark.parametrize("package", FOLDERS)
def test_every_public_symbol_has_a_known_type(package: str, tmp_path: Path) -> None:
    # As if they were installed: side by side under the names that are imported.
    for name, folder in FOLDERS.items():
        (tmp_path / name).symlink_to(folder, target_is_directory=True)
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(
        [*command, "--verifytypes", package, "--ignoreexternal"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)["typeCompleteness"]
    unknown = [each["name"] for each in told["symbols"] if each["isExported"] and not each["isTypeKnown"]]
    assert unknown == []
    assert told["completenessScore"] == 1
    assert told["exportedSymbolCounts"]["withKnownType"] > 0

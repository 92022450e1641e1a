"""The reference client and this library do the same, in the cases of the table and in scripts of users.

The reference is the client as it is installed from the package index. Tests are skipped where it cannot be.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import REFERENCE, clean_environment, python_of, sandbox_process, venv_with
from tests.support.operations.table import all_cases
from tests.support.paths import ROOT
from tests.system.conformance.running import run_all

LIST_METHODS = """
import json, pixel_client
kinds = (pixel_client.PixelClientAsync, pixel_client.PixelClient)
print(json.dumps([sorted(name for name in dir(kind) if not name.startswith("_")) for kind in kinds]))
"""


@pytest.fixture(scope="module")
def reference() -> Path:
    """The interpreter of an environment that holds the reference client."""
    named = os.environ.get("PIXEL_REFERENCE_VENV")
    return python_of(Path(named)) if named else venv_with(*REFERENCE)


@pytest.mark.slow
def test_both_send_the_same_or_differ_as_documented(reference: Path) -> None:
    report = run_all(reference)
    assert report.succeeded, str(report)


@pytest.mark.slow
def test_a_case_exists_for_every_public_method_of_the_reference(reference: Path) -> None:
    listed = subprocess.run([str(reference), "-I", "-c", LIST_METHODS], capture_output=True, check=True)
    of_async, of_sync = json.loads(listed.stdout)
    assert len(of_async) == 95
    assert of_async == of_sync
    assert sorted({case.method for case in all_cases()}) == of_async


def printed(python: Path, script: Path, folder: Path, environment: dict[str, str]) -> list[str]:
    """The lines that a script prints when this interpreter runs it, against a sandbox of its own."""
    folder.mkdir()
    with sandbox_process() as settings:
        lines = [f"{name}={value}" for name, value in {**settings, "PIXEL_CLIENT_NO_VERSION_CHECK": "1"}.items()]
        (folder / "pixel.env").write_text("\n".join(lines))
        command = [str(python), str(script), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=120, cwd=folder
        )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "script", ["projects", *(pytest.param(name, marks=pytest.mark.slow) for name in ("errors", "uploads"))]
)
def test_a_script_written_for_the_reference_prints_the_same_with_this_package(
    reference: Path, script: str, tmp_path: Path
) -> None:
    path = Path(__file__).with_name("scripts") / f"{script}.py"
    ours = {**clean_environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "pixel_transports")])}
    with_this_package = printed(Path(sys.executable), path, tmp_path / "ours", ours)
    with_the_reference = printed(reference, path, tmp_path / "theirs", clean_environment())
    assert len(with_this_package) > 5
    assert with_this_package == with_the_reference

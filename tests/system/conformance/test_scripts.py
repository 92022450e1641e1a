"""A script written for `pixel-client` runs unchanged with this package in its place.

Rules kept here:

* Each file of `scripts/` is run as it stands by both packages, against a sandbox of its own in another process.
* What they print is the same, line for line. What a script writes to stderr (progress bars, say) does not count.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.system.conformance.flows import sandbox
from tests.system.conformance.running import clean_environment, python_of

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def printed(python: Path, script: Path, folder: Path, environment: dict[str, str]) -> list[str]:
    """What a script prints when it is run by this interpreter."""
    folder.mkdir()
    with sandbox() as settings:
        lines = [f"{name}={value}" for name, value in {**settings, "PIXEL_CLIENT_NO_VERSION_CHECK": "1"}.items()]
        (folder / "pixel.env").write_text("\n".join(lines))
        command = [str(python), str(script), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=120, cwd=folder
        )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.reference
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_written_for_the_reference_prints_the_same_with_this_package(
    reference: Path, script: Path, tmp_path: Path
) -> None:
    ours = {**clean_environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "pixel_transports")])}
    with_this_package = printed(Path(sys.executable), script, tmp_path / "ours", ours)
    with_the_reference = printed(python_of(reference), script, tmp_path / "theirs", clean_environment())
    assert len(with_this_package) > 5
    assert with_this_package == with_the_reference

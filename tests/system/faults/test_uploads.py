"""Uploads under faults, in short: `python -m tests.system.faults.uploads` is the long way."""

from pathlib import Path

import pytest

from tests.system.faults.uploads import run
from tests.system.faults.world import FACES


@pytest.mark.parametrize("face", FACES)
def test_what_is_told_as_uploaded_under_faults_is_what_is_stored(face: str, tmp_path: Path) -> None:
    outcome = run(tmp_path / "photos", seed=FACES.index(face), files=60, face=face, rate=0.15)
    assert not outcome.wrong, str(outcome)
    assert outcome.uploaded
    assert len(outcome.faults) > 4

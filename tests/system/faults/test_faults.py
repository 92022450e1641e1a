"""Short runs of the programs of this folder: the matrix, uploads under faults, and uploads that are killed."""

from pathlib import Path

import pytest

from tests.system.faults import kills, matrix, uploads
from tests.system.faults.world import FACES


@pytest.fixture(scope="module")
def outcomes() -> list[matrix.Outcome]:
    """The matrix on all faces, with one byte in a thousand, played side by side."""
    return matrix.run(every=997, at_once=15)


@pytest.mark.parametrize("face", FACES)
def test_every_fault_ends_in_the_right_result_or_the_error_of_the_table_and_leaves_nothing_behind(
    face: str, outcomes: list[matrix.Outcome]
) -> None:
    found = [outcome for outcome in outcomes if outcome.face == face]
    assert not any(outcome.wrong for outcome in found), matrix.shown(found)
    assert {outcome.table for outcome in found if outcome.calls} == matrix.TABLES.keys()


@pytest.mark.parametrize("face", FACES)
def test_files_reported_as_uploaded_under_faults_are_the_files_stored(face: str, tmp_path: Path) -> None:
    outcome = uploads.run(tmp_path, seed=FACES.index(face), files=30, face=face, rate=0.15)
    assert not outcome.wrong, str(outcome)
    assert outcome.figures["uploaded"]
    assert len(outcome.figures["faults"]) > 3


@pytest.mark.slow
def test_an_upload_killed_twelve_times_stores_every_file_once_and_sends_again_no_more_than_was_in_flight(
    tmp_path: Path,
) -> None:
    outcome = kills.run(tmp_path, seed=4, files=60, kills=12, storage_seconds=0.05)
    assert not outcome.wrong, str(outcome)

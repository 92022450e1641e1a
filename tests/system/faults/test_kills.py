"""Uploads that are killed, in short: `python -m tests.system.faults.kills` is the long way."""

from pathlib import Path

from tests.system.faults.kills import run


def test_an_upload_killed_twelve_times_stores_every_file_once_and_sends_again_no_more_than_was_in_flight(
    tmp_path: Path,
) -> None:
    outcome = run(tmp_path, seed=4, files=60, kills=12, storage_seconds=0.05)
    assert not outcome.wrong, str(outcome)

"""Faults by faces, in short: `python -m tests.faults.matrix` takes every byte."""

import pytest

from tests.faults.matrix import run
from tests.faults.world import FACES


@pytest.mark.parametrize("face", FACES)
def test_every_fault_ends_in_the_right_result_or_the_error_of_the_table_and_leaves_nothing_behind(face: str) -> None:
    outcome = run([face], every=101)
    assert not outcome.wrong, str(outcome)

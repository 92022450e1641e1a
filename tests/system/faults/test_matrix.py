"""Faults by faces, in short: `python -m tests.system.faults.matrix` takes every byte."""

import pytest

from tests.system.faults.matrix import TABLES, Outcome, run, shown
from tests.system.faults.world import FACES


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All faces at once: there is more waiting than work."""
    return {outcome.face: outcome for outcome in run(every=211, at_once=9)}


@pytest.mark.parametrize("face", FACES)
def test_every_fault_ends_in_the_right_result_or_the_error_of_the_table_and_leaves_nothing_behind(
    face: str, outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[face]
    assert not outcome.wrong, shown([outcome])
    assert outcome.tables.keys() == TABLES.keys()

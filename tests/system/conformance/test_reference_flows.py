"""The reference client, which nobody wrote for our sandbox, goes through its main flows there.

Rules kept here:

* Both of its modes are run; every flow has to go well. `python -m tests.system.conformance.flows` prints them one by one.
"""

from pathlib import Path

import pytest

from tests.system.conformance.flows import run_flows
from tests.system.conformance.run_flows import FLOWS
from tests.system.conformance.running import MODES


@pytest.mark.reference
@pytest.mark.parametrize("mode", MODES)
def test_the_reference_goes_through_its_main_flows_against_the_sandbox(reference: Path, mode: str) -> None:
    outcomes = run_flows(reference, mode)
    assert [outcome.flow for outcome in outcomes] == [flow.__name__ for flow in FLOWS]
    assert [str(outcome) for outcome in outcomes if outcome.wrong] == []

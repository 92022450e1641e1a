"""The reference client and this library send the same.

Rules kept here:

* The reference is the client as it is installed from the package index; both drive the same recording server.
* What differs is known, with its reason, and still occurs (`differences.py`).
"""

import json
import subprocess
from pathlib import Path

import pytest

from pixel_core.api import operation_names
from tests.system.conformance.cases import all_cases
from tests.system.conformance.running import python_of, run_all

OURS_ALONE = {"request"}
"""Operations that the reference does not have: the way to endpoints that the library does not know."""

LIST_METHODS = """
import json, pixel_client
kinds = (pixel_client.PixelClientAsync, pixel_client.PixelClient)
print(json.dumps([sorted(name for name in dir(kind) if not name.startswith("_")) for kind in kinds]))
"""


@pytest.mark.reference
def test_both_send_the_same_or_differ_as_documented(reference: Path) -> None:
    report = run_all(reference)
    assert report.succeeded, "\n".join(report.lines())


@pytest.mark.reference
def test_a_case_exists_for_every_public_method_of_the_reference(reference: Path) -> None:
    command = [str(python_of(reference)), "-I", "-c", LIST_METHODS]
    done = subprocess.run(command, capture_output=True, check=True)
    of_async, of_sync = json.loads(done.stdout)
    assert len(of_async) == 95
    assert of_async == of_sync
    assert sorted({case.method for case in all_cases()}) == of_async


def test_a_case_exists_for_every_operation_of_this_library() -> None:
    called = {case.method for case in all_cases()} - {"from_settings"}
    assert set(operation_names()) - called == OURS_ALONE
    assert called - set(operation_names()) == set()

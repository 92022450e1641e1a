"""What the tests beside the reference share: the marker `reference`, and the environment that holds the reference.

Rules kept here:

* Tests with the marker are skipped, with the reason, where the reference cannot be had; all others run everywhere.
* `PIXEL_REFERENCE_VENV` names an environment to use; without it one is made once a session, with pip.
"""

import os
from pathlib import Path

import pytest

from tests.system.conformance.running import NoReferenceError, make_reference, python_of


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "reference: needs the reference client, pixel-client, from the package index")


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that holds the reference client."""
    given = os.environ.get("PIXEL_REFERENCE_VENV")
    if given:
        if not python_of(Path(given)).exists():
            pytest.fail(f"PIXEL_REFERENCE_VENV={given} is no virtual environment")
        return Path(given)
    try:
        return make_reference(tmp_path_factory.mktemp("reference"))
    except NoReferenceError as error:
        pytest.skip(f"the reference client cannot be had: {error}")

"""The fixture of the sandbox's tests."""

import pytest

from tests.transports.sandbox.support import Caller


@pytest.fixture
def caller() -> Caller:
    """A user of a new sandbox whose jobs take three seconds."""
    return Caller(job_seconds=3)

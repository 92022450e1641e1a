"""What tests of the kit share: the faces."""

import pytest

from tests.transports.testing.faces import FACES, Face


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> Face:
    return Face(request.param)

"""What tests of the kit share: the faces, and a transport over sockets for each."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from pixel_transports import AnyioTransport, SocketTransport
from tests.transports.testing.faces import FACES, Face


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> Face:
    return Face(request.param)


@pytest.fixture
def sockets(face: Face) -> Iterator[Any]:
    if face.async_:
        yield AnyioTransport()
    else:
        with closing(SocketTransport()) as transport:
            yield transport

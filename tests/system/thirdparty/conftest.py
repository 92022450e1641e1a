"""What the tests with other people's servers share: a transport of each face, and an authority."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
import trustme

from tests.support.peers import Face, open_face


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    with open_face(request.param) as face:
        yield face


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def listens(port: int | str) -> bool:
    with suppress(OSError, ValueError):
        socket.create_connection(("127.0.0.1", int(port))).close()
        return True
    return False

"""Fixtures of the transports: each face, a large file, and an origin that does not accept connections."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pixel_core.messages import FileSlice, Origin
from tests.support.peers import LARGE, Face, open_face, whole_file


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """The blocking transport, and the async one under both event loops."""
    with open_face(request.param) as face:
        yield face


@pytest.fixture
def large_file(tmp_path: Path) -> FileSlice:
    """A sparse file of `LARGE` bytes."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return whole_file(path)


@pytest.fixture
def full_listener() -> Iterator[Origin]:
    """An origin that accepts no more connections: further attempts get no response."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield Origin("http", "127.0.0.1", listener.getsockname()[1])

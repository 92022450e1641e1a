"""Fixtures of the command line's tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixel_transports.sandbox import ManualClock, Sandbox, SandboxServer
from tests.support.cli_runs import Place
from tests.transports.cli.support import World, fill


@contextmanager
def filled(folder: Path) -> Iterator[World]:
    with SandboxServer(Sandbox(clock=ManualClock(), job_seconds=0)) as server:
        made = fill(server, folder)
        with made.client:
            yield made


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A filled sandbox that no test changes."""
    with filled(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A filled sandbox to change."""
    folder = tmp_path / "made"
    folder.mkdir()
    with filled(folder) as made:
        yield made


@pytest.fixture
def place(server: SandboxServer) -> Iterator[Place]:
    """A project with an empty data collection for each type of files."""
    made = Place.at(server)
    with made.client:
        yield made

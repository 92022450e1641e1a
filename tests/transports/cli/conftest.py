"""Fixtures of the tests of the commands.

Rules kept here:

* What only looks shares one sandbox; what changes something gets its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_transports.sandbox import SandboxServer
from tests.transports.cli.support import World, made_at, quiet_sandbox


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox that nobody changes."""
    with SandboxServer(quiet_sandbox()) as server:
        made = made_at(server, tmp_path_factory.mktemp("still"))
        with made.client:
            yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox to change."""
    folder = tmp_path / "made"
    folder.mkdir()
    with SandboxServer(quiet_sandbox()) as server:
        made = made_at(server, folder)
        with made.client:
            yield made

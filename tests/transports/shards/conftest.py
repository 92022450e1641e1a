"""The sandboxes of the tests of shards; no client outlives its test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_transports import PixelClient
from pixel_transports.client import factory
from tests.system.faults.world import world
from tests.transports.shards.placing import Place
from tests.transports.shards.serving import Counting


@pytest.fixture(autouse=True)
def no_clients_are_kept() -> Iterator[None]:
    yield
    for client in factory._clients.values():
        if isinstance(client, PixelClient):
            client.close()
    factory._clients.clear()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with world(Counting(job_seconds=0.02)) as here:
        yield Place(here, tmp_path)


@pytest.fixture
def slow_place(tmp_path: Path) -> Iterator[Place]:
    """One where validation takes a second."""
    with world(Counting(job_seconds=1.0)) as here:
        yield Place(here, tmp_path)

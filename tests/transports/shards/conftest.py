"""The sandboxes of the tests of shards. No client outlives its test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_transports import PixelClient
from pixel_transports.client import cache
from tests.system.faults.world import world
from tests.transports.shards.serving import Counting
from tests.transports.shards.site import Site


@pytest.fixture(autouse=True)
def close_cached_clients() -> Iterator[None]:
    yield
    for client in cache.clear():
        if isinstance(client, PixelClient):
            client.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with world(Counting(job_seconds=0.02)) as running:
        yield Site(running, tmp_path)


@pytest.fixture
def slow_site(tmp_path: Path) -> Iterator[Site]:
    """A site where validation takes 0.6 s."""
    with world(Counting(job_seconds=0.6)) as running:
        yield Site(running, tmp_path)

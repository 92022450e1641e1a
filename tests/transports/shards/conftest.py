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
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site where validation takes 0.02 s, or the time that a test asks for."""
    with world(Counting(job_seconds=getattr(request, "param", 0.02))) as running:
        yield Site(running, tmp_path)

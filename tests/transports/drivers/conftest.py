"""Fixtures of the drivers: each driver, called from a test that is no coroutine."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixel_core.effects import Flow
from pixel_core.messages import Request, Response
from pixel_transports import AnyioTransport, AsyncDriver, AsyncFunctionTransport, BlockingDriver, SocketTransport
from pixel_transports.drivers.single_flight import SingleFlights
from pixel_transports.net.transports import FunctionTransport
from tests.support.peers import PATIENCE, Peer, eventually, open_sockets, read_head, read_to_end

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


class Driven:
    """One driver, which runs flows over real sockets, or over a function that answers requests."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.driver: Any = None
        self.counts = ""
        """The counts of the pool after the last run."""

    def run(
        self,
        flow: Flow[Any],
        answer: Callable[[Request], Response] | None = None,
        max_connections: int = 9,
        **options: Any,
    ) -> Any:
        """Run a flow with a new driver. `options` are those of the driver."""
        if self.name == "blocking":
            blocking = FunctionTransport(answer) if answer else SocketTransport(max_connections=max_connections)
            self.driver = BlockingDriver(blocking, **options)
            try:
                return self.driver.run(flow)
            finally:
                self.counts = repr(blocking)
                blocking.close()

        async def main() -> Any:
            transport = AsyncFunctionTransport(answer) if answer else AnyioTransport(max_connections=max_connections)
            self.driver = AsyncDriver(transport, **options)
            try:
                return await self.driver.run(flow)
            finally:
                self.counts = repr(transport)
                with anyio.CancelScope(shield=True):
                    await transport.aclose()

        return anyio.run(main, backend=self.name)

    def callers(self, key: str) -> int:
        """The number of callers of a single flight: the one that runs it, and its waiters. Call it from a flow."""
        flights: SingleFlights = self.driver._flights if self.name == "blocking" else self.driver._flights.get()
        flight = flights._flights.get(key)
        return 0 if flight is None else 1 + len(flight._wake)


async def reached(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, in an event loop."""
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110
            await anyio.sleep(0.002)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread of a task group and no socket outlives a test."""
    sockets, threads = open_sockets(), set(threading.enumerate())
    yield
    left = [each.name for each in threading.enumerate() if each not in threads and each.name.startswith("pixel-")]
    assert left == []
    eventually(lambda: open_sockets() <= sockets, lambda: f"{open_sockets()} open sockets instead of {sockets}")


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def driven(request: pytest.FixtureRequest) -> Iterator[Driven]:
    """Each driver. A test that waits for a flow that should be cancelled fails."""
    started = time.monotonic()
    yield Driven(request.param)
    assert time.monotonic() - started < PATIENCE


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def silent() -> Iterator[Peer]:
    """A peer that reads requests and never answers."""
    with Peer([read_head, read_to_end]) as peer:
        yield peer

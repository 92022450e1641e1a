"""The pytest plugin: a Pixel in memory, clients for it, a mock, and a clock.

Rules kept here:

* It comes by itself where the library is installed, so it costs nothing where it is not used: everything but pytest is
  imported by the fixtures.
* Each test has its own. No socket is opened, nothing waits, nothing is written to the user's folders.
* The async client needs no plugin and no event loop to be made or dropped, so it goes with any of them.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pixel_transports.client.asynchronous import PixelClientAsync
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.sandbox import Sandbox
    from pixel_transports.testing import ManualClock, MockTransport

_passed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether a test passed, for `pixel_transport`."""
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
    return report


@pytest.fixture
def pixel_clock() -> "ManualClock":
    """The clock of `pixel_sandbox` and of the clients: waits turn it, so they take no time."""
    from pixel_transports.testing import ManualClock

    return ManualClock()


@pytest.fixture
def pixel_sandbox(pixel_clock: "ManualClock") -> "Sandbox":
    """A local Pixel in memory: a function from request to response."""
    from pixel_transports.testing import Sandbox

    return Sandbox(clock=pixel_clock)


@pytest.fixture
def pixel_client(pixel_sandbox: "Sandbox", pixel_clock: "ManualClock") -> "Iterator[PixelClient]":
    """A blocking client for `pixel_sandbox`."""
    from pixel_transports.testing import client

    with client(transport=pixel_sandbox, clock=pixel_clock) as made:
        yield made


@pytest.fixture
def pixel_client_async(pixel_sandbox: "Sandbox", pixel_clock: "ManualClock") -> "PixelClientAsync":
    """An async client for `pixel_sandbox`, under any event loop."""
    from pixel_transports.testing import client

    return client(True, transport=pixel_sandbox, clock=pixel_clock)


@pytest.fixture
def pixel_transport(request: pytest.FixtureRequest) -> "Iterator[MockTransport]":
    """A mock. After a test that passed it is checked: all routes were used, and nothing came that none was for."""
    from pixel_transports.testing import MockTransport

    mock = MockTransport()
    yield mock
    if request.node.stash.get(_passed, False):
        mock.assert_all_used()

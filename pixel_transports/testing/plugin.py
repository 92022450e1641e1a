"""The pytest plugin: a Pixel in memory, clients for it, a mock, and a clock.

Rules kept here:

* pytest loads it if the library is installed, so it imports the library only in fixtures.
* Each test has new objects. They open no socket, do not wait, and write nothing to the user's folders.
* The async client can be made and dropped without an event loop, so it works with any async plugin.
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
    """Record whether a test passed, for `pixel_transport`."""
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
    return report


@pytest.fixture
def pixel_clock() -> "ManualClock":
    """The clock of `pixel_sandbox` and of the clients. Waits move it, so they take no time."""
    from pixel_transports.testing import ManualClock

    return ManualClock()


@pytest.fixture
def pixel_sandbox(pixel_clock: "ManualClock") -> "Sandbox":
    """A local Pixel in memory: a function from request to response."""
    from pixel_transports.testing import Sandbox

    return Sandbox(clock=pixel_clock)


@pytest.fixture
def pixel_client_class() -> "type[PixelClient]":
    """The class of `pixel_client`. Replace this fixture to return a class of your own."""
    from pixel_transports.client.blocking import PixelClient

    return PixelClient


@pytest.fixture
def pixel_client_async_class() -> "type[PixelClientAsync]":
    """The class of `pixel_client_async`. Replace this fixture to return a class of your own."""
    from pixel_transports.client.asynchronous import PixelClientAsync

    return PixelClientAsync


@pytest.fixture
def pixel_client(
    pixel_sandbox: "Sandbox", pixel_clock: "ManualClock", pixel_client_class: "type[PixelClient]"
) -> "Iterator[PixelClient]":
    """A blocking client for `pixel_sandbox`."""
    from pixel_transports.testing import client

    with client(transport=pixel_sandbox, clock=pixel_clock, client_class=pixel_client_class) as made:
        yield made


@pytest.fixture
def pixel_client_async(
    pixel_sandbox: "Sandbox", pixel_clock: "ManualClock", pixel_client_async_class: "type[PixelClientAsync]"
) -> "PixelClientAsync":
    """An async client for `pixel_sandbox`, under any event loop."""
    from pixel_transports.testing import client

    return client(transport=pixel_sandbox, clock=pixel_clock, client_class=pixel_client_async_class)


@pytest.fixture
def pixel_transport(request: pytest.FixtureRequest) -> "Iterator[MockTransport]":
    """A mock. After a test that passed, it is an error if a route was not used or a request had no route."""
    from pixel_transports.testing import MockTransport

    mock = MockTransport()
    yield mock
    if request.node.stash.get(_passed, False):
        mock.assert_all_used()

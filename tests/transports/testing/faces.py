"""Runs one coroutine function with the blocking client, and with the async client under asyncio and trio."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import anyio

from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync
from pixel_transports.sandbox import ManualClock
from pixel_transports.testing import client

T = TypeVar("T")
FACES = ["blocking", "asyncio", "trio"]


class Awaited:
    """A blocking client whose methods are awaited."""

    def __init__(self, blocking: PixelClient) -> None:
        self._blocking = blocking

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(self._blocking, name)(*args, **kwargs)

        return call


class Face:
    """Runs coroutine functions with one kind of client."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.async_ = name != "blocking"

    def run(
        self,
        transport: Any,
        session: Callable[[Any], Coroutine[Any, Any, T]],
        settings: PixelApiSettings | None = None,
        clock: ManualClock | None = None,
        **keywords: Any,
    ) -> T:
        """Returns the result of `session(client)`, with a client on this transport."""
        return self.run_with(client(self.async_, settings, transport=transport, clock=clock, **keywords), session)

    def run_with(self, made: PixelClient | PixelClientAsync, session: Callable[[Any], Awaitable[T]]) -> T:
        """Returns the result of `session(client)` with a client that is entered for it."""
        if isinstance(made, PixelClientAsync):
            return anyio.run(_entered, made, session, backend=self.name)
        with made:
            result: T = _stepped(session(Awaited(made)))
            return result


async def _entered(client: PixelClientAsync, session: Callable[[Any], Awaitable[T]]) -> T:
    async with client:
        return await session(client)


def _stepped(coroutine: Any) -> Any:
    """Returns the result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the coroutine suspended")

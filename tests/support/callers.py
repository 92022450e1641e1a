"""Calls operations of a blocking or an async client, from the thread of a test, in the same way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal

from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.client.settings import PixelApiSettings


@contextmanager
def client_of(face: str, settings: PixelApiSettings, **options: Any) -> Iterator[Callable[..., Any]]:
    """Open a client of the face "blocking", "asyncio" or "trio". Yields `call(method, *arguments, **keywords)`."""
    if face == "blocking":
        with PixelClient.from_settings(settings, **options) as client:
            yield lambda name, *arguments, **keywords: getattr(client, name)(*arguments, **keywords)
        return
    with start_blocking_portal(face) as portal:
        opened = PixelClientAsync.from_settings(settings, **options)
        with portal.wrap_async_context_manager(opened):
            yield lambda name, *arguments, **keywords: portal.call(
                partial(getattr(opened, name), *arguments, **keywords)
            )


def call(client: Any, name: str, /, *args: Any, backend: str = "asyncio", **keywords: Any) -> Any:
    """The result of an operation; a listing is a list. Async clients run in a loop of their own, and close sockets."""
    listing = name.startswith("paginate_")

    async def result() -> Any:
        try:
            returned = getattr(client, name)(*args, **keywords)
            return [item async for item in returned] if listing else await returned
        finally:
            await client.transport.aclose()

    if isinstance(client, PixelClientAsync):
        return anyio.run(result, backend=backend)
    returned = getattr(client, name)(*args, **keywords)
    return list(returned) if listing else returned

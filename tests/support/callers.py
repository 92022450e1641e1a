"""Calls a client of the blocking or an async face from the thread of a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

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

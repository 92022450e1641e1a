"""Transports of others under our core: HTTP clients that a program has already, and apps in the same process.

Rules kept here:

* What is given stays its owner's: it is used and never closed. `close` lets go of what the adapter itself made.
* The core decides: redirects are not followed, nothing is unpacked unasked, no cookie, login or header of the library
  is added. A request leaves as `pixel_core` describes it, with its length, never in chunks.
* What happens is told in the library's errors (`pixel_core.errors`), by the label of the request: no query, no header,
  nothing of what the peer sent.
* Each adapter imports its library in its own module, which is loaded when the adapter is asked for.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.adapters.aiohttp_sessions import AiohttpTransport
    from pixel_transports.adapters.asgi import AsgiTransport
    from pixel_transports.adapters.httpx_clients import AsyncHttpxTransport, HttpxTransport
    from pixel_transports.adapters.wsgi import WsgiTransport
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".aiohttp_sessions": ["AiohttpTransport"],
            ".asgi": ["AsgiTransport"],
            ".httpx_clients": ["AsyncHttpxTransport", "HttpxTransport"],
            ".wsgi": ["WsgiTransport"],
        },
    )

__all__ = ["AiohttpTransport", "AsgiTransport", "AsyncHttpxTransport", "HttpxTransport", "WsgiTransport"]

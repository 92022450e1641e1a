"""Transports over other HTTP clients (httpx, aiohttp), and over apps in the same process (ASGI, WSGI).

Rules kept here:

* The client or app belongs to the caller, and is never closed. `close` releases what the adapter itself made.
* The core decides: redirects are not followed, nothing is decoded unasked, no cookie, login or header of the other
  library is added. A request is sent as `pixel_core` describes it, with its length, never in chunks.
* Failures are raised as errors of `pixel_core.errors`, with the label of the request: no query, no header, no received
  bytes.
* Each adapter imports its library in its own module, which is loaded at the first use of the adapter.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.adapters.aiohttp_sessions import AiohttpTransport
    from pixel_transports.adapters.asgi import AsgiTransport
    from pixel_transports.adapters.httpx_clients import AsyncHttpxTransport, HttpxTransport
    from pixel_transports.adapters.wsgi import WsgiTransport
else:  # Type checkers would accept any name of a package with `__getattr__`.
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

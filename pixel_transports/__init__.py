"""All I/O of the Geodata Pixel client: drivers that perform the flows of `pixel_core`, and what stands around them."""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.asynchronous import AsyncDriver
    from pixel_transports.blocking import BlockingDriver
    from pixel_transports.clients import PixelClient, PixelClientAsync, PixelClientKwargs
    from pixel_transports.factory import get_client
    from pixel_transports.loops import AnyioTransport
    from pixel_transports.settings import PixelApiSettings
    from pixel_transports.sockets import SocketTransport
    from pixel_transports.tls import TlsOptions
    from pixel_transports.transports import AsyncFunctionTransport, AsyncTransport, FunctionTransport, Transport
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".asynchronous": ["AsyncDriver"],
            ".blocking": ["BlockingDriver"],
            ".clients": ["PixelClient", "PixelClientAsync", "PixelClientKwargs"],
            ".factory": ["get_client"],
            ".loops": ["AnyioTransport"],
            ".settings": ["PixelApiSettings"],
            ".sockets": ["SocketTransport"],
            ".tls": ["TlsOptions"],
            ".transports": ["AsyncFunctionTransport", "AsyncTransport", "FunctionTransport", "Transport"],
        },
    )

__all__ = [
    "AnyioTransport",
    "AsyncDriver",
    "AsyncFunctionTransport",
    "AsyncTransport",
    "BlockingDriver",
    "FunctionTransport",
    "PixelApiSettings",
    "PixelClient",
    "PixelClientAsync",
    "PixelClientKwargs",
    "SocketTransport",
    "TlsOptions",
    "Transport",
    "get_client",
]

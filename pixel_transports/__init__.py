"""All I/O of the Geodata Pixel client: drivers that perform the flows of `pixel_core`, and what stands around them."""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.client.asynchronous import PixelClientAsync
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.client.config import PixelClientKwargs
    from pixel_transports.client.factory import get_client
    from pixel_transports.client.settings import PixelApiSettings
    from pixel_transports.drivers.asynchronous import AsyncDriver
    from pixel_transports.drivers.blocking import BlockingDriver
    from pixel_transports.net.asynchronous import AnyioTransport
    from pixel_transports.net.blocking import SocketTransport
    from pixel_transports.net.tls import TlsOptions
    from pixel_transports.net.transports import AsyncFunctionTransport, AsyncTransport, FunctionTransport, Transport
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".drivers.asynchronous": ["AsyncDriver"],
            ".drivers.blocking": ["BlockingDriver"],
            ".client.asynchronous": ["PixelClientAsync"],
            ".client.blocking": ["PixelClient"],
            ".client.config": ["PixelClientKwargs"],
            ".client.factory": ["get_client"],
            ".net.asynchronous": ["AnyioTransport"],
            ".client.settings": ["PixelApiSettings"],
            ".net.blocking": ["SocketTransport"],
            ".net.tls": ["TlsOptions"],
            ".net.transports": ["AsyncFunctionTransport", "AsyncTransport", "FunctionTransport", "Transport"],
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

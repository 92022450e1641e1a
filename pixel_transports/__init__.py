"""The I/O of the Geodata Pixel client: clients, the drivers that run the flows of `pixel_core`, and transports."""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.client.asynchronous import PixelClientAsync
    from pixel_transports.client.auth import KeyCloakAuth
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.client.config import AwaitableDriver, ClientConfig, Driver, DriverFactory, PixelClientKwargs
    from pixel_transports.client.faces import Faces, faces
    from pixel_transports.client.factory import get_client
    from pixel_transports.client.settings import PixelApiSettings
    from pixel_transports.display.features import Feature, Features, to_geojson
    from pixel_transports.display.progress import Bar, LogLines
    from pixel_transports.drivers.asynchronous import AsyncDriver
    from pixel_transports.drivers.blocking import BlockingDriver
    from pixel_transports.drivers.files import digest, file_facts
    from pixel_transports.drivers.instrumentation import ExchangeRecord, Instrumentation
    from pixel_transports.drivers.journal.paths import JournalPath
    from pixel_transports.drivers.photos import read_metadata
    from pixel_transports.net.asynchronous import AnyioTransport
    from pixel_transports.net.blocking import SocketTransport
    from pixel_transports.net.files import SliceReader
    from pixel_transports.net.tls import TlsOptions
    from pixel_transports.net.transports import (  # isort: skip
        AnyTransport, AsyncFunctionTransport, AsyncTransport, FunctionTransport, Transport,
    )  # fmt: skip
    from pixel_transports.observability.hooks import Hooks
    from pixel_transports.observability.instrumentation import Listener
    from pixel_transports.runtime.cancellation import on_cancel
    from pixel_transports.runtime.running import run, run_async
else:  # A type checker would accept any name of a package with `__getattr__`.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".client.asynchronous": ["PixelClientAsync"],
            ".client.auth": ["KeyCloakAuth"],
            ".client.blocking": ["PixelClient"],
            ".client.config": ["AwaitableDriver", "ClientConfig", "Driver", "DriverFactory", "PixelClientKwargs"],
            ".client.faces": ["Faces", "faces"],
            ".client.factory": ["get_client"],
            ".client.settings": ["PixelApiSettings"],
            ".display.features": ["Feature", "Features", "to_geojson"],
            ".display.progress": ["Bar", "LogLines"],
            ".drivers.asynchronous": ["AsyncDriver"],
            ".drivers.blocking": ["BlockingDriver"],
            ".drivers.files": ["digest", "file_facts"],
            ".drivers.instrumentation": ["ExchangeRecord", "Instrumentation"],
            ".drivers.journal.paths": ["JournalPath"],
            ".drivers.photos": ["read_metadata"],
            ".net.asynchronous": ["AnyioTransport"],
            ".net.blocking": ["SocketTransport"],
            ".net.files": ["SliceReader"],
            ".net.tls": ["TlsOptions"],
            ".net.transports": [
                "AnyTransport", "AsyncFunctionTransport", "AsyncTransport", "FunctionTransport", "Transport",
            ],
            ".observability.hooks": ["Hooks"],
            ".observability.instrumentation": ["Listener"],
            ".runtime.cancellation": ["on_cancel"],
            ".runtime.running": ["run", "run_async"],
        },
    )  # fmt: skip

__all__ = [
    "AnyTransport", "AnyioTransport", "AsyncDriver", "AsyncFunctionTransport", "AsyncTransport", "AwaitableDriver",
    "Bar", "BlockingDriver", "ClientConfig", "Driver", "DriverFactory", "ExchangeRecord", "Faces", "Feature",
    "Features", "FunctionTransport", "Hooks", "Instrumentation", "JournalPath", "KeyCloakAuth", "Listener", "LogLines",
    "PixelApiSettings", "PixelClient", "PixelClientAsync", "PixelClientKwargs", "SliceReader", "SocketTransport",
    "TlsOptions", "Transport", "digest", "faces", "file_facts", "get_client", "on_cancel", "read_metadata",
    "run", "run_async", "to_geojson",
]  # fmt: skip

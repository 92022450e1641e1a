"""Transports: objects and functions that perform HTTP exchanges.

Rules kept here:

* A transport has `send(request) -> response` and `close`, or their async twins. The default ones are `SocketTransport`
  and `AnyioTransport`.
* A function from request to response is a transport too; for the async client it may be a coroutine function. Its
  argument is the request as a server receives it: the body as bytes, with the framing headers.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, cast, runtime_checkable

from pixel_core.http.heads import wire_headers
from pixel_core.messages import Headers, Request, Response
from pixel_transports.net.files import whole_body
from pixel_transports.net.network import Network


@runtime_checkable
class Transport(Protocol):
    """Performs HTTP exchanges, blocking. Called from several threads at once."""

    def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError."""
        ...

    def close(self) -> None:
        """Close open connections. The transport may be used again afterwards."""
        ...


@runtime_checkable
class AsyncTransport(Protocol):
    """Performs HTTP exchanges in an event loop. Used from several tasks at once, and from one loop after another."""

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError."""
        ...

    async def aclose(self) -> None:
        """Close open connections. The transport may be used again afterwards."""
        ...


Handler: TypeAlias = Callable[[Request], Response]
AsyncHandler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]
AnyTransport: TypeAlias = Transport | AsyncTransport | Handler | AsyncHandler
"""Type of `get_client(transport=...)`."""


class FunctionTransport:
    """Makes a function a transport of the blocking client."""

    def __init__(self, function: Handler) -> None:
        self._function = function

    def send(self, request: Request) -> Response:
        return _checked(self._function(_as_received(request, whole_body(request))))

    def close(self) -> None:
        """Nothing is kept open."""


class AsyncFunctionTransport:
    """Makes a function or coroutine function a transport of the async client."""

    def __init__(self, function: AsyncHandler) -> None:
        self._function = function

    async def send(self, request: Request) -> Response:
        body = request.body
        import anyio.to_thread  # here, since the blocking client does not need it

        content = body if isinstance(body, bytes) else await anyio.to_thread.run_sync(whole_body, request)
        answer = self._function(_as_received(request, content))
        return _checked(await answer if inspect.isawaitable(answer) else answer)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def blocking_transport(transport: object, network: Network = Network()) -> Transport:
    """Return a transport of the blocking client for what was passed; for None sockets with these settings. Raises
    TypeError if it is no transport of the blocking client.
    """
    if transport is None:
        from pixel_transports.net.blocking import SocketTransport

        return SocketTransport(proxies=network.proxies, tls=network.tls)
    if isinstance(transport, Transport) and not isinstance(transport, type) and not _is_async(transport.send):
        return transport
    if callable(transport) and not hasattr(transport, "send") and not _is_async(transport):
        return FunctionTransport(cast(Handler, transport))
    raise TypeError(
        "the blocking client needs a transport with methods send and close, or a function from request to response, "
        f"not {transport!r}"
    )


def async_transport(transport: object, network: Network = Network()) -> AsyncTransport:
    """Return a transport of the async client for what was passed; for None sockets with these settings. Raises
    TypeError if it is no transport of the async client.
    """
    if transport is None:
        from pixel_transports.net.asynchronous import AnyioTransport

        return AnyioTransport(proxies=network.proxies, tls=network.tls)
    if isinstance(transport, AsyncTransport) and not isinstance(transport, type) and _is_async(transport.send):
        return transport
    if callable(transport) and not hasattr(transport, "send"):
        return AsyncFunctionTransport(cast(AsyncHandler, transport))
    raise TypeError(
        "the async client needs a transport with coroutine methods send and aclose, or a function from request to "
        f"response, not {transport!r}"
    )


def _is_async(function: Callable[..., object]) -> bool:
    """True for a coroutine function, or an object that is called like one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _as_received(request: Request, content: bytes) -> Request:
    """Return the request as a server receives it."""
    headers = Headers(wire_headers(request, [content]))
    return Request(request.method, request.origin, request.target, headers, content, request.timeouts)


def _checked(response: object) -> Response:
    if not isinstance(response, Response):
        raise TypeError(f"a transport returns a pixel_core.Response, this one returned {type(response).__name__}")
    return response

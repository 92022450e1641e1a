"""Transports: whatever performs one HTTP exchange, and what else may stand in for one.

Rules kept here:

* A transport is `send(request) -> response`, or its async twin. Ours are `SocketTransport` and `AnyioTransport`.
* A plain function from request to response is one too, on both faces; on the async face it may be a coroutine
  function. It is given the request as a server would get it: the body whole, in bytes, the framing headers set.
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
        """Close what is kept open. It may be used again afterwards."""
        ...


@runtime_checkable
class AsyncTransport(Protocol):
    """Performs HTTP exchanges in an event loop. Used from several tasks at once, and from one loop after another."""

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError."""
        ...

    async def aclose(self) -> None:
        """Close what is kept open. It may be used again afterwards."""
        ...


Handler: TypeAlias = Callable[[Request], Response]
AsyncHandler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]
AnyTransport: TypeAlias = Transport | AsyncTransport | Handler | AsyncHandler
"""What `get_client(transport=...)` takes."""


class FunctionTransport:
    """A function as a transport of the blocking face."""

    def __init__(self, function: Handler) -> None:
        self._function = function

    def send(self, request: Request) -> Response:
        return _checked(self._function(_as_received(request, whole_body(request))))

    def close(self) -> None:
        """Nothing is kept open."""


class AsyncFunctionTransport:
    """A function or coroutine function as a transport of the async face."""

    def __init__(self, function: AsyncHandler) -> None:
        self._function = function

    async def send(self, request: Request) -> Response:
        body = request.body
        import anyio.to_thread  # here, since the blocking face needs none of it

        content = body if isinstance(body, bytes) else await anyio.to_thread.run_sync(whole_body, request)
        answer = self._function(_as_received(request, content))
        return _checked(await answer if inspect.isawaitable(answer) else answer)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def blocking_transport(given: object, network: Network = Network()) -> Transport:
    """What the blocking face uses for what it was given; without anything sockets, on this network.

    Raises TypeError for what is no transport of this face.
    """
    if given is None:
        from pixel_transports.net.blocking import SocketTransport

        return SocketTransport(proxies=network.proxies, tls=network.tls)
    if isinstance(given, Transport) and not isinstance(given, type) and not _is_async(given.send):
        return given
    if callable(given) and not hasattr(given, "send") and not _is_async(given):
        return FunctionTransport(cast(Handler, given))
    raise TypeError(
        "the blocking client needs a transport with methods send and close, or a function from request to response, "
        f"not {given!r}"
    )


def async_transport(given: object, network: Network = Network()) -> AsyncTransport:
    """What the async face uses for what it was given; without anything sockets, on this network.

    Raises TypeError for what is no transport of this face.
    """
    if given is None:
        from pixel_transports.net.asynchronous import AnyioTransport

        return AnyioTransport(proxies=network.proxies, tls=network.tls)
    if isinstance(given, AsyncTransport) and not isinstance(given, type) and _is_async(given.send):
        return given
    if callable(given) and not hasattr(given, "send"):
        return AsyncFunctionTransport(cast(AsyncHandler, given))
    raise TypeError(
        "the async client needs a transport with coroutine methods send and aclose, or a function from request to "
        f"response, not {given!r}"
    )


def _is_async(function: Callable[..., object]) -> bool:
    """Whether it is a coroutine function, or an object that is called like one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _as_received(request: Request, content: bytes) -> Request:
    """The request as a server gets it."""
    headers = Headers(wire_headers(request, [content]))
    return Request(request.method, request.origin, request.target, headers, content, request.timeouts)


def _checked(answer: object) -> Response:
    if not isinstance(answer, Response):
        raise TypeError(f"a transport gives a pixel_core.Response, this one gave {type(answer).__name__}")
    return answer

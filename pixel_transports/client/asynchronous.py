"""The async client: every operation of `pixel_core` as a coroutine method."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pixel_core.api.operation import AsyncFace, Maker
from pixel_core.api.paging import Page, Pages
from pixel_core.api.streaming import AsyncResults, Results
from pixel_core.effects import Flow
from pixel_transports.client.base import Client
from pixel_transports.client.config import AwaitableDriver, ClientConfig
from pixel_transports.net.transports import AsyncTransport, async_transport

if TYPE_CHECKING:
    from pixel_transports.drivers.asynchronous import AsyncDriver

T = TypeVar("T")


class _Maker:
    """Makes coroutine methods, which run a flow and return its result."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
        name = function.__name__

        async def method(self: "PixelClientAsync", /, *args: Any, **kwargs: Any) -> Any:
            return await self._run(function(self.api, *args, **kwargs), name)

        return method

    def listing(self, function: Callable[..., Pages[Any]]) -> Callable[..., Any]:
        name = function.__name__

        def method(self: "PixelClientAsync", /, *args: Any, **kwargs: Any) -> Any:
            return _AsyncItems(self, function(self.api, *args, **kwargs), name)

        return method

    def streaming(self, function: Callable[..., Results[Any]]) -> Callable[..., Any]:
        name = function.__name__

        def method(self: "PixelClientAsync", /, *args: Any, **kwargs: Any) -> Any:
            from pixel_transports.client.streams import AsyncResultStream  # late: few programs use it

            results = function(self.api, *args, **kwargs)
            return AsyncResultStream(lambda receive: self._run(results.flow(receive), name))

        return method

    def result_of(self, kind: str, item: Any) -> Any:
        return AsyncIterator[item] if kind == "listing" else AsyncResults[item]


class _AsyncItems(Generic[T]):
    """The items of a listing. It is no async generator, since those need cleanup by the event loop."""

    def __init__(self, client: "PixelClientAsync", pages: Pages[T], name: str) -> None:
        self._client = client
        self._windows = pages.windows()
        self._name = name
        self._pages: Iterator[Page[T] | Exception] = iter(())
        self._items: Iterator[T] = iter(())
        self._last = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            page = None if self._last else next(self._pages, None)
            if isinstance(page, Exception):
                self._last = True
                raise page
            if page is not None:
                self._items, self._last = iter(page.items), page.last
                continue
            flow = None if self._last else next(self._windows, None)
            if flow is None:
                raise StopAsyncIteration
            self._pages = iter(await self._client._run(flow, self._name))

    async def aclose(self) -> None:
        """End the iteration."""
        self._items, self._last = iter(()), True


class PixelClientAsync(AsyncFace, Client):
    """The async client, for asyncio and trio. One object works in one event loop after another, and in several at
    once in threads of their own; each loop has its own connections.

    >>> async with get_client(async_=True) as client:
    ...     await client.me()
    """

    maker: Maker | None = _Maker()
    transport: AsyncTransport
    _driver: AwaitableDriver
    _is_async = True

    def _make_transport(self, config: ClientConfig) -> AsyncTransport:
        return async_transport(config.keywords.get("transport"), config.network)

    def _default_driver(self) -> "type[AsyncDriver]":
        from pixel_transports.drivers.asynchronous import AsyncDriver  # late: the blocking client needs no anyio

        return AsyncDriver

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow (`pixel_core`) with the connections of this client, and return its result.

        >>> await client.run(client.api.get_project(7))
        """
        return await self._run(flow, getattr(flow, "__name__", "run"))

    async def _run(self, flow: Flow[T], name: str) -> T:
        self._check()
        flow = self._watched(flow)
        tracing = self._instrumentation.tracing
        if tracing is None:
            return await self._driver.run(flow)
        with tracing.operation(name):
            return await self._driver.run(flow)

    async def aclose(self) -> None:
        """Close this loop's connections; those of other loops are closed when their loops end."""
        self._life.closed = True
        await self.transport.aclose()

    async def __aenter__(self) -> Self:
        self._life.enter()
        return self

    async def __aexit__(self, *error: object) -> None:
        last = self._life.leave()
        await self.transport.aclose()
        if last:
            self._life.closed = True

"""The blocking client: every operation of `pixel_core` as a method."""

from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar, Unpack, overload

from pixel_core.api.operation import BlockingFace, Maker
from pixel_core.api.paging import Pages
from pixel_core.api.streaming import BlockingResults, Results
from pixel_core.effects import Flow
from pixel_core.redaction import SecretText, hide_arguments
from pixel_transports.client.asynchronous import PixelClientAsync
from pixel_transports.client.base import Client
from pixel_transports.client.config import ClientConfig, Driver, PixelClientKwargs
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.transports import Transport, blocking_transport

T = TypeVar("T")


class _Maker:
    """Makes blocking methods, which run a flow and return its result."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
        name = function.__name__

        def method(self: "PixelClient", /, *args: Any, **kwargs: Any) -> Any:
            return self._run(function(self.api, *args, **kwargs), name)

        return method

    def listing(self, function: Callable[..., Pages[Any]]) -> Callable[..., Any]:
        name = function.__name__

        def method(self: "PixelClient", /, *args: Any, **kwargs: Any) -> Any:
            return _items(self, function(self.api, *args, **kwargs), name)

        return method

    def streaming(self, function: Callable[..., Results[Any]]) -> Callable[..., Any]:
        name = function.__name__

        def method(self: "PixelClient", /, *args: Any, **kwargs: Any) -> Any:
            from pixel_transports.client.streams import ResultStream  # late: few programs use it

            results = function(self.api, *args, **kwargs)
            return ResultStream(lambda receive: self._run(results.flow(receive), name))

        return method

    def result_of(self, kind: str, item: Any) -> Any:
        return Iterator[item] if kind == "listing" else BlockingResults[item]


def _items(client: "PixelClient", pages: Pages[T], name: str) -> Iterator[T]:
    for flow in pages.windows():
        for page in client._run(flow, name):
            if isinstance(page, Exception):
                raise page
            yield from page.items
            if page.last:
                return


class PixelClient(BlockingFace, Client):
    """The blocking client. One object works in any number of threads, in notebooks, and inside a running event loop
    (which it blocks).

    >>> with get_client() as client:
    ...     client.me()
    """

    maker: Maker | None = _Maker()
    transport: Transport
    _driver: Driver

    @overload
    def __init__(self, async_client: PixelClientAsync) -> None: ...
    @overload
    def __init__(
        self,
        url: str,
        keycloak_server_url: str,
        realm: str,
        client_id: str,
        username: str,
        password: str,
        **kwargs: Unpack[PixelClientKwargs],
    ) -> None: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A new client. With the single argument `async_client`: a blocking client with the login and options of an
        async client, and its own connections.
        """
        args = (*args[:5], *map(SecretText, args[5:]))  # the password, in a traceback
        hide_arguments(kwargs, PixelClientKwargs.__annotations__)
        values = [*args, *kwargs.values()]
        if len(values) == 1 and isinstance(values[0], PixelClientAsync) and not kwargs.keys() - {"async_client"}:
            self._init(values[0].config, values[0].session)
        else:
            super().__init__(*args, **kwargs)

    def _make_transport(self, config: ClientConfig) -> Transport:
        return blocking_transport(config.keywords.get("transport"), config.network)

    def _default_driver(self) -> type[BlockingDriver]:
        return BlockingDriver

    def run(self, flow: Flow[T]) -> T:
        """Run a flow (`pixel_core`) with the connections of this client, and return its result.

        >>> client.run(client.api.get_project(7))
        """
        return self._run(flow, getattr(flow, "__name__", "run"))

    def _run(self, flow: Flow[T], name: str) -> T:
        self._check()
        flow = self._watched(flow)
        tracing = self._instrumentation.tracing
        if tracing is None:
            return self._driver.run(flow)
        with tracing.operation(name):
            return self._driver.run(flow)

    def close(self) -> None:
        """Close the connections. Those in use by other threads are closed at the end of their exchange."""
        self._life.closed = True
        self.transport.close()

    def __enter__(self) -> Self:
        self._life.enter()
        return self

    def __exit__(self, *error: object) -> None:
        if self._life.leave():
            self.close()

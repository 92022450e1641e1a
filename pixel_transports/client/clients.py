"""The two clients: every operation of `pixel_core` as a blocking method, and as a coroutine method.

Rules kept here:

* A client is a face over a session and a driver. No operation is written here.
* Creating and entering a client send nothing. A client works without being entered.
* Entering counts, since a client from `get_client` may be shared: the last to leave closes it. A closed client refuses
  to work with PixelClosedError, and works again once it is entered again.
* A client can be pickled: as who logs in where, and its keywords; no connection and no token goes along, but the
  password does. In another process it wakes up as the one client of `get_client`'s cache that is made so.
* A copy of a client, shallow or deep, is a light one, as `with_options` gives.
"""

import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import astuple, replace
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, Self, TypedDict, TypeVar, Unpack, overload

from pixel_core.api import Operations, PixelApi
from pixel_core.api.operation import AsyncFace, BlockingFace, Maker, Resource
from pixel_core.api.paging import Page, Pages
from pixel_core.effects import Flow
from pixel_core.errors import PixelClosedError
from pixel_core.messages import Timeouts
from pixel_core.session.options import CallOptions, Options
from pixel_core.session.session import Session
from pixel_core.session.tokens import Account, TokenSource
from pixel_transports.client.settings import PixelApiSettings, account_of
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.drivers.journal_paths import JournalPath
from pixel_transports.net.network import Network
from pixel_transports.net.tls import TlsOptions
from pixel_transports.net.transports import AnyTransport, async_transport, blocking_transport
from pixel_transports.observability.instrumentation import DriverInstrumentation, Listener, both
from pixel_transports.runtime.forks import register_after_fork

if TYPE_CHECKING:
    from pixel_transports.client.auth import KeyCloakAuth
    from pixel_transports.drivers.asynchronous import AsyncDriver
    from pixel_transports.observability.telemetry import Telemetry

T = TypeVar("T")


class PixelClientKwargs(TypedDict, total=False):
    """Keywords of `get_client` and of the clients.

    Time: `timeout_pixel` and `timeout_upload` limit calls of the API and requests to the object storage: seconds, None,
    a `pixel_core.Timeouts`, or any object with `connect`, `read`, `write` and `pool` (`httpx.Timeout` is one).

    Uploads: `upload_num_retries` is the number of tries in all for a request to the object storage,
    `upload_max_concurrency` how many of those are under way at once. Files above `multipart_threshold` bytes go in
    parts. A call that uploads ends after `upload_deadline` seconds, if that is given. With `skip_uploaded`, files that
    an earlier call uploaded are not uploaded again while the server lists what became of them. `journal` is the file
    where uploads write down how far they are, so that a call that was broken off can be repeated and goes on; without
    the keyword it is one per user (`pixel_transports.drivers.journal_paths.default_path`), None is none.

    Login: `token` takes the place of a password: a bearer token, or a function that gives one, or one and its life in
    seconds (for the async client it may be a coroutine function). A function is asked again when that life is over, or
    when the API refuses what it gave.

    Network: `proxy` is the URL of a proxy for everything, None is none; without the keyword the environment tells
    (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). `tls` says what is trusted, and who we are (`TlsOptions`, or an
    `ssl.SSLContext`). `transport` is what sends requests in place of all that.

    `listener` is called with events (`pixel_core.events`) as things go on, from whatever thread they go on in; what it
    raises is written to the log. `pixel_transports.observability.hooks.Hooks` is one made of functions for some kinds of events.
    `tracer` is an OpenTelemetry tracer, or True for that of the program, and gets a span for each operation and each
    exchange.
    """

    timeout_pixel: Any
    timeout_upload: Any
    upload_num_retries: int
    upload_max_concurrency: int
    multipart_threshold: int
    upload_deadline: float | None
    skip_uploaded: bool
    journal: str | PathLike[str] | None
    token: TokenSource | None
    proxy: str | None
    tls: TlsOptions | ssl.SSLContext | None
    transport: AnyTransport | None
    listener: Listener | None
    tracer: Any


_OF_THE_DRIVER = ("journal", "token", "proxy", "tls", "transport", "listener", "tracer")


def options_of(keywords: PixelClientKwargs) -> Options:
    """The core's options among the keywords. Raises TypeError for unknown keywords, ValueError for wrong values."""
    unknown = set(keywords) - set(PixelClientKwargs.__annotations__)
    if unknown:
        raise TypeError(f"unknown keyword: {', '.join(sorted(unknown))}; known are {', '.join(_known())}")
    return Options.from_keywords(**{name: value for name, value in keywords.items() if name not in _OF_THE_DRIVER})


def _known() -> list[str]:
    return sorted(PixelClientKwargs.__annotations__)


class ClientConfig(NamedTuple):
    """What a client was made of: where, who, and its keywords."""

    url: str
    account: Account
    keywords: dict[str, Any]

    def __repr__(self) -> str:
        return f"<ClientConfig {self.account!r} at {self.url}, with {', '.join(self.keywords) or 'no keywords'}>"


def _telemetry_of(tracer: object) -> "Telemetry | None":
    if tracer is None or tracer is False:
        return None
    from pixel_transports.observability.telemetry import Telemetry  # here, since it needs the extra `otel`

    return Telemetry.of(tracer)


class _Life:
    """Whether a client is open, and how many have entered it; its light copies share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self.closed = False
        register_after_fork(self)

    def enter(self) -> None:
        with self._lock:
            self._entered += 1
            self.closed = False

    def after_fork(self) -> None:
        """Whoever held the lock is not here."""
        self._lock = threading.Lock()

    def leave(self) -> bool:
        """Whether the one who leaves is the last."""
        with self._lock:
            self._entered = max(0, self._entered - 1)
            return not self._entered


class _Client(Operations):
    """What both faces share: the session, and whether the client is open."""

    _driver: Any  # that of the face
    session: Session
    api: Resource
    url: str

    api_class: type[PixelApi] = PixelApi
    """The pure face of its operations. A client with operations of its own names one that has them, too."""

    def __init__(
        self,
        url: str,
        keycloak_server_url: str,
        realm: str,
        client_id: str,
        username: str,
        password: str,
        **kwargs: Unpack[PixelClientKwargs],
    ) -> None:
        account = Account(keycloak_server_url, realm, client_id, username, password)
        self.session = Session(url, account, options_of(kwargs), kwargs.get("token"))
        self.api = self.api_class(self.session)
        self.url = self.session.url
        self._life = _Life()
        self._changes: CallOptions = {}
        self._telemetry = _telemetry_of(kwargs.get("tracer"))
        self._transport, self._listener = kwargs.get("transport"), kwargs.get("listener")
        self._network = Network.from_keywords(kwargs)
        self._journal = JournalPath.of(kwargs["journal"]) if "journal" in kwargs else JournalPath.default()
        self._config = ClientConfig(url, account, self._known_values(kwargs))
        self._open(self._transport, self._listener)

    def _known_values(self, keywords: PixelClientKwargs) -> dict[str, Any]:
        """The keywords as they mean the same everywhere: time limits as values, the journal's path from the root."""
        known = {
            name: Timeouts.parse(value) if name.startswith("timeout_") else value for name, value in keywords.items()
        }
        return known if "journal" not in known else {**known, "journal": self._journal.path}

    def _open(self, transport: object, listener: Listener | None) -> None:
        """Make the face's driver. Raises TypeError for what is no transport of this face."""
        raise NotImplementedError

    @classmethod
    def from_settings(cls, settings: PixelApiSettings, **kwargs: Unpack[PixelClientKwargs]) -> Self:
        """A client for these settings. Raises TypeError for unknown keywords, ValueError for wrong values."""
        return cls(settings.PIXEL_API_URL, *astuple(account_of(settings)), **kwargs)

    def with_options(self, **changes: Unpack[CallOptions]) -> Self:
        """A light copy with other options for its calls, which shares connections, login and life with this one.

        >>> client.with_options(timeout=120, retries=0).get_project(7)
        >>> answers: list[Answer] = []
        >>> client.with_options(answers=answers).get_project(7)
        >>> answers[-1].response.status, answers[-1].response.headers, answers[-1].request_id

        Options are those of `CallOptions`. Raises TypeError and ValueError for wrong ones.
        """
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        twin.session = self.session.with_options(**changes)
        twin.api = self.api_class(twin.session)
        twin._changes = {**self._changes, **changes}
        return twin

    def with_journal(self, path: str | PathLike[str], listener: Listener | None = None) -> Self:
        """A light copy whose uploads have a journal of their own, and skip what that knows as uploaded; it shares
        connections, login and life with this client. `listener` is told of events too.
        """
        twin = self.with_options()
        twin.session.options = replace(twin.session.options, skip_uploaded=True)
        twin._journal = JournalPath.of(path)
        changed = {**self._config.keywords, "journal": twin._journal.path, "skip_uploaded": True}
        twin._config = self._config._replace(keywords=changed)
        twin._listener = both(self._listener, listener)
        twin._open(self._driver.transport, twin._listener)
        return twin

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: object) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        from pixel_transports.client.pickling import reduce_client  # here, since hardly anyone asks for it

        return reduce_client(type(self), self._config, self._changes)

    @property
    def auth(self) -> "KeyCloakAuth":
        """The login of this client, for requests that another library sends (httpx and requests take it as `auth=`)."""
        from pixel_transports.client.auth import KeyCloakAuth  # here, since hardly anyone asks for it

        return KeyCloakAuth.of(self.session, self._network, (type(self), self._config, self._changes))

    @property
    def pixel_client(self) -> NoReturn:
        """Not here: this library is not built on httpx. `request` sends to any path of the API."""
        raise AttributeError("pixel_client: there is no httpx client inside; use client.request(method, path, ...)")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}{', closed' if self.closed else ''}>"

    def _repr_html_(self) -> str:
        from pixel_transports.client.html import client_html  # here, since only notebooks ask for it

        account = self._config.account
        who = "a token" if self._config.keywords.get("token") is not None else f"{account.username}, {account.realm}"
        return client_html(type(self).__name__, self.url, who, self.closed)

    @property
    def closed(self) -> bool:
        """Whether the client was closed, and not entered since."""
        return self._life.closed

    def _check(self) -> None:
        if self._life.closed:
            raise PixelClosedError("This client was closed: enter it again (`with client:`), or call get_client()")


class _BlockingMaker:
    """Methods that run a flow and return its result."""

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

    def listing_of(self, item: Any) -> Any:
        return Iterator[item]


def _items(client: "PixelClient", pages: Pages[T], name: str) -> Iterator[T]:
    for flow in pages.windows():
        for page in client._run(flow, name):
            if isinstance(page, Exception):
                raise page
            yield from page.items
            if page.last:
                return


class PixelClient(BlockingFace, _Client):
    """The blocking client. One object works in any number of threads, in notebooks, and inside a running event loop
    (which it blocks).

    >>> with get_client() as client:
    ...     client.me()
    """

    _driver: BlockingDriver
    maker: Maker | None = _BlockingMaker()

    @overload
    def __init__(self, async_client: "PixelClientAsync") -> None: ...
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
        """A client of its own, or (with one argument, `async_client`) the blocking face of an async client: the same
        login and options, connections of its own.
        """
        given = [*args, *kwargs.values()]
        if len(given) == 1 and isinstance(given[0], PixelClientAsync) and not kwargs.keys() - {"async_client"}:
            self._become(given[0])
        else:
            super().__init__(*args, **kwargs)

    def _become(self, other: "PixelClientAsync") -> None:
        self.session: Session = other.session
        self.api: Resource = other.api
        self.url: str = other.url
        self._life = _Life()
        self._journal, self._network = other._journal, other._network
        self._telemetry, self._config, self._changes = other._telemetry, other._config, other._changes
        self._open(other._transport, other._listener)

    def _open(self, transport: object, listener: Listener | None) -> None:
        self._driver = BlockingDriver(
            blocking_transport(transport, self._network),
            instrumentation=DriverInstrumentation(listener, self._telemetry),
            journal=self._journal,
        )

    def _run(self, flow: Flow[T], name: str) -> T:
        self._check()
        if self._telemetry is None:
            return self._driver.run(flow)
        with self._telemetry.operation(name):
            return self._driver.run(flow)

    def close(self) -> None:
        """Close the connections. Those in use by other threads are closed when they are done."""
        self._life.closed = True
        self._driver.transport.close()

    def __enter__(self) -> Self:
        self._life.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._life.leave():
            self.close()


class _AsyncMaker:
    """Coroutine methods that run a flow."""

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

    def listing_of(self, item: Any) -> Any:
        return AsyncIterator[item]


class _AsyncItems(Generic[T]):
    """The items of a listing. No async generator: it may be left half-way under any event loop."""

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
        """Ask for nothing more."""
        self._items, self._last = iter(()), True


class PixelClientAsync(AsyncFace, _Client):
    """The async client, for asyncio and trio. One object works in one event loop after another, and in several at
    once in threads of their own; each loop has connections of its own.

    >>> async with get_client(async_=True) as client:
    ...     await client.me()
    """

    _driver: "AsyncDriver"
    maker: Maker | None = _AsyncMaker()

    def _open(self, transport: object, listener: Listener | None) -> None:
        from pixel_transports.drivers.asynchronous import (
            AsyncDriver,  # here, since the blocking face needs no event loop
        )

        self._driver = AsyncDriver(
            async_transport(transport, self._network),
            instrumentation=DriverInstrumentation(listener, self._telemetry),
            journal=self._journal,
        )

    async def _run(self, flow: Flow[T], name: str) -> T:
        self._check()
        if self._telemetry is None:
            return await self._driver.run(flow)
        with self._telemetry.operation(name):
            return await self._driver.run(flow)

    async def aclose(self) -> None:
        """Close this loop's connections; those of other loops are closed when their loops end."""
        self._life.closed = True
        await self._driver.transport.aclose()

    async def __aenter__(self) -> Self:
        self._life.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        last = self._life.leave()
        await self._driver.transport.aclose()
        if last:
            self._life.closed = True

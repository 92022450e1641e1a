"""Configuration of a client: its keywords, and the one frozen value that is made from them.

Rules kept here:

* A value is stored in one normal form: time limits as `Timeouts`, the path of the journal as an absolute path.
* The environment is read when a configuration is made, not later.
* Wrong keywords raise here, before anything is sent. No error and no `repr` shows a value.
"""

import ssl
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import field
from os import PathLike
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar

from pixel_core.effects import Flow
from pixel_core.messages import Timeouts, split_base_url
from pixel_core.session.options import CallOptions, Options
from pixel_core.session.tokens import Account, TokenSource
from pixel_core.values import value
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.net.network import Network
from pixel_transports.net.tls import TlsOptions
from pixel_transports.net.transports import AnyTransport
from pixel_transports.observability.instrumentation import Listener

T = TypeVar("T")


class Driver(Protocol):
    """Runs flows, blocking. Called from several threads at once."""

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end, and return its result."""
        ...


class AwaitableDriver(Protocol):
    """Runs flows in an event loop. Called from several tasks at once, and from one loop after another."""

    def run(self, flow: Flow[T]) -> Awaitable[T]:
        """Run a flow to its end, and return its result."""
        ...


DriverFactory: TypeAlias = Callable[..., Driver | AwaitableDriver]
"""A driver class, or a function: called with a transport and the keywords `instrumentation` and `journal`."""


class PixelClientKwargs(TypedDict, total=False):
    """Keywords of `get_client` and of the clients.

    Time limits: `timeout_pixel` applies to calls of the API, `timeout_upload` to requests to the object storage. Each
    is a number of seconds, None for no limit, a `pixel_core.Timeouts`, or any object with the attributes `connect`,
    `read`, `write` and `pool`, such as `httpx.Timeout`.

    Uploads: `upload_num_retries` is the total number of attempts for a request to the object storage.
    `upload_max_concurrency` is the number of concurrent requests. Files larger than `multipart_threshold` bytes are
    sent in parts. `upload_deadline` is the time limit of one uploading call, in seconds. With `skip_uploaded`, files
    that an earlier call uploaded are skipped while the server still lists their results. `journal` is the file that
    records the state of uploads, so that an interrupted call can be repeated and continues. The default is one file per
    user (`pixel_transports.drivers.journal.paths.default_path`). None disables the journal.

    Login: `token` replaces user and password. It is a bearer token, or a function that returns a token, or a pair of a
    token and its lifetime in seconds. For the async client it may be a coroutine function. The function is called again
    when the lifetime is over, or when the API rejects the token.

    Network: `proxy` is the URL of a proxy for all requests; None disables proxies. The default is read from the
    environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). `tls` is the trusted authorities and the client
    certificate (`TlsOptions`, or an `ssl.SSLContext`). `transport` sends the requests, and replaces both.

    Driver: `driver` makes the object that runs flows. It is a class or function that is called with the transport and
    the keywords `instrumentation` and `journal`. `functools.partial(BlockingDriver, performers={...})` replaces how
    single effects are performed. The default is `BlockingDriver`, and `AsyncDriver` for the async client.

    Observability: `listener` is a function that is called with each event (`pixel_core.events`), in the thread where
    the event occurs. Its exceptions are logged and ignored. `Hooks` makes a listener from one function per kind of
    event. `tracer` is an OpenTelemetry tracer, or True for the global one. It receives a span per operation and per
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
    driver: DriverFactory | None
    listener: Listener | None
    tracer: Any


_KNOWN = frozenset(PixelClientKwargs.__annotations__)
_NOT_OPTIONS = frozenset({"journal", "token", "proxy", "tls", "transport", "driver", "listener", "tracer"})


@value
class ClientConfig:
    """Everything that a client is made from."""

    url: str
    account: Account
    keywords: dict[str, Any]
    network: Network
    changes: CallOptions = field(default_factory=CallOptions)
    """The options of a copy that `with_options` made."""

    @classmethod
    def from_keywords(cls, url: str, account: Account, keywords: Mapping[str, Any]) -> "ClientConfig":
        """Raises TypeError for unknown keywords and wrong types, ValueError for wrong values, PixelSettingsError if the
        API or the login is reached through a proxy of the environment that cannot be used.
        """
        check_known(keywords)
        network = Network.from_keywords(keywords)
        for address in (url, account.auth_url if keywords.get("token") is None else ""):
            if address:
                network.proxies.for_origin(split_base_url(address)[0])
        return cls(url, account, {name: _normal(name, each) for name, each in keywords.items()}, network)

    def __repr__(self) -> str:
        return f"<ClientConfig {self.account!r} at {self.url}, with {', '.join(self.keywords) or 'no keywords'}>"

    @property
    def options(self) -> Options:
        """The options of the session. Raises ValueError for wrong values."""
        return Options.from_keywords(**{name: each for name, each in self.keywords.items() if name not in _NOT_OPTIONS})

    @property
    def journal(self) -> JournalPath:
        """The journal of uploads."""
        return JournalPath.parse(self.keywords["journal"]) if "journal" in self.keywords else JournalPath.default()

    def key(self, kind: type[Any]) -> Hashable:
        """The key of a client of this class in the cache of clients. Options of copies do not count."""
        known = frozenset([(name, _hashable(each)) for name, each in self.keywords.items()])
        return kind, self.url, self.account, known, self.network


def check_known(keywords: Mapping[str, Any]) -> None:
    """Raise TypeError for unknown keywords."""
    unknown = keywords.keys() - _KNOWN
    if unknown:
        raise TypeError(
            f"unknown keyword: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KNOWN))}. User, password, "
            "tenant and addresses are settings: get_client(settings=PixelApiSettings(PIXEL_USERNAME=..., ...))"
        )


def _normal(name: str, value: Any) -> Any:
    if name.startswith("timeout_"):
        return Timeouts.parse(value)
    return JournalPath.parse(value).path if name == "journal" else value


class _ById:
    """Compares an unhashable object by its identity, and keeps it alive."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def _hashable(value: object) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return _ById(value)
    return value


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Raises TypeError for unknown keywords, ValueError for wrong values of options."""
    ClientConfig.from_keywords("", Account("", "", "", "", ""), keywords).options  # noqa: B018

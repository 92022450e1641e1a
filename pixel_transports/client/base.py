"""Base of both clients: the session, the state open or closed, copies, and pickling.

Rules kept here:

* A client is a face over a session and a driver. No operation is written here.
* Creating and entering a client send nothing. A client works without being entered.
* Entries are counted, since a client from `get_client` may be shared: the last exit closes it. A closed client raises
  PixelClosedError until it is entered again.
* A copy of a client, shallow or deep, is a light one, as `with_options` makes. A client is never changed.
"""

import inspect
import threading
from dataclasses import astuple, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, Unpack

from pixel_core.api import Operations, PixelApi
from pixel_core.api.operation import Resource
from pixel_core.effects import Clock, Flow, watched
from pixel_core.errors import PixelClosedError
from pixel_core.redaction import SecretText, hide_arguments
from pixel_core.session.options import OPTIONS_OF_CLIENTS, CallOptions
from pixel_core.session.session import Session
from pixel_core.session.tokens import Account
from pixel_transports.client.config import ClientConfig, PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings, account_of
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.observability.instrumentation import DriverInstrumentation
from pixel_transports.runtime.forks import register_after_fork

if TYPE_CHECKING:
    from pixel_transports.client.auth import KeyCloakAuth


T = TypeVar("T")


class _Life:
    """Counts the entries of a client, and knows whether it is closed. Copies of a client share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self.closed = False
        register_after_fork(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self._entered += 1
            self.closed = False

    def leave(self) -> bool:
        """Count an exit. Returns True for the last one."""
        with self._lock:
            self._entered = max(0, self._entered - 1)
            return not self._entered


class Client(Operations):
    """What both clients share."""

    config: ClientConfig
    session: Session
    api: PixelApi
    url: str
    transport: Any  # of the face

    api_class: type[PixelApi] = PixelApi
    """The pure face of the operations of the class. It is made for each subclass."""

    _driver: Any  # of the face
    _is_async = False

    def __init_subclass__(cls) -> None:
        """Make the pure face of a subclass that has operations of its own."""
        groups = tuple(
            base
            for base in cls.__bases__
            if issubclass(base, Resource) and not issubclass(base, Client) and not issubclass(PixelApi, base)
        )
        if groups and "api_class" not in vars(cls):
            name = cls.__name__.removesuffix("Async").removesuffix("Client")
            make: Any = type  # its result is no type for type checkers
            cls.api_class = make(f"{name}Api", (*groups, cls.api_class), {"__module__": cls.__module__})

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
        password = SecretText(password)  # in a traceback
        hide_arguments(kwargs, PixelClientKwargs.__annotations__)
        account = Account(keycloak_server_url, realm, client_id, username, password)
        config = ClientConfig.from_keywords(url, account, kwargs)
        self._init(config, Session(url, account, config.options, kwargs.get("token")))

    def _init(self, config: ClientConfig, session: Session) -> None:
        self.config = config
        self._life = _Life()
        self._use(session)
        self.url = session.url
        self._instrumentation = DriverInstrumentation.from_keywords(
            config.keywords.get("listener"), config.keywords.get("tracer")
        )
        self.transport = self._make_transport(config)
        self._driver = self._make_driver(config.journal)

    def _use(self, session: Session) -> None:
        self.session = session
        self.api = self.api_class(session)  # pyright: ignore[reportIncompatibleVariableOverride]

    def _make_transport(self, config: ClientConfig) -> Any:
        """Make the transport of the face. Raises TypeError if the keyword is no transport of this face."""
        raise NotImplementedError

    def _default_driver(self) -> Any:
        """The driver class of the face."""
        raise NotImplementedError

    def _make_driver(self, journal: JournalPath) -> Any:
        make = self.config.keywords.get("driver") or self._default_driver()
        driver = make(self.transport, instrumentation=self._instrumentation, journal=journal)
        if inspect.iscoroutinefunction(getattr(driver, "run", None)) != self._is_async:
            face = "async" if self._is_async else "blocking"
            raise TypeError(f"{type(self).__name__} needs {face} drivers; `driver` made {type(driver).__name__}")
        return driver

    @classmethod
    def from_settings(cls, settings: PixelApiSettings, **kwargs: Unpack[PixelClientKwargs]) -> Self:
        """A client for these settings. Raises TypeError for unknown keywords, ValueError for wrong values."""
        hide_arguments(kwargs, PixelClientKwargs.__annotations__)
        return cls(settings.PIXEL_API_URL, *astuple(account_of(settings)), **kwargs)

    def with_options(self, **changes: Unpack[CallOptions]) -> Self:
        """Return a copy with other options for its calls. It shares connections, login and open state with this client.

        >>> client.with_options(timeout=120, retries=0).get_project(7)
        >>> answers: list[Answer] = []
        >>> client.with_options(answers=answers).get_project(7)
        >>> answers[-1].response.status, answers[-1].response.headers, answers[-1].request_id

        >>> stop = threading.Event()  # set by another thread
        >>> client.with_options(listener=print, cancel=stop).list_projects()

        Options are those of `CallOptions`. Raises TypeError and ValueError for wrong ones.
        """
        hide_arguments(changes, CallOptions.__annotations__)
        merged: CallOptions = {**self.config.changes, **changes}
        watched(iter(Clock()), merged.get("listener"), merged.get("cancel"))  # raises TypeError
        of_session: Any = {name: each for name, each in changes.items() if name not in OPTIONS_OF_CLIENTS}
        twin = self._copy(replace(self.config, changes=merged))
        twin._use(self.session.with_options(**of_session))
        return twin

    def _watched(self, flow: Flow[T]) -> Flow[T]:
        """The flow of a call, with the listener and the event of this copy."""
        changes = self.config.changes
        return watched(flow, changes.get("listener"), changes.get("cancel")) if changes else flow

    def with_journal(self, path: str | PathLike[str], transport: Any = None) -> Self:
        """Return a copy whose uploads use another journal, and skip the files that it records as uploaded. The copy
        shares connections, login and open state with this client. Its requests go through `transport`, if given: one
        that passes them on to that of this client.
        """
        journal = JournalPath.parse(path)
        keywords = {**self.config.keywords, "journal": journal.path, "skip_uploaded": True}
        twin = self._copy(replace(self.config, keywords=keywords))
        twin._use(self.session.with_defaults(replace(self.session.options, skip_uploaded=True)))
        twin.transport = self.transport if transport is None else transport
        twin._driver = twin._make_driver(journal)
        return twin

    def _copy(self, config: ClientConfig) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), config=config)
        return twin

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: object) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        from pixel_transports.client.pickling import reduce_client  # late: few programs pickle a client

        return reduce_client(type(self), self.config)

    @property
    def auth(self) -> "KeyCloakAuth":
        """The login of this client, for requests of another library (`auth=` of httpx and requests)."""
        from pixel_transports.client.auth import KeyCloakAuth  # late: few programs use it

        return KeyCloakAuth.from_client(self)

    @property
    def pixel_client(self) -> NoReturn:
        """Not available: this library is not built on httpx. `request` sends to any path of the API."""
        raise AttributeError("pixel_client: there is no httpx client inside; use client.request(method, path, ...)")

    def __repr__(self) -> str:
        if not hasattr(self, "url"):  # it is shown in the traceback of its making
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} at {self.url}{', closed' if self.closed else ''}>"

    def _repr_html_(self) -> str:
        from pixel_transports.client.html import client_html  # late: only notebooks use it

        account = self.config.account
        user = "a token" if self.config.keywords.get("token") is not None else f"{account.username}, {account.realm}"
        return client_html(type(self).__name__, self.url, user, self.closed)

    @property
    def closed(self) -> bool:
        """True if the client was closed and not entered since."""
        return self._life.closed

    def _check(self) -> None:
        if self._life.closed:
            raise PixelClosedError("This client was closed: enter it again (`with client:`), or call get_client()")

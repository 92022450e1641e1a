"""`get_client`: the documented way to a client.

Rules kept here:

* Equal settings and keywords give the same client, from any thread; no two are made in a race. Changed settings and
  changed proxies of the environment, found at each call, give another. Blocking and async clients are kept apart.
* Settings are equal where they lead to the same API with the same login, however they say so: a client that was pickled
  has no settings any more, and wakes up as the one that `get_client` gives.
* Any keyword works: what cannot be hashed is known by its identity, time limits and the journal by their values.
* A client that was closed is replaced at the next call.
* Nothing is sent.
* A forked process has the same clients, which open connections of their own there.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Literal, Protocol, TypeVar, Unpack, cast, overload

from pixel_core.messages import Timeouts
from pixel_core.session.tokens import Account
from pixel_transports.client.clients import PixelClient, PixelClientAsync, PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings, account_of, settings_for_token, settings_now
from pixel_transports.drivers.journal_paths import JournalPath
from pixel_transports.net.network import Network
from pixel_transports.runtime.forks import call_after_fork


class Kept(Protocol):
    """What can be kept here: a client, or a login."""

    @property
    def closed(self) -> bool: ...  # whether the next who asks for it gets another


C = TypeVar("C", bound=Kept)

CACHE_SIZE = 128
"""How many clients are kept; the one that was not asked for the longest is forgotten first, and lives on with those
who hold it."""


class _Same:
    """A keyword's value by identity, kept alive as long as the key."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def _key_of(name: str, value: object) -> Hashable:
    if name.startswith("timeout_"):
        return Timeouts.parse(value)
    if name == "journal":
        return JournalPath.of(cast("str | None", value))
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return value


_clients: OrderedDict[Hashable, Kept] = OrderedDict()
_lock = threading.Lock()


@call_after_fork
def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


@overload
def get_client(
    async_: Literal[False] = False, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient: ...
@overload
def get_client(
    async_: Literal[True], settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClientAsync: ...
@overload
def get_client(
    async_: bool, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient | PixelClientAsync: ...
def get_client(
    async_: bool = False, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient | PixelClientAsync:
    """A client for these settings, or for those of the environment: the blocking one, or with `async_` the async one.

    The client is cached and will be reused on subsequent calls, unless the settings change, or it was closed. With
    `token`, user and password may be missing in the environment. Raises pydantic's ValidationError for missing or wrong
    settings, TypeError for unknown keywords, ValueError for wrong values. Sends nothing.
    """
    if settings is None:
        settings = settings_now() if kwargs.get("token") is None else settings_for_token()
    kind = PixelClientAsync if async_ else PixelClient
    key = key_of(kind, settings.PIXEL_API_URL, account_of(settings), dict(kwargs))
    return cached(lambda: kind.from_settings(settings, **kwargs), key)


def key_of(kind: type[Any], url: str, account: Account, keywords: Mapping[str, Any]) -> Hashable:
    """What a client is known by. Raises TypeError and ValueError for wrong keywords."""
    known = frozenset((name, _key_of(name, value)) for name, value in keywords.items())
    return kind, url, account, known, Network.from_keywords(keywords)


def cached(make: Callable[[], C], *keys: Hashable) -> C:
    """What is known by the first of these keys that anything open is known by, made where there is none; afterwards it
    is known by all of them.
    """
    with _lock:
        found = (_clients.get(key) for key in keys)
        one: Any = next((each for each in found if each is not None and not each.closed), None)
        if one is None:
            one = make()
        for key in keys:
            _clients[key] = one
            _clients.move_to_end(key)
        while len(_clients) > CACHE_SIZE:
            _clients.popitem(last=False)
    return cast(C, one)

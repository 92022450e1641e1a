"""The cache of clients and logins of a process.

No two equal clients are made in a race of threads. A closed client is replaced. A forked process has the same clients;
they open connections of their own there.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, cast

from pixel_transports.runtime.forks import call_after_fork


class Cacheable(Protocol):
    """A client or a login."""

    @property
    def closed(self) -> bool:
        """True if it has to be replaced."""
        ...


C = TypeVar("C", bound=Cacheable)

CACHE_SIZE = 128
"""Maximum number of entries. The least recently used entry is removed first; its client keeps working."""

_clients: OrderedDict[Hashable, Cacheable] = OrderedDict()
_lock = threading.Lock()


@call_after_fork
def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


def cached(make: Callable[[], C], *keys: Hashable) -> C:
    """Return the open client of the first key that has one, or make one. Afterwards all the keys have it."""
    with _lock:
        entries = (_clients.get(key) for key in keys)
        client: Any = next((each for each in entries if each is not None and not each.closed), None)
        if client is None:
            client = make()
        for key in keys:
            _clients[key] = client
            _clients.move_to_end(key)
        while len(_clients) > CACHE_SIZE:
            _clients.popitem(last=False)
    return cast(C, client)


def clear() -> list[Cacheable]:
    """Remove all entries, and return what they held. Clients that are in use keep working."""
    with _lock:
        removed = list(dict.fromkeys(_clients.values()))
        _clients.clear()
    return removed

"""One value per event loop, under asyncio and trio.

A value belongs to the loop in which it was made. It is dropped when that loop is closed or garbage-collected. A forked
child starts without values: the loops are the parent's.
"""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import anyio.lowlevel

from pixel_transports.runtime.forks import register_after_fork

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes a value at its first use in each event loop. `drop` is called on the values of loops that are gone."""

    def __init__(self, make: Callable[[], T], drop: Callable[[T], None]) -> None:
        self._make = make
        self._drop = drop
        self.after_fork()
        register_after_fork(self)

    def after_fork(self) -> None:
        """Start without values: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._values: weakref.WeakKeyDictionary[Any, tuple[T, weakref.finalize[Any, Any]]] = weakref.WeakKeyDictionary()

    def get(self) -> T:
        """The value of the running loop."""
        loop = anyio.lowlevel.current_token().native_token
        entry = self._values.get(loop)
        if entry is not None:
            return entry[0]
        value = self._make()
        with self._lock:
            closed = [each for each in self._values if getattr(each, "is_closed", bool)()]
            dropped = [self._values.pop(each) for each in closed]
            self._values[loop] = value, weakref.finalize(loop, self._drop, value)
        for _, finalizer in dropped:
            finalizer()
        return value

    def pop(self) -> T | None:
        """Take out the value of the running loop, which is not dropped then. The next `get` makes another."""
        with self._lock:
            value, finalizer = self._values.pop(anyio.lowlevel.current_token().native_token, (None, None))
        if finalizer is not None:
            finalizer.detach()
        return value

    def all(self) -> list[T]:
        """The values of all loops."""
        with self._lock:
            return [value for value, _ in self._values.values()]

"""A value for each event loop.

Rules kept here:

* A value belongs to the loop in which it was made; it is dropped when that loop is closed or collected.
* A forked process starts without values: the loops are the parent's.
"""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import anyio.lowlevel

from pixel_transports.runtime.forks import register_after_fork

T = TypeVar("T")


class PerLoop(Generic[T]):
    """A value for each event loop, made at its first use there; `drop` is called on those of loops that are gone."""

    def __init__(self, make: Callable[[], T], drop: Callable[[T], None]) -> None:
        self._make = make
        self._drop = drop
        self.after_fork()
        register_after_fork(self)

    def after_fork(self) -> None:
        """There is nothing at first, nor in a forked process, where the loops are the parent's."""
        self._lock = threading.Lock()
        self._values: weakref.WeakKeyDictionary[Any, tuple[T, weakref.finalize[Any, Any]]] = weakref.WeakKeyDictionary()

    def get(self) -> T:
        """The value of the loop that is running."""
        loop = anyio.lowlevel.current_token().native_token
        known = self._values.get(loop)
        if known is not None:
            return known[0]
        value = self._make()
        with self._lock:
            gone = [each for each in self._values if getattr(each, "is_closed", bool)()]
            dead = [self._values.pop(each) for each in gone]
            self._values[loop] = value, weakref.finalize(loop, self._drop, value)
        for _, finalizer in dead:
            finalizer()
        return value

    def discard(self) -> None:
        """Drop the value of this loop; the next use makes another."""
        with self._lock:
            _, finalizer = self._values.pop(anyio.lowlevel.current_token().native_token, (None, None))
        if finalizer is not None:
            finalizer()

    def all(self) -> list[T]:
        with self._lock:
            return [value for value, _ in self._values.values()]

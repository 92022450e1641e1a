"""Scopes: what a thread runs for, so that one that is no longer needed can be stopped in the midst of its I/O.

Rules kept here:

* A scope is cancelled by a plain call from any thread: sleepers wake, streams in use are shut down, and the next effect
  of a flow that runs in it is not performed.
* Each worker thread knows its scope; the thread that a program calls from has none.
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar


class ScopeCancelled(BaseException):
    """The flow is no longer needed. It never leaves the driver."""


class Scope:
    """One side-by-side run, or a part of one inside it."""

    def __init__(self, outer: "Scope | None" = None) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._breakers: set[Callable[[], None]] = set()
        if outer is not None:
            outer.attach(self.cancel)

    def __repr__(self) -> str:
        return f"<Scope {'cancelled' if self.cancelled else 'open'}, {len(self._breakers)} in use>"

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        if self._event.is_set():
            raise ScopeCancelled

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            breakers = list(self._breakers)
        for breaker in breakers:
            breaker()

    def sleep(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise ScopeCancelled

    def attach(self, breaker: Callable[[], None]) -> None:
        """Have this called on cancellation; at once if that has been."""
        with self._lock:
            self._breakers.add(breaker)
            cancelled = self._event.is_set()
        if cancelled:
            breaker()

    def detach(self, breaker: Callable[[], None]) -> None:
        with self._lock:
            self._breakers.discard(breaker)


current_scope: ContextVar[Scope | None] = ContextVar("current_scope", default=None)

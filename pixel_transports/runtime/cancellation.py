"""Scopes: what a thread runs for, so that one that is no longer needed can be stopped in the midst of its I/O.

Rules kept here:

* A scope is cancelled by a plain call from any thread: sleepers wake, streams in use are shut down, and the next effect
  of a flow that runs in it is not performed.
* What is attached is called at most once, and never after it was detached: a connection that was handed on is safe.
* Each worker thread knows its scope; the thread that a program calls from has none.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class ScopeCancelled(BaseException):
    """The flow is no longer needed. It never leaves the driver."""


class CancelScope:
    """One side-by-side run, or a part of one inside it."""

    def __init__(self, outer: "CancelScope | None" = None) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: set[Callable[[], None]] = set()
        if outer is not None:
            outer.add_callback(self.cancel)

    def __repr__(self) -> str:
        return f"<CancelScope {'cancelled' if self.cancelled else 'open'}, {len(self._callbacks)} in use>"

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        if self._event.is_set():
            raise ScopeCancelled

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            while self._callbacks:
                self._callbacks.pop()()

    def sleep(self, seconds: float) -> None:
        if self._event.wait(seconds):
            raise ScopeCancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Have this called on cancellation, under a lock, so it has to be short; at once if that has been."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.add(callback)
                return
        callback()

    def remove_callback(self, callback: Callable[[], None]) -> None:
        with self._lock:
            self._callbacks.discard(callback)


current_scope: ContextVar[CancelScope | None] = ContextVar("current_scope", default=None)


@contextmanager
def on_cancel(callback: Callable[[], None]) -> Iterator[None]:
    """Wait for something here. When this thread's scope is cancelled, `callback` is called, which has to end the wait,
    and ScopeCancelled is raised.
    """
    scope = current_scope.get()
    if scope is None:
        yield
        return
    scope.check()
    scope.add_callback(callback)
    try:
        yield
    finally:
        scope.remove_callback(callback)
        scope.check()

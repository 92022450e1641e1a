"""Cancel scopes for threads: stop a worker thread while it waits for I/O.

Rules kept here:

* A scope is cancelled by a plain call from any thread. Sleeps end, streams in use are shut down, and the flow's next
  effect is not performed.
* A callback runs at most once, and never after it was removed, so a connection that was handed on is safe.
* Each worker thread has its scope in a context variable. The thread that calls the client has one if its call can be
  cancelled by an event (`cancelled_by`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class ScopeCancelled(BaseException):
    """Raised in a thread whose scope is cancelled. The driver catches it; it does not reach the caller."""


class CancelScope:
    """Cancels everything that runs in one task group, or in a part of it (`outer` is the scope around it)."""

    def __init__(self, outer: "CancelScope | None" = None) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: set[Callable[[], None]] = set()
        if outer is not None:
            outer.add_callback(self.cancel)

    def __repr__(self) -> str:
        return f"<CancelScope {'cancelled' if self.cancelled else 'open'}, {len(self._callbacks)} callbacks>"

    @property
    def cancelled(self) -> bool:
        """True after `cancel`."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise ScopeCancelled if this scope is cancelled."""
        if self._event.is_set():
            raise ScopeCancelled

    def cancel(self) -> None:
        """Cancel this scope and those inside it. Further calls do nothing."""
        with self._lock:
            self._event.set()
            while self._callbacks:
                self._callbacks.pop()()

    def sleep(self, seconds: float) -> None:
        """Sleep; raise ScopeCancelled as soon as this scope is cancelled."""
        if self._event.wait(seconds):
            raise ScopeCancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` when this scope is cancelled; at once if it is cancelled already. It runs under a lock, in
        the thread that cancels, so it has to be short.
        """
        with self._lock:
            if not self._event.is_set():
                self._callbacks.add(callback)
                return
        callback()

    def remove_callback(self, callback: Callable[[], None]) -> None:
        """Do not call `callback` any more. Does nothing if it is unknown."""
        with self._lock:
            self._callbacks.discard(callback)


POLL_SECONDS = 0.1
"""How often an event that cancels a call is looked at."""


@contextmanager
def cancelled_by(is_set: Callable[[], bool]) -> Iterator[CancelScope]:
    """Run the block in a scope that is cancelled when `is_set` returns True: a thread calls it ten times a second, so
    any event will do, whatever wakes its own waiters. What waits in the block then raises ScopeCancelled.
    """
    outer = current_scope.get()
    scope, ended = CancelScope(outer), threading.Event()

    def watch() -> None:
        while not is_set():
            if ended.wait(POLL_SECONDS):
                return
        scope.cancel()

    if is_set():
        scope.cancel()
    thread = threading.Thread(target=watch, name="pixel-cancel", daemon=True)
    token = current_scope.set(scope)
    try:
        thread.start()
        yield scope
    finally:
        current_scope.reset(token)
        ended.set()
        if thread.ident is not None:
            thread.join()
        if outer is not None:
            outer.remove_callback(scope.cancel)


current_scope: ContextVar[CancelScope | None] = ContextVar("current_scope", default=None)
"""The scope of this thread; None where nothing cancels it."""


@contextmanager
def on_cancel(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback` if this thread's scope is cancelled during the block; it has to end the wait in the block. Raises
    ScopeCancelled before the block or after it if the scope is cancelled.
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

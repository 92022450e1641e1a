"""Resets connections and locks in forked child processes.

Rules kept here:

* A child opens its own connections. It closes its copies of the parent's sockets without sending a byte and without
  `shutdown`, so the parent's connections stay open.
* A lock that another thread held during the fork stays locked in the child, so each lock is replaced there, together
  with the data that it protects.
* One hook is registered with `os.register_at_fork`. It holds weak references only.
* A child that is forked during an operation (by a listener, for example) does not continue that operation: the
  threads that performed it exist in the parent only.
"""

import os
import socket
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """An object with connections or locks that a forked child must not use."""

    def after_fork(self) -> None:
        """Replace connections and locks. Called in the child, where no other thread runs."""
        ...


_objects: WeakSet[ForkAware] = WeakSet()
_sockets: WeakSet[socket.socket] = WeakSet()
_functions: list[Callable[[], object]] = []


def register_after_fork(instance: ForkAware) -> None:
    """Call `instance.after_fork()` in forked children, as long as the object exists."""
    _objects.add(instance)


def close_after_fork(sock: socket.socket) -> None:
    """Close this socket in forked children."""
    _sockets.add(sock)


def call_after_fork(function: Callable[[], object]) -> Callable[[], object]:
    """Call a module-level function in forked children (a decorator)."""
    _functions.append(function)
    return function


def _in_child() -> None:
    for sock in list(_sockets):
        sock.close()
    for instance in list(_objects):
        instance.after_fork()
    for function in _functions:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

"""What becomes of connections and locks where a process is forked.

Rules kept here:

* The child opens connections of its own. It closes its copies of the parent's without a byte on them, so that the end
  of a connection is the parent's to tell; nothing is shut down.
* A lock that another thread held is held for ever in the child, so each is replaced there, with all that it guards.
* One hook is registered for the whole module, and it knows objects weakly: nothing lives longer for it.
* What is forked out of the midst of an operation (by a listener, say) does not go on with that operation in the child:
  the threads that did its work are the parent's.
"""

import os
import socket
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """What has something to leave to the parent."""

    def after_fork(self) -> None:
        """Called in the child, where no other thread is. It leaves the parent's connections and locks alone."""
        ...


_known: WeakSet[Forked] = WeakSet()
_sockets: WeakSet[socket.socket] = WeakSet()
_functions: list[Callable[[], object]] = []


def register_after_fork(known: Forked) -> None:
    """Have `after_fork` called in a forked process, as long as the object lives."""
    _known.add(known)


def close_after_fork(sock: socket.socket) -> None:
    """Have a forked process close its copy of a socket, whoever uses it."""
    _sockets.add(sock)


def call_after_fork(function: Callable[[], object]) -> Callable[[], object]:
    """Have a function of a module called in a forked process."""
    _functions.append(function)
    return function


def _in_child() -> None:
    for sock in list(_sockets):
        sock.close()
    for known in list(_known):
        known.after_fork()
    for function in _functions:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

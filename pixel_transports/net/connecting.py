"""Resolves names and starts connections.

Rules kept here:

* Nothing here waits but the look-up of a name, which the system cannot limit: a caller runs it in a thread.
* Failures are OSErrors.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pixel_transports.runtime.forks import close_after_fork

Address: TypeAlias = tuple[int, int, int, str, Any]
"""An address as `socket.getaddrinfo` gives it: family, type, protocol, canonical name, socket address."""

Resolver: TypeAlias = Callable[[str, int], Sequence[Address]]
"""Looks up the addresses of a host and port. Raises OSError."""


def look_up(host: str, port: int) -> Sequence[Address]:
    """Look up a name by the system's resolver. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"no host can have the name {host!r}") from None


def numeric_addresses(host: str, port: int) -> Sequence[Address]:
    """The address of a host that is an address. Asks no name server."""
    name = host.encode()  # bytes, since for a string Python loads its tables for names beyond ASCII first
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


def start_connecting(address: Any) -> socket.socket:
    """Return a socket that begins to connect to an address. Does not wait. Raises OSError."""
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    close_after_fork(sock)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small requests leave at once
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # dead peers are noticed
        code = sock.connect_ex(where)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def connect_error(sock: socket.socket) -> OSError | None:
    """The error of a connection attempt that is over; None if it is connected."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(code, os.strerror(code)) if code else None

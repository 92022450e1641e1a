"""Resolves names and starts connections.

The system cannot interrupt the look-up of a name, so it runs in a thread, which is abandoned when the time is over and
does not keep the program from ending. Failures are OSErrors.
"""

import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, TypeAlias

from pixel_core.http.effects import Resolve
from pixel_transports.runtime.cancellation import on_cancel
from pixel_transports.runtime.forks import close_after_fork

Address: TypeAlias = tuple[int, int, int, str, Any]
"""An address as `socket.getaddrinfo` gives it: family, type, protocol, canonical name, socket address."""

LONGEST_WAIT = 1_000_000.0
"""The longest wait that the system counts, in seconds."""

Resolver: TypeAlias = Callable[[str, int], Sequence[Address]]
"""Looks up the addresses of a host and port. Raises OSError."""


def look_up(host: str, port: int) -> Sequence[Address]:
    """Look up a name by the system's resolver. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"no host can have the name {host!r}") from None


def look_up_in_thread(resolver: Resolver, effect: Resolve) -> Sequence[Address]:
    """Perform `Resolve`. Raises OSError; TimeoutError when its time is over."""
    if effect.numeric:
        return numeric_addresses(effect.host, effect.port)
    done = threading.Event()
    with on_cancel(done.set):
        result = start_look_up(resolver, effect.host, effect.port, done.set)
        if not done.wait(countable(effect.timeout)):
            raise TimeoutError
    return result()


def start_look_up(
    resolver: Resolver, host: str, port: int, done: Callable[[], object]
) -> Callable[[], Sequence[Address]]:
    """Look up a name in a daemon thread, which calls `done` at its end. Returns a function that then returns the
    result, or raises what the resolver has raised.
    """
    results: list[Sequence[Address]] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            results.append(resolver(host, port))
        except BaseException as error:
            failures.append(error)
        finally:
            done()

    def result() -> Sequence[Address]:
        if failures:
            raise failures[0]
        return results[0]

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    return result


def countable(timeout: float | None) -> float | None:
    """Return a time limit that the system can count."""
    return None if timeout is None else min(timeout, LONGEST_WAIT)


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


def wait_writable(socks: Sequence[socket.socket], timeout: float | None) -> list[socket.socket]:
    """Wait until some of these sockets are connected or have failed; none after `timeout` seconds."""
    if hasattr(select, "poll"):
        poller = select.poll()
        for sock in socks:
            poller.register(sock, select.POLLOUT)
        seconds = countable(timeout)
        ready = {number for number, _ in poller.poll(None if seconds is None else ceil(seconds * 1000))}
        return [sock for sock in socks if sock.fileno() in ready]
    # A failure is an exceptional condition there.
    _, writable, broken = select.select([], socks, socks, countable(timeout))
    return [sock for sock in socks if sock in writable or sock in broken]

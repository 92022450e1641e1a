"""Names, addresses and connects: how a socket to a peer is had.

Rules kept here:

* The addresses of a host are tried side by side, a quarter of a second apart, and the first to connect wins
  (RFC 8305), on both faces; hosts that are addresses are never looked up.
* The system's look-up of names cannot be limited: on the blocking face it runs in a thread of its own, which is left
  behind where it takes too long.
* Trouble is told with OSError.
"""

import errno
import math
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from pixel_core.http.addresses import ATTEMPT_DELAY, interleaved, literal
from pixel_core.http.proxies import Proxy, ProxyFailure
from pixel_core.messages import Origin
from pixel_transports.net.streams import left, tune
from pixel_transports.runtime.cancellation import on_cancel
from pixel_transports.runtime.forks import close_after_fork

Address: TypeAlias = tuple[int, int, int, str, Any]
"""One address of a host, as `socket.getaddrinfo` has it: family, type, protocol, canonical name, socket address."""


Resolver: TypeAlias = Callable[[str, int], Sequence[Address]]
"""Looks up the addresses of a host and port. Raises OSError."""


def look_up(host: str, port: int) -> Sequence[Address]:
    """What the system knows of a name. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"no host can have the name {host!r}") from None


def literal_addresses(host: str, port: int) -> Sequence[Address] | None:
    """The address of a host that is given by its address; None for a name. Looks nothing up."""
    if literal(host) is None:
        return None
    told = host.encode()  # as bytes: for a string, Python loads its tables for names beyond ASCII first
    return socket.getaddrinfo(told, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


def in_order(addresses: Sequence[Address]) -> list[Address]:
    """Addresses in the order in which they are tried. Raises OSError where there are none."""
    if not addresses:
        raise OSError("it has no address")
    return interleaved(addresses, lambda address: address[0])


def begin(address: Address) -> socket.socket:
    """A socket that begins to connect to an address, without waiting for it. Raises OSError."""
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    close_after_fork(sock)
    try:
        sock.setblocking(False)
        tune(sock)
        code = sock.connect_ex(where)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def outcome(sock: socket.socket) -> OSError | None:
    """What became of a connect that is over: its error, or None."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(code, os.strerror(code)) if code else None


def waited_for(proxy: Proxy | None) -> str:
    """What is told where a connection takes too long."""
    return "no connection" if proxy is None else f"no connection through the proxy {proxy}"


@contextmanager
def reaching(proxy: Proxy) -> Iterator[None]:
    """Where the proxy itself is connected to: what goes wrong is told of it, and not of the origin behind it. Time
    limits speak for themselves.
    """
    try:
        yield
    except (TimeoutError, ProxyFailure):
        raise
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise ProxyFailure(f"the proxy {proxy} cannot be reached: {reason}") from error


def look_up_within(resolve: Resolver, peer: Origin, until: float | None) -> Sequence[Address]:
    """The addresses of a name. The system cannot be stopped in a look-up: one that takes too long is left behind, in
    a thread that keeps no program from ending.
    """
    found: list[Sequence[Address]] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            found.append(resolve(peer.host, peer.port))
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    with on_cancel(done.set):
        threading.Thread(target=look, name=f"look up {peer.host}", daemon=True).start()
        if not done.wait(left(until)):
            raise TimeoutError
    if failed:
        raise failed[0]
    return found[0]


class Race:
    """Attempts to connect to the addresses of one host, of which the first to succeed wins (RFC 8305, section 5)."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._waiting = list(reversed(addresses))
        self._running: list[socket.socket] = []
        self._stopped = False
        self._first_failure: OSError | None = None

    def run(self, until: float | None) -> socket.socket:
        """The winner, connected; the others are closed. Raises OSError, TimeoutError."""
        winner = None
        try:
            with on_cancel(self._stop):
                while winner is None:
                    self._begin()
                    winner = self._wait(until)
            self._running.remove(winner)
        finally:
            for sock in self._running:
                sock.close()
        return winner

    def _stop(self) -> None:
        """Wake the one who waits, from another thread: an attempt that is shut down is over."""
        self._stopped = True
        for sock in tuple(self._running):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _begin(self) -> None:
        """Begin with the next address that can be begun with. Raises the first failure when none is left."""
        while self._waiting:
            try:
                self._running.append(begin(self._waiting.pop()))
            except OSError as error:
                self._first_failure = self._first_failure or error
            else:
                return
        if not self._running:
            raise self._first_failure or OSError("it has no address")

    def _wait(self, until: float | None) -> socket.socket | None:
        """A socket that is connected; None when it is time for another attempt. Raises TimeoutError."""
        turn = time.monotonic() + ATTEMPT_DELAY if self._waiting else None
        while self._running and not self._stopped:
            limit = left(until)
            if turn is not None:
                limit = min(limit or ATTEMPT_DELAY, max(0.0, turn - time.monotonic()))
            over = over_of(self._running, limit)
            for sock in over:
                failure = outcome(sock)
                if failure is None:
                    return sock
                self._first_failure = self._first_failure or failure
                self._running.remove(sock)
                sock.close()
            if not over:
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError
                return None
            if self._waiting and not self._running:
                return None
        if self._stopped:
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        return None


def over_of(socks: Sequence[socket.socket], timeout: float | None) -> list[socket.socket]:
    """Wait until some of these have connected, or failed to; none after `timeout` seconds."""
    if hasattr(select, "poll"):
        poller = select.poll()
        for sock in socks:
            poller.register(sock, select.POLLOUT)
        ready = {number for number, _ in poller.poll(None if timeout is None else math.ceil(timeout * 1000))}
        return [sock for sock in socks if sock.fileno() in ready]
    _, writable, broken = select.select([], socks, socks, timeout)  # a failure is an exception, where there is no poll
    return [sock for sock in socks if sock in writable or sock in broken]

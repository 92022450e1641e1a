"""The blocking network: HTTP/1.1 over sockets, for any number of threads.

Rules kept here:

* It performs effects and holds no rule: leasing, time limits and retries are the core's.
* The pool is used under one lock, and no I/O is done under it.
* A cancelled scope (`runtime.cancellation`) shuts down the socket that its thread waits for.
* No event loop: it works in any thread, also where a loop is running.
"""

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from pixel_core.effects import Clock, Effect
from pixel_core.http import effects
from pixel_core.http.decoding import Limits
from pixel_core.http.exchange import exchange
from pixel_core.http.leasing import Connection, Leasing
from pixel_core.http.pool import Lease, LeaseState, Pool
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Request, Response
from pixel_transports.net.connecting import (
    Resolver,
    connect_error,
    countable,
    look_up,
    look_up_in_thread,
    start_connecting,
    wait_writable,
)
from pixel_transports.net.streams import SocketStream, waiter_for
from pixel_transports.net.tls import TlsOptions, TlsSession, context_of
from pixel_transports.observability.logs import connection_line
from pixel_transports.runtime.cancellation import current_scope, on_cancel
from pixel_transports.runtime.forks import register_after_fork
from pixel_transports.runtime.running import run


class LockedPool(Pool[Connection]):
    """A pool that threads share."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._lock = threading.Lock()

    def acquire(self, lease: Lease[Connection], now: float) -> list[Connection]:
        with self._lock:
            return super().acquire(lease, now)

    def release(self, lease: Lease[Connection], now: float, reusable: bool) -> list[Connection]:
        with self._lock:
            return super().release(lease, now, reusable)

    def close(self) -> list[Connection]:
        with self._lock:
            return super().close()


class BlockingStream(SocketStream):
    """A stream whose reads and writes block."""

    def abort(self) -> None:
        """Wake a thread that connects, reads or writes: it reads the end of the stream. Called from other threads."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read(self, timeout: float | None) -> bytes:
        """Read what has arrived; b"" at the end. Raises OSError; TimeoutError when `timeout` seconds are over."""
        data = self.take_early() or self.pending()
        limit, start = timeout, time.monotonic()
        while data is None:
            wait = waiter_for(self.sock, read=True, write=True) if self.has_replies else self.is_readable
            if (limit is not None and limit < 0) or not wait(limit):
                raise effects.timed_out("no answer", timeout)
            if wait is not self.is_readable:
                self.send_replies()
            with suppress(BlockingIOError):
                data = self.decrypt(self.recv())
            if data is None and timeout is not None:  # TLS records without data do not extend it
                limit = start + timeout - time.monotonic()
        return data

    def write(self, effect: effects.Write) -> bool:
        """Write all, or (without segments) what is left; False when the peer sent or closed first. Raises OSError,
        PixelFileChangedError.
        """
        try:
            return self.send_now(effect.segments) or self.send_all(effect.timeout, effect.total)
        except ConnectionError:
            return False


class SocketTransport:
    """HTTP/1.1 over sockets, with a pool of kept connections. One object serves any number of threads.

    `max_connections` is per origin. `proxies` maps origins to proxies. `tls` replaces the
    system's trust store; its files are read when the first request is sent. `resolve` replaces the system's look-up of
    names; it is called in a thread of its own, and not for hosts that are addresses.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        limits: Limits = Limits(),
        proxies: Proxies = Proxies(),
        tls: TlsOptions | ssl.SSLContext | None = None,
        resolve: Resolver = look_up,
    ) -> None:
        self._tls = tls
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        self._resolver = resolve
        self._options = max_connections, proxies, limits
        self.after_fork()
        register_after_fork(self)

    def after_fork(self) -> None:
        """Start without connections, as a forked process does."""
        max_connections, proxies, limits = self._options
        self._leasing = Leasing(LockedPool(max_connections), proxies, limits, connection_line)
        weakref.finalize(self, _close_idle, self._leasing.pool)

    def __repr__(self) -> str:
        return f"<SocketTransport, {self._leasing.pool!r}>"

    def send(self, request: Request) -> Response:
        """Perform one exchange. Raises what `pixel_core.exchange` does; OSError and ValueError for files of the TLS
        options that cannot be used.
        """
        if self._context is None and self._tls is not None:
            self._context = context_of(self._tls)
        return run(exchange(request, self._leasing), self._perform)

    def close(self) -> None:
        """Close idle connections now, and those in use when they are released."""
        self._leasing.close()

    def _perform(self, effect: Effect[Any]) -> Any:
        stream = None if current_scope.get() is None else getattr(effect, "stream", None)
        if stream is None:
            return _PERFORMERS[type(effect)](self, effect)
        with on_cancel(stream.abort):
            return _PERFORMERS[type(effect)](self, effect)


def _wait_for_slot(transport: SocketTransport, effect: effects.WaitForSlot) -> None:
    event = threading.Event()
    effect.lease.notify = event.set
    if effect.lease.state is LeaseState.WAITING:  # else the slot came before `notify` was set
        with on_cancel(event.set):
            event.wait(countable(effect.timeout))


def _wait_connected(transport: SocketTransport, effect: effects.WaitConnected) -> list[effects.ConnectResult]:
    with ExitStack() as stack:
        for stream in effect.streams:
            stack.enter_context(on_cancel(stream.abort))
        ready = wait_writable([stream.sock for stream in effect.streams], effect.timeout)
        return [effects.ConnectResult(each, connect_error(each.sock)) for each in effect.streams if each.sock in ready]


def _start_tls(transport: SocketTransport, effect: effects.StartTls) -> TlsSession:
    context = None if effect.proxy else transport._context
    return TlsSession(context or context_of(transport._tls, effect.proxy), effect.host)


_PERFORMERS: dict[type[Effect[Any]], Callable[[SocketTransport, Any], Any]] = {
    effects.Read: lambda transport, effect: effect.stream.read(effect.timeout),
    effects.Write: lambda transport, effect: effect.stream.write(effect),
    Clock: lambda transport, effect: time.monotonic(),
    effects.IsIdle: lambda transport, effect: effect.stream.is_idle,
    effects.WaitForSlot: _wait_for_slot,
    effects.Resolve: lambda transport, effect: look_up_in_thread(transport._resolver, effect),
    effects.Connect: lambda transport, effect: BlockingStream(start_connecting(effect.address)),
    effects.WaitConnected: _wait_connected,
    effects.StartTls: _start_tls,
}


def _close_idle(pool: Pool[Connection]) -> None:
    for connection in pool.close():
        connection.stream.close()

"""The blocking network: HTTP/1.1 over sockets, for any number of threads.

Rules kept here:

* It performs effects and holds no rule: leasing, time limits and retries are the core's.
* The pool is used under one lock, and no I/O is done under it.
* A cancelled scope (`runtime.cancellation`) shuts down the socket that its thread waits for.
* No event loop: it works in any thread, also where a loop is running.
"""

import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from math import ceil
from typing import Any, cast

from pixel_core.effects import Clock, Effect
from pixel_core.http.decoding import Limits
from pixel_core.http.effects import (
    Connect,
    ConnectResult,
    IsIdle,
    Read,
    Resolve,
    StartTls,
    WaitConnected,
    WaitForSlot,
    Write,
)
from pixel_core.http.exchange import exchange
from pixel_core.http.leasing import Connection, Leasing
from pixel_core.http.pool import Lease, LeaseState, Pool
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Request, Response
from pixel_transports.net.connecting import (
    Address,
    Resolver,
    connect_error,
    look_up,
    numeric_addresses,
    start_connecting,
)
from pixel_transports.net.streams import SocketStream, timed_out
from pixel_transports.net.tls import TlsOptions, TlsSession, context_of, shared_context
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
        while data is None:
            if not self.is_readable(timeout):
                raise timed_out("no answer", timeout)
            with suppress(BlockingIOError):
                data = self.decrypt(self.recv())
        return data

    def write(self, effect: Write) -> bool:
        """Write all, or (without segments) what is left; False when the peer sent or closed first. Raises OSError,
        PixelFileChangedError.
        """
        try:
            return self.send_now(effect.segments) or self.send_all(effect.timeout, effect.total)
        except ConnectionError:
            return False


class SocketTransport:
    """HTTP/1.1 over sockets, with a pool of kept connections. One object serves any number of threads.

    `max_connections` is per origin. `proxies` tells which origin is reached through which proxy. `tls` replaces the
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
        return _PERFORMERS[type(effect)](self, effect)

    def _resolve(self, effect: Resolve) -> Sequence[Address]:
        """Look up a name. The system cannot be interrupted in a look-up, so it runs in a thread, which is abandoned
        when the time is over and does not keep the program from ending.
        """
        if effect.numeric:
            return numeric_addresses(effect.host, effect.port)
        results: list[Sequence[Address]] = []
        failures: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                results.append(self._resolver(effect.host, effect.port))
            except BaseException as error:
                failures.append(error)
            finally:
                done.set()

        with on_cancel(done.set):
            threading.Thread(target=work, name=f"look up {effect.host}", daemon=True).start()
            if not done.wait(effect.timeout):
                raise TimeoutError
        if failures:
            raise failures[0]
        return results[0]

    def _start_tls(self, effect: StartTls) -> TlsSession:
        return TlsSession(self._context or shared_context(), effect.host)


def _read(transport: SocketTransport, effect: Read) -> bytes:
    stream: Any = effect.stream
    if current_scope.get() is None:
        return cast(bytes, stream.read(effect.timeout))
    with on_cancel(stream.abort):
        return cast(bytes, stream.read(effect.timeout))


def _write(transport: SocketTransport, effect: Write) -> bool:
    stream: Any = effect.stream
    if current_scope.get() is None:
        return cast(bool, stream.write(effect))
    with on_cancel(stream.abort):
        return cast(bool, stream.write(effect))


def _wait_for_slot(transport: SocketTransport, effect: WaitForSlot) -> None:
    event = threading.Event()
    effect.lease.notify = event.set
    if effect.lease.state is LeaseState.WAITING:  # else the slot came before `notify` was set
        with on_cancel(event.set):
            event.wait(effect.timeout)


def _wait_connected(transport: SocketTransport, effect: WaitConnected) -> list[ConnectResult]:
    streams: Any = effect.streams
    with ExitStack() as stack:
        for stream in streams:
            stack.enter_context(on_cancel(stream.abort))
        socks = [stream.sock for stream in streams]
        if hasattr(select, "poll"):
            poller = select.poll()
            for sock in socks:
                poller.register(sock, select.POLLOUT)
            numbers = {
                number for number, _ in poller.poll(None if effect.timeout is None else ceil(effect.timeout * 1000))
            }
        else:  # a failure is an exceptional condition there
            _, writable, broken = select.select([], socks, socks, effect.timeout)
            numbers = {sock.fileno() for sock in (*writable, *broken)}
        return [ConnectResult(each, connect_error(each.sock)) for each in streams if each.sock.fileno() in numbers]


_PERFORMERS: dict[type[Effect[Any]], Callable[[SocketTransport, Any], Any]] = {
    Read: _read,
    Write: _write,
    Clock: lambda transport, effect: time.monotonic(),
    IsIdle: lambda transport, effect: effect.stream.is_idle,
    WaitForSlot: _wait_for_slot,
    Resolve: SocketTransport._resolve,
    Connect: lambda transport, effect: BlockingStream(start_connecting(effect.address)),
    WaitConnected: _wait_connected,
    StartTls: SocketTransport._start_tls,
}


def _close_idle(pool: Pool[Connection]) -> None:
    for connection in pool.close():
        connection.stream.close()

"""The blocking transport: HTTP/1.1 over sockets, for any number of threads.

Rules kept here:

* The pool is touched under one lock, and no I/O is done under it. A place is freed before its socket is closed.
* The limit of a connect is one for all of it: the look-up of the name, all addresses, a proxy's tunnel, and TLS.
* No event loop: it works in any thread, also where a loop is running.
"""

import socket
import ssl
import struct
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from math import ceil
from typing import Any

from pixel_core.effects import Clock, Effect, Lease, Read, Write
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits
from pixel_core.http.exchange import exchange
from pixel_core.http.pool import LeaseState, Pool, PoolLease
from pixel_core.http.proxies import Proxies, Proxy, Tunnel
from pixel_core.messages import Origin, Request, Response, Segment
from pixel_transports.net.connecting import (
    Race,
    Resolver,
    in_order,
    literal_addresses,
    look_up,
    look_up_within,
    reaching,
    waited_for,
)
from pixel_transports.net.streams import AT_ONCE, LARGE, LONGEST_WAIT, Connected, in_time, left, waiter_for
from pixel_transports.net.tls import TlsOptions, TlsSession, context_of, handshake_failure, shared_context
from pixel_transports.observability.logs import connection_line
from pixel_transports.runtime.cancellation import CancelScope, current_scope, on_cancel
from pixel_transports.runtime.forks import register_after_fork
from pixel_transports.runtime.running import run

TIMED = sys.platform != "win32" and hasattr(socket, "SO_RCVTIMEO") and bool(AT_ONCE)
"""Whether the system itself limits the time of a read, which then takes one call of it in place of two."""


class SocketStream(Connected):
    """The stream of the blocking face."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._limit: float | None = None

    def abort(self) -> None:
        """Wake whoever connects, reads or writes, from another thread: their next byte is the end."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def secure(self, context: ssl.SSLContext, host: str, until: float | None) -> None:
        """Speak TLS from now on, inside the TLS of a proxy if that is spoken. Raises OSError."""
        tls = TlsSession(context, host, self._tls)
        with on_cancel(self.abort):
            try:
                while not tls.shake_hands():
                    self._put(tls.outgoing(), until)
                    tls.feed(self._taken(left(until)))
            except ssl.SSLError as error:
                raise handshake_failure(error) from None
            self._put(tls.outgoing(), until)
        self._tls = tls

    def tunnel(self, machine: Tunnel, until: float | None) -> None:
        """Have the proxy at the other end lead on to an origin. Raises OSError."""
        with on_cancel(self.abort):
            self._put(self.wrapped(machine.start()), until)
            opened = False
            while not opened:
                data = self._received(left(until))
                opened = data is not None and machine.receive(data)

    def read(self, timeout: float | None) -> bytes:
        """What has arrived; b"" at the end of the peer's side. Raises OSError."""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            while (data := self._received(timeout)) is None:
                pass
        except TimeoutError as error:
            raise in_time(error, "no answer", timeout) from None
        return data

    def _received(self, timeout: float | None) -> bytes | None:
        """What the peer says; None when it was TLS that spoke, for itself (a session ticket, say)."""
        if self._tls is None:
            return self._taken(timeout)
        data = self._tls.read(LARGE)
        if data is None:
            self._tls.feed(self._taken(timeout))
            data = self._tls.read(LARGE)
        return data

    def _taken(self, timeout: float | None) -> bytes:
        """What arrives at the socket within so many seconds."""
        if TIMED:
            self._block(timeout)
            try:
                return self._recv()
            except BlockingIOError:
                raise TimeoutError from None
        while True:
            if not self._arrived(timeout):
                raise TimeoutError
            with suppress(BlockingIOError):
                return self._recv()

    def _block(self, timeout: float | None) -> None:
        """Have reads block, for so many seconds."""
        if not self._blocks:
            self._sock.setblocking(True)
            self._blocks = True
        if timeout != self._limit:
            microseconds = 0 if timeout is None else max(1, ceil(min(timeout, LONGEST_WAIT) * 1_000_000))
            limit = struct.pack("ll", *divmod(microseconds, 1_000_000))  # a timeval; all zero is no limit
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._limit = timeout

    def _put(self, data: bytes, until: float | None) -> None:
        """Send what is not much."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view, AT_ONCE) :]
            except BlockingIOError:
                if not waiter_for(self._sock, write=True)(left(until)):
                    raise TimeoutError from None

    def write(self, segments: Sequence[Segment], timeout: float | None, total: float | None = None) -> bool:
        """Write all, or (without segments) what is left; False when the peer spoke or hung up first. Raises OSError,
        PixelFileChangedError.
        """
        try:
            if self._sent_at_once(segments):
                return True
        except ConnectionError:
            return False
        return self.pump(timeout, None if total is None else time.monotonic() + total)


def connect(
    origin: Origin,
    timeout: float | None,
    context: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
    resolve: Resolver = look_up,
) -> SocketStream:
    """Connect to an origin, with TLS for https, or to a proxy that leads there. Raises OSError."""
    until = None if timeout is None else time.monotonic() + timeout
    try:
        with nullcontext() if proxy is None else reaching(proxy):
            stream = _secured(origin if proxy is None else proxy.origin, until, context, resolve)
        if proxy is not None and origin.scheme == "https":
            try:
                stream.tunnel(Tunnel(proxy, origin), until)
                stream.secure(context or shared_context(), origin.host, until)
            except BaseException:
                stream.close()
                raise
    except TimeoutError as error:
        raise in_time(error, waited_for(proxy), timeout) from None
    return stream


def _secured(peer: Origin, until: float | None, context: ssl.SSLContext | None, resolve: Resolver) -> SocketStream:
    """A stream to an origin or a proxy, with TLS where that is spoken."""
    addresses = literal_addresses(peer.host, peer.port)
    if addresses is None:
        addresses = look_up_within(resolve, peer, until)
    stream = SocketStream(Race(in_order(addresses)).run(until))
    try:
        if peer.scheme == "https":
            stream.secure(context or shared_context(), peer.host, until)
    except BaseException:
        stream.close()
        raise
    return stream


class _Connection:
    """A connection of the pool. While it is leased it knows its lease, its transport and its scope; an idle one knows
    none of them, so that a transport nobody uses any more can be collected with its pool.
    """

    def __init__(self, stream: SocketStream, limits: Limits, generation: int, via: Proxy | None) -> None:
        self.stream = stream
        self.http = ClientConnection(limits, via)
        self.generation = generation
        self.used = False
        self._origin: Origin | None = None
        self._held: tuple[SocketTransport, PoolLease[_Connection], CancelScope | None] | None = None

    def lend(self, transport: "SocketTransport", lease: "PoolLease[_Connection]") -> "_Connection":
        # A lease and its connection are no cycle: what is lost hold of is gone at once.
        lease.connection, self._origin = None, lease.origin
        scope = current_scope.get()
        self._held = (transport, lease, scope)
        if scope is not None:
            scope.add_callback(self.stream.abort)
        return self

    def close(self) -> None:
        self.stream.close()
        connection_line("closed", self._origin)

    def release(self, reusable: bool) -> None:
        if self._held is None:
            return
        (transport, lease, scope), self._held = self._held, None
        self.used = self.used or reusable
        if scope is not None:
            scope.remove_callback(self.stream.abort)
        transport._give_back(lease, self, reusable)


class SocketTransport:
    """HTTP/1.1 over sockets, with a pool of kept connections. One object serves any number of threads.

    `max_connections` is per origin. `proxies` tell which origin is reached through which proxy. `tls` takes the place
    of the system's trust store; its files are read when the first request is sent. `resolve` takes the place of the
    system's look-up of names; it is called in a thread of its own, and not for hosts that are addresses.
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
        self.limits = limits
        self.generation: int = 0
        self._proxies = proxies
        self._tls = tls
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        self._resolve = resolve
        self._max_connections = max_connections
        self.after_fork()
        register_after_fork(self)

    def after_fork(self) -> None:
        """There are no connections at first, nor in a forked process."""
        self._lock = threading.Lock()
        self._pool: Pool[_Connection] = Pool(self._max_connections)
        self._wakers: dict[PoolLease[_Connection], threading.Event] = {}
        weakref.finalize(self, _close_idle, self._pool)

    def __repr__(self) -> str:
        return f"<SocketTransport, {self._pool!r}>"

    def send(self, request: Request) -> Response:
        """Perform one exchange. Raises what `pixel_core.http.exchange.exchange` does; OSError and ValueError for files of
        the TLS options that cannot be used.
        """
        if self._context is None and self._tls is not None:
            self._context = context_of(self._tls)
        return run(exchange(request), self._perform)

    def close(self) -> None:
        """Close idle connections now, those in use when they are given back."""
        with self._lock:
            self.generation += 1
            idle = self._pool.drain()
        for connection in idle:
            connection.close()

    def _perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Read):
            return effect.stream.read(effect.timeout)
        if isinstance(effect, Write):
            return effect.stream.write(effect.segments, effect.timeout, effect.total)
        if isinstance(effect, Lease):
            return self._lease(effect)
        if isinstance(effect, Clock):
            return time.monotonic()
        raise TypeError(f"a transport does not perform {effect!r}")

    def _lease(self, wanted: Lease) -> _Connection:
        with self._lock:
            served = self._pool.reclaim(wanted.origin)
            lease, expired = self._pool.acquire(wanted.origin, time.monotonic())
            generation = self.generation
            waker = None
            if lease.state is LeaseState.WAITING:
                waker = self._wakers[lease] = threading.Event()
        for old in expired:
            old.close()
        for other in served:
            self._wake(other)
        try:
            if waker is not None:
                self._wait(lease, waker, wanted.timeouts.pool)
            connection = lease.connection
            if connection is not None:
                if connection.stream.quiet:
                    connection_line("used again", wanted.origin)
                    return connection.lend(self, lease)
                connection.close()
                lease.connection = None
            proxy = self._proxies.for_origin(wanted.origin)
            stream = connect(wanted.origin, wanted.timeouts.connect, self._context, proxy, self._resolve)
            via = proxy if wanted.origin.scheme == "http" else None
            connection_line("opened", wanted.origin)
            return _Connection(stream, self.limits, generation, via).lend(self, lease)
        except BaseException:
            self._give_back(lease, lease.connection, reusable=True)
            raise

    def _wait(self, lease: PoolLease[_Connection], waker: threading.Event, timeout: float | None) -> None:
        try:
            with on_cancel(waker.set):
                waker.wait(timeout)
        finally:
            with self._lock:
                self._wakers.pop(lease, None)
        if lease.state is LeaseState.WAITING:
            raise in_time(TimeoutError(), "no connection became free", timeout)

    def _give_back(self, lease: PoolLease[_Connection], connection: _Connection | None, reusable: bool) -> None:
        """Free the place, then close what is not kept."""
        with self._lock:
            if connection is not None and connection.generation != self.generation:
                reusable = False
            returned = self._pool.release(lease, time.monotonic(), connection if reusable else None)
        if returned.wake is not None:
            self._wake(returned.wake)
        for unwanted in (None if reusable else connection, returned.close):
            if unwanted is not None:
                unwanted.close()

    def _wake(self, lease: PoolLease[_Connection]) -> None:
        with self._lock:
            waker = self._wakers.get(lease)
        if waker is not None:
            waker.set()


def _close_idle(pool: Pool[_Connection]) -> None:
    for connection in pool.drain():
        connection.stream.close()

"""The blocking transport: HTTP/1.1 over sockets, for any number of threads.

Rules kept here:

* The pool is touched under one lock, and no I/O is done under it. A place is freed before its socket is closed.
* A stream speaks of trouble with OSError; what to make of it is decided in `pixel_core.exchanges`.
* While a file is sent, the peer is listened to: one that answers or hangs up stops the sending.
* No event loop: it works in any thread, also where a loop is running.
"""

import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pixel_core.effects import Effect, Lease, Read, Write
from pixel_core.exchanges import exchange
from pixel_core.http1 import ClientConnection, Limits
from pixel_core.messages import FileSlice, Origin, Request, Response, Segment
from pixel_core.pool import LeaseState, Pool, PoolLease
from pixel_transports.files import SliceReader
from pixel_transports.running import run
from pixel_transports.scopes import Scope, current_scope
from pixel_transports.tls import shared_context

RECEIVE = 256 * 1024
SEND = 256 * 1024
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_HUNG_UP = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def tune(sock: socket.socket) -> None:
    """The options of every socket of ours: small requests leave at once, dead peers are noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def is_quiet(sock: socket.socket) -> bool:
    """Whether nothing has arrived on an idle connection: what has would be its end, or what no one asked for."""
    return not wait(sock, read=True, write=False, timeout=0)


def wait(sock: socket.socket, *, read: bool, write: bool, timeout: float | None) -> bool:
    """Wait until a socket can be read from or written to; False after `timeout` seconds without either."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        return bool(poller.poll(None if timeout is None else timeout * 1000))
    readable, writable, broken = select.select([sock] if read else [], [sock] if write else [], [sock], timeout)
    return bool(readable or writable or broken)


class SocketStream:
    """One connected socket, plain or TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._early = b""

    def __repr__(self) -> str:
        return f"<SocketStream {self._sock.fileno()}>"

    @property
    def quiet(self) -> bool:
        return not self._early and is_quiet(self._sock)

    def abort(self) -> None:
        """Wake whoever reads or writes, from another thread: their next byte is the end."""
        with suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # not that of SSLSocket, which is not thread-safe

    def close(self) -> None:
        self._sock.close()

    def _limit(self, timeout: float | None) -> None:
        if timeout != self._timeout:
            self._sock.settimeout(timeout)
            self._timeout = timeout

    def read(self, timeout: float | None) -> bytes:
        """What has arrived; b"" at the end of the peer's side. Raises OSError."""
        if self._early:
            early, self._early = self._early, b""
            return early
        self._limit(timeout)
        try:
            return self._sock.recv(RECEIVE)
        except TimeoutError:
            raise TimeoutError(f"no answer within {timeout:g} seconds") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def write(self, segments: Sequence[Segment], timeout: float | None) -> bool:
        """Write all; False when the peer spoke or hung up first. Raises OSError, PixelFileChangedError."""
        for segment in segments:
            if isinstance(segment, FileSlice):
                with SliceReader(segment, memoryview(bytearray(min(SEND, segment.length)))) as reader:
                    if not all(self._push(piece, timeout) for piece in reader):
                        return False
            elif len(segment) > SEND:
                if not self._push(memoryview(segment), timeout):
                    return False
            elif not self._send(segment, timeout):
                return False
        return True

    def _send(self, data: bytes, timeout: float | None) -> bool:
        self._limit(timeout)
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise TimeoutError(f"nothing could be sent for {timeout:g} seconds") from None
        except _HUNG_UP:
            return False
        return True

    def _push(self, data: memoryview, timeout: float | None) -> bool:
        """Send a large piece with an ear for the peer."""
        self._limit(0)
        while data:
            if self._spoken():
                return False
            try:
                data = data[self._sock.send(data) :]
            except _WOULD_BLOCK:
                if not wait(self._sock, read=True, write=True, timeout=timeout):
                    raise TimeoutError(f"nothing could be sent for {timeout:g} seconds") from None
            except _HUNG_UP:
                return False
        return True

    def _spoken(self) -> bool:
        if is_quiet(self._sock):
            return False
        if not isinstance(self._sock, ssl.SSLSocket):
            return True
        try:
            self._early = self._sock.recv(RECEIVE)
        except _WOULD_BLOCK:
            return False  # TLS spoke for itself (a session ticket, say)
        except _HUNG_UP:
            pass
        return True


def connect(origin: Origin, timeout: float | None, context: ssl.SSLContext | None) -> SocketStream:
    """Connect to an origin, with TLS for https. Raises OSError."""
    try:
        sock = socket.create_connection((origin.host, origin.port), timeout)
    except TimeoutError:
        raise TimeoutError(f"no connection within {timeout:g} seconds" if timeout else "no connection") from None
    try:
        tune(sock)
        if origin.scheme == "https":
            sock = (context or shared_context()).wrap_socket(sock, server_hostname=origin.host)
    except BaseException:
        sock.close()
        raise
    return SocketStream(sock)


class _Connection:
    """A connection of the pool. While it is leased it knows its lease, its transport and its scope; an idle one knows
    none of them, so that a transport nobody uses any more can be collected with its pool.
    """

    def __init__(self, stream: SocketStream, limits: Limits, generation: int) -> None:
        self.stream = stream
        self.http = ClientConnection(limits)
        self.generation = generation
        self.used = False
        self._held: tuple[SocketTransport, PoolLease[_Connection], Scope | None] | None = None

    def lend(self, transport: "SocketTransport", lease: "PoolLease[_Connection]") -> "_Connection":
        scope = current_scope.get()
        self._held = (transport, lease, scope)
        if scope is not None:
            scope.attach(self.stream.abort)
        return self

    def release(self, reusable: bool) -> None:
        if self._held is None:
            return
        (transport, lease, scope), self._held = self._held, None
        self.used = True
        if scope is not None:
            scope.detach(self.stream.abort)
        transport.give_back(lease, self, reusable)


class SocketTransport:
    """HTTP/1.1 over sockets, with a pool of kept connections. One object serves any number of threads.

    `max_connections` is per origin; `ssl_context` is used in place of the shared one.
    """

    def __init__(
        self, *, max_connections: int = 100, limits: Limits = Limits(), ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.limits = limits
        self.generation = 0
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._pool: Pool[_Connection] = Pool(max_connections)
        self._wakers: dict[PoolLease[_Connection], threading.Event] = {}
        weakref.finalize(self, _close_idle, self._pool)

    def __repr__(self) -> str:
        return f"<SocketTransport, {self._pool!r}>"

    def send(self, request: Request) -> Response:
        return run(exchange(request), self._perform)

    def close(self) -> None:
        """Close idle connections now, those in use when they are given back."""
        with self._lock:
            self.generation += 1
            idle = self._pool.drain()
        for connection in idle:
            connection.stream.close()

    def _perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Read):
            return effect.stream.read(effect.timeout)
        if isinstance(effect, Write):
            return effect.stream.write(effect.segments, effect.timeout)
        if isinstance(effect, Lease):
            return self._lease(effect)
        raise TypeError(f"a transport does not perform {effect!r}")

    def _lease(self, wanted: Lease) -> _Connection:
        with self._lock:
            lease, expired = self._pool.acquire(wanted.origin, time.monotonic())
            waker = None
            if lease.state is LeaseState.WAITING:
                waker = self._wakers[lease] = threading.Event()
        for old in expired:
            old.stream.close()
        try:
            if waker is not None:
                self._wait(lease, waker, wanted.timeouts.pool)
            connection = lease.connection
            if connection is not None:
                if connection.stream.quiet:
                    return connection.lend(self, lease)
                connection.stream.close()
                lease.connection = None
            stream = connect(wanted.origin, wanted.timeouts.connect, self._ssl_context)
            return _Connection(stream, self.limits, self.generation).lend(self, lease)
        except BaseException:
            self._return(lease, lease.connection)
            raise

    def _wait(self, lease: PoolLease[_Connection], waker: threading.Event, timeout: float | None) -> None:
        scope = current_scope.get()
        if scope is not None:
            scope.attach(waker.set)
        try:
            waker.wait(timeout)
        finally:
            if scope is not None:
                scope.detach(waker.set)
            with self._lock:
                self._wakers.pop(lease, None)
        if scope is not None:
            scope.check()
        if lease.state is LeaseState.WAITING:
            raise TimeoutError(f"no connection became free within {timeout:g} seconds")

    def give_back(self, lease: PoolLease[_Connection], connection: _Connection, reusable: bool) -> None:
        """Free the place, then close what is not kept."""
        kept = connection if reusable and connection.generation == self.generation else None
        self._return(lease, kept)
        if kept is None:
            connection.stream.close()

    def _return(self, lease: PoolLease[_Connection], kept: _Connection | None) -> None:
        with self._lock:
            returned = self._pool.release(lease, time.monotonic(), kept)
            waker = None if returned.wake is None else self._wakers.get(returned.wake)
        if waker is not None:
            waker.set()
        if returned.close is not None:
            returned.close.stream.close()


def _close_idle(pool: Pool[_Connection]) -> None:
    for connection in pool.drain():
        connection.stream.close()

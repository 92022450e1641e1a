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

from pixel_core.effects import Clock, Effect, Lease, Read, Write
from pixel_core.exchanges import exchange
from pixel_core.http1 import ClientConnection, Limits
from pixel_core.messages import Origin, Request, Response, Segment
from pixel_core.pool import LeaseState, Pool, PoolLease
from pixel_transports.files import Outgoing
from pixel_transports.running import run
from pixel_transports.scopes import Scope, breakable, current_scope
from pixel_transports.tls import TlsSession, handshake_failure, shared_context

RECEIVE = 256 * 1024
"""What goes out at once where it can: no one listens for an answer before that."""


def tune(sock: socket.socket) -> None:
    """The options of every socket of ours: small requests leave at once, dead peers are noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def is_quiet(sock: socket.socket) -> bool:
    """Whether nothing has arrived that was not read."""
    return not wait(sock, read=True, write=False, timeout=0)


def wait(sock: socket.socket, *, read: bool, write: bool, timeout: float | None) -> bool:
    """Wait until a socket can be read from or written to; False after `timeout` seconds without either."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        return bool(poller.poll(None if timeout is None else timeout * 1000))
    readable, writable, broken = select.select([sock] if read else [], [sock] if write else [], [sock], timeout)
    return bool(readable or writable or broken)


def share(until: float | None, parts: int = 1) -> float | None:
    """What each of so many steps may take of the time that is left."""
    return None if until is None else max(0.001, until - time.monotonic()) / parts


def in_time(error: TimeoutError, what: str, timeout: float | None) -> TimeoutError:
    """The error of our limit, in words; one of the system's (it has an `errno`) speaks for itself."""
    return error if error.errno is not None else TimeoutError(f"{what} within {timeout or 0:g} seconds")


class Connected:
    """What both faces' streams are: one connected socket, plain or TLS, and how far it is with what it sends."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls: TlsSession | None = None
        self._early = b""  # what the peer said while it was being sent to
        self._outgoing = Outgoing()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._sock.fileno()}>"

    @property
    def quiet(self) -> bool:
        """Whether nothing has arrived on an idle connection: what has is its end, or what no one asked for."""
        if self._early or not is_quiet(self._sock):
            return False
        return self._tls is None or self._tls.read(1) is None

    def close(self) -> None:
        """A plain call, on either face: an idle socket is known to no event loop, and a cancelled task has let go of
        its own.
        """
        self._outgoing.close()
        self._sock.close()


class SocketStream(Connected):
    """The stream of the blocking face."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._timeout = sock.gettimeout()

    def abort(self) -> None:
        """Wake whoever connects, reads or writes, from another thread: their next byte is the end."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _limit(self, timeout: float | None) -> None:
        if timeout != self._timeout:
            self._sock.settimeout(timeout)
            self._timeout = timeout

    def secure(self, context: ssl.SSLContext, host: str, until: float | None) -> None:
        """Speak TLS from now on. Raises OSError."""
        tls = TlsSession(context, host)
        with breakable(self.abort):
            try:
                while not tls.shake_hands():
                    self._limit(share(until))
                    self._sock.sendall(tls.outgoing())
                    tls.feed(self._sock.recv(RECEIVE))
            except ssl.SSLError as error:
                raise handshake_failure(error) from None
            self._sock.sendall(tls.outgoing())
        self._tls = tls

    def read(self, timeout: float | None) -> bytes:
        """What has arrived; b"" at the end of the peer's side. Raises OSError."""
        if self._early:
            early, self._early = self._early, b""
            return early
        self._limit(timeout)
        try:
            while (data := self._receive()) is None:
                pass
        except TimeoutError as error:
            raise in_time(error, "no answer", timeout) from None
        return data

    def _receive(self) -> bytes | None:
        """What the peer says; None when it was TLS that spoke, for itself (a session ticket, say)."""
        if self._tls is None:
            return self._sock.recv(RECEIVE)
        data = self._tls.read(RECEIVE)
        if data is None:
            self._tls.feed(self._sock.recv(RECEIVE))
            data = self._tls.read(RECEIVE)
        return data

    def write(self, segments: Sequence[Segment], timeout: float | None, total: float | None = None) -> bool:
        """Write all, or (without segments) what is left; False when the peer spoke or hung up first. Raises OSError,
        PixelFileChangedError.
        """
        if segments:
            self._outgoing = Outgoing(segments)
        outgoing, listening = self._outgoing, self._outgoing.large
        until = None if total is None else time.monotonic() + total
        self._limit(0)
        while outgoing.left or self._take():
            try:
                if listening and self._spoken():
                    return False
                outgoing.left = outgoing.left[self._sock.send(outgoing.left) :]
            except BlockingIOError:
                listening = True
                if until is not None:
                    timeout = min(timeout or total or 0.0, max(0.0, until - time.monotonic()))
                if not wait(self._sock, read=True, write=True, timeout=timeout):
                    raise in_time(TimeoutError(), "nothing was taken", timeout) from None
            except ConnectionError:
                return False
        return True

    def _take(self) -> bool:
        """Take the next piece; False at the end."""
        piece = self._outgoing.take()
        self._outgoing.left = piece if self._tls is None else memoryview(self._tls.encrypted(piece))
        return bool(piece)

    def _spoken(self) -> bool:
        if is_quiet(self._sock):
            return False
        if self._tls is not None:
            data = self._receive()
            if data is None:
                return False
            self._early = data
        return True


def connect(origin: Origin, timeout: float | None, context: ssl.SSLContext | None) -> SocketStream:
    """Connect to an origin, with TLS for https. Raises OSError."""
    until = None if timeout is None else time.monotonic() + timeout
    try:
        stream = _connected(origin, until)
        try:
            if origin.scheme == "https":
                stream.secure(context or shared_context(), origin.host, until)
        except BaseException:
            stream.close()
            raise
    except TimeoutError as error:
        raise in_time(error, "no connection", timeout) from None
    return stream


def _connected(origin: Origin, until: float | None) -> SocketStream:
    """Connect to the first address of the host that answers."""
    first: OSError | None = None
    addresses = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(share(until, len(addresses) - number))
            tune(sock)
            stream = SocketStream(sock)
            with breakable(stream.abort):
                sock.connect(address)
            return stream
        except BaseException as error:
            if sock is not None:
                sock.close()
            if not isinstance(error, OSError):
                raise
            first = first or error
    raise first or OSError("it has no address")


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
        lease.connection = self
        scope = current_scope.get()
        self._held = (transport, lease, scope)
        if scope is not None:
            scope.attach(self.stream.abort)
        return self

    def release(self, reusable: bool) -> None:
        if self._held is None:
            return
        (transport, lease, scope), self._held = self._held, None
        self.used = self.used or reusable
        if scope is not None:
            scope.detach(self.stream.abort)
        transport.give_back(lease, reusable)


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
            return effect.stream.write(effect.segments, effect.timeout, effect.total)
        if isinstance(effect, Lease):
            return self._lease(effect)
        if isinstance(effect, Clock):
            return time.monotonic()
        raise TypeError(f"a transport does not perform {effect!r}")

    def _lease(self, wanted: Lease) -> _Connection:
        with self._lock:
            lease, expired = self._pool.acquire(wanted.origin, time.monotonic())
            generation = self.generation
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
            return _Connection(stream, self.limits, generation).lend(self, lease)
        except BaseException:
            self.give_back(lease, reusable=True)
            raise

    def _wait(self, lease: PoolLease[_Connection], waker: threading.Event, timeout: float | None) -> None:
        try:
            with breakable(waker.set):
                waker.wait(timeout)
        finally:
            with self._lock:
                self._wakers.pop(lease, None)
        if lease.state is LeaseState.WAITING:
            raise in_time(TimeoutError(), "no connection became free", timeout)

    def give_back(self, lease: PoolLease[_Connection], reusable: bool) -> None:
        """Free the place, then close what is not kept."""
        with self._lock:
            connection = lease.connection
            if connection is not None and connection.generation != self.generation:
                reusable = False
            returned = self._pool.release(lease, time.monotonic(), connection if reusable else None)
            waker = None if returned.wake is None else self._wakers.get(returned.wake)
        if waker is not None:
            waker.set()
        for unwanted in (None if reusable else connection, returned.close):
            if unwanted is not None:
                unwanted.stream.close()


def _close_idle(pool: Pool[_Connection]) -> None:
    for connection in pool.drain():
        connection.stream.close()

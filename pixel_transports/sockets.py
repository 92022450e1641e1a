"""The blocking transport: HTTP/1.1 over sockets, for any number of threads.

Rules kept here:

* The pool is touched under one lock, and no I/O is done under it. A place is freed before its socket is closed.
* A stream speaks of trouble with OSError; what to make of it is decided in `pixel_core.exchanges`.
* While a file is sent, the peer is listened to: one that answers or hangs up stops the sending.
* The limit of a connect is one for all of it: the look-up of the name, which the system does not limit and a thread
  of its own waits for, all addresses, a proxy's tunnel, and TLS.
* No event loop: it works in any thread, also where a loop is running.
"""

import errno
import math
import os
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeAlias

from pixel_core.addresses import ATTEMPT_DELAY, interleaved, literal
from pixel_core.effects import Clock, Effect, Lease, Read, Write
from pixel_core.exchanges import exchange
from pixel_core.http1 import ClientConnection, Limits
from pixel_core.messages import Origin, Request, Response, Segment
from pixel_core.pool import LeaseState, Pool, PoolLease
from pixel_core.proxies import Proxies, Proxy, ProxyFailure, Tunnel
from pixel_transports.files import SENDFILE, Outgoing
from pixel_transports.forks import close_after_fork, tell_after_fork
from pixel_transports.logs import connection_line
from pixel_transports.running import run
from pixel_transports.scopes import Scope, breakable, current_scope
from pixel_transports.tls import TlsOptions, TlsSession, context_of, handshake_failure, shared_context

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


def left(until: float | None) -> float | None:
    """The seconds that are left, a few at least: a step that needs none is not refused for want of them."""
    return None if until is None else max(0.001, until - time.monotonic())


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
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


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

    def wrapped(self, data: bytes) -> bytes:
        """What goes on the wire for this data."""
        return data if self._tls is None else self._tls.encrypted(data)

    def pump(self, timeout: float | None, until: float | None, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Send what is left from this thread, with an ear for the peer: False when that spoke or hung up first, or once
        `stopped` says so. The socket does not block. Raises OSError, PixelFileChangedError.
        """
        try:
            while not self._spoken():
                try:
                    if not self._push():
                        return True
                except BlockingIOError:
                    limit = timeout
                    if until is not None:
                        left_now = max(0.0, until - time.monotonic())
                        limit = left_now if timeout is None else min(timeout, left_now)
                    if not wait(self._sock, read=True, write=True, timeout=limit):
                        raise in_time(TimeoutError(), "nothing was taken", limit) from None
                if stopped():
                    break
        except ConnectionError:
            return False
        return False

    def _push(self) -> bool:
        """Send the next piece, as far as the socket takes it; False when nothing is left. Raises BlockingIOError."""
        outgoing = self._outgoing
        if not outgoing.left:
            if SENDFILE and self._tls is None and outgoing.send_file(self._sock):
                return True
            piece = outgoing.take()
            if not piece:
                return False
            outgoing.left = piece if self._tls is None else memoryview(self._tls.encrypted(piece))
        outgoing.left = outgoing.left[self._sock.send(outgoing.left) :]
        return True

    def _spoken(self) -> bool:
        """Whether the peer said something while it was being sent to, which is kept for the next read."""
        if is_quiet(self._sock):
            return False
        if self._tls is not None:
            data = self._tls.read(RECEIVE)
            if data is None:
                self._tls.feed(self._sock.recv(RECEIVE))
                data = self._tls.read(RECEIVE)
            if data is None:
                return False
            self._early = data
        return True

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
        """Speak TLS from now on, inside the TLS of a proxy if that is spoken. Raises OSError."""
        tls = TlsSession(context, host, self._tls)
        with breakable(self.abort):
            try:
                while not tls.shake_hands():
                    self._limit(left(until))
                    self._sock.sendall(tls.outgoing())
                    tls.feed(self._sock.recv(RECEIVE))
            except ssl.SSLError as error:
                raise handshake_failure(error) from None
            self._sock.sendall(tls.outgoing())
        self._tls = tls

    def tunnel(self, machine: Tunnel, until: float | None) -> None:
        """Have the proxy at the other end lead on to an origin. Raises OSError."""
        with breakable(self.abort):
            self._limit(left(until))
            self._sock.sendall(self.wrapped(machine.start()))
            opened = False
            while not opened:
                self._limit(left(until))
                data = self._receive()
                opened = data is not None and machine.receive(data)

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
        self._limit(0)
        if not self._outgoing.large:
            try:
                while self._push():
                    pass
                return True
            except BlockingIOError:
                pass  # It takes a while: with an ear for the peer, then.
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
        addresses = _looked_up(resolve, peer, until)
    stream = SocketStream(_Race(in_order(addresses)).run(until))
    try:
        if peer.scheme == "https":
            stream.secure(context or shared_context(), peer.host, until)
    except BaseException:
        stream.close()
        raise
    return stream


def _looked_up(resolve: Resolver, peer: Origin, until: float | None) -> Sequence[Address]:
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

    with breakable(done.set):
        threading.Thread(target=look, name=f"look up {peer.host}", daemon=True).start()
        if not done.wait(left(until)):
            raise TimeoutError
    if failed:
        raise failed[0]
    return found[0]


class _Race:
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
            with breakable(self._stop):
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
        self._held: tuple[SocketTransport, PoolLease[_Connection], Scope | None] | None = None

    def lend(self, transport: "SocketTransport", lease: "PoolLease[_Connection]") -> "_Connection":
        lease.connection, self._origin = self, lease.origin
        scope = current_scope.get()
        self._held = (transport, lease, scope)
        if scope is not None:
            scope.attach(self.stream.abort)
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
            scope.detach(self.stream.abort)
        transport.give_back(lease, reusable)


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
        self.generation = 0
        self._proxies = proxies
        self._tls = tls
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        self._resolve = resolve
        self._max_connections = max_connections
        self.after_fork()
        tell_after_fork(self)

    def after_fork(self) -> None:
        """There are no connections at first, nor in a forked process."""
        self._lock = threading.Lock()
        self._pool: Pool[_Connection] = Pool(self._max_connections)
        self._wakers: dict[PoolLease[_Connection], threading.Event] = {}
        weakref.finalize(self, _close_idle, self._pool)

    def __repr__(self) -> str:
        return f"<SocketTransport, {self._pool!r}>"

    def send(self, request: Request) -> Response:
        """Perform one exchange. Raises what `pixel_core.exchanges.exchange` does; OSError and ValueError for files of
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
            lease, expired = self._pool.acquire(wanted.origin, time.monotonic())
            generation = self.generation
            waker = None
            if lease.state is LeaseState.WAITING:
                waker = self._wakers[lease] = threading.Event()
        for old in expired:
            old.close()
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
                unwanted.close()


def _close_idle(pool: Pool[_Connection]) -> None:
    for connection in pool.drain():
        connection.stream.close()

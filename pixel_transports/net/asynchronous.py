"""The async transport: HTTP/1.1 over sockets, under asyncio and trio, for one event loop after another.

Rules kept here:

* Connections belong to the loop that opened them. Each loop has a pool of its own; that of a loop that is gone is
  dropped without a word, since idle connections are plain sockets that no loop knows.
* The loop is never blocked: sockets do not block; names are looked up, files are read and the trust store is loaded in
  worker threads.
* A stream speaks of trouble with OSError; what to make of it is decided in `pixel_core.http.exchange`.
* A cancelled exchange frees its place by a plain call and closes its socket, without waiting for anything.
"""

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext, suppress
from typing import Any, TypeAlias

import anyio
import anyio.to_thread

from pixel_core.effects import Clock, Effect, Lease, Read, Write
from pixel_core.http.addresses import ATTEMPT_DELAY
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits
from pixel_core.http.exchange import exchange
from pixel_core.http.pool import LeaseState, Pool, PoolLease
from pixel_core.http.proxies import Proxies, Proxy, Tunnel
from pixel_core.messages import Origin, Request, Response, Segment
from pixel_transports.net import connecting as dialing
from pixel_transports.net.connecting import Address, begin, in_order, literal_addresses, outcome, reaching, waited_for
from pixel_transports.net.readiness import ear_for
from pixel_transports.net.streams import LARGE, Connected, in_time
from pixel_transports.net.tls import TlsOptions, TlsSession, context_of, handshake_failure, shared_context
from pixel_transports.observability.logs import connection_line
from pixel_transports.runtime.per_loop import PerLoop
from pixel_transports.runtime.running import run_async


class LoopStream(Connected):
    """The stream of an event loop."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._ear = ear_for(sock)
        self._lock = threading.Lock()
        self._pumping = self._closed = False

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from now on, inside the TLS of a proxy if that is spoken. Raises OSError."""
        tls = TlsSession(context, host, self._tls)
        try:
            while not tls.shake_hands():
                await self._put(tls.outgoing())
                tls.feed(await self._take(None))
        except ssl.SSLError as error:
            raise handshake_failure(error) from None
        await self._put(tls.outgoing())
        self._tls = tls

    async def tunnel(self, machine: Tunnel) -> None:
        """Have the proxy at the other end lead on to an origin. Raises OSError."""
        await self._put(self.wrapped(machine.start()))
        while not machine.receive(await self._receive(None)):
            pass

    async def read(self, timeout: float | None) -> bytes:
        """What has arrived; b"" at the end of the peer's side. Raises OSError."""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            return await self._receive(timeout)
        except TimeoutError as error:
            raise in_time(error, "no answer", timeout) from None

    async def _receive(self, timeout: float | None) -> bytes:
        if self._tls is None:
            return await self._take(timeout)
        while (data := self._tls.read(LARGE)) is None:
            self._tls.feed(await self._take(timeout))
        return data

    async def _take(self, timeout: float | None) -> bytes:
        if not self._all_read:
            with suppress(BlockingIOError):
                return self._recv()
        return await self._ear.hear(self._recv, timeout)

    async def _put(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)

    def write(
        self, segments: Sequence[Segment], timeout: float | None, total: float | None = None
    ) -> bool | Coroutine[Any, Any, bool]:
        """Write all, or (without segments) what is left; False when the peer spoke or hung up first. What takes a while
        is to be awaited. Raises OSError, PixelFileChangedError.
        """
        try:
            if self._sent_at_once(segments):
                return True
        except ConnectionError:
            return False
        return self._write_on(timeout, total)

    async def _write_on(self, timeout: float | None, total: float | None) -> bool:
        self._ear.forget()
        with anyio.move_on_after(total):
            return await anyio.to_thread.run_sync(self._pump_and_let_go, timeout, abandon_on_cancel=True)
        raise in_time(TimeoutError(), "nothing was taken", total)

    def _pump_and_let_go(self, timeout: float | None) -> bool:
        """Send what is left, in a worker thread: there is more to a file than a loop should wait for. A stream that was
        closed meanwhile, since its task was cancelled, lets go of its socket at the end of this; one that was closed
        before the thread got to it has done so.
        """
        with self._lock:
            if self._closed:
                return False
            self._pumping = True
        try:
            return self.pump(timeout, None, lambda: self._closed)
        finally:
            with self._lock:
                self._pumping = False
                if self._closed:
                    self._let_go()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if not self._pumping:
                self._let_go()
                return
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that sends

    def _let_go(self) -> None:
        self._outgoing.close()
        self._ear.close()


AsyncResolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Looks up the addresses of a host and port, in the event loop. Raises OSError."""


async def look_up(host: str, port: int) -> Sequence[Address]:
    """What the system knows of a name, asked in a worker thread, which is left behind where it takes too long. Raises
    OSError.
    """
    return await anyio.to_thread.run_sync(dialing.look_up, host, port, abandon_on_cancel=True)


async def connect(
    origin: Origin,
    timeout: float | None,
    context: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
    resolve: AsyncResolver = look_up,
) -> LoopStream:
    """Connect to an origin, with TLS for https, or to a proxy that leads there. Raises OSError."""
    try:
        with anyio.fail_after(timeout):
            with nullcontext() if proxy is None else reaching(proxy):
                stream = await _secured(origin if proxy is None else proxy.origin, context, resolve)
            if proxy is not None and origin.scheme == "https":
                try:
                    await stream.tunnel(Tunnel(proxy, origin))
                    await stream.secure(await _or_shared(context), origin.host)
                except BaseException:
                    stream.close()
                    raise
            return stream
    except TimeoutError as error:
        raise in_time(error, waited_for(proxy), timeout) from None


async def _or_shared(context: ssl.SSLContext | None) -> ssl.SSLContext:
    return await anyio.to_thread.run_sync(shared_context) if context is None else context


async def _secured(peer: Origin, context: ssl.SSLContext | None, resolve: AsyncResolver) -> LoopStream:
    """A stream to an origin or a proxy, with TLS where that is spoken."""
    addresses = literal_addresses(peer.host, peer.port)
    if addresses is None:
        addresses = await resolve(peer.host, peer.port)
    stream = LoopStream(await _raced(in_order(addresses)))
    try:
        if peer.scheme == "https":
            await stream.secure(await _or_shared(context), peer.host)
    except BaseException:
        stream.close()
        raise
    return stream


async def _raced(addresses: Sequence[Address]) -> socket.socket:
    """The first to connect of the attempts to reach these addresses (RFC 8305, section 5). Raises OSError."""
    if len(addresses) == 1:
        return await _reach(addresses[0])
    winners: list[socket.socket] = []
    failures: list[OSError] = []
    try:
        async with anyio.create_task_group() as group:

            async def attempt(address: Address, failed: anyio.Event) -> None:
                try:
                    winners.append(await _reach(address))
                    group.cancel_scope.cancel()
                except OSError as error:
                    failures.append(error)
                    failed.set()

            for number, address in enumerate(addresses):
                failed = anyio.Event()
                group.start_soon(attempt, address, failed)
                with anyio.move_on_after(ATTEMPT_DELAY if number + 1 < len(addresses) else None):
                    await failed.wait()
    except BaseException:
        for sock in winners:
            sock.close()
        raise
    for sock in winners[1:]:
        sock.close()
    if not winners:
        raise failures[0]
    return winners[0]


async def _reach(address: Address) -> socket.socket:
    """A socket that is connected to an address. Raises OSError."""
    sock = begin(address)
    try:
        await anyio.wait_writable(sock)
        failure = outcome(sock)
        if failure is not None:
            raise failure
    except BaseException:
        sock.close()
        raise
    return sock


class _Connection:
    """A connection of a loop's pool, and the lease that holds it at present."""

    def __init__(self, stream: LoopStream, limits: Limits, via: Proxy | None) -> None:
        self.stream = stream
        self.http = ClientConnection(limits, via)
        self.used = False
        self._origin: Origin | None = None
        self._held: tuple[_LoopPool, PoolLease[_Connection]] | None = None

    def lend(self, pool: "_LoopPool", lease: "PoolLease[_Connection]") -> "_Connection":
        # A lease and its connection are no cycle: what is lost hold of is gone at once.
        lease.connection, self._origin = None, lease.origin
        self._held = (pool, lease)
        return self

    def close(self) -> None:
        self.stream.close()
        connection_line("closed", self._origin)

    def release(self, reusable: bool) -> None:
        if self._held is None:
            return
        (pool, lease), self._held = self._held, None
        self.used = self.used or reusable
        pool.give_back(lease, self, reusable)


def _used_again(pool: "_LoopPool", lease: "PoolLease[_Connection]") -> _Connection | None:
    """The connection that came with a lease, lent where it can serve again, and closed where it cannot. It is looked at
    once, since a look may take what it finds.
    """
    connection, lease.connection = lease.connection, None
    if connection is None:
        return None
    if connection.stream.quiet:
        connection_line("used again", lease.origin)
        return connection.lend(pool, lease)
    connection.close()
    return None


class _LoopPool:
    """The connections of one event loop."""

    def __init__(self, max_connections: int) -> None:
        self.pool: Pool[_Connection] = Pool(max_connections)
        self.wakers: dict[PoolLease[_Connection], anyio.Event] = {}
        self.open = True

    def give_back(self, lease: PoolLease[_Connection], connection: _Connection | None, reusable: bool) -> None:
        """Free the place, then close what is not kept."""
        reusable = reusable and self.open
        returned = self.pool.release(lease, time.monotonic(), connection if reusable else None)
        if returned.wake is not None:
            self.wakers.pop(returned.wake).set()
        for unwanted in (None if reusable else connection, returned.close):
            if unwanted is not None:
                unwanted.close()

    def close(self) -> None:
        """Close idle connections now, those in use when they are given back."""
        self.open = False
        for connection in self.pool.drain():
            connection.stream.close()


class AnyioTransport:
    """HTTP/1.1 over sockets under asyncio or trio, with a pool of kept connections for each event loop. One object
    serves any number of loops, in turn or at once in threads of their own.

    `max_connections` is per origin and loop. `proxies` tell which origin is reached through which proxy. `tls` takes
    the place of the system's trust store; its files are read, in a worker thread, when the first request is sent.
    `resolve` takes the place of the system's look-up of names; it is not called for hosts that are addresses.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        limits: Limits = Limits(),
        proxies: Proxies = Proxies(),
        tls: TlsOptions | ssl.SSLContext | None = None,
        resolve: AsyncResolver = look_up,
    ) -> None:
        self._limits = limits
        self._proxies = proxies
        self._tls = tls
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        self._resolve = resolve
        self._pools = PerLoop(lambda: _LoopPool(max_connections), _LoopPool.close)
        weakref.finalize(self, _close_all, self._pools)

    def __repr__(self) -> str:
        pools = ", ".join(repr(each.pool) for each in self._pools.all())
        return f"<AnyioTransport, {pools or 'no event loop'}>"

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises what `pixel_core.http.exchange.exchange` does; OSError and ValueError for files of
        the TLS options that cannot be used.
        """
        if self._context is None and self._tls is not None:
            self._context = await anyio.to_thread.run_sync(context_of, self._tls)
        return await run_async(exchange(request), self._perform)

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

    async def aclose(self) -> None:
        """Close the idle connections of this loop now, and those in use when they are given back."""
        self._pools.discard()

    def _lease(self, wanted: Lease) -> _Connection | Coroutine[Any, Any, _Connection]:
        """A connection, or what comes to one."""
        pool = self._pools.get()
        for other in pool.pool.reclaim(wanted.origin):
            pool.wakers.pop(other).set()
        lease, expired = pool.pool.acquire(wanted.origin, time.monotonic())
        for old in expired:
            old.close()
        return _used_again(pool, lease) or self._lease_in_time(pool, lease, wanted)

    async def _lease_in_time(self, pool: _LoopPool, lease: PoolLease[_Connection], wanted: Lease) -> _Connection:
        try:
            if lease.state is LeaseState.WAITING:
                await self._wait(pool, lease, wanted.timeouts.pool)
                kept = _used_again(pool, lease)
                if kept is not None:
                    return kept
            proxy = self._proxies.for_origin(wanted.origin)
            stream = await connect(wanted.origin, wanted.timeouts.connect, self._context, proxy, self._resolve)
            via = proxy if wanted.origin.scheme == "http" else None
            connection_line("opened", wanted.origin)
            return _Connection(stream, self._limits, via).lend(pool, lease)
        except BaseException:
            pool.give_back(lease, lease.connection, reusable=True)
            raise

    async def _wait(self, pool: _LoopPool, lease: PoolLease[_Connection], timeout: float | None) -> None:
        event = pool.wakers[lease] = anyio.Event()
        try:
            with anyio.move_on_after(timeout):
                await event.wait()
        finally:
            pool.wakers.pop(lease, None)
        if lease.state is LeaseState.WAITING:
            raise in_time(TimeoutError(), "no connection became free", timeout)


def _close_all(pools: PerLoop[_LoopPool]) -> None:
    for pool in pools.all():
        pool.close()

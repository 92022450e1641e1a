"""The async network: HTTP/1.1 over sockets, under asyncio and trio, for one event loop after another.

Rules kept here:

* It performs effects and holds no rule: leasing, time limits and retries are the core's.
* Connections belong to the event loop that opened them. Each loop has a pool of its own; that of a loop that has ended
  is dropped, since idle connections are plain sockets that no loop knows.
* The loop is never blocked: sockets do not block; names are looked up, files are read and trust stores are loaded in
  worker threads.
* A cancelled exchange frees its slot and closes its socket by plain calls, without waiting.
"""

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from pixel_core.effects import Clock, Effect
from pixel_core.http import effects
from pixel_core.http.decoding import Limits
from pixel_core.http.exchange import exchange
from pixel_core.http.leasing import Leasing
from pixel_core.http.pool import LeaseState, Pool
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Request, Response
from pixel_transports.net import connecting
from pixel_transports.net.connecting import Address, connect_error, numeric_addresses, start_connecting, start_look_up
from pixel_transports.net.readiness import readiness_of
from pixel_transports.net.streams import SocketStream
from pixel_transports.net.tls import TlsOptions, TlsSession, context_of
from pixel_transports.observability.logs import connection_line
from pixel_transports.runtime.per_loop import PerLoop
from pixel_transports.runtime.running import run_async


class AsyncStream(SocketStream):
    """A stream whose reads and writes wait in an event loop."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._readiness = readiness_of(sock)
        self._lock = threading.Lock()
        self._sending = self._closed = False

    async def read(self, timeout: float | None) -> bytes:
        """Read what has arrived; b"" at the end. Raises OSError; TimeoutError when `timeout` seconds are over."""
        data = self.take_early() or self.pending()
        limit, start = timeout, time.monotonic()
        try:
            while data is None:
                data = self.decrypt(await self._recv(limit))
                if data is None:  # TLS records without data do not extend the limit, nor block the loop
                    await anyio.lowlevel.checkpoint()
                    if timeout is not None and (limit := start + timeout - time.monotonic()) <= 0:
                        raise TimeoutError
        except TimeoutError as error:
            raise (effects.timed_out("no answer", timeout) if error.errno is None else error) from None
        return data

    async def _recv(self, timeout: float | None) -> bytes:
        if not self.drained:
            with suppress(BlockingIOError):
                return self.recv()
        if self.has_replies:
            await self._send_replies(timeout)
        return await self._readiness.wait_readable(self.recv, timeout)

    async def _send_replies(self, timeout: float | None) -> None:
        with anyio.fail_after(timeout):
            while self.has_replies:
                await anyio.wait_writable(self.sock)
                self.send_replies()

    def write(self, effect: effects.Write) -> bool | Coroutine[Any, Any, bool]:
        """Write all, or (without segments) what is left; False when the peer sent or closed first. Returns a coroutine
        where that takes a while. Raises OSError, PixelFileChangedError.
        """
        try:
            return True if self.send_now(effect.segments) else self._write_in_thread(effect.timeout, effect.total)
        except ConnectionError:
            return False

    async def _write_in_thread(self, timeout: float | None, total: float | None) -> bool:
        self._readiness.unregister()
        with anyio.move_on_after(total):
            return await anyio.to_thread.run_sync(self._send_all, timeout, abandon_on_cancel=True)
        raise effects.timed_out("nothing was taken", total)

    def _send_all(self, timeout: float | None) -> bool:
        """Send what is left, in a worker thread: a file takes too long for the loop. A stream that was closed
        meanwhile, since its task was cancelled, closes its socket at the end of this; one closed before already has.
        """
        with self._lock:
            if self._closed:
                return False
            self._sending = True
        try:
            return self.send_all(timeout, None, lambda: self._closed)
        finally:
            with self._lock:
                self._sending = False
                if self._closed:
                    self._close_socket()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if not self._sending:
                self._close_socket()
                return
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that sends

    def _close_socket(self) -> None:
        self._outgoing.close()
        self._readiness.close()


AsyncResolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Looks up the addresses of a host and port, in the event loop. Raises OSError."""


async def look_up(host: str, port: int, resolver: connecting.Resolver = connecting.look_up) -> Sequence[Address]:
    """Look up a name by a blocking resolver, the system's by default, in a daemon thread that is abandoned on
    cancellation: a worker thread of anyio would keep the program from ending. Raises OSError.
    """
    token, event = anyio.lowlevel.current_token(), anyio.Event()

    def done() -> None:
        with suppress(RuntimeError):  # the loop has ended
            anyio.from_thread.run_sync(event.set, token=token)

    result = start_look_up(resolver, host, port, done)
    await event.wait()
    return result()


class AnyioTransport:
    """HTTP/1.1 over sockets under asyncio or trio, with a pool of kept connections for each event loop. One object
    serves any number of loops, in turn or at once in threads of their own.

    `max_connections` is per origin and loop. `proxies` maps origins to proxies. `tls`
    replaces the system's trust store; its files are read, in a worker thread, when the first request is sent.
    `resolve` replaces the system's look-up of names; it is not called for hosts that are addresses.
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
        self._tls = tls
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        self._resolver = resolve
        self._leasings = PerLoop(lambda: Leasing(Pool(max_connections), proxies, limits, connection_line), _close_idle)
        weakref.finalize(self, _close_all, self._leasings)

    def __repr__(self) -> str:
        pools = ", ".join(repr(each.pool) for each in self._leasings.all())
        return f"<AnyioTransport, {pools or 'no event loop'}>"

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises what `pixel_core.exchange` does; OSError and ValueError for files of the TLS
        options that cannot be used.
        """
        if self._context is None and self._tls is not None:
            self._context = await anyio.to_thread.run_sync(context_of, self._tls)
        return await run_async(exchange(request, self._leasings.get()), self._perform)

    async def aclose(self) -> None:
        """Close the idle connections of this loop now, and those in use when they are released."""
        leasing = self._leasings.pop()
        if leasing is not None:
            leasing.close()

    def _perform(self, effect: Effect[Any]) -> Any:
        return _PERFORMERS[type(effect)](self, effect)

    async def _resolve(self, effect: effects.Resolve) -> Sequence[Address]:
        if effect.numeric:
            return numeric_addresses(effect.host, effect.port)
        with anyio.fail_after(effect.timeout):
            return await self._resolver(effect.host, effect.port)

    async def _start_tls(self, effect: effects.StartTls) -> TlsSession:
        context = None if effect.proxy else self._context
        if context is None:
            context = await anyio.to_thread.run_sync(context_of, self._tls, effect.proxy)
        return TlsSession(context, effect.host)


async def _wait_for_slot(transport: AnyioTransport, effect: effects.WaitForSlot) -> None:
    event = anyio.Event()
    effect.lease.notify = event.set
    if effect.lease.state is LeaseState.WAITING:
        with anyio.move_on_after(effect.timeout):
            await event.wait()


async def _wait_connected(transport: AnyioTransport, effect: effects.WaitConnected) -> list[effects.ConnectResult]:
    streams: Any = effect.streams
    ready: list[Any] = []
    with anyio.move_on_after(effect.timeout):
        if len(streams) == 1:
            await anyio.wait_writable(streams[0].sock)
            ready.append(streams[0])
        else:
            async with anyio.create_task_group() as group:

                async def wait(stream: AsyncStream) -> None:
                    await anyio.wait_writable(stream.sock)
                    ready.append(stream)
                    group.cancel_scope.cancel()

                for stream in streams:
                    group.start_soon(wait, stream)
    return [effects.ConnectResult(each, connect_error(each.sock)) for each in ready]


_PERFORMERS: dict[type[Effect[Any]], Callable[[AnyioTransport, Any], Any]] = {
    effects.Read: lambda transport, effect: effect.stream.read(effect.timeout),
    effects.Write: lambda transport, effect: effect.stream.write(effect),
    Clock: lambda transport, effect: time.monotonic(),
    effects.IsIdle: lambda transport, effect: effect.stream.is_idle,
    effects.WaitForSlot: _wait_for_slot,
    effects.Resolve: AnyioTransport._resolve,
    effects.Connect: lambda transport, effect: AsyncStream(start_connecting(effect.address)),
    effects.WaitConnected: _wait_connected,
    effects.StartTls: AnyioTransport._start_tls,
}


def _close_idle(leasing: Leasing) -> None:
    for connection in leasing.pool.close():
        connection.stream.close()


def _close_all(leasings: PerLoop[Leasing]) -> None:
    for leasing in leasings.all():
        _close_idle(leasing)

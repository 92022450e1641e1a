"""The async transport: HTTP/1.1 over sockets, under asyncio and trio, for one event loop after another.

Rules kept here:

* Connections belong to the loop that opened them. Each loop has a pool of its own; that of a loop that is gone is
  dropped without a word, since idle connections are plain sockets that no loop knows.
* The loop is never blocked: sockets do not block, names are looked up and files are read in worker threads.
* A stream speaks of trouble with OSError; what to make of it is decided in `pixel_core.exchanges`.
* A cancelled exchange frees its place by a plain call and closes its socket, without waiting for anything.
"""

import errno
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from pixel_core.effects import Effect, Lease, Read, Write
from pixel_core.exchanges import exchange
from pixel_core.http1 import ClientConnection, Limits
from pixel_core.messages import FileSlice, Origin, Request, Response, Segment
from pixel_core.pool import LeaseState, Pool, PoolLease
from pixel_transports.files import SliceReader
from pixel_transports.running import run_async
from pixel_transports.sockets import RECEIVE, SEND, is_quiet, tune
from pixel_transports.tls import shared_context

T = TypeVar("T")


class PerLoop(Generic[T]):
    """A value for each event loop, made at its first use there; `drop` is called on those of loops that are gone."""

    def __init__(self, make: Callable[[], T], drop: Callable[[T], None]) -> None:
        self._make = make
        self._drop = drop
        self._lock = threading.Lock()
        self._values: weakref.WeakKeyDictionary[Any, T] = weakref.WeakKeyDictionary()

    def get(self) -> T:
        """The value of the loop that is running."""
        loop = anyio.lowlevel.current_token().native_token
        value = self._values.get(loop)
        if value is None:
            value = self._make()
            with self._lock:
                gone = [each for each in self._values if getattr(each, "is_closed", bool)()]
                dead = [self._values.pop(each) for each in gone]
                self._values[loop] = value
            weakref.finalize(loop, self._drop, value)
            for each in dead:
                self._drop(each)
        return value

    def forget(self) -> None:
        """Drop the value of this loop; the next use makes another."""
        with self._lock:
            value = self._values.pop(anyio.lowlevel.current_token().native_token, None)
        if value is not None:
            self._drop(value)

    def all(self) -> list[T]:
        with self._lock:
            return list(self._values.values())


class _RawStream(ByteStream):
    """A socket as the byte stream that TLS runs over. Trouble is OSError, the peer's end EndOfStream."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._full = False

    async def receive(self, max_bytes: int = RECEIVE) -> bytes:
        data = await self.receive_or_end(max_bytes)
        if not data:
            raise anyio.EndOfStream
        return data

    async def receive_or_end(self, max_bytes: int) -> bytes:
        """What has arrived. After a read that filled its buffer there is likely to be more, so no wait comes first."""
        while True:
            if not self._full:
                await anyio.wait_readable(self.sock)
            try:
                data = self.sock.recv(max_bytes)
            except BlockingIOError:
                self._full = False
                continue
            self._full = len(data) == max_bytes
            return data

    async def send(self, item: bytes | memoryview) -> None:
        view = memoryview(item)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self.sock)

    async def send_eof(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        self.sock.close()


class LoopStream:
    """One connected socket of an event loop, plain or TLS."""

    def __init__(self, raw: _RawStream, tls: TLSStream | None = None) -> None:
        self._raw = raw
        self._tls = tls
        self._early = b""

    def __repr__(self) -> str:
        return f"<LoopStream {self._raw.sock.fileno()}>"

    @property
    def quiet(self) -> bool:
        return not self._early and is_quiet(self._raw.sock)

    def close(self) -> None:
        """A plain call: an idle socket is known to no loop, and a cancelled task has let go of its own."""
        self._raw.sock.close()

    async def read(self, timeout: float | None) -> bytes:
        """What has arrived; b"" at the end of the peer's side. Raises OSError."""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            with anyio.fail_after(timeout):
                return await self._receive()
        except TimeoutError:
            raise TimeoutError(f"no answer within {timeout:g} seconds") from None

    async def _receive(self) -> bytes:
        if self._tls is None:
            return await self._raw.receive_or_end(RECEIVE)
        try:
            return await self._tls.receive(RECEIVE)
        except anyio.EndOfStream:
            return b""
        except anyio.BrokenResourceError as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error.__cause__ or "the TLS connection broke")) from error

    async def write(self, segments: Sequence[Segment], timeout: float | None) -> bool:
        """Write all; False when the peer spoke or hung up first. Raises OSError, PixelFileChangedError."""
        if all(isinstance(segment, bytes) and len(segment) <= SEND for segment in segments):
            return await self._write(segments, timeout)
        complete, failure = False, None
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen, group.cancel_scope)
            try:
                complete = await self._write(segments, timeout)
            except Exception as error:
                failure = error  # raised below, outside the group, which would wrap it
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return complete

    async def _listen(self, writing: anyio.CancelScope) -> None:
        """Hear what the peer says while it is being sent to, and stop the sending then."""
        with suppress(OSError):
            self._early = await self._receive()
        writing.cancel()

    async def _write(self, segments: Sequence[Segment], timeout: float | None) -> bool:
        try:
            for segment in segments:
                if isinstance(segment, FileSlice):
                    await self._write_file(segment, timeout)
                else:
                    await self._send(segment, timeout)
        except (ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return False
        return True

    async def _write_file(self, piece: FileSlice, timeout: float | None) -> None:
        with SliceReader(piece, memoryview(bytearray(min(SEND * 4, piece.length)))) as reader:
            while chunk := await anyio.to_thread.run_sync(reader.read):
                await self._send(chunk, timeout)

    async def _send(self, data: bytes | memoryview, timeout: float | None) -> None:
        if self._tls is None:
            with suppress(BlockingIOError):
                data = memoryview(data)[self._raw.sock.send(data) :]
            if not data:
                return
        try:
            with anyio.fail_after(timeout):
                await (self._raw.send(data) if self._tls is None else self._tls.send(bytes(data)))
        except TimeoutError:
            raise TimeoutError(f"nothing could be sent for {timeout:g} seconds") from None


async def connect(origin: Origin, timeout: float | None, context: ssl.SSLContext | None) -> LoopStream:
    """Connect to an origin, with TLS for https. Raises OSError."""
    try:
        with anyio.fail_after(timeout):
            raw = _RawStream(await _connected(origin))
            try:
                if origin.scheme != "https":
                    return LoopStream(raw)
                tls = await TLSStream.wrap(
                    raw,
                    hostname=origin.host,
                    ssl_context=context or shared_context(),
                    server_side=False,
                    standard_compatible=False,
                )
                return LoopStream(raw, tls)
            except (anyio.BrokenResourceError, anyio.EndOfStream) as error:
                raw.sock.close()
                raise ConnectionResetError(errno.ECONNRESET, "the TLS handshake was broken off") from error
            except BaseException:
                raw.sock.close()
                raise
    except TimeoutError as error:
        if error.errno is not None:
            raise
        raise TimeoutError(f"no connection within {timeout:g} seconds") from None


async def _connected(origin: Origin) -> socket.socket:
    """A socket connected to the first address of the host that answers."""
    first: OSError | None = None
    addresses = await anyio.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            tune(sock)
            code = sock.connect_ex(address)
            if code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                await anyio.wait_writable(sock)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return sock
        except BaseException:
            sock.close()
            raise
        sock.close()
        first = first or OSError(code, os.strerror(code))
    raise first or OSError(f"{origin.host} has no address")


class _Connection:
    """A connection of a loop's pool, and the lease that holds it at present."""

    def __init__(self, stream: LoopStream, limits: Limits) -> None:
        self.stream = stream
        self.http = ClientConnection(limits)
        self.used = False
        self._held: tuple[_LoopPool, PoolLease[_Connection]] | None = None

    def lend(self, pool: "_LoopPool", lease: "PoolLease[_Connection]") -> "_Connection":
        self._held = (pool, lease)
        return self

    def release(self, reusable: bool) -> None:
        if self._held is None:
            return
        (pool, lease), self._held = self._held, None
        self.used = True
        pool.give_back(lease, self, reusable)


class _LoopPool:
    """The connections of one event loop."""

    def __init__(self, max_connections: int) -> None:
        self.pool: Pool[_Connection] = Pool(max_connections)
        self.wakers: dict[PoolLease[_Connection], anyio.Event] = {}
        self.open = True

    def give_back(self, lease: PoolLease[_Connection], connection: _Connection | None, reusable: bool) -> None:
        """Free the place, then close what is not kept."""
        kept = connection if reusable and self.open else None
        returned = self.pool.release(lease, time.monotonic(), kept)
        if returned.wake is not None:
            self.wakers.pop(returned.wake).set()
        if connection is not None and kept is None:
            connection.stream.close()
        if returned.close is not None:
            returned.close.stream.close()

    def close(self) -> None:
        """Close idle connections now, those in use when they are given back."""
        self.open = False
        for connection in self.pool.drain():
            connection.stream.close()


class AnyioTransport:
    """HTTP/1.1 over sockets under asyncio or trio, with a pool of kept connections for each event loop. One object
    serves any number of loops, in turn or at once in threads of their own.

    `max_connections` is per origin and loop; `ssl_context` is used in place of the shared one.
    """

    def __init__(
        self, *, max_connections: int = 100, limits: Limits = Limits(), ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._limits = limits
        self._ssl_context = ssl_context
        self._pools = PerLoop(lambda: _LoopPool(max_connections), _LoopPool.close)
        weakref.finalize(self, _close_all, self._pools)

    def __repr__(self) -> str:
        return f"<AnyioTransport, {len(self._pools.all())} event loops>"

    async def send(self, request: Request) -> Response:
        pool = self._pools.get()

        async def perform(effect: Effect[Any]) -> Any:
            if isinstance(effect, Read):
                return await effect.stream.read(effect.timeout)
            if isinstance(effect, Write):
                return await effect.stream.write(effect.segments, effect.timeout)
            if isinstance(effect, Lease):
                return await self._lease(pool, effect)
            raise TypeError(f"a transport does not perform {effect!r}")

        return await run_async(exchange(request), perform)

    async def aclose(self) -> None:
        """Close the idle connections of this loop now, and those in use when they are given back."""
        self._pools.forget()

    async def _lease(self, pool: _LoopPool, wanted: Lease) -> _Connection:
        lease, expired = pool.pool.acquire(wanted.origin, time.monotonic())
        for old in expired:
            old.stream.close()
        try:
            if lease.state is LeaseState.WAITING:
                await self._wait(pool, lease, wanted.timeouts.pool)
            connection = lease.connection
            if connection is not None:
                if connection.stream.quiet:
                    return connection.lend(pool, lease)
                connection.stream.close()
                lease.connection = None
            stream = await connect(wanted.origin, wanted.timeouts.connect, self._ssl_context)
            return _Connection(stream, self._limits).lend(pool, lease)
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
            raise TimeoutError(f"no connection became free within {timeout:g} seconds")


def _close_all(pools: PerLoop[_LoopPool]) -> None:
    for pool in pools.all():
        pool.close()

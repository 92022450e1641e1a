"""The scripted peers of the kit, with all that they received, and one way to call the blocking and the async transport.

Rules kept here:

* A script is a list of steps for one connection.
* A `Face` is a transport called from the thread of a test. The async one runs in an event loop of its own.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias, cast

import trustme
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.testing.checks import peers

OK, PATIENCE = peers.OK, peers.PATIENCE

LARGE = 64 * 1024 * 1024
"""More bytes than the buffers of a socket hold."""

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"


class ScriptedConnection(peers.ScriptedConnection):
    """One connection, as the peer sees it, with all that it received."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        super().__init__(sock, over)
        self.received = bytearray()
        self.data_arrived = threading.Event()
        self.ended = threading.Event()

    def _more(self) -> bytes:
        data = super()._more()
        self.received += data
        self.data_arrived.set()
        return data

    @property
    def left(self) -> int:
        """The number of bytes that were received, and that no step has taken."""
        return len(self._buffer)


Step: TypeAlias = Callable[[ScriptedConnection], object]

read_head: Step = ScriptedConnection.head
read_request: Step = ScriptedConnection.request
read_to_end: Step = ScriptedConnection.to_end
reset: Step = ScriptedConnection.reset


def send(data: bytes) -> Step:
    return lambda connection: connection.send(data)


def wait(event: threading.Event) -> Step:
    def step(connection: ScriptedConnection) -> None:
        assert event.wait(PATIENCE), "the peer waited too long"

    return step


def half_close(connection: ScriptedConnection) -> None:
    """Close the sending side only."""
    connection.sock.shutdown(socket.SHUT_WR)


def keep_answering(answer: bytes = OK) -> Step:
    """Answer requests until the client closes."""

    def step(connection: ScriptedConnection) -> None:
        while True:
            connection.request()
            connection.send(answer)

    return step


class Peer(peers.Peer):
    """A server at `origin` that follows scripts; over TLS if it has a context."""

    connection_class = ScriptedConnection

    def __init__(self, *scripts: list[Step], context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        super().__init__(*(partial(self._step, script) for script in scripts), host=host)
        self._context = context
        self._changed = threading.Condition()
        self._listener.settimeout(PATIENCE)
        if context is not None:
            self.origin = Origin("https", host, self.origin.port)

    @property
    def connections(self) -> list[ScriptedConnection]:
        return cast(list[ScriptedConnection], self._connections)

    def connection(self, number: int) -> ScriptedConnection:
        """Wait for the connection of this number."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.connections) > number, PATIENCE), f"no connection {number}"
        return self.connections[number]

    def received(self, number: int = 0) -> bytes:
        """All bytes that a connection received, once its script has ended."""
        connection = self.connection(number)
        assert connection.ended.wait(PATIENCE), f"connection {number} did not end"
        return bytes(connection.received)

    def request(
        self, method: str = "GET", target: str = "/a?secret=1", body: Body = b"", **timeouts: float | None
    ) -> Request:
        """A request to this peer. Its limits are `PATIENCE` unless set."""
        limits = {"connect": PATIENCE, "read": PATIENCE, "write": PATIENCE, "pool": PATIENCE, **timeouts}
        return Request(method, self.origin, target, Headers(), body, Timeouts(**limits))

    def _connected(self, connection: peers.ScriptedConnection) -> None:
        with self._changed:
            super()._connected(connection)
            self._changed.notify_all()

    def _step(self, steps: list[Step], connection: peers.ScriptedConnection) -> None:
        if self._context is not None:
            connection.sock = self._context.wrap_socket(connection.sock, server_side=True)
        for step in steps:
            step(cast(ScriptedConnection, connection))

    def _follow(self, connection: peers.ScriptedConnection, script: peers.Script) -> None:
        super()._follow(connection, script)
        cast(ScriptedConnection, connection).ended.set()


class Face:
    """The blocking or the async transport, called from a thread."""

    def __init__(self, name: str, portal: BlockingPortal | None, threads: ThreadPoolExecutor) -> None:
        self.name = name
        self._portal = portal
        self._threads = threads
        self.transport: Any = None
        self.open()

    def open(self, **options: Any) -> "Face":
        """Replace the transport by one with these options."""
        self.close()
        self.transport = SocketTransport(**options) if self._portal is None else AnyioTransport(**options)
        return self

    def start(self, request: Request) -> "Future[Response]":
        """Send a request without waiting. On the async faces, cancelling the future cancels the task."""
        if self._portal is None:
            return self._threads.submit(self.transport.send, request)
        return self._portal.start_task_soon(self.transport.send, request)

    def send(self, request: Request) -> Response:
        response: Response = (
            self.transport.send(request) if self._portal is None else self._portal.call(self.transport.send, request)
        )
        return response

    def close(self) -> None:
        """Close the transport, which may be used again."""
        if self.transport is None:
            return
        if self._portal is None:
            self.transport.close()
        else:
            self._portal.call(self.transport.aclose)

    def wait_for_counts(self, counts: str) -> None:
        """Wait until the pool has these counts, as in "1 held, 0 idle, 2 waiting"."""
        eventually(lambda: counts in repr(self.transport), lambda: f"{counts!r} in {self.transport!r}")


@contextmanager
def open_face(name: str) -> Iterator[Face]:
    """The face "blocking", "asyncio" or "trio". Fails if sockets are open at the end that were not before."""
    before = open_sockets()
    with ThreadPoolExecutor(16) as threads, ExitStack() as stack:
        portal = None if name == "blocking" else stack.enter_context(start_blocking_portal(name))
        face = Face(name, portal, threads)
        yield face
        face.close()
    eventually(lambda: open_sockets() <= before, lambda: f"{open_sockets()} open sockets instead of {before}")


def eventually(holds: Callable[[], bool], describe: Callable[[], str] = lambda: "a condition") -> None:
    """Wait until a condition holds that other threads bring about."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"not within {PATIENCE:g} seconds: {describe()}"
        time.sleep(0.002)


def open_sockets() -> int:
    """The number of open sockets of this process; 0 on systems without /proc."""
    count = 0
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


def whole_file(path: str | os.PathLike[str]) -> FileSlice:
    """A slice that is all of a file."""
    return FileSlice(str(path), 0, os.path.getsize(path))


def unused_port() -> int:
    """A port of loopback where nothing listens."""
    return peers.unused().port


def server_context(authority: trustme.CA, name: str = "localhost", expires: datetime | None = None) -> ssl.SSLContext:
    """A server's TLS context with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=expires).configure_cert(context)
    return context


def trusting_context(authority: trustme.CA) -> ssl.SSLContext:
    """A client's TLS context that trusts this authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context

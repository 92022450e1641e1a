"""Scripted peers on loopback, and one way to call the blocking and the async transport.

Rules kept here:

* A script is a list of steps for one connection, which is closed at its end. A peer uses its scripts in turn, and the
  last one for all further connections.
* A peer runs in threads that end with its `with` block, which raises what failed in a script. A client that closes its
  connection ends a script without a failure.
* A `Face` is a transport called from the thread of a test. The async one runs in an event loop of its own.
"""

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Any, TypeAlias

import trustme
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport

PATIENCE = 20.0
"""Seconds after which a wait for something that happens at once is a failure."""

LARGE = 64 * 1024 * 1024
"""More bytes than the buffers of a socket hold."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"


class ScriptedConnection:
    """One connection, as the peer sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self.consumed = 0  # bytes of `received` that a step has taken
        self.data_arrived = threading.Event()
        self.ended = threading.Event()

    def read_until(self, enough: Callable[[bytes], int]) -> bytes:
        """Read until `enough` returns a length above 0, and take that many bytes. Raises EOFError at the end."""
        while not (length := enough(bytes(self.received[self.consumed :]))):
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.received += data
            self.data_arrived.set()
        self.consumed += length
        return bytes(self.received[self.consumed - length : self.consumed])


Step: TypeAlias = Callable[[ScriptedConnection], object]


def read_head(connection: ScriptedConnection) -> bytes:
    """Read to the end of a request's head."""
    return connection.read_until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)


def read_request(connection: ScriptedConnection) -> None:
    """Read a request with its body."""
    head = read_head(connection)
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    if length:
        connection.read_until(lambda data: length if len(data) >= length else 0)


def read_to_end(connection: ScriptedConnection) -> None:
    """Read until the client closes."""
    connection.read_until(lambda data: 0)


def send(data: bytes) -> Step:
    return lambda connection: connection.sock.sendall(data)


def wait(event: threading.Event) -> Step:
    def step(connection: ScriptedConnection) -> None:
        assert event.wait(PATIENCE), "the peer waited too long"

    return step


def reset(connection: ScriptedConnection) -> None:
    """Reset the connection."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sock.close()


def half_close(connection: ScriptedConnection) -> None:
    """Close the sending side only."""
    connection.sock.shutdown(socket.SHUT_WR)


def keep_answering(answer: bytes = OK) -> Step:
    """Answer requests until the client closes."""

    def step(connection: ScriptedConnection) -> None:
        while True:
            read_request(connection)
            connection.sock.sendall(answer)

    return step


class Peer:
    """A server at `origin` that follows scripts; over TLS if it has a context."""

    def __init__(self, *scripts: list[Step], context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.scripts = scripts
        self.connections: list[ScriptedConnection] = []
        self.stopping = threading.Event()
        self._context = context
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        six = ":" in host
        family = socket.AF_INET6 if six else socket.AF_INET
        self._listener = socket.create_server((host if six else "127.0.0.1", 0), family=family)
        self._listener.settimeout(PATIENCE)
        self.origin = Origin("http" if context is None else "https", host, self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def accepted(self) -> int:
        """The number of connections accepted."""
        return len(self.connections)

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

    def __enter__(self) -> "Peer":
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.stopping.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()[:2]):
            pass
        self._acceptor.join()
        self._listener.close()
        for connection in self.connections:
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset comes after what was sent
            connection = ScriptedConnection(sock)
            with self._changed:
                self.connections.append(connection)
                self._changed.notify_all()
            script = self.scripts[min(len(self.connections), len(self.scripts)) - 1]
            thread = threading.Thread(target=self._follow, args=(connection, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _follow(self, connection: ScriptedConnection, script: list[Step]) -> None:
        try:
            if self._context is not None:
                connection.sock = self._context.wrap_socket(connection.sock, server_side=True)
            for step in script:
                step(connection)
        except (OSError, EOFError):
            pass
        except BaseException as error:
            self._failures.append(error)
        finally:
            connection.sock.close()
            connection.ended.set()


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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


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

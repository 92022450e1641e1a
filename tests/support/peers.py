"""Scripted peers: servers on loopback that do what a script says, whatever HTTP says; and the faces that talk to them.

Rules kept here:

* A script is a list of steps for one connection; it ends with the connection closed. A peer has a script for each
  connection in turn; the last one serves all that follow.
* A peer runs in threads that end with its `with` block, which raises what went wrong in a script. That a client hangs
  up is nothing wrong.
* A `Face` is one of our transports, called from the thread of the test: the blocking one, or the async one in an event
  loop of its own. So one table serves all.
"""

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TypeAlias

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pixel_core.messages import Body, FileSlice, Headers, Origin, Request, Response, Timeouts
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport

PATIENCE = 20.0
"""Seconds after which something that ought to happen at once has failed to."""

LARGE = 64 * 1024 * 1024
"""More than the system's buffers take from a sender, in bytes."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"


class ScriptedConnection:
    """One connection, seen from the peer."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self.taken = 0  # how much of it was looked at
        self.heard = threading.Event()
        self.over = threading.Event()

    def until(self, enough: Callable[[bytes], int]) -> bytes:
        """Read until `enough` names a length above 0, and take that much. Raises EOFError where the client ends."""
        while not (length := enough(bytes(self.received[self.taken :]))):
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.received += data
            self.heard.set()
        self.taken += length
        return bytes(self.received[self.taken - length : self.taken])


Step: TypeAlias = Callable[[ScriptedConnection], None]


def read_head(talk: ScriptedConnection) -> None:
    """Read to the end of a request's head."""
    talk.until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)


def read_request(talk: ScriptedConnection) -> None:
    """Read a request with its body."""
    head = talk.until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    if length:
        talk.until(lambda data: length if len(data) >= length else 0)


def read_to_end(talk: ScriptedConnection) -> None:
    """Read until the client hangs up."""
    talk.until(lambda data: 0)


def send(data: bytes) -> Step:
    return lambda talk: talk.sock.sendall(data)


def dribble(data: bytes) -> Step:
    """Send byte by byte."""

    def step(talk: ScriptedConnection) -> None:
        for value in data:
            talk.sock.sendall(bytes([value]))

    return step


def wait(event: threading.Event) -> Step:
    def step(talk: ScriptedConnection) -> None:
        assert event.wait(PATIENCE), "a peer waited in vain"

    return step


def reset(talk: ScriptedConnection) -> None:
    """Hang up with a reset."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.sock.close()


def half_close(talk: ScriptedConnection) -> None:
    """Say that nothing more will come, and keep listening."""
    talk.sock.shutdown(socket.SHUT_WR)


def keep_answering(answer: bytes = OK) -> Step:
    """Answer requests until the client hangs up."""

    def step(talk: ScriptedConnection) -> None:
        while True:
            read_request(talk)
            talk.sock.sendall(answer)

    return step


class Peer:
    """A server that follows scripts, at `origin`; with a context it speaks TLS."""

    def __init__(self, *scripts: list[Step], context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.scripts = scripts
        self.talks: list[ScriptedConnection] = []
        self.over = threading.Event()
        self._context = context
        self._failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.origin = Origin("http" if context is None else "https", host, self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def accepted(self) -> int:
        """How many connections came."""
        return len(self.talks)

    def talk(self, number: int) -> ScriptedConnection:
        """That connection, once it came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.talks) > number, PATIENCE), f"no connection {number}"
        return self.talks[number]

    def received(self, number: int = 0) -> bytes:
        """All that a connection brought, once its script is over."""
        talk = self.talk(number)
        assert talk.over.wait(PATIENCE), f"connection {number} does not end"
        return bytes(talk.received)

    def request(
        self, method: str = "GET", target: str = "/a?secret=1", body: Body = b"", **timeouts: float | None
    ) -> Request:
        """A request to this peer. No limit is ever reached but those given."""
        limits = {"connect": PATIENCE, "read": PATIENCE, "write": PATIENCE, "pool": PATIENCE, **timeouts}
        return Request(method, self.origin, target, Headers(), body, Timeouts(**limits))

    def __enter__(self) -> "Peer":
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        self._acceptor.join()
        self._listener.close()
        for talk in self.talks:
            with suppress(OSError):
                socket.socket.shutdown(talk.sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.over.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # so that what was sent has left before a reset
            talk = ScriptedConnection(sock)
            with self._changed:
                self.talks.append(talk)
                self._changed.notify_all()
            script = self.scripts[min(len(self.talks), len(self.scripts)) - 1]
            thread = threading.Thread(target=self._follow, args=(talk, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _follow(self, talk: ScriptedConnection, script: list[Step]) -> None:
        try:
            if self._context is not None:
                talk.sock = self._context.wrap_socket(talk.sock, server_side=True, suppress_ragged_eofs=True)
            for step in script:
                step(talk)
        except (OSError, EOFError):
            pass
        except BaseException as error:
            self._failures.append(error)
        finally:
            talk.sock.close()
            talk.over.set()


class Face:
    """One of our transports, whatever its face, called from a test that is no coroutine."""

    def __init__(self, name: str, portal: BlockingPortal | None, threads: ThreadPoolExecutor) -> None:
        self.name = name
        self._portal = portal
        self._threads = threads
        self.transport: Any = None
        self.open()

    def open(self, **options: Any) -> "Face":
        """Use a new transport with these options."""
        self.close()
        self.transport = SocketTransport(**options) if self._portal is None else AnyioTransport(**options)
        return self

    def start(self, request: Request) -> "Future[Response]":
        """Send a request and do not wait. On the async faces, cancelling the future cancels the task."""
        if self._portal is None:
            return self._threads.submit(self.transport.send, request)
        return self._portal.start_task_soon(self.transport.send, request)

    def send(self, request: Request) -> Response:
        response: Response = (
            self.transport.send(request) if self._portal is None else self._portal.call(self.transport.send, request)
        )
        return response

    def close(self) -> None:
        """Close the transport; it works again afterwards."""
        if self.transport is None:
            return
        if self._portal is None:
            self.transport.close()
        else:
            self._portal.call(self.transport.aclose)

    def shows(self, counts: str) -> None:
        """Wait until the pool is as told: `1 held, 0 idle, 2 waiting`."""
        eventually(lambda: counts in repr(self.transport), lambda: f"{counts!r} in {self.transport!r}")


@contextmanager
def opened(name: str) -> Iterator[Face]:
    """A face by its name: blocking, asyncio or trio. At the end no socket of it may be left."""
    before = open_sockets()
    with ThreadPoolExecutor(16) as threads:
        if name == "blocking":
            face = Face(name, None, threads)
            yield face
            face.close()
        else:
            with start_blocking_portal(name) as portal:
                face = Face(name, portal, threads)
                yield face
                face.close()
    eventually(lambda: open_sockets() <= before, lambda: f"{open_sockets()} sockets are open, before it were {before}")


def eventually(holds: Callable[[], bool], told: Callable[[], str] = lambda: "that") -> None:
    """Wait, not for long, until something holds that other threads bring about."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"not in {PATIENCE:g} seconds: {told()}"
        time.sleep(0.002)


def open_sockets() -> int:
    """How many sockets this process holds; 0 on systems that do not tell."""
    count = 0
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


def whole(path: str | os.PathLike[str]) -> FileSlice:
    """All of a file."""
    return FileSlice(str(path), 0, os.path.getsize(path))

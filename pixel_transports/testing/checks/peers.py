"""Scripted peers: servers on loopback that do what a function says, whatever HTTP says.

Rules kept here:

* A script is called with each connection, in a thread of its own, and the connection is closed when it returns. A peer
  has a script for each connection in turn; the last one serves all that follow.
* A peer's threads end with its `with` block. That a client hangs up is nothing wrong.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TypeAlias

from pixel_core.messages import Origin

PATIENCE = 20.0
"""Seconds after which something that ought to happen at once has failed to."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class ScriptedConnection:
    """One connection, seen from the peer. Reading raises EOFError where the client hangs up."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        """That the peer's time has come."""
        self._buffer = bytearray()

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def head(self) -> bytes:
        """The head of a request."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return head

    def body(self, length: int) -> Iterator[bytes]:
        """So many bytes, in pieces."""
        while length:
            if not self._buffer:
                self._more()
            piece = bytes(self._buffer[:length])
            del self._buffer[:length]
            length -= len(piece)
            yield piece

    def request(self) -> None:
        """Read a request with its body."""
        head = self.head().lower()
        for _ in self.body(int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)):
            pass

    def to_end(self) -> None:
        """Read until the client hangs up."""
        with suppress(EOFError):
            while True:
                self._buffer.clear()
                self._more()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Hang up with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script: TypeAlias = Callable[[ScriptedConnection], None]


def answering(data: bytes) -> Script:
    """Read a request, send this, and hang up."""

    def script(talk: ScriptedConnection) -> None:
        talk.request()
        talk.send(data)

    return script


def then_silent(data: bytes) -> Script:
    """Read a request, send this, and say no more."""

    def script(talk: ScriptedConnection) -> None:
        talk.request()
        talk.send(data)
        talk.to_end()

    return script


def keep_answering(talk: ScriptedConnection) -> None:
    """Answer requests until the client hangs up."""
    while True:
        talk.request()
        talk.send(OK)


class Peer:
    """A server that follows scripts, at `origin`."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.origin: Origin = Origin("http", "127.0.0.1", self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def accepted(self) -> int:
        """How many connections came."""
        return len(self._sockets)

    def __enter__(self) -> "Peer":
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        self._acceptor.join()
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._over.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(sock)
            script = self._scripts[min(len(self._sockets), len(self._scripts)) - 1]
            thread = threading.Thread(
                target=self._follow, args=(ScriptedConnection(sock, self._over), script), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _follow(self, talk: ScriptedConnection, script: Script) -> None:
        try:
            script(talk)
        except (OSError, EOFError):
            pass
        finally:
            talk.sock.close()


def unused() -> Origin:
    """An origin where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Origin("http", "127.0.0.1", listener.getsockname()[1])

"""Scripted peers: servers on loopback that follow a function, also where it breaks HTTP.

A script is called per connection, in a thread, and the connection is closed when it returns. A peer has one script per
connection in order of arrival; the last script serves all further connections. The threads of a peer end with its
`with` block, which raises what failed in a script. A client may close its connection at any time.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self, TypeAlias

from pixel_core.messages import Origin

PATIENCE = 20.0
"""Time limit for steps that should be immediate, in seconds."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class ScriptedConnection:
    """The peer's end of one connection. Reading raises EOFError if the client has closed it."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        """Set when the peer is to end."""
        self._buffer = bytearray()

    def _more(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data
        return data

    def read_until(self, enough: Callable[[bytes], int]) -> bytes:
        """Read until `enough` returns a length above 0, and take that many bytes."""
        while not (length := enough(bytes(self._buffer))):
            self._more()
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def head(self) -> bytes:
        """Read the head of a request, with the empty line after it."""
        return self.read_until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)

    def body(self, length: int) -> Iterator[bytes]:
        """Read `length` bytes, in pieces."""
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
        """Read until the client closes the connection."""
        with suppress(EOFError):
            while True:
                self._buffer.clear()
                self._more()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Close with a reset (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script: TypeAlias = Callable[[ScriptedConnection], None]


def answering(data: bytes) -> Script:
    """Read a request, send `data`, and close."""

    def script(connection: ScriptedConnection) -> None:
        connection.request()
        connection.send(data)

    return script


def then_silent(data: bytes) -> Script:
    """Read a request, send `data`, and nothing after it."""

    def script(connection: ScriptedConnection) -> None:
        connection.request()
        connection.send(data)
        connection.to_end()

    return script


def keep_answering(connection: ScriptedConnection) -> None:
    """Answer requests until the client closes the connection."""
    while True:
        connection.request()
        connection.send(OK)


class Peer:
    """A server at `origin` that follows scripts."""

    connection_class: type[ScriptedConnection] = ScriptedConnection

    def __init__(self, *scripts: Script, host: str = "127.0.0.1") -> None:
        self._scripts = scripts
        self.stopping: threading.Event = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self._connections: list[ScriptedConnection] = []
        six = ":" in host
        family = socket.AF_INET6 if six else socket.AF_INET
        self._listener = socket.create_server((host if six else "127.0.0.1", 0), family=family, backlog=128)
        self.origin: Origin = Origin("http", host, self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def accepted(self) -> int:
        """Number of accepted connections."""
        return len(self._connections)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.stop()
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def stop(self) -> None:
        """Accept no more connections, and end those that are open. Does not wait."""
        self.stopping.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()[:2]):
            pass
        for connection in list(self._connections):
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset comes after what was sent
            connection = self.connection_class(sock, self.stopping)
            self._connected(connection)
            script = self._scripts[min(len(self._connections), len(self._scripts)) - 1]
            thread = threading.Thread(target=self._follow, args=(connection, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connected(self, connection: ScriptedConnection) -> None:
        self._connections.append(connection)

    def _follow(self, connection: ScriptedConnection, script: Script) -> None:
        try:
            script(connection)
        except (OSError, EOFError):
            pass
        except BaseException as error:
            self._failures.append(error)
        finally:
            connection.sock.close()


def unused() -> Origin:
    """Return an origin where no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Origin("http", "127.0.0.1", listener.getsockname()[1])

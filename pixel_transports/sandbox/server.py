"""Serves a sandbox on a socket, with a thread for each connection.

Rules kept here:

* The server decides nothing about requests; the sandbox does.
* `close` leaves no socket, no connection and no thread behind.
* Listening beyond loopback has to be requested (`allow_remote`), and host names have to be allowed (see `hosts`).
"""

import errno
import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType

from pixel_core.messages import Origin
from pixel_transports.sandbox.app import Sandbox
from pixel_transports.sandbox.connections import Connection
from pixel_transports.sandbox.hosts import AllowedHosts, local_host, require_loopback
from pixel_transports.sandbox.throttle import Throttle

logger: logging.Logger = logging.getLogger(__name__)
_SMALL_BUFFER_BYTES = 64 * 1024


class SandboxServer:
    """Serves a sandbox at `url` between `start` and `close`, or inside a `with` block.

    Port 0 takes a free one. A connection without data for `idle_seconds` is closed. Requests for a host name other
    than `host`, `localhost` and `allowed_hosts` get a 421; IP addresses need not be allowed. Bodies of requests and
    responses pass at `bytes_per_second`, which all connections share (None: no limit), and each response waits for
    `delay_seconds`; the dashboard does not wait.

    Raises ValueError for a host that other machines can reach, unless `allow_remote`, for a rate below 1 and for a
    negative delay; `start` raises OSError if it cannot listen.
    """

    def __init__(
        self,
        sandbox: Sandbox | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        idle_seconds: float = 30.0,
        allow_remote: bool = False,
        allowed_hosts: Iterable[str] = (),
        bytes_per_second: float | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        if not allow_remote:
            require_loopback(host)
        self._throttle = Throttle(bytes_per_second, delay_seconds)
        self.sandbox: Sandbox = Sandbox() if sandbox is None else sandbox
        self._host = host
        self._allowed_hosts = AllowedHosts(host, allowed_hosts)
        self._port = port
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._closing = False

    def __repr__(self) -> str:
        state = "closed" if self._closing else "not started" if self._listener is None else f"at {self.url}"
        return f"<SandboxServer {state}>"

    @property
    def port(self) -> int:
        """The port. Raises RuntimeError before `start`."""
        if self._listener is None:
            raise RuntimeError("the server was not started")
        return self._port

    @property
    def url(self) -> str:
        """The URL on this machine. Raises RuntimeError before `start`."""
        return str(Origin("http", local_host(self._host), self.port))

    def __enter__(self) -> "SandboxServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen, and serve in threads. Raises RuntimeError if it was started before."""
        if self._listener is not None:
            raise RuntimeError("the server was started before")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.create_server((self._host, self._port), family=family, backlog=256)
        self._listener.setblocking(False)
        if self._throttle.has_rate:
            # So that the system does not take in what has not passed yet. Connections inherit it.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
        self._port = self._listener.getsockname()[1]
        self._waker, wake = socket.socketpair()
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener, wake), name="pixel-sandbox", daemon=True
        )
        self._acceptor.start()

    def close(self) -> None:
        """Stop listening, end all connections and wait for their threads. Can be called again."""
        with self._lock:
            self._closing = True
            connections = dict(self._connections)
        if self._waker is not None and self._acceptor is not None:
            self._waker.close()
            self._acceptor.join()
        for connection in connections:
            connection.abort()
        self._throttle.close()
        for thread in connections.values():
            thread.join()

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        with listener, wake, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while all(key.fileobj is not wake for key, _ in selector.select()):
                try:
                    stream, _ = listener.accept()
                except OSError as error:
                    # The peer is gone already, or file descriptors ran out; neither is permanent.
                    if error.errno in (errno.EMFILE, errno.ENFILE):
                        logger.warning("The sandbox cannot accept a connection: %s", error.strerror)
                        time.sleep(1.0)
                    time.sleep(0.01)
                    continue
                self._serve(stream)

    def _serve(self, stream: socket.socket) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        origin = Origin("http", local_host(self._host), self._port)
        connection = Connection(stream, origin, self.sandbox, self._idle_seconds, self._allowed_hosts, self._throttle)
        thread = threading.Thread(target=self._run, args=(connection,), name="pixel-sandbox-connection", daemon=True)
        with self._lock:
            if self._closing:
                stream.close()
                return
            self._connections[connection] = thread
            # Started under the lock, since `close` cannot join a thread that was not started.
            thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                self._connections.pop(connection, None)


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] = print,
    *,
    sandbox: Sandbox | None = None,
    allow_remote: bool = False,
    allowed_hosts: Iterable[str] = (),
    bytes_per_second: float | None = None,
    delay_seconds: float = 0.0,
) -> None:
    """Serve until SIGINT (Ctrl-C) or SIGTERM. Only the main thread may call it.

    Without a `sandbox`, it serves one that refuses the tokens, forms and ids of earlier runs.
    `ready` is called with the URL once the server listens. Both signals work even if the process ignored them before.

    Raises ValueError and OSError as SandboxServer does.
    """
    old_handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    sandbox = Sandbox.for_one_run() if sandbox is None else sandbox
    try:
        with SandboxServer(
            sandbox,
            host,
            port,
            allow_remote=allow_remote,
            allowed_hosts=allowed_hosts,
            bytes_per_second=bytes_per_second,
            delay_seconds=delay_seconds,
        ) as server:
            ready(server.url)
            forever = threading.Event()
            while not forever.wait(1.0):
                # With a timeout, since a wait without one cannot be interrupted on every system.
                pass
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

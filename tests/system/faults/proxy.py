"""A proxy on loopback that applies the faults of a plan to exchanges.

A refused connection is refused by the system, since the port does not listen. A connection hangs in the system too: the
queue of the listener is full. The end of the `with` block leaves no socket and no thread.
"""

import enum
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.system.faults.lines import PATIENCE, Line, Record, Stage
from tests.system.faults.plans import Plan, no_faults

OUTAGE_SECONDS = 0.05
"""The duration of an outage."""


class Door(enum.Enum):
    """The treatment of new connections."""

    OPEN = "they are let in"
    SHUT = "they are refused"
    HANGING = "they get no answer"


class Proxy:
    """A proxy at `url` for the server at `server` (host, port), inside a `with` block. `watch` is called at every stage
    of every exchange, from its thread. `buffer_bytes` is the size of the receive buffer.

    `held` is set once an exchange is delayed: by silence, or by single bytes.
    """

    def __init__(
        self,
        server: tuple[str, int],
        plan: Plan,
        watch: Callable[[Stage, Record], None] = lambda stage, record: None,
        buffer_bytes: int | None = None,
    ) -> None:
        self.server = server
        self.plan = plan
        self.watch = watch
        self.held = threading.Event()
        self.hurry = threading.Event()
        self.records: list[Record] = []
        self._over = threading.Event()
        self._buffer_bytes = buffer_bytes
        self._lock = threading.Lock()
        self._lines: dict[Line, threading.Thread] = {}
        self._reserved = socket.socket()
        self._standing: list[socket.socket] = []
        self._turns = [Door.OPEN]
        self._turned = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="faults-proxy", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._reserved.getsockname()
        return f"http://{host}:{port}"

    @property
    def lines(self) -> int:
        return len(self._lines)

    def __enter__(self) -> "Proxy":
        # Bound and not listening: keeps the port reserved.
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._stand(Door.OPEN)
        self._acceptor.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.hurry.set()
        self._acceptor.join()
        self.drop()
        self._reserved.close()

    def spoil(self, plan: Plan) -> None:
        self.held.clear()
        self.hurry.clear()
        self.plan = plan

    def relent(self) -> None:
        """Stop all faults, and end delayed exchanges."""
        self.plan = no_faults()
        self.hurry.set()

    def drop(self) -> None:
        with self._lock:
            lines = dict(self._lines)
        for line in lines:
            line.abort()
        for thread in lines.values():
            thread.join()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Refuse new connections during the block and for a moment after it."""
        self.turn(Door.SHUT)
        try:
            yield
        finally:
            self._over.wait(OUTAGE_SECONDS)
            self.turn(Door.OPEN)

    def turn(self, door: Door) -> None:
        """Treat new connections in this way from now on."""
        if not self._over.is_set():
            self._turned.clear()
            self._turns = [door]
            while not (self._turned.wait(0.1) or self._over.is_set()):
                pass  # on a busy machine the acceptor may take seconds

    def _stand(self, door: Door) -> None:
        for sock in self._standing:
            sock.close()
        self._standing = [] if door is Door.SHUT else [self._listen(0 if door is Door.HANGING else 256)]
        if door is Door.HANGING:
            # One connection fills the queue of the listener; the next one hangs.
            self._standing.append(socket.create_connection(self._reserved.getsockname(), PATIENCE))

    def _listen(self, backlog: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._buffer_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
        listener.bind(self._reserved.getsockname())
        listener.listen(backlog)
        listener.settimeout(0.01)
        return listener

    def _accept(self) -> None:
        turns = self._turns
        while not self._over.is_set():
            if self._turns is not turns:
                turns = self._turns
                self._stand(turns[0])
                self._turned.set()
            if turns[0] is not Door.OPEN:
                self._over.wait(0.005)
                continue
            with suppress(OSError):
                line = Line(self, self._standing[0].accept()[0])
                thread = threading.Thread(target=self._run, args=(line,), name="faults-proxy-line", daemon=True)
                with self._lock:
                    self._lines[line] = thread
                    thread.start()
        for sock in self._standing:
            sock.close()

    def _run(self, line: Line) -> None:
        try:
            line.run()
        finally:
            with self._lock:
                self._lines.pop(line, None)

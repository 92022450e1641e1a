"""A proxy on loopback that spoils exchanges, as a plan decides.

Rules kept here:

* What it does to a connection is done in `tests.system.faults.lines`, in a thread for each.
* A refused connection is a real one: nobody listens. A connection that hangs does so in the system: the queue of those
  who want to be accepted is full.
* Everything is counted: what was done by kind, what came by request, body bytes also where the request broke off.
* `close` leaves no socket and no thread behind.
"""

import enum
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from tests.system.faults.lines import PATIENCE, Line, Seen, Stage
from tests.system.faults.plans import Plan, Quiet

OUTAGE_SECONDS = 0.05
"""How long nobody listens."""


class Door(enum.Enum):
    """What becomes of those who want to connect."""

    OPEN = "they are let in"
    SHUT = "they are refused"
    DEAF = "they hear nothing"


class Proxy:
    """Stands before the server at `server` (host, port) and spoils what `plan` says, at `url`, between `start` and
    `close` or inside a `with` block. `watch` is told of every stage of every exchange, from the exchange's thread.
    With `buffer_bytes`, the system takes no more than about that much ahead of what is read here.

    `held` is set once an exchange is held up: by silence, or by a byte now and then.
    """

    def __init__(
        self,
        server: tuple[str, int],
        plan: Plan,
        watch: Callable[[Stage, Seen], None] | None = None,
        buffer_bytes: int | None = None,
    ) -> None:
        self.server = server
        self.plan = plan
        self.held = threading.Event()
        self.hurry = threading.Event()
        self.seen: list[Seen] = []
        self._over = threading.Event()
        self._instrumentation = watch
        self._buffer_bytes = buffer_bytes
        self._lock = threading.Lock()
        self._lines: dict[Line, threading.Thread] = {}
        self._turns: queue.SimpleQueue[tuple[Door, float | None, threading.Event]] = queue.SimpleQueue()
        self._reserved = socket.socket()
        self._standing: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, name="faults-proxy", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._reserved.getsockname()
        return f"http://{host}:{port}"

    @property
    def lines(self) -> int:
        """How many connections of clients there are."""
        return len(self._lines)

    def counts(self) -> "Counter[str]":
        """How often each fault was done."""
        with self._lock:
            return Counter(seen.act.fault.value for seen in self.seen)

    def __enter__(self) -> "Proxy":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        # Bound and not listening: it keeps the port ours while nobody listens.
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._stand(Door.OPEN)
        self._acceptor.start()

    def close(self) -> None:
        self._over.set()
        self.hurry.set()
        self._acceptor.join()
        self._reserved.close()
        self.drop()

    def spoil(self, plan: Plan) -> None:
        """Go by this plan from now on."""
        self.held.clear()
        self.hurry.clear()
        self.plan = plan

    def relent(self) -> None:
        """Spoil nothing any more, and end what is held up."""
        self.plan = Quiet()
        self.hurry.set()

    def drop(self) -> None:
        """End all connections that there are."""
        with self._lock:
            lines = dict(self._lines)
        for line in lines:
            line.abort()
        for thread in lines.values():
            thread.join()

    def saw(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def stage(self, stage: Stage, seen: Seen) -> None:
        if self._instrumentation is not None:
            self._instrumentation(stage, seen)

    def outage(self) -> None:
        """Refuse connections for a moment."""
        self.turn(Door.SHUT, OUTAGE_SECONDS)

    def turn(self, door: Door, seconds: float | None = None, wait: bool = True) -> None:
        """Treat those who want to connect in this way from now on, or for so many seconds; wait until that is so."""
        done = threading.Event()
        self._turns.put((door, seconds, done))
        if wait:
            done.wait(1.0)

    def _stand(self, door: Door) -> None:
        for sock in self._standing:
            sock.close()
        self._standing = [] if door is Door.SHUT else [self._listen(0 if door is Door.DEAF else 256)]
        if door is Door.DEAF:
            # One waits to be accepted, and is not: for a second one there is no room.
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
        door, until = Door.OPEN, None
        while not self._over.is_set():
            with suppress(queue.Empty):
                door, seconds, done = self._turns.get_nowait()
                self._stand(door)
                until = None if seconds is None else time.monotonic() + seconds
                done.set()
            if until is not None and time.monotonic() >= until:
                door, until = Door.OPEN, None
                self._stand(door)
            if door is Door.OPEN:
                with suppress(OSError):
                    self._serve(self._standing[0].accept()[0])
            else:
                self._over.wait(0.005)
        for sock in self._standing:
            sock.close()

    def _serve(self, sock: socket.socket) -> None:
        line = Line(self, sock)
        thread = threading.Thread(target=self._run, args=(line,), name="faults-proxy-line", daemon=True)
        with self._lock:
            self._lines[line] = thread
            thread.start()

    def _run(self, line: Line) -> None:
        try:
            line.run()
        finally:
            with self._lock:
                self._lines.pop(line, None)

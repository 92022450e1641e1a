"""A proxy on loopback that spoils exchanges, as a plan decides.

Rules kept here:

* It speaks as much HTTP/1.1 as our clients and the sandbox do: bodies framed by Content-Length, one request at a time
  on a connection. What it passes on is what came, byte by byte, the Host header too: so the sandbox's storage URLs lead
  back here.
* What happens to a request is asked of the plan (`tests.faults.plans`) when its head has come.
* A reset is a real one (RST), a refused connection too: for a moment nobody listens. A connection that hangs does so
  in the system: the queue of those who want to be accepted is full.
* Everything is counted: what was done by kind, what came by request, body bytes also where the request broke off.
* `close` leaves no socket and no thread behind.
"""

import enum
import queue
import re
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from tests.faults.plans import Act, Fault, Place, Plan, Quiet

_READ_BYTES = 64 * 1024
_PATIENCE = 60.0
_PREFIX_BYTES = 16 * 1024
OUTAGE_SECONDS = 0.05
"""How long nobody listens."""

_INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
_JSON = '{"detail":"The proxy says so"}'
_OWN_ANSWERS = {
    Fault.EARLY: ("503 Service Unavailable", "", _JSON),
    Fault.SAY_500: ("500 Internal Server Error", "", _JSON),
    Fault.SAY_503: ("503 Service Unavailable", "", _JSON),
    Fault.SLOW_DOWN: ("503 Slow Down", "", _XML.format("SlowDown", "Please reduce your request rate.")),
    Fault.REQUEST_TIMEOUT: ("400 Bad Request", "", _XML.format("RequestTimeout", "Idle connections will be closed.")),
    Fault.TOO_MANY: ("429 Too Many Requests", "Retry-After: 1\r\n", _JSON),
    Fault.GATEWAY: ("504 Gateway Timeout", "", _JSON),
}


class Door(enum.Enum):
    """What becomes of those who want to connect."""

    OPEN = "they are let in"
    SHUT = "they are refused"
    DEAF = "they hear nothing"


class Stage(enum.Enum):
    """How far an exchange is, seen from here."""

    CAME = "its head came"
    TAKEN = "all of it came"
    ANSWERED = "the server answered, the client does not know"
    TOLD = "the client was told"


@dataclass(slots=True, eq=False)
class Seen:
    """One request. `body_bytes` came of `length`; `status` is what the server said, `told_at` (seconds on the monotonic
    clock) when the client got it all, None where it did not; `prefix` is how its body begins. The sizes of its head and
    of the server's answer are `head_bytes` and `answer_bytes`.
    """

    place: Place
    method: str
    target: str
    length: int
    act: Act
    body_bytes: int = 0
    status: int | None = None
    told_at: float | None = None
    prefix: bytes = b""
    head_bytes: int = 0
    answer_bytes: int = 0

    @property
    def stored(self) -> str | None:
        """What a storage request brings: a file's name, or `name#3` for a part of it. None where too little came."""
        if self.method == "PUT":
            path, _, query = self.target.partition("?")
            number = re.search(r"partNumber=(\d+)", query)
            return f"{path.rpartition('/')[2]}#{number[1]}" if number else None
        found = re.search(rb'name="file"; filename="([^"]*)"', self.prefix)
        return found[1].decode() if found else None


class _Stream:
    """A socket with what was read from it ahead."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._ahead = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_PATIENCE)

    def _more(self) -> None:
        data = self.sock.recv(_READ_BYTES)
        if not data:
            raise EOFError
        self._ahead += data

    def head(self) -> bytes:
        """A message's head with the empty line. Raises EOFError where the peer ends before."""
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            self._more()
        return self._take(end + 4)

    def body(self, length: int) -> Iterator[bytes]:
        """So many bytes, as they come."""
        while length > 0:
            if not self._ahead:
                self._more()
            piece = self._take(min(length, len(self._ahead)))
            length -= len(piece)
            yield piece

    def _take(self, length: int) -> bytes:
        taken = bytes(self._ahead[:length])
        del self._ahead[:length]
        return taken

    def gone(self) -> bool:
        """Whether the peer hung up."""
        try:
            return bool(select.select([self.sock], [], [], 0)[0]) and not self.sock.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def reset(self) -> None:
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class _SpoiltError(Exception):
    """This connection is at its end."""


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def flipped(head: bytes, body: bytes, at: int) -> bytes:
    """The body with one byte changed of what will be stored: anything of a part, of a form what its file holds."""
    start, end = 0, len(body)
    form = re.search(rb"\r\ncontent-type:[^\r\n]*boundary=\"?([^\s\";]+)", head, re.IGNORECASE)
    if form:
        field = body.find(b'name="file"')
        start = body.find(b"\r\n\r\n", field) + 4 if field >= 0 else len(body)
        end = body.rfind(b"\r\n--" + form[1])
    if end <= start:
        return body
    place = start + at % (end - start)
    return body[:place] + bytes([body[place] ^ 1 << at % 8]) + body[place + 1 :]


class _Line:
    """One connection of a client, and ours to the server for it."""

    def __init__(self, proxy: "Proxy", sock: socket.socket) -> None:
        self._proxy = proxy
        self._client = _Stream(sock)
        self._server: _Stream | None = None

    def run(self) -> None:
        try:
            while True:
                self._exchange()
        except (OSError, EOFError, _SpoiltError):
            # Either side left, or was made to: there is nobody left to tell.
            pass
        finally:
            self._client.sock.close()
            if self._server is not None:
                self._server.sock.close()

    def abort(self) -> None:
        """End it from another thread."""
        for stream in (self._client, self._server):
            if stream is not None:
                with suppress(OSError):
                    stream.sock.shutdown(socket.SHUT_RDWR)

    def _exchange(self) -> None:
        head = self._client.head()
        method, target = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
        place = Place.of(target)
        seen = Seen(place, method, target, _length(head), self._proxy.plan.act(place), head_bytes=len(head))
        self._proxy.saw(seen)
        self._proxy.stage(Stage.CAME, seen)
        answer = self._asked(seen, head)
        if answer is None:
            return
        seen.answer_bytes = len(answer)
        self._proxy.stage(Stage.ANSWERED, seen)
        # What is sent to a client that is gone arrives nowhere, and no error says so.
        gone = self._client.gone()
        self._tell(seen, answer)
        seen.told_at = None if gone else time.monotonic()
        self._proxy.stage(Stage.TOLD, seen)
        if re.search(rb"\r\nconnection:[ \t]*close", answer[: answer.find(b"\r\n\r\n") + 2], re.IGNORECASE):
            raise _SpoiltError

    # The request

    def _asked(self, seen: Seen, head: bytes) -> bytes | None:
        """The server's answer; None where we answered ourselves."""
        act = seen.act
        match act.fault:
            case Fault.REFUSE:
                self._proxy.outage()
                self._reset()
            case Fault.RESET_REQUEST:
                self._some(seen, act.at % (seen.length + 1))
                self._reset()
            case Fault.HANG_REQUEST:
                self._some(seen, act.at % (seen.length + 1))
                self._silence(act.seconds)
                self._reset()
            case Fault.CUT_REQUEST:
                server, at = self._to_server(), act.at % (len(head) + seen.length)
                server.sock.sendall(head[:at])
                for piece in self._body(seen, at - len(head)):
                    server.sock.sendall(piece)
                self._reset()
            case Fault.EARLY:
                self._say(act.fault, close=True)
                self._linger(seen)
            case Fault.SAY_500 | Fault.SAY_503 | Fault.SLOW_DOWN | Fault.REQUEST_TIMEOUT | Fault.TOO_MANY:
                self._some(seen, seen.length)
                self._say(act.fault)
                return None
            case Fault.PAUSE:
                self._wait(act.seconds)
            case Fault.SLOW_TAKE:
                self._proxy.held.set()
                for _ in self._body(seen, seen.length):
                    self._wait(act.seconds)
                self._reset()
        return self._forward(seen, head)

    def _body(self, seen: Seen, length: int) -> Iterator[bytes]:
        for piece in self._client.body(length):
            seen.body_bytes += len(piece)
            if len(seen.prefix) < _PREFIX_BYTES:
                seen.prefix += piece[:_PREFIX_BYTES]
            yield piece

    def _some(self, seen: Seen, length: int) -> bytes:
        return b"".join(self._body(seen, length))

    def _to_server(self) -> _Stream:
        if self._server is None or self._server.gone():
            if self._server is not None:
                self._server.sock.close()
            self._server = _Stream(socket.create_connection(self._proxy.server, _PATIENCE))
        return self._server

    def _forward(self, seen: Seen, head: bytes) -> bytes:
        server = self._to_server()
        if seen.act.fault is Fault.FLIP:
            server.sock.sendall(head + flipped(head, self._some(seen, seen.length), seen.act.at))
        else:
            server.sock.sendall(head)
            for piece in self._body(seen, seen.length):
                server.sock.sendall(piece)
        self._proxy.stage(Stage.TAKEN, seen)
        answer = server.head()
        seen.status = int(answer[9:12])
        return answer + b"".join(server.body(_length(answer)))

    # The answer

    def _tell(self, seen: Seen, answer: bytes) -> None:
        act, client = seen.act, self._client
        at = act.at % len(answer)
        match act.fault:
            case Fault.RESET_ANSWERED:
                self._reset()
            case Fault.GATEWAY:
                self._say(act.fault)
            case Fault.RESET_ANSWER:
                client.sock.sendall(answer[:at])
                self._reset()
            case Fault.TRUNCATE:
                client.sock.sendall(answer[:at])
                raise _SpoiltError
            case Fault.HALF_CLOSE:
                client.sock.sendall(answer[:at])
                client.sock.shutdown(socket.SHUT_WR)
                self._silence(act.seconds)
                raise _SpoiltError
            case Fault.HANG_ANSWER:
                client.sock.sendall(answer[:at])
                self._silence(act.seconds)
                raise _SpoiltError
            case Fault.DUPLICATE:
                client.sock.sendall(answer + answer[at:])
            case Fault.REPEAT:
                client.sock.sendall(answer[: at + 1] + answer[at:])
            case Fault.DRIP:
                step = -(-len(answer) // 20)
                for start in range(0, len(answer), step):
                    client.sock.sendall(answer[start : start + step])
                    self._wait(act.seconds / 20)
            case Fault.TRICKLE:
                client.sock.sendall(answer[:at])
                self._proxy.held.set()
                for start in range(at, len(answer)):
                    client.sock.sendall(answer[start : start + 1])
                    self._wait(act.seconds)
            case Fault.INTERIM:
                self._proxy.held.set()
                while not client.gone():
                    client.sock.sendall(_INTERIM)
                    self._wait(act.seconds)
                raise _SpoiltError
            case _:
                client.sock.sendall(answer)

    def _say(self, fault: Fault, close: bool = False) -> None:
        status, fields, body = _OWN_ANSWERS[fault]
        kind = "application/xml" if body.startswith("<") else "application/json"
        fields += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" + "Connection: close\r\n" * close
        self._client.sock.sendall(f"HTTP/1.1 {status}\r\n{fields}\r\n{body}".encode())

    # Ends

    def _reset(self) -> None:
        self._client.reset()
        if self._server is not None:
            self._server.reset()
        raise _SpoiltError

    def _linger(self, seen: Seen) -> None:
        """Take what still comes for a moment, so that closing does not take our answer back."""
        self._client.sock.shutdown(socket.SHUT_WR)
        self._client.sock.settimeout(1.0)
        self._some(seen, seen.length)
        raise _SpoiltError

    def _silence(self, seconds: float) -> None:
        """Say nothing until the client leaves, but no longer than that."""
        self._proxy.held.set()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._client.gone():
            self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        if self._proxy.hurry.wait(seconds):
            raise _SpoiltError


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
        self._watch = watch
        self._buffer_bytes = buffer_bytes
        self._lock = threading.Lock()
        self._lines: dict[_Line, threading.Thread] = {}
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
        if self._watch is not None:
            self._watch(stage, seen)

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
            self._standing.append(socket.create_connection(self._reserved.getsockname(), _PATIENCE))

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
        line = _Line(self, sock)
        thread = threading.Thread(target=self._run, args=(line,), name="faults-proxy-line", daemon=True)
        with self._lock:
            self._lines[line] = thread
            thread.start()

    def _run(self, line: _Line) -> None:
        try:
            line.run()
        finally:
            with self._lock:
                self._lines.pop(line, None)

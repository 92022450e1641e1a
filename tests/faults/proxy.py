"""A proxy on loopback that spoils exchanges, as a seed decides.

Rules kept here:

* It speaks as much HTTP/1.1 as our clients and the sandbox do: bodies framed by Content-Length, one request at a time
  on a connection. What it passes on is what came, byte by byte, the Host header too: so the sandbox's storage URLs lead
  back here.
* What happens to a request is drawn when its head has come, from the request's place and how many came to that place
  before. The same seed gives each place the same row of faults, whatever the threads do.
* A reset is a real one (RST), a refused connection too: for a moment nobody listens.
* Everything is counted: what was done by kind, what came by request, body bytes also where the request broke off.
* `close` leaves no socket and no thread behind.
"""

import enum
import random
import re
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

_READ_BYTES = 64 * 1024
_PATIENCE = 60.0
_PREFIX_BYTES = 16 * 1024
OUTAGE_SECONDS = 0.05
"""How long nobody listens."""


class Place(enum.Enum):
    """Whom a request is for."""

    LOGIN = "login"
    API = "api"
    STORAGE = "storage"

    @classmethod
    def of(cls, target: str) -> "Place":
        if target.startswith("/storage/"):
            return cls.STORAGE
        return cls.LOGIN if target.startswith("/auth/") else cls.API


class Fault(enum.Enum):
    """What can happen to an exchange; `Act.at` says at which byte, where there is one."""

    PASS = "nothing"
    # The server never hears of the request.
    REFUSE = "connection refused"
    RESET_REQUEST = "reset before the request was forwarded"
    HANG_REQUEST = "silence before the request was forwarded"
    EARLY = "503 before the body was read"
    SAY_500 = "500"
    SAY_503 = "503"
    SLOW_DOWN = "503 SlowDown"
    REQUEST_TIMEOUT = "400 RequestTimeout"
    TOO_MANY = "429 with Retry-After"
    # The server hears something else, or only a part.
    CUT_REQUEST = "reset in the middle of the request"
    FLIP = "a flipped byte in what is stored"
    # The server acts, and its answer suffers.
    RESET_ANSWERED = "reset in place of the answer"
    GATEWAY = "504 in place of the answer"
    RESET_ANSWER = "reset in the middle of the answer"
    TRUNCATE = "truncated answer"
    HALF_CLOSE = "half-closed in the middle of the answer"
    HANG_ANSWER = "silence in the middle of the answer"
    DUPLICATE = "the answer's end comes twice"
    REPEAT = "a byte of the answer comes twice"
    # Nothing is lost, it takes its time.
    PAUSE = "a pause"
    DRIP = "the answer drips"


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
_STORAGE_ONLY = frozenset({Fault.FLIP, Fault.SLOW_DOWN, Fault.REQUEST_TIMEOUT})
_ROWS_ONLY = frozenset({Fault.REPEAT})
"""What garbles an answer that nothing covers; it can be told from the right one, but not by any client every time."""


def drawn_faults(place: Place) -> tuple[Fault, ...]:
    """What a schedule draws from for a place."""
    out = {Fault.PASS} | _ROWS_ONLY | (_STORAGE_ONLY if place is not Place.STORAGE else frozenset())
    return tuple(fault for fault in Fault if fault not in out)


@dataclass(frozen=True, slots=True)
class Act:
    """One fault; `at` counts bytes (and starts anew at the end of what there is), `seconds` is how long it takes."""

    fault: Fault
    at: int = 0
    seconds: float = 0.0


PASS = Act(Fault.PASS)


class Plan(Protocol):
    """Says what happens to the next request for a place. Called from several threads at once."""

    def act(self, place: Place) -> Act: ...


class Quiet:
    """Nothing is spoilt, and storage requests take `seconds` longer."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._storage = Act(Fault.PAUSE, seconds=seconds) if seconds else PASS

    def act(self, place: Place) -> Act:
        return self._storage if place is Place.STORAGE else PASS


class Row:
    """These acts for the next requests to a place, in turn; then nothing."""

    def __init__(self, place: Place, *acts: Act) -> None:
        self._place = place
        self._acts = list(acts)
        self._lock = threading.Lock()

    def act(self, place: Place) -> Act:
        with self._lock:
            return self._acts.pop(0) if place is self._place and self._acts else PASS


class Schedule:
    """Faults at random: `rates` says for each place how probable one is, `faults` which are drawn from. A silence is
    held for `hang_seconds`, longer than the limits of the client; a pause takes up to a second.
    """

    def __init__(
        self,
        seed: int,
        rates: Mapping[Place, float],
        hang_seconds: float,
        faults: Mapping[Place, Sequence[Fault]] | None = None,
    ) -> None:
        self._rates = dict(rates)
        self._hang_seconds = hang_seconds
        self._faults = {place: tuple((faults or {}).get(place, drawn_faults(place))) for place in Place}
        self._draws = {place: random.Random(f"{seed}/{place.value}") for place in Place}
        self._lock = threading.Lock()

    def act(self, place: Place) -> Act:
        with self._lock:
            draw = self._draws[place]
            # All are drawn each time, so that a request's fault depends on nothing but its number.
            chance, fault = draw.random(), draw.choice(self._faults[place])
            at, pause = draw.randrange(1 << 30), draw.random()
        if chance >= self._rates.get(place, 0.0):
            return PASS
        hangs = fault in (Fault.HANG_REQUEST, Fault.HANG_ANSWER, Fault.HALF_CLOSE)
        return Act(fault, at, self._hang_seconds if hangs else pause)


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
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._client.gone():
            self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        if self._proxy.over.wait(seconds):
            raise _SpoiltError


class Proxy:
    """Stands before the server at `server` (host, port) and spoils what `plan` says, at `url`, between `start` and
    `close` or inside a `with` block. `watch` is told of every stage of every exchange, from the exchange's thread.
    """

    def __init__(
        self,
        server: tuple[str, int],
        plan: Plan,
        watch: Callable[[Stage, Seen], None] | None = None,
    ) -> None:
        self.server = server
        self.plan = plan
        self.over = threading.Event()
        self.seen: list[Seen] = []
        self._watch = watch
        self._lock = threading.Lock()
        self._lines: dict[_Line, threading.Thread] = {}
        self._outage = threading.Event()
        self._down = threading.Event()
        self._reserved = socket.socket()
        self._acceptor = threading.Thread(target=self._accept, name="faults-proxy", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._reserved.getsockname()
        return f"http://{host}:{port}"

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
        self._listener = self._listen()
        self._acceptor.start()

    def close(self) -> None:
        self.over.set()
        self._acceptor.join()
        self._reserved.close()
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
        self._down.clear()
        self._outage.set()
        self._down.wait(1.0)

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self._reserved.getsockname())
        listener.listen(256)
        listener.settimeout(0.02)
        return listener

    def _accept(self) -> None:
        while not self.over.is_set():
            if self._outage.is_set():
                self._listener.close()
                self._outage.clear()
                self._down.set()
                self.over.wait(OUTAGE_SECONDS)
                self._listener = self._listen()
            with suppress(OSError):
                self._serve(self._listener.accept()[0])
        self._listener.close()

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

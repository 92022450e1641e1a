"""One connection of a client to the proxy: what comes is passed on, and spoilt as the plan says.

Rules kept here:

* It speaks as much HTTP/1.1 as our clients and the sandbox do: bodies framed by Content-Length, one request at a time
  on a connection. What it passes on is what came, byte by byte, the Host header too: so the sandbox's storage URLs lead
  back here.
* What happens to a request is asked of the plan (`tests.system.faults.plans`) when its head has come.
* A reset is a real one (RST).
"""

import enum
import re
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.system.faults.plans import Act, Fault, Place

if TYPE_CHECKING:
    from tests.system.faults.proxy import Proxy

_READ_BYTES = 64 * 1024
PATIENCE = 60.0
_PREFIX_BYTES = 16 * 1024
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
        sock.settimeout(PATIENCE)

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


class SpoiltError(Exception):
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


class Line:
    """One connection of a client, and ours to the server for it."""

    def __init__(self, proxy: "Proxy", sock: socket.socket) -> None:
        self._proxy = proxy
        self._client = _Stream(sock)
        self._server: _Stream | None = None

    def run(self) -> None:
        try:
            while True:
                self._exchange()
        except (OSError, EOFError, SpoiltError):
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
            raise SpoiltError

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
            self._server = _Stream(socket.create_connection(self._proxy.server, PATIENCE))
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
                raise SpoiltError
            case Fault.HALF_CLOSE:
                client.sock.sendall(answer[:at])
                client.sock.shutdown(socket.SHUT_WR)
                self._silence(act.seconds)
                raise SpoiltError
            case Fault.HANG_ANSWER:
                client.sock.sendall(answer[:at])
                self._silence(act.seconds)
                raise SpoiltError
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
                raise SpoiltError
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
        raise SpoiltError

    def _linger(self, seen: Seen) -> None:
        """Take what still comes for a moment, so that closing does not take our answer back."""
        self._client.sock.shutdown(socket.SHUT_WR)
        self._client.sock.settimeout(1.0)
        self._some(seen, seen.length)
        raise SpoiltError

    def _silence(self, seconds: float) -> None:
        """Say nothing until the client leaves, but no longer than that."""
        self._proxy.held.set()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._client.gone():
            self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        if self._proxy.hurry.wait(seconds):
            raise SpoiltError

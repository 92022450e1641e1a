"""One connection of a client to the proxy: forwards requests and answers, and applies the faults of a plan.

It supports the HTTP/1.1 of the clients and the sandbox: Content-Length bodies, one request at a time. Bytes are
forwarded unchanged, the Host header too, so that storage URLs of the sandbox lead to the proxy. A reset is an RST.
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
    HEAD = "its head is here"
    BODY = "its body is here"
    ANSWERED = "the server has answered"
    DELIVERED = "the client has the answer"


@dataclass(slots=True, eq=False)
class Record:
    """One request: `body_bytes` of `length` were received. `status` is the server's, `delivered_at` the monotonic time
    at which the client had the whole answer (None if it did not), `prefix` the start of the body.
    """

    place: Place
    method: str
    target: str
    length: int
    act: Act
    body_bytes: int = 0
    status: int | None = None
    delivered_at: float | None = None
    prefix: bytes = b""
    head_bytes: int = 0
    answer_bytes: int = 0

    @property
    def stored(self) -> str | None:
        """The name of the stored file, or `name#3` for a part. None if too little was received."""
        if self.method == "PUT":
            path, _, query = self.target.partition("?")
            number = re.search(r"partNumber=(\d+)", query)
            return f"{path.rpartition('/')[2]}#{number[1]}" if number else None
        found = re.search(rb'name="file"; filename="([^"]*)"', self.prefix)
        return found[1].decode() if found else None


class _Stream:
    """A socket with a read buffer."""

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
        """Read a message head with its empty line. Raises EOFError if the peer closes before."""
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            self._more()
        return self._take(end + 4)

    def body(self, length: int) -> Iterator[bytes]:
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
        try:
            return bool(select.select([self.sock], [], [], 0)[0]) and not self.sock.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def reset(self) -> None:
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class SpoiltError(Exception):
    """The connection is to be closed."""


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def flipped(head: bytes, body: bytes, at: int) -> bytes:
    """The body with one byte of the stored content changed."""
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
    """One connection of a client, and its connection to the server."""

    def __init__(self, proxy: "Proxy", sock: socket.socket) -> None:
        self._proxy = proxy
        self._client = _Stream(sock)
        self._server: _Stream | None = None

    def run(self) -> None:
        try:
            while True:
                self._exchange()
        except (OSError, EOFError, SpoiltError):
            pass
        finally:
            self._client.sock.close()
            if self._server is not None:
                self._server.sock.close()

    def abort(self) -> None:
        for stream in (self._client, self._server):
            if stream is not None:
                with suppress(OSError):
                    stream.sock.shutdown(socket.SHUT_RDWR)

    def _exchange(self) -> None:
        head = self._client.head()
        method, target = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
        place = Place.of(target)
        record = Record(place, method, target, _length(head), self._proxy.plan(place), head_bytes=len(head))
        self._proxy.records.append(record)
        self._proxy.watch(Stage.HEAD, record)
        answer = self._answered(record, head)
        if answer is None:
            return
        record.answer_bytes = len(answer)
        self._proxy.watch(Stage.ANSWERED, record)
        # Sending to a client that has closed raises no error.
        gone = self._client.gone()
        self._deliver(record, answer)
        record.delivered_at = None if gone else time.monotonic()
        self._proxy.watch(Stage.DELIVERED, record)
        if re.search(rb"\r\nconnection:[ \t]*close", answer[: answer.find(b"\r\n\r\n") + 2], re.IGNORECASE):
            raise SpoiltError

    def _answered(self, record: Record, head: bytes) -> bytes | None:
        """The server's answer, or None if the proxy has answered."""
        act = record.act
        match act.fault:
            case Fault.REFUSE:
                with self._proxy.outage():
                    self._reset()
            case Fault.RESET_REQUEST | Fault.HANG_REQUEST:
                self._some(record, act.at % (record.length + 1))
                if act.fault is Fault.HANG_REQUEST:
                    self._silence(act.seconds)
                self._reset()
            case Fault.CUT_REQUEST:
                server, at = self._to_server(), act.at % (len(head) + record.length)
                server.sock.sendall(head[:at])
                for piece in self._body(record, at - len(head)):
                    server.sock.sendall(piece)
                self._reset()
            case Fault.EARLY:
                self._say(act.fault, close=True)
                self._linger(record)
            case Fault.SAY_500 | Fault.SAY_503 | Fault.SLOW_DOWN | Fault.REQUEST_TIMEOUT | Fault.TOO_MANY:
                self._some(record, record.length)
                self._say(act.fault)
                return None
            case Fault.PAUSE:
                self._wait(act.seconds)
            case Fault.SLOW_TAKE:
                self._proxy.held.set()
                for _ in self._body(record, record.length):
                    self._wait(act.seconds)
                self._reset()
        return self._forward(record, head)

    def _body(self, record: Record, length: int) -> Iterator[bytes]:
        for piece in self._client.body(length):
            record.body_bytes += len(piece)
            if len(record.prefix) < _PREFIX_BYTES:
                record.prefix += piece[:_PREFIX_BYTES]
            yield piece

    def _some(self, record: Record, length: int) -> bytes:
        return b"".join(self._body(record, length))

    def _to_server(self) -> _Stream:
        if self._server is None or self._server.gone():
            if self._server is not None:
                self._server.sock.close()
            self._server = _Stream(socket.create_connection(self._proxy.server, PATIENCE))
        return self._server

    def _forward(self, record: Record, head: bytes) -> bytes:
        server = self._to_server()
        if record.act.fault is Fault.FLIP:
            server.sock.sendall(head + flipped(head, self._some(record, record.length), record.act.at))
        else:
            server.sock.sendall(head)
            for piece in self._body(record, record.length):
                server.sock.sendall(piece)
        self._proxy.watch(Stage.BODY, record)
        answer = server.head()
        record.status = int(answer[9:12])
        return answer + b"".join(server.body(_length(answer)))

    def _deliver(self, record: Record, answer: bytes) -> None:
        act, client = record.act, self._client
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
            case Fault.HALF_CLOSE | Fault.HANG_ANSWER:
                client.sock.sendall(answer[:at])
                if act.fault is Fault.HALF_CLOSE:
                    client.sock.shutdown(socket.SHUT_WR)
                self._silence(act.seconds)
                raise SpoiltError
            case Fault.DUPLICATE:
                client.sock.sendall(answer + answer[at:])
            case Fault.REPEAT:
                client.sock.sendall(answer[: at + 1] + answer[at:])
            case Fault.DRIP:
                self._drip(answer, -(-len(answer) // 20), act.seconds / 20)
            case Fault.TRICKLE:
                client.sock.sendall(answer[:at])
                self._proxy.held.set()
                self._drip(answer[at:], 1, act.seconds)
            case Fault.INTERIM:
                self._proxy.held.set()
                while not client.gone():
                    client.sock.sendall(_INTERIM)
                    self._wait(act.seconds)
                raise SpoiltError
            case _:
                client.sock.sendall(answer)

    def _drip(self, data: bytes, step: int, seconds: float) -> None:
        for start in range(0, len(data), step):
            self._client.sock.sendall(data[start : start + step])
            self._wait(seconds)

    def _say(self, fault: Fault, close: bool = False) -> None:
        status, fields, body = _OWN_ANSWERS[fault]
        kind = "application/xml" if body.startswith("<") else "application/json"
        fields += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" + "Connection: close\r\n" * close
        self._client.sock.sendall(f"HTTP/1.1 {status}\r\n{fields}\r\n{body}".encode())

    def _reset(self) -> None:
        self._client.reset()
        if self._server is not None:
            self._server.reset()
        raise SpoiltError

    def _linger(self, record: Record) -> None:
        """Read on for a moment, so that closing does not discard the answer."""
        self._client.sock.shutdown(socket.SHUT_WR)
        self._client.sock.settimeout(1.0)
        self._some(record, record.length)
        raise SpoiltError

    def _silence(self, seconds: float) -> None:
        """Send nothing until the client closes, at most for this time."""
        self._proxy.held.set()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._client.gone():
            self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        if self._proxy.hurry.wait(seconds):
            raise SpoiltError

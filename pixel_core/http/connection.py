"""One HTTP/1.1 connection seen from the client, on h11: requests to segments, received bytes to responses.

Rules kept here:

* No I/O: `start` gives what to write, `receive` takes what was read (b"" is the end of the peer's side).
* How the bytes are cut does not matter: any chunking gives the same response or the same error.
* One exchange at a time. A response is given out only when its body is complete; 1xx answers are passed over
  (RFC 9110, section 15.2).
* Bytes that are no response end in PixelProtocolError, an end too early in PixelConnectionError; nothing else is
  ever raised for what a peer does.
* The head (all interim answers included), each line and the trailers of a chunked body, and the body have limits; what
  is compressed is unpacked as it comes, and the limit of the body holds for what it becomes, so a bomb is an error.
* `reusable` is true only after a complete exchange that leaves both sides ready for the next, without a stray byte.
* What could smuggle a second request (line breaks, control bytes, spaces in a target) or change what frames the
  present one (Transfer-Encoding, Upgrade, CONNECT) is refused with ValueError before a byte is made. The error names
  the header and does not show its value.
* No error shows what the peer sent: that may be our own request sent back, with its signature, token or password.
* Header fields that many requests begin with (`Headers.shared`) are checked and encoded once a connection.
* Through a proxy that forwards, a request names its whole URL (RFC 9112, section 3.2.2) and brings the credentials for
  the proxy; that it refuses those (407) is an error of the proxy and no answer. Where another refusal repeats them,
  they are left out, since its body goes into errors, and nobody above knows them.
"""

import re
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import h11

from pixel_core.errors import PixelConnectionError, PixelProtocolError, PixelProxyError
from pixel_core.http.proxies import Proxy, wants_credentials
from pixel_core.messages import Form, Headers, Origin, Request, Response, Segment, body_segments
from pixel_core.values import value

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods that send no Content-Length when there is no body (RFC 9110, section 8.6)."""

_REFUSED = frozenset({"transfer-encoding", "upgrade"})
"""Header fields that would make what follows the head something else than the body."""

_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+")
"""Host and port (RFC 3986, section 3.2.2): nothing that ends a host, no user before it."""

_REQUEST_ID = "X-Request-ID"
"""The one field that changes from call to call; it says nothing of what follows it."""

_END = h11.EndOfMessage()

_FIELD_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
"""A header's value (RFC 9110, section 5.5): no control bytes, no space around it, Latin-1 only."""

_QUOTED = re.compile(r":? (?:bytearray\(|b['\"]).*", re.DOTALL)
"""What an error of h11 repeats of the peer's bytes."""


@value
class Limits:
    """What a response may cost, in bytes: its head, and its body."""

    head: int = 64 * 1024
    body: int = 256 * 1024 * 1024


class _Prepared(NamedTuple):
    """Header fields as h11 has checked them, for all requests that begin with the same."""

    shared: Headers
    origin: Origin
    fields: Any
    asks_to_encode: bool

    def __repr__(self) -> str:
        """Not the fields: they hold the token."""
        return f"<_Prepared {self.shared!r} for {self.origin}>"


class ClientConnection:
    """The HTTP/1.1 side of one connection, for one exchange after another.

    >>> connection = ClientConnection()
    >>> segments = connection.start(request)        # write these
    >>> response = connection.receive(data)         # None until the response is complete

    `via` is the proxy at its other end, if that forwards requests; through a tunnel there is none to be seen.
    """

    def __init__(self, limits: Limits = Limits(), via: Proxy | None = None) -> None:
        self._limits = limits
        self._via = via
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head)
        self._request: Request | None = None
        self._prepared: _Prepared | None = None
        self._asked_to_encode = False
        self._forget()

    def __repr__(self) -> str:
        return f"<ClientConnection {self._h11.our_state}/{self._h11.their_state}>"

    def _forget(self) -> None:
        self._head_bytes = 0
        self._response: h11.Response | None = None
        self._fields: Sequence[tuple[bytes, bytes]] = ()
        self._decoder: Decoder | None = None
        self._encoded_size = 0
        self._body = bytearray()

    @property
    def _label(self) -> str:
        return "no request" if self._request is None else self._request.label

    @property
    def heard(self) -> bool:
        """Whether any byte of an answer to the present request has arrived."""
        return self._head_bytes > 0

    @property
    def answering(self) -> bool:
        """Whether an answer has begun and is not over; one that was interim, and is whole, does not count."""
        return self._response is not None or bool(self._h11.trailing_data[0])

    @property
    def reusable(self) -> bool:
        """Whether the last exchange is over and the connection is ready for another."""
        machine = self._h11
        return (
            machine.our_state is h11.DONE and machine.their_state is h11.DONE and machine.trailing_data == (b"", False)
        )

    def start(self, request: Request) -> Sequence[Segment]:
        """Begin an exchange: what has to be written, in order. Raises ValueError for a request that cannot be sent,
        RuntimeError when the last exchange left the connection not `reusable`.
        """
        if self._h11.our_state is not h11.IDLE:
            if not self.reusable:
                raise RuntimeError(f"{self!r} cannot take another request")
            self._h11.start_next_cycle()
        self._forget()
        self._request = request
        try:
            body = body_segments(request.body)
            shared = request.headers.shared
            if shared is None or body or request.method not in _BODILESS or request.headers.added[0] != _REQUEST_ID:
                self._asked_to_encode = "Accept-Encoding" in request.headers
                head = self._head_of(request, self._encoded(wire_headers(request, body)))
            else:
                head = self._prepared_head(request, shared)
            for segment in body:
                # h11 counts a body's bytes and hands the objects through: a slice of a file can stand for its bytes.
                self._h11.send_with_data_passthrough(h11.Data(data=segment))  # type: ignore[arg-type]
            self._h11.send(_END)
        except (h11.LocalProtocolError, ValueError) as error:
            raise ValueError(f"{request.method!r} to {str(request.origin)!r} cannot be sent: {error}") from None
        if body and isinstance(body[0], bytes) and len(body[0]) <= 65536:
            return [head + body[0], *body[1:]]
        return [head, *body]

    def _encoded(self, fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
        """Header fields in bytes, and the one for a proxy that forwards."""
        if self._via is not None and self._via.authorization is not None:
            fields.append(("Proxy-Authorization", self._via.authorization))
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]

    def _head_of(self, request: Request, fields: "Sequence[tuple[bytes, bytes]]") -> bytes:
        """The head of a request on the wire."""
        target = request.target if self._via is None else request.url
        # What h11 has checked before (the fields of another event of its own) it does not check again.
        event = h11.Request(
            method=request.method.encode("ascii"),
            target=target.encode("ascii"),
            headers=fields,  # type: ignore[arg-type]
        )
        return self._h11.send(event) or b""

    def _prepared_head(self, request: Request, shared: Headers) -> bytes:
        """The head of a request without a body, whose fields are shared ones and a request id."""
        prepared = self._prepared
        if prepared is None or prepared.shared is not shared or prepared.origin != request.origin:
            plain = Request(request.method, request.origin, request.target, shared)
            event = h11.Request(method=b"GET", target=b"/", headers=self._encoded(wire_headers(plain, ())))
            prepared = _Prepared(shared, request.origin, event.headers, "Accept-Encoding" in shared)
            self._prepared = prepared
        self._asked_to_encode = prepared.asks_to_encode
        _check_value(*request.headers.added)
        head = self._head_of(request, prepared.fields)
        return b"%s%s: %s\r\n\r\n" % (head[:-2], *(text.encode("latin-1") for text in request.headers.added))

    def receive(self, data: bytes) -> Response | None:
        """Take what the peer sent (b"" for its end): the response once it is complete, None before.

        Raises PixelProtocolError, PixelConnectionError or PixelProxyError; the connection cannot be used after any.
        """
        try:
            if not data:
                self._h11.receive_data(data)
                return self._advance()
            response, taken = None, 0
            while response is None and taken < len(data):
                # h11 never holds more than the limit of what it does not understand yet: so the cuts do not matter.
                piece = data[taken : taken + self._room()]
                taken += len(piece)
                if self._response is None:
                    self._head_bytes += len(piece)
                self._h11.receive_data(piece)
                response = self._advance()
            if taken < len(data):
                self._h11.receive_data(data[taken:])
            return response
        except h11.RemoteProtocolError as error:
            raise self._failure(error, ended=not data) from None
        except RuntimeError:
            raise PixelProtocolError(f"Bytes after the end of the connection that answered {self._label}") from None

    def _room(self) -> int:
        """How many bytes h11 may be given now, at least one. Raises PixelProtocolError where a limit is reached."""
        limit = self._limits.head
        if self._response is None:
            what, held = "of headers", self._head_bytes
        else:
            what, held = "in one line, or in the trailers, of its body", len(self._h11.trailing_data[0])
        if held >= limit:
            raise PixelProtocolError(f"The answer to {self._label} has more than {limit} bytes {what}")
        return limit - held

    def _advance(self) -> Response | None:
        """Take events until the response is complete, or more bytes are needed."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                if event.status_code == 407 and self._via is not None:
                    schemes = b", ".join(value for name, value in event.headers if name == b"proxy-authenticate")
                    failure = wants_credentials(self._via, schemes.decode("latin-1"))
                    raise PixelProxyError(f"{self._label}: {failure}", status=failure.status)
                self._response, self._fields = event, event.headers.raw_items()
                self._decoder = decoder_for(self._fields) if self._asked_to_encode else None
            elif isinstance(event, h11.Data):
                data: bytes | bytearray = event.data
                if self._decoder is not None:
                    self._encoded_size += len(data)
                    data = self._decoded(self._decoder, data)
                if self._body:
                    self._body += data
                else:  # often all of it, and never worth a copy
                    self._body = data if isinstance(data, bytearray) else bytearray(data)
                if len(self._body) > self._limits.body or self._encoded_size > self._limits.body:
                    raise PixelProtocolError(
                        f"The answer to {self._label} is larger than the limit of {self._limits.body} bytes"
                    )
            elif isinstance(event, h11.EndOfMessage) and self._response is not None:
                head = self._response
                if self._decoder is not None and not self._decoder.complete:
                    raise PixelProtocolError(f"The compressed answer to {self._label} is cut short")
                body = bytes(self._body)
                if self._via is not None and head.status_code >= 400:
                    body = self._via.redact(body)
                return Response(head.status_code, Headers.received(self._fields), body)
            elif not isinstance(event, h11.InformationalResponse):
                return None

    def _decoded(self, unpack: "Decoder", data: bytes | bytearray) -> bytes:
        """What compressed bytes become, up to one more than the limit. Raises PixelProtocolError."""
        try:
            return unpack.feed(data, self._limits.body + 1 - len(self._body))
        except zlib.error:
            raise PixelProtocolError(f"The answer to {self._label} is not compressed as it says") from None

    def _failure(self, error: h11.RemoteProtocolError, ended: bool) -> PixelConnectionError | PixelProtocolError:
        if ended:
            when = "in the middle of the answer" if self.heard else "before any answer"
            return PixelConnectionError(f"The connection was closed {when} to {self._label}", sent=True)
        return PixelProtocolError(f"The answer to {self._label} is not HTTP/1.1: {_QUOTED.sub('', str(error))}")


class Decoder:
    """Unpacks one body, gzip (RFC 1952) or deflate (RFC 1950; many servers send RFC 1951 for it), as it comes."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._machine = zlib.decompressobj(wbits=31) if self._gzip else None
        self._early = b""
        self.complete: bool = True
        """Whether nothing is missing: nothing came at all, or all of it."""

    def feed(self, data: bytes | bytearray, limit: int) -> bytes:
        """What these bytes become, up to `limit` bytes. Raises zlib.error."""
        if self._machine is None:
            data = self._early = self._early + data
            if len(data) < 2:
                self.complete = False
                return b""
            is_zlib = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # RFC 1950, section 2.2
            self._machine = zlib.decompressobj(wbits=15 if is_zlib else -15)
        unpacked = b""
        while data and len(unpacked) < limit:
            if self._machine.eof:
                if not self._gzip:
                    break
                self._machine = zlib.decompressobj(wbits=31)  # another member
            unpacked += self._machine.decompress(data, limit - len(unpacked))
            data = self._machine.unused_data
        self.complete = self._machine.eof
        return unpacked


def decoder_for(fields: Sequence[tuple[bytes, bytes]]) -> Decoder | None:
    """What unpacks the body of an answer; None for one that is not compressed, or otherwise than was asked for."""
    values = [value for name, value in fields if name.lower() == b"content-encoding"]
    if not values:
        return None
    codings = b",".join(values).strip().lower()
    known = {b"gzip": "gzip", b"x-gzip": "gzip", b"deflate": "deflate"}
    return Decoder(known[codings]) if codings in known else None


def _check_value(name: str, value: str) -> None:
    if not _FIELD_VALUE.fullmatch(value):
        raise ValueError(f"the value of the header {name!r} holds a character that no header may have")


def wire_headers(request: Request, segments: Sequence[Segment]) -> list[tuple[str, str]]:
    """The header fields as they go on the wire: Host first (RFC 9112, section 3.2; the request may hold the same), then
    the request's own, then what the body (cut into `segments`) is and how long. Raises ValueError for what cannot be
    sent.
    """
    body = request.body
    if request.method == "CONNECT":
        raise ValueError("CONNECT asks for a tunnel, which is no exchange")
    if not _AUTHORITY.fullmatch(request.origin.authority):
        raise ValueError("its host holds a character that no host has")
    host = request.origin.authority
    headers = [("Host", host)]
    headers += [(name, value) for name, value in request.headers if value != host or name.lower() != "host"]
    if isinstance(body, Form):
        headers.append(("Content-Type", body.content_type))
    for name, text in headers:
        if name.lower() in _REFUSED:
            raise ValueError(f"the header {name!r} is not for a request to set")
        _check_value(name, text)
    length = sum(map(len, segments))
    if length or request.method not in _BODILESS:
        headers.append(("Content-Length", str(length)))
    return headers

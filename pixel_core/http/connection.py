"""The client side of one HTTP/1.1 connection, on h11: turns requests into segments, and received bytes into responses.

Rules kept here:

* No I/O: `start` returns what to write, `receive` takes what was read (b"" is the end of the peer's side).
* How the bytes are cut does not matter: any chunking gives the same response or the same error.
* One exchange at a time. A response is returned only when its body is complete; 1xx responses are skipped (RFC 9110,
  section 15.2).
* Bytes that are no response raise PixelProtocolError, an early end PixelConnectionError. A peer cannot cause any other
  error.
* The head (with all interim responses), each line and the trailers of a chunked body, and the body have limits.
* `reusable` is true only after a complete exchange that leaves both sides ready for the next, without a stray byte. A
  response with Transfer-Encoding and Content-Length ends the connection (RFC 9112, section 6.3): other programs on the
  way may have read it differently. Another version than HTTP/1.x is no response.
* A body in more than `MOST_CHUNKS` chunks of less than `SHORT_CHUNK` bytes each is refused: each takes time.
* No error shows received bytes: they may be our own request sent back, with its signature, token or password.
* 407 from a proxy that forwards is a PixelProxyError. From other errors that it returns, its credentials are removed.
"""

from collections.abc import Sequence

import h11

from pixel_core.errors import PixelConnectionError, PixelProtocolError, PixelProxyError
from pixel_core.http.decoding import Limits, ResponseReader
from pixel_core.http.heads import HeadWriter
from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import wants_credentials
from pixel_core.messages import Request, Response, Segment, body_segments
from pixel_core.redaction import without_quotes

_END = h11.EndOfMessage()

MOST_CHUNKS, SHORT_CHUNK = 50_000, 64

_JOINED_SIZE = 65536
"""Largest body, in bytes, that is sent in one segment with its head."""


class ClientConnection:
    """The state of one HTTP/1.1 connection, for one exchange after another.

    >>> connection = ClientConnection()
    >>> segments = connection.start(request)        # write these
    >>> response = connection.receive(data)         # None until the response is complete

    `via` is the proxy that forwards the requests; None for a direct connection or a tunnel.
    """

    def __init__(self, limits: Limits = Limits(), via: Proxy | None = None) -> None:
        self._limits = limits
        self._via = via
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head)
        self._heads = HeadWriter(via)
        self._request: Request | None = None
        self._head_size = 0
        self._reader: ResponseReader | None = None
        self._chunks = 0
        self._is_ambiguous = False

    def __repr__(self) -> str:
        return f"<ClientConnection {self._h11.our_state}/{self._h11.their_state}>"

    @property
    def _label(self) -> str:
        return "no request" if self._request is None else self._request.label

    @property
    def response_started(self) -> bool:
        """True if any byte of a response to the present request has arrived."""
        return self._head_size > 0

    @property
    def response_in_progress(self) -> bool:
        """True if a response has begun and is not complete. A complete interim response does not count."""
        return self._reader is not None or bool(self._h11.trailing_data[0])

    @property
    def reusable(self) -> bool:
        """True if the last exchange is over and the connection is ready for another."""
        machine = self._h11
        return (
            not self._is_ambiguous
            and machine.our_state is h11.DONE
            and machine.their_state is h11.DONE
            and machine.trailing_data == (b"", False)
        )

    def start(self, request: Request) -> Sequence[Segment]:
        """Start an exchange, and return what to write, in order. Raises ValueError for a request that cannot be sent,
        RuntimeError when the connection is not `reusable` after its last exchange.
        """
        if self._h11.our_state is not h11.IDLE:
            if not self.reusable:
                raise RuntimeError(f"{self!r} cannot take another request")
            self._h11.start_next_cycle()
        self._request, self._reader, self._head_size = request, None, 0
        self._chunks = 0
        try:
            body = body_segments(request.body)
            head = self._heads.write(self._h11, request, body)
            for segment in body:
                # h11 counts a body's bytes and passes the objects through: a slice of a file can stand for its bytes.
                self._h11.send_with_data_passthrough(h11.Data(data=segment))  # type: ignore[arg-type]
            self._h11.send(_END)
        except (h11.LocalProtocolError, ValueError) as error:
            raise ValueError(f"{request.method!r} to {str(request.origin)!r} cannot be sent: {error}") from None
        if body and isinstance(body[0], bytes) and len(body[0]) <= _JOINED_SIZE:
            return [head + body[0], *body[1:]]
        return [head, *body]

    def receive(self, data: bytes) -> Response | None:
        """Take received bytes (b"" at the end), and return the response once it is complete. Raises PixelProtocolError,
        PixelConnectionError or PixelProxyError; the connection cannot be used after any.
        """
        try:
            if not data:
                self._h11.receive_data(data)
                return self._advance()
            response, taken = None, 0
            while response is None and taken < len(data):
                # h11 never holds more undecoded bytes than the limit, so the cuts do not matter.
                piece = data[taken : taken + self._room()]
                taken += len(piece)
                if self._reader is None:
                    self._head_size += len(piece)
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
        """Return how many bytes h11 may be given now, at least one. Raises PixelProtocolError at a limit."""
        limit = self._limits.head
        if self._reader is None:
            where, held = "of headers", self._head_size
        else:
            where, held = "in one line, or in the trailers, of its body", len(self._h11.trailing_data[0])
        if held >= limit:
            raise PixelProtocolError(f"The answer to {self._label} has more than {limit} bytes {where}")
        return limit - held

    def _advance(self) -> Response | None:
        """Handle events until the response is complete, or more bytes are needed."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                self._begin(event)
            elif isinstance(event, h11.Data) and self._reader is not None:
                if event.chunk_start:
                    self._count_chunk(self._reader)
                self._reader.feed(event.data)
            elif isinstance(event, h11.EndOfMessage) and self._reader is not None:
                response = self._reader.finish()
                if self._via is None or response.status < 400:
                    return response
                return Response(response.status, response.headers, self._via.redact(response.body))
            elif isinstance(event, h11.InformationalResponse):
                if event.http_version[:2] != b"1.":
                    raise self._wrong_version(event.http_version)
            else:
                return None

    def _wrong_version(self, version: bytes) -> PixelProtocolError:
        shown = version.decode("ascii")
        return PixelProtocolError(f"The answer to {self._label} is not HTTP/1.1: its version is {shown}")

    def _count_chunk(self, reader: ResponseReader) -> None:
        self._chunks += 1
        if self._chunks > MOST_CHUNKS and reader.received < (self._chunks - 1) * SHORT_CHUNK:
            raise PixelProtocolError(f"The answer to {self._label} has more than {MOST_CHUNKS} short chunks")

    def _begin(self, head: h11.Response) -> None:
        if head.status_code == 407 and self._via is not None:
            schemes = b", ".join(value for name, value in head.headers if name == b"proxy-authenticate")
            failure = wants_credentials(self._via, schemes.decode("latin-1"))
            raise PixelProxyError(f"{self._label}: {failure}", status=failure.status)
        if self._request is None:
            raise PixelProtocolError("A response arrived before any request")
        if head.http_version[:2] != b"1.":
            raise self._wrong_version(head.http_version)
        self._reader = ResponseReader(self._request, head.status_code, head.headers.raw_items(), self._limits)
        self._is_ambiguous = self._reader.is_ambiguous

    def _failure(self, error: h11.RemoteProtocolError, ended: bool) -> PixelConnectionError | PixelProtocolError:
        if ended:
            when = "in the middle of the answer" if self.response_started else "before any answer"
            return PixelConnectionError(f"The connection was closed {when} to {self._label}", sent=True)
        return PixelProtocolError(f"The answer to {self._label} is not HTTP/1.1: {without_quotes(str(error))}")

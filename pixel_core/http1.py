"""One HTTP/1.1 connection seen from the client, on h11: requests to segments, received bytes to responses.

Rules kept here:

* No I/O: `start` gives what to write, `receive` takes what was read (b"" is the end of the peer's side).
* How the bytes are cut does not matter: any chunking gives the same response or the same error.
* One exchange at a time. A response is given out only when its body is complete; 1xx answers are passed over
  (RFC 9110, section 15.2).
* Bytes that are no response end in PixelProtocolError, an end too early in PixelConnectionError; nothing else is
  ever raised for what a peer does.
* The head (all interim answers included), each line of a chunked body, and the body have limits.
* `reusable` is true only after a complete exchange that leaves both sides ready for the next, without a stray byte.
* What could smuggle a second request (line breaks, control bytes, spaces in a target) is refused with ValueError
  before a byte is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import h11

from pixel_core.errors import PixelConnectionError, PixelProtocolError
from pixel_core.messages import Form, Headers, Request, Response, Segment, body_segments

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods that send no Content-Length when there is no body (RFC 9110, section 8.6)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a response may cost, in bytes: its head, and its body."""

    head: int = 64 * 1024
    body: int = 256 * 1024 * 1024


class ClientConnection:
    """The HTTP/1.1 side of one connection, for one exchange after another.

    >>> connection = ClientConnection()
    >>> segments = connection.start(request)        # write these
    >>> response = connection.receive(data)         # None until the response is complete
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.head)
        self._label = ""
        self._forget()

    def __repr__(self) -> str:
        return f"<ClientConnection {self._h11.our_state}/{self._h11.their_state}>"

    def _forget(self) -> None:
        self._head_bytes = 0
        self._response: h11.Response | None = None
        self._chunks: list[bytes] = []
        self._body_bytes = 0

    @property
    def heard(self) -> bool:
        """Whether any byte of an answer to the present request has arrived."""
        return self._head_bytes > 0

    @property
    def reusable(self) -> bool:
        """Whether the last exchange is over and the connection is ready for another."""
        machine = self._h11
        return (
            machine.our_state is h11.DONE and machine.their_state is h11.DONE and machine.trailing_data == (b"", False)
        )

    def start(self, request: Request) -> Sequence[Segment]:
        """Begin an exchange: what has to be written, in order. Raises ValueError for a request that cannot be sent."""
        if self._h11.our_state is not h11.IDLE:
            self._h11.start_next_cycle()
        self._forget()
        self._label = request.label
        body = body_segments(request.body)
        length = sum(map(len, body))
        try:
            event = h11.Request(
                method=request.method.encode("ascii"),
                target=request.target.encode("ascii"),
                headers=_wire_headers(request, length),
            )
            head = self._h11.send(event) or b""
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise ValueError(f"{request.method!r} to {request.origin} cannot be sent: {error}") from None
        for segment in body:
            # h11 counts a body's bytes and hands the objects through, so a slice of a file can stand for its bytes.
            self._h11.send_with_data_passthrough(h11.Data(data=segment))  # type: ignore[arg-type]
        self._h11.send(h11.EndOfMessage())
        if body and isinstance(body[0], bytes) and len(body[0]) <= 65536:
            return [head + body[0], *body[1:]]
        return [head, *body]

    def receive(self, data: bytes) -> Response | None:
        """Take what the peer sent (b"" for its end): the response once it is complete, None before.

        Raises PixelProtocolError or PixelConnectionError; the connection cannot be used after either.
        """
        ended = not data
        try:
            while self._response is None:
                room = self._limits.head - self._head_bytes
                if data and room <= 0:
                    raise PixelProtocolError(
                        f"The answer to {self._label} has more than {self._limits.head} bytes of headers"
                    )
                piece, data = data[:room], data[room:]
                self._head_bytes += len(piece)
                self._h11.receive_data(piece)
                self._read_head()
                if not data:
                    break
            else:
                self._h11.receive_data(data)
            if self._response is None:
                return None
            return self._read_body(self._response)
        except h11.RemoteProtocolError as error:
            raise self._failure(error, ended) from None
        except RuntimeError:
            raise PixelProtocolError(f"Bytes after the end of the connection that answered {self._label}") from None

    def _read_head(self) -> None:
        while self._response is None:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                self._response = event
            elif not isinstance(event, h11.InformationalResponse):
                return

    def _read_body(self, head: h11.Response) -> Response | None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Data):
                self._body_bytes += len(event.data)
                if self._body_bytes > self._limits.body:
                    raise PixelProtocolError(
                        f"The answer to {self._label} is larger than the limit of {self._limits.body} bytes"
                    )
                self._chunks.append(event.data)
            elif isinstance(event, h11.EndOfMessage):
                headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
                return Response(head.status_code, headers, b"".join(self._chunks))
            else:
                return None

    def _failure(self, error: h11.RemoteProtocolError, ended: bool) -> PixelConnectionError | PixelProtocolError:
        if ended:
            when = "in the middle of the answer" if self.heard else "before any answer"
            return PixelConnectionError(f"The connection was closed {when} to {self._label}", sent=True)
        if error.error_status_hint == 431:
            return PixelProtocolError(f"The answer to {self._label} has more than {self._limits.head} bytes of headers")
        return PixelProtocolError(f"The answer to {self._label} is not HTTP/1.1: {error}")


def _wire_headers(request: Request, length: int) -> list[tuple[bytes, bytes]]:
    """Host first (RFC 9112, section 3.2), then the request's own fields, then how long the body is."""
    headers = [(b"Host", request.origin.authority.encode("ascii"))]
    for name, value in request.headers:
        headers.append((name.encode("ascii"), value.encode("latin-1")))
    if isinstance(request.body, Form):
        headers.append((b"Content-Type", request.body.content_type.encode("ascii")))
    if length or request.method not in _BODILESS:
        headers.append((b"Content-Length", b"%d" % length))
    return headers

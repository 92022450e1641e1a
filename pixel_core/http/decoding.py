"""Reads the body of a response: limits, decoding and completeness.

Rules kept here:

* No I/O. All readers of HTTP use this one: `ClientConnection`, and the adapters for other HTTP clients and apps.
* A body is decoded as it arrives, and only where the request has `Accept-Encoding`. The limit holds for the received
  bytes and for the decoded ones, so a decompression bomb is an error.
* Of the body of an error (a status from 400) only the beginning is kept and decoded: nothing else is shown.
* No error shows received bytes.
"""

import zlib
from collections.abc import Sequence

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Headers, Request, Response
from pixel_core.values import value

ERROR_BODY = 128 * 1024
"""How many bytes of the body of an error are kept, roughly."""

_CODINGS = {b"gzip": "gzip", b"x-gzip": "gzip", b"deflate": "deflate"}


@value
class Limits:
    """The largest accepted response, in bytes: its head, and its body."""

    head: int = 64 * 1024
    body: int = 256 * 1024 * 1024


class ResponseReader:
    """Assembles the response to `request` from its status, its header fields and its body as received. Raises
    PixelProtocolError for a body that is too large, badly encoded, or incomplete.
    """

    def __init__(
        self, request: Request, status: int, fields: Sequence[tuple[bytes, bytes]], limits: Limits = Limits()
    ) -> None:
        self._request = request
        self._status = status
        self._fields = fields
        self._limit = limits.body
        self._body = bytearray()
        self._encoded_size = 0
        codings: list[bytes] = []
        has_length = is_chunked = False
        for name, text in fields:
            lowered = name.lower()
            if lowered == b"content-encoding":
                codings.append(text)
            elif lowered == b"content-length":
                has_length = True
            elif lowered == b"transfer-encoding":
                is_chunked = True
        self.is_ambiguous: bool = has_length and is_chunked
        """True if the length of the body is stated in two ways."""
        coding = b",".join(codings).strip().lower() if codings else b""
        is_decoded = coding in _CODINGS and "Accept-Encoding" in request.headers
        self._decoder = Decoder(_CODINGS[coding]) if is_decoded else None
        self._kept = limits.body + 1 if status < 400 or limits.body < ERROR_BODY else ERROR_BODY
        self._dropped = 0

    def __repr__(self) -> str:
        return f"<ResponseReader of {self._request.label}: {self._status}, {len(self._body)} bytes>"

    @property
    def received(self) -> int:
        """The bytes of the body as they were received."""
        return self._dropped + (len(self._body) if self._decoder is None else self._encoded_size)

    def feed(self, data: bytes | bytearray) -> None:
        """Take the next bytes of the body."""
        if len(self._body) >= self._kept:
            self._dropped += len(data)
            data = b""
        elif self._decoder is not None:
            self._encoded_size += len(data)
            try:
                data = self._decoder.feed(data, self._kept - len(self._body))
            except zlib.error:
                raise self._error("is not encoded as its Content-Encoding says") from None
        if self._body:
            self._body += data
        else:  # often the whole body: it is not copied
            self._body = data if isinstance(data, bytearray) else bytearray(data)
        if len(self._body) + self._dropped > self._limit or self._encoded_size > self._limit:
            raise self._error(f"is larger than the limit of {self._limit} bytes")

    def finish(self) -> Response:
        """Return the response, after the last byte of its body."""
        if self._decoder is not None and not self._decoder.complete and len(self._body) < self._kept:
            raise PixelProtocolError(f"The compressed answer to {self._request.label} is cut short")
        return Response(self._status, Headers.from_wire(self._fields), bytes(self._body))

    def _error(self, problem: str) -> PixelProtocolError:
        return PixelProtocolError(f"The answer to {self._request.label} {problem}")


class Decoder:
    """Decompresses one body: gzip (RFC 1952) or deflate (RFC 1950; many servers send RFC 1951 for it)."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._machine = zlib.decompressobj(wbits=31) if self._gzip else None
        self._start = b""
        self.complete: bool = True
        """True if all of the body was decoded, or there is none."""

    def feed(self, data: bytes | bytearray, limit: int) -> bytes:
        """Decode these bytes, up to `limit` decoded bytes. Raises zlib.error."""
        if not data:
            return b""
        if self._machine is None:
            data = self._start = self._start + data
            if len(data) < 2:
                self.complete = False
                return b""
            is_zlib = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # RFC 1950, section 2.2
            self._machine = zlib.decompressobj(wbits=15 if is_zlib else -15)
        decoded = b""
        while data and len(decoded) < limit:
            if self._machine.eof:
                if not self._gzip:
                    break
                self._machine = zlib.decompressobj(wbits=31)  # another member
            decoded += self._machine.decompress(data, limit - len(decoded))
            data = self._machine.unused_data
        self.complete = self._machine.eof
        return decoded

"""Shared by all adapters: the parts of a request, the reader of a response, and the messages of errors.

Rules kept here:

* A request is checked by `ClientConnection`, so that all transports refuse the same requests.
* A body is read in pieces, from its beginning each time. A piece is a copy, since libraries keep unsent ones.
* A failure to read the body is stored (`Outbound.failure`), since libraries wrap it and apps may swallow it.
"""

import ssl
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from types import TracebackType

import anyio.to_thread

from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError, PixelProxyError, PixelTimeoutError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits, ResponseReader
from pixel_core.http.effects import timed_out
from pixel_core.http.heads import wire_headers
from pixel_core.messages import Deadline, FileSlice, Request, Segment, Timeouts, body_segments
from pixel_transports.net.files import PIECE, SliceReader


class Outbound:
    """A request that is being sent. Raises ValueError for one that cannot be sent."""

    def __init__(self, request: Request) -> None:
        ClientConnection().start(request)
        self.request = request
        self.segments: Sequence[Segment] = body_segments(request.body)
        self.fields: list[tuple[str, str]] = wire_headers(request, self.segments)
        self.length: int = sum(map(len, self.segments))
        self.failure: PixelError | None = None
        """The error of reading the body, or of sending it in time."""
        self._taken = 0
        total = request.timeouts.total
        self.timeouts: Timeouts = request.timeouts if total is None else request.timeouts.within(total)
        self._until = None if total is None else time.monotonic() + total
        self._reading: Generator[bytes, None, None] | None = None

    def __repr__(self) -> str:
        return f"<Outbound {self.request.label}>"

    def raw_fields(self) -> list[tuple[bytes, bytes]]:
        """Return the header fields in bytes."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.fields]

    @property
    def complete(self) -> bool:
        """True if all of the body was taken."""
        return self._taken == self.length

    def __enter__(self) -> "Outbound":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_reading()

    def _stop_reading(self) -> None:
        """Close the file of a body that was not read to its end."""
        if self._reading is not None:
            with suppress(ValueError):  # a worker thread is reading it; the file is closed when that ends
                self._reading.close()
            self._reading = None

    def pieces(self) -> Iterator[bytes]:
        """Iterate over the body, read on demand. Raises PixelFileChangedError, and PixelTimeoutError after `total`."""
        self._stop_reading()
        self._taken = 0
        self._reading = self._pieces()
        return self._reading

    def pieces_async(self) -> "AsyncPieces":
        """Iterate over the body, with files read in worker threads."""
        return AsyncPieces(self, any(isinstance(each, FileSlice) for each in self.segments))

    def _pieces(self) -> Generator[bytes, None, None]:
        try:
            for segment in self.segments:
                if isinstance(segment, FileSlice):
                    with SliceReader(segment) as reader:
                        while piece := bytes(reader.read()):
                            yield self._next(piece)
                else:
                    for start in range(0, len(segment), PIECE):
                        yield self._next(segment[start : start + PIECE])
        except PixelError as error:
            self.failure = error
            raise

    def _next(self, piece: bytes) -> bytes:
        self.check_time()
        self._taken += len(piece)
        return piece

    def check_time(self) -> None:
        """Raise PixelTimeoutError if the total limit is over."""
        if self._until is not None and time.monotonic() > self._until:
            raise self.too_long()

    def too_long(self) -> PixelTimeoutError:
        """Return the error of the limit `total`."""
        return self.timed_out("no answer", self.request.timeouts.total, sent=True)

    def timed_out(self, what: str, limit: float | None, *, sent: bool) -> PixelTimeoutError:
        """Return the error of a time limit, or of the total limit, if `limit` is what is left of that."""
        beginning = "it took too long" if sent else f"could not connect to {self.request.origin}"
        timeouts = self.request.timeouts
        is_total = limit is not None and limit == timeouts.total
        reason = Deadline(timeouts, 0.0).reason if is_total else timed_out(what, limit)
        return PixelTimeoutError(f"{self.request.label}: {beginning}: {reason}", sent=sent)

    def broke(self, reason: str) -> PixelConnectionError:
        """Return the error of an established connection."""
        return PixelConnectionError(f"{self.request.label}: the connection broke: {reason}", sent=True)

    def not_connected(self, error: BaseException) -> PixelConnectionError:
        """Return the error of a connection that could not be established."""
        message = f"{self.request.label}: could not connect to {self.request.origin}: {reason_of(error)}"
        lasting = any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))
        return PixelConnectionError(message, sent=False, lasting=lasting)

    def proxy_failed(self, status: int | None) -> PixelProxyError:
        """Return the error of a proxy that refused with a status, or (None) could not be reached."""
        what = "a proxy could not be reached" if status is None else f"a proxy refused: {status}"
        where = f"could not connect to {self.request.origin}"
        return PixelProxyError(f"{self.request.label}: {where}: {what}", status=status)

    def cut_short(self, *, started: bool) -> PixelConnectionError:
        """Return the error of an early end of the connection."""
        when = "in the middle of the answer" if started else "before any answer"
        return PixelConnectionError(f"The connection was closed {when} to {self.request.label}", sent=True)

    def invalid_response(self, why: str = "") -> PixelProtocolError:
        """Return the error of an invalid response; `why` holds no received bytes."""
        return PixelProtocolError(f"The answer to {self.request.label} is not HTTP/1.1{why}")


class AsyncPieces:
    """A body for event loops. Not an async generator, since event loops warn of unfinished ones."""

    def __init__(self, outbound: Outbound, blocks: bool) -> None:
        self._outbound = outbound
        self._pieces = outbound.pieces()
        self._blocks = blocks

    def __aiter__(self) -> "AsyncPieces":
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece. Raises the errors of `Outbound.pieces`."""
        # The end needs no thread, so that the connection is free at once.
        if self._outbound.complete:
            raise StopAsyncIteration
        if self._blocks:
            return await anyio.to_thread.run_sync(next, self._pieces, b"")
        return next(self._pieces)


def response_reader(
    outbound: Outbound, status: int, fields: Sequence[tuple[bytes, bytes]], limits: Limits
) -> ResponseReader:
    """Return the reader of a response whose head is known. Raises PixelProtocolError for a head above its limit."""
    if sum(len(name) + len(value) + 4 for name, value in fields) > limits.head:
        raise PixelProtocolError(f"The answer to {outbound.request.label} has more than {limits.head} bytes of headers")
    return ResponseReader(outbound.request, status, fields, limits)


def reason_of(error: BaseException) -> str:
    """Return the system's message for an error: that of the OSError which is its cause, else the name of its type."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return " ".join(str(cause.strerror).split())
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, up to ten."""
    cause: BaseException | None = error
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__

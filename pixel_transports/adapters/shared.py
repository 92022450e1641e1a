"""What all adapters share: a request taken apart, an answer put together, and the sentences of errors.

Rules kept here:

* A request is checked by the machine that would send it over our own sockets: what that refuses, no library gets.
* A body is given out piece by piece, and from its beginning each time it is asked for. Its pieces are bytes of their
  own, since libraries keep what they have not sent yet.
* What goes wrong while a body is read is kept (`Outbound.failure`): libraries wrap it, apps swallow it.
* An answer is unpacked here, once, and only where the request asked for it; the limit holds for what it becomes.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from types import TracebackType

import anyio.to_thread

from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError, PixelTimeoutError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits, ResponseReader
from pixel_core.http.heads import wire_headers
from pixel_core.messages import FileSlice, Request, Segment, Timeouts, body_segments
from pixel_transports.net.files import PIECE, SliceReader


class Outbound:
    """A request on its way. Raises ValueError for one that cannot be sent."""

    def __init__(self, request: Request) -> None:
        ClientConnection().start(request)
        self.request = request
        self.segments: Sequence[Segment] = body_segments(request.body)
        self.fields: list[tuple[str, str]] = wire_headers(request, self.segments)
        self.length: int = sum(map(len, self.segments))
        self.failure: PixelError | None = None
        """What went wrong in reading the body, or in handing it on in time."""
        self._handed = 0
        total = request.timeouts.total
        self.timeouts: Timeouts = request.timeouts if total is None else request.timeouts.within(total)
        self._until = None if total is None else time.monotonic() + total
        self._reading: Generator[bytes, None, None] | None = None

    def __repr__(self) -> str:
        return f"<Outbound {self.request.label}>"

    def raw_fields(self) -> list[tuple[bytes, bytes]]:
        """The header fields as they go on the wire."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.fields]

    @property
    def complete(self) -> bool:
        """Whether all of the body was handed on."""
        return self._handed == self.length

    def __enter__(self) -> "Outbound":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_reading()

    def _stop_reading(self) -> None:
        """Close the file of a body that was not read to its end."""
        if self._reading is not None:
            with suppress(ValueError):  # a worker thread reads this moment; the file is closed when it lets go
                self._reading.close()
            self._reading = None

    def pieces(self) -> Iterator[bytes]:
        """The body, read as it is asked for. Raises PixelFileChangedError, and PixelTimeoutError past `total`."""
        self._stop_reading()
        self._handed = 0
        self._reading = self._pieces()
        return self._reading

    def pieces_async(self) -> "AsyncPieces":
        """The same, with files read in worker threads."""
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
        self._handed += len(piece)
        return piece

    def check_time(self) -> None:
        """Raises PixelTimeoutError once the whole exchange has taken too long."""
        if self._until is not None and time.monotonic() > self._until:
            raise self.too_long()

    def too_long(self) -> PixelTimeoutError:
        """The error of the limit `total`."""
        return self.timed_out(f"the call was to take no more than {self.request.timeouts.total:g} seconds", sent=True)

    def timed_out(self, what: str, *, sent: bool) -> PixelTimeoutError:
        """The error of a limit."""
        beginning = "it took too long" if sent else f"could not connect to {self.request.origin}"
        return PixelTimeoutError(f"{self.request.label}: {beginning}: {what}", sent=sent)

    def broke(self, reason: str) -> PixelConnectionError:
        """The error of a connection that was made."""
        return PixelConnectionError(f"{self.request.label}: the connection broke: {reason}", sent=True)

    def not_connected(self, reason: str) -> PixelConnectionError:
        """The error of a connection that could not be made."""
        where = f"could not connect to {self.request.origin}"
        return PixelConnectionError(f"{self.request.label}: {where}: {reason}", sent=False)

    def cut_short(self, *, heard: bool) -> PixelConnectionError:
        """The error of an end that comes too early."""
        when = "in the middle of the answer" if heard else "before any answer"
        return PixelConnectionError(f"The connection was closed {when} to {self.request.label}", sent=True)

    def not_understood(self, why: str = "") -> PixelProtocolError:
        """The error of bytes that are no answer. `why` is nothing that the peer said."""
        return PixelProtocolError(f"The answer to {self.request.label} is not HTTP/1.1{why}")


class AsyncPieces:
    """A body for event loops. Not an async generator, since loops complain of those that are left unfinished."""

    def __init__(self, outbound: Outbound, blocks: bool) -> None:
        self._outbound = outbound
        self._pieces = outbound.pieces()
        self._blocks = blocks

    def __aiter__(self) -> "AsyncPieces":
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises what `Outbound.pieces` does."""
        # Without another turn in a thread at the end: a connection is free again once its body is.
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
    """Why, in the words of the system: those of the OSError that an error of a library was made from."""
    at: BaseException | None = error
    for _ in range(10):
        if at is None:
            break
        if isinstance(at, OSError) and at.strerror:
            return " ".join(str(at.strerror).split())
        at = at.__cause__ or at.__context__
    return type(error).__name__

"""Files: what the effects `Stat` and `Digest` and the bodies of requests need of them.

Rules kept here:

* Memory does not grow with a file: it is read through one buffer.
* These functions block; an event loop runs them in a worker thread.
* A file that ends before its slice does has changed since it was planned: PixelFileChangedError. So has one that cannot
  be read when it is sent; the first to read it, who hashes it, hears what the system says.
"""

import errno
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from io import FileIO
from types import TracebackType

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Request, Segment, body_segments

PIECE = 256 * 1024
"""How much of a file is read at a time to be sent, where the system does not send it itself."""
SENDFILE = hasattr(os, "sendfile")
LITTLE = 64 * 1024
"""What is sent without an ear for the peer, unless it takes a while."""


_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What systems say where they cannot send a file of this kind themselves (sendfile(2))."""


class SliceReader:
    """Reads one slice of a file, piece by piece, into one buffer of up to `size` bytes, or has the system send it.
    Raises PixelFileChangedError from any method.
    """

    def __init__(self, piece: FileSlice, size: int = PIECE) -> None:
        self._slice = piece
        self._left = piece.length
        self._size = min(size, piece.length)
        self._buffer: memoryview | None = None
        self._file: FileIO | None = None
        if piece.meter is not None:
            piece.meter.bytes = 0

    def __enter__(self) -> "SliceReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def read(self) -> memoryview:
        """The next piece, in the buffer that the next call overwrites; empty at the end."""
        if not self._left:
            return memoryview(b"")
        file = self._opened()
        if self._buffer is None:
            self._buffer = memoryview(bytearray(self._size))
        try:
            if file.tell() != self._at:
                file.seek(self._at)
            count = file.readinto(self._buffer[: self._left])
        except OSError as error:
            raise self._gone(error) from error
        self._advance(count)
        return self._buffer[:count]

    def send(self, sock: socket.socket) -> bool:
        """Have the system send the next piece to a socket, as far as that takes it; False at the end. Raises also
        BlockingIOError, and OSError of the socket.
        """
        if not self._left:
            return False
        self._advance(os.sendfile(sock.fileno(), self._opened().fileno(), self._at, self._left))
        return True

    @property
    def _at(self) -> int:
        """Where the next byte is in the file."""
        return self._slice.offset + self._slice.length - self._left

    def _opened(self) -> FileIO:
        if self._file is None:
            try:
                self._file = open(self._slice.path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
            except OSError as error:
                raise self._gone(error) from error
        return self._file

    def _gone(self, error: OSError) -> PixelFileChangedError:
        return PixelFileChangedError(f"{self._slice.path} cannot be read any more: {error.strerror}")

    def _advance(self, count: int) -> None:
        if not count:
            raise too_short(self._slice, self._left)
        self._left -= count
        if self._slice.meter is not None:
            self._slice.meter.bytes += count

    def __iter__(self) -> Iterator[memoryview]:
        while piece := self.read():
            yield piece


class Outgoing:
    """What is left to send of a request. It keeps its place, so that sending can stop and go on."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self.left: memoryview = memoryview(b"")
        """What was taken out last and is not yet sent; the driver shortens it."""
        self.large: bool = any(isinstance(each, FileSlice) or len(each) > LITTLE for each in segments)
        self._segments = deque(segments)
        self._reader: SliceReader | None = None
        self._by_hand = False

    def send_file(self, sock: socket.socket) -> bool:
        """Have the system send the next piece of a file itself (sendfile), as far as the socket takes it; False where
        it is no file's turn, or the system cannot do so with this file. Raises BlockingIOError, OSError of the socket,
        PixelFileChangedError.
        """
        if self._reader is None and self._segments:
            first = self._segments[0]
            if isinstance(first, FileSlice):
                self._segments.popleft()
                self._reader = SliceReader(first)
        if self._reader is None or self._by_hand:
            return False
        try:
            if not self._reader.send(sock):
                self.close()
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            self._by_hand = True
            return False
        return True

    def take(self) -> memoryview:
        """The next piece to send, once nothing is left of the last; empty at the end. Raises PixelFileChangedError."""
        while True:
            if self._reader is not None:
                piece = self._reader.read()
                if piece:
                    return piece
                self.close()
            if not self._segments:
                return memoryview(b"")
            segment = self._segments.popleft()
            if isinstance(segment, FileSlice):
                self._reader = SliceReader(segment)
            elif len(segment) > PIECE:
                self._segments.appendleft(segment[PIECE:])
                return memoryview(segment)[:PIECE]
            elif segment:
                return memoryview(segment)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def too_short(piece: FileSlice, left: int) -> PixelFileChangedError:
    return PixelFileChangedError(
        f"{piece.path} became shorter while it was read: {left} bytes of the {piece.length} from byte {piece.offset} "
        "on are missing"
    )


def whole_body(request: Request) -> bytes:
    """The body of a request in memory, for those who cannot stream."""
    pieces: list[bytes] = []
    for segment in body_segments(request.body):
        if isinstance(segment, FileSlice):
            with SliceReader(segment) as reader:
                pieces.extend(bytes(chunk) for chunk in reader)
        else:
            pieces.append(segment)
    return b"".join(pieces)

"""Sends the bodies of requests: bytes, and slices of files.

Rules kept here:

* Memory does not grow with a file: it is read through one buffer.
* Reading a file blocks; an event loop does it in a worker thread.
* A file that ends before its slice does has changed since it was planned: PixelFileChangedError. So has one that cannot
  be read when it is sent, since it could be read when it was hashed.
"""

import errno
import os
import socket
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from io import FileIO
from types import TracebackType

from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Request, Segment, body_segments

PIECE = 256 * 1024
"""Bytes of a file that are read at a time, where `os.sendfile` cannot be used."""

SENDFILE = hasattr(os, "sendfile")

LITTLE = 64 * 1024
"""Bytes up to which a request is sent without watching for an early response."""

_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Errors of sendfile(2) for files that it cannot send."""


class SliceReader:
    """Reads one slice of a file, piece by piece, into one buffer of up to `size` bytes, or sends it by sendfile(2). Its
    methods raise PixelFileChangedError.
    """

    def __init__(self, piece: FileSlice, size: int = PIECE) -> None:
        self._slice = piece
        self.left: int = piece.length
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
        """Read the next piece. The next call overwrites it. Empty at the end."""
        if not self.left:
            return memoryview(b"")
        file = self._open()
        if self._buffer is None:
            self._buffer = memoryview(bytearray(self._size))
        try:
            if file.tell() != self._at:
                file.seek(self._at)
            count = file.readinto(self._buffer[: self.left])
        except OSError as error:
            raise self._unreadable(error) from error
        self._advance(count)
        return self._buffer[:count]

    def send(self, sock: socket.socket) -> bool:
        """Send the next piece to a socket by sendfile(2), as far as it takes it; False at the end. Raises also
        BlockingIOError, and OSError of the socket.
        """
        if not self.left:
            return False
        self._advance(os.sendfile(sock.fileno(), self._open().fileno(), self._at, self.left))
        return True

    @property
    def _at(self) -> int:
        """The offset of the next byte in the file."""
        return self._slice.offset + self._slice.length - self.left

    def _open(self) -> FileIO:
        if self._file is None:
            try:
                self._file = open_file(self._slice.path)
            except OSError as error:
                raise self._unreadable(error) from error
        return self._file

    def _unreadable(self, error: OSError) -> PixelFileChangedError:
        return PixelFileChangedError(f"{self._slice.path} can no longer be read: {error.strerror}")

    def _advance(self, count: int) -> None:
        if not count:
            raise too_short(self._slice, self.left)
        self.left -= count
        if self._slice.meter is not None:
            self._slice.meter.bytes += count

    def __iter__(self) -> Iterator[memoryview]:
        while piece := self.read():
            yield piece


class Outgoing:
    """The unsent rest of a request. Sending can stop and go on."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self.left: memoryview = memoryview(b"")
        """The unsent rest of the piece that was taken last; the stream shortens it."""
        self.large: bool = any(isinstance(each, FileSlice) or len(each) > LITTLE for each in segments)
        self._segments = deque(segments)
        self._reader: SliceReader | None = None
        self._reads = False

    @property
    def is_empty(self) -> bool:
        """True when all was taken and sent."""
        return not (self.left or self._segments or (self._reader is not None and self._reader.left))

    def send_file(self, sock: socket.socket) -> bool:
        """Send the next piece of a file by sendfile(2), as far as the socket takes it; False if bytes are next, or if
        sendfile cannot send this file. Raises BlockingIOError, OSError of the socket, PixelFileChangedError.
        """
        if self._reader is None and self._segments:
            first = self._segments[0]
            if isinstance(first, FileSlice):
                self._segments.popleft()
                self._reader = SliceReader(first)
        if self._reader is None or self._reads:
            return False
        try:
            if not self._reader.send(sock):
                self.close()
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            self._reads = True
            return False
        return True

    def take(self) -> memoryview:
        """Take the next piece, once the last is sent; empty at the end. Raises PixelFileChangedError."""
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


def open_file(path: str) -> FileIO:
    """Open a file for reading, if it is a regular one: opening a FIFO could block for ever. Raises OSError."""
    file = open(path, "rb", buffering=0, opener=_open_without_blocking)  # noqa: SIM115 - closed by the caller
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "Not a regular file", path)


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def too_short(piece: FileSlice, left: int) -> PixelFileChangedError:
    """The error for a file that ended `left` bytes before its slice."""
    return PixelFileChangedError(
        f"{piece.path} became shorter while it was read: {left} bytes of the {piece.length} from byte {piece.offset} "
        "on are missing"
    )


def whole_body(request: Request) -> bytes:
    """Read the whole body of a request into memory."""
    pieces: list[bytes] = []
    for segment in body_segments(request.body):
        if isinstance(segment, FileSlice):
            with SliceReader(segment) as reader:
                pieces.extend(bytes(chunk) for chunk in reader)
        else:
            pieces.append(segment)
    return b"".join(pieces)

"""Files: what the effects `Stat` and `Digest` and the bodies of requests need of them.

Rules kept here:

* Memory does not grow with a file: it is read through one buffer.
* These functions block; an event loop runs them in a worker thread.
* A file that ends before its slice does has changed since it was planned: PixelFileChangedError. So has one that cannot
  be read when it is sent; the first to read it, who hashes it, hears what the system says.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import BinaryIO

from pixel_core.effects import FileFacts
from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Request, body_segments

BUFFER = 1024 * 1024


def look_at(path: str) -> FileFacts:
    """What `Stat` gives. Raises FileNotFoundError, or another OSError; a directory is IsADirectoryError."""
    facts = os.stat(path)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return FileFacts(facts.st_size, facts.st_mtime_ns)


class SliceReader:
    """Reads one slice of a file, piece by piece, into one buffer. Raises PixelFileChangedError from any method."""

    def __init__(self, piece: FileSlice, buffer: memoryview) -> None:
        self._slice = piece
        self._left = piece.length
        self._buffer = buffer
        self._file: BinaryIO | None = None

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
            return self._buffer[:0]
        try:
            if self._file is None:
                self._file = open(self._slice.path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
                self._file.seek(self._slice.offset)
            count = self._file.readinto(self._buffer[: self._left])  # type: ignore[attr-defined]
        except OSError as error:
            raise PixelFileChangedError(f"{self._slice.path} cannot be read any more: {error.strerror}") from error
        if not count:
            raise PixelFileChangedError(
                f"{self._slice.path} became shorter while it was read: {self._left} bytes of the "
                f"{self._slice.length} from byte {self._slice.offset} on are missing"
            )
        self._left -= count
        return self._buffer[:count]

    def __iter__(self) -> Iterator[memoryview]:
        while piece := self.read():
            yield piece


def digest(slices: Iterable[FileSlice], stopped: Callable[[], bool]) -> list[bytes]:
    """The MD5 of each slice. Ends early, with what there is, once `stopped` says so.

    Raises OSError for a file that cannot be read, PixelFileChangedError for one that is too short.
    """
    buffer = memoryview(bytearray(BUFFER))
    digests: list[bytes] = []
    for piece in slices:
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            with SliceReader(piece, buffer) as reader:
                for chunk in reader:
                    md5.update(chunk)
                    if stopped():
                        return digests
        except PixelFileChangedError as changed:
            raise changed.__cause__ or changed from None
        digests.append(md5.digest())
    return digests


def whole_body(request: Request) -> bytes:
    """The body of a request in memory, for those who cannot stream."""
    pieces: list[bytes] = []
    for segment in body_segments(request.body):
        if isinstance(segment, FileSlice):
            with SliceReader(segment, memoryview(bytearray(min(BUFFER, max(1, segment.length))))) as reader:
                pieces.extend(bytes(chunk) for chunk in reader)
        else:
            pieces.append(segment)
    return b"".join(pieces)

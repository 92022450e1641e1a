"""Stored objects: bytes in memory up to a budget, then in files of a folder.

Rules kept here:

* Bytes are written once, as they arrive, and their MD5 is computed on the way. A file is open only while it is
  written or read, so descriptors and memory do not grow with what is stored.
* A stored object is a list of pieces, never a joined copy. Reading takes one chunk at a time.
* Who drops an object frees its memory and its files.
"""

import base64
import binascii
import contextlib
import glob
import hashlib
import itertools
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

try:
    import fcntl
except ImportError:  # pragma: no cover # not on Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = "pixel-sandbox-"
MEMORY_BYTES = 32 * 1024 * 1024
"""The budget of a sandbox for small bodies in memory."""
SMALL_BYTES = 1024 * 1024
"""A larger body is written to a file as it arrives."""
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes: in memory, or a whole file."""

    size: int
    content: bytes | None
    folder: str = ""
    number: int = 0

    @property
    def path(self) -> str:
        """The path of the file."""
        return f"{self.folder}/{self.number:x}"

    def chunks(self, start: int, stop: int, size: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop` in chunks of at most `size`. Raises OSError if the file is gone."""
        if self.content is not None:
            for begin in range(start, stop, size):
                yield self.content[begin : min(begin + size, stop)]
            return
        with open(self.path, "rb", buffering=0) as file:
            file.seek(start)
            while start < stop and (chunk := file.read(min(size, stop - start))):
                start += len(chunk)
                yield chunk


class StoredObject:
    """The content of one key. `bytes()` copies it as a whole; `chunks()` iterates over it.

    `etag` is that of S3: the MD5 in hex, or `joined_etag` of parts.
    """

    __slots__ = ("etag", "pieces", "size")

    def __init__(self, pieces: Sequence[bytes | Piece], etag: str = "") -> None:
        self.pieces: tuple[Piece, ...] = tuple(
            piece if isinstance(piece, Piece) else Piece(len(piece), piece) for piece in pieces
        )
        self.size: int = sum(piece.size for piece in self.pieces)
        self.etag: str = etag or self.md5()

    def md5(self) -> str:
        """Compute the MD5 in hex. Raises OSError if the object was dropped in the meantime."""
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def chunks(self, size: int = CHUNK_BYTES, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the content, or its bytes from `start` to `stop`, in chunks of at most `size` bytes."""
        stop, before = self.size if stop is None else stop, 0
        for piece in self.pieces:
            after = before + piece.size
            if start < after and before < stop:
                yield from piece.chunks(max(start - before, 0), min(stop - before, piece.size), size)
            before = after

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks())

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredObject):
            return self.size == other.size and self.md5() == other.md5()
        if isinstance(other, (bytes, bytearray, memoryview)):
            return self.size == len(other) and bytes(self) == other
        return NotImplemented

    __hash__: ClassVar[None]  # type: ignore[assignment] # `__eq__` alone makes it None

    def __repr__(self) -> str:
        return f"<StoredObject {self.size} bytes in {len(self.pieces)} pieces>"


class ObjectFiles:
    """Where the bytes of a sandbox are kept. Thread-safe.

    `folder` is created when it is needed. Without one, files are in a temporary folder, which is removed when the
    process ends or this object is no longer used; the next sandbox removes that of a process that was killed.
    """

    def __init__(self, folder: Path | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = None if folder is None else str(folder)
        self._exists = False
        self._free_bytes = memory_bytes
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def writer(self) -> "Writer":
        """Return a writer of one new piece."""
        return Writer(self)

    def drop(self, pieces: Iterable[Piece]) -> None:
        """Free the memory and the files of pieces."""
        for piece in pieces:
            if piece.content is not None:
                self.reserve(-piece.size)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(piece.path)

    def reserve(self, size: int) -> bool:
        """Take bytes from the budget. Returns False if it has not as many."""
        with self._lock:
            if size > self._free_bytes:
                return False
            self._free_bytes -= size
            return True

    def piece(self, size: int, number: int) -> Piece:
        """Return the piece that is a file."""
        return Piece(size, None, self._folder or "", number) if size else Piece(0, b"")

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove all files but those with these numbers. Raises OSError."""
        if self._folder is not None and os.path.isdir(self._folder):
            for name in os.listdir(self._folder):
                if int(name, 16) not in numbers:
                    os.unlink(f"{self._folder}/{name}")
        self._numbers = itertools.count(max(numbers, default=0) + 1)

    def new_file(self) -> tuple[str, int]:
        """Return the folder and the number of a new file. Raises OSError."""
        with self._lock:
            if self._folder is None:
                self._folder, lock = _temporary_folder()
                weakref.finalize(self, _remove_folder, self._folder, lock)
            if not self._exists:
                os.makedirs(self._folder, exist_ok=True)
                self._exists = True
            return self._folder, next(self._numbers)


def _temporary_folder() -> tuple[str, IO[bytes]]:
    """Create a folder, and return it with its locked lock file. Folders of processes that were killed are removed."""
    for other in glob.glob(f"{tempfile.gettempdir()}/{_PREFIX}*/lock"):
        with contextlib.suppress(OSError), open(other, "rb") as file:
            _lock(file)
            shutil.rmtree(os.path.dirname(other))
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    lock = open(f"{folder}/new", "wb")  # noqa: SIM115 # `_remove_folder` closes it
    with contextlib.suppress(OSError):
        _lock(lock)
        # Only now can others see it.
        os.rename(f"{folder}/new", f"{folder}/lock")
    return folder, lock


def _lock(file: IO[bytes]) -> None:
    """Lock a file until it is closed. Raises OSError if another process locked it, or the system has no such locks."""
    if fcntl is None:
        raise OSError("no locks")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_folder(folder: str, lock: IO[bytes]) -> None:
    lock.close()
    shutil.rmtree(folder, ignore_errors=True)


class Writer:
    """Writes one piece, in memory first. `md5` and `size` are those of what was written so far."""

    __slots__ = ("_chunks", "_digest", "_file", "_files", "_place", "size")

    def __init__(self, files: ObjectFiles) -> None:
        self.size: int = 0
        self._files = files
        self._digest = hashlib.md5(usedforsecurity=False)
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._place = ("", 0)

    @property
    def md5(self) -> str:
        """The MD5 in hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write bytes. Raises OSError if they cannot be stored."""
        self.size += len(data)
        self._digest.update(data)
        if self._file is None:
            self._chunks.append(bytes(data))
            if self.size > SMALL_BYTES:
                self._open()
        else:
            _write_all(self._file, data)

    def finish(self) -> Piece:
        """Return the piece. Raises OSError if it cannot be stored."""
        if self._file is None and self._files.reserve(self.size):
            return Piece(self.size, b"".join(self._chunks))
        if self._file is None:
            self._open()
        if self._file is not None:
            self._file.close()
            self._file = None
        return Piece(self.size, None, *self._place)

    def discard(self) -> None:
        """Drop what was written."""
        if self._file is not None:
            self._file.close()
            self._files.drop([Piece(self.size, None, *self._place)])
        self._file, self._chunks = None, []

    def _open(self) -> None:
        self._place = self._files.new_file()
        self._file = open(Piece(0, None, *self._place).path, "xb", buffering=0)  # noqa: SIM115 # `finish` closes it
        for chunk in self._chunks:
            _write_all(self._file, chunk)
        self._chunks = []


def _write_all(file: IO[bytes], data: bytes | bytearray | memoryview) -> None:
    # The system writes a part of the data if the disk or a limit leaves no room for all.
    written = file.write(data)
    while written < len(data):
        written += file.write(memoryview(data)[written:])


def joined_etag(md5s: Sequence[str]) -> str:
    """Return the ETag of an object that was uploaded in parts: the MD5 of their MD5s, and their number (S3)."""
    joined = b"".join(base64.b64decode(md5) for md5 in md5s)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(md5s)}"


def md5_hex(base64_digest: str) -> str | None:
    """Return the MD5 of a `Content-MD5` value (RFC 1864: base64 of the 16 bytes) in hex, or None if it is invalid."""
    try:
        digest = base64.b64decode(base64_digest, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest.hex() if len(digest) == hashlib.md5(usedforsecurity=False).digest_size else None

"""The effects `Stat` and `Digest`: looks at files and hashes them.

Rules kept here:

* Memory does not grow with a file: it is read through one buffer.
* These functions block; the async driver calls them in a worker thread.
* A file that ends before its slice does has changed since it was planned: PixelFileChangedError.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO

from pixel_core.effects import Digested, FileFacts
from pixel_core.messages import FileSlice
from pixel_transports.net.files import too_short

BUFFER = 1024 * 1024
"""The size of the buffer that a file is read through, in bytes."""

_MOST_SPARE = 2
"""How many buffers are kept for the next files."""


def look_at(paths: Sequence[str]) -> list[FileFacts]:
    """What `Stat` gives. Raises FileNotFoundError, or another OSError; a directory is IsADirectoryError."""
    return [_facts(path) for path in paths]


def _facts(path: str) -> FileFacts:
    facts = os.stat(path)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return FileFacts(facts.st_size, facts.st_mtime_ns)


_spare: list[bytearray] = []


@contextmanager
def _buffer(size: int) -> Iterator[memoryview]:
    """A buffer for a file of `size` bytes. Large ones are used again: what each of many threads allocates and frees
    stays with that thread, as the system's allocators have it.
    """
    if size < BUFFER:
        yield memoryview(bytearray(1 + size))
        return
    try:
        buffer = _spare.pop()
    except IndexError:
        buffer = bytearray(BUFFER)
    try:
        yield memoryview(buffer)
    finally:
        if len(_spare) < _MOST_SPARE:
            _spare.append(buffer)


def digest(slices: Sequence[FileSlice], keep: bool, stopped: Callable[[], bool]) -> Digested:
    """The MD5 of each slice of one file. Ends early, with what there is, once `stopped` says so.

    Raises OSError for a file that cannot be read, PixelFileChangedError for one that is too short.
    """
    path, kept = slices[0].path, b""
    digests: list[bytes] = []
    with _buffer(max(piece.length for piece in slices)) as buffer, open(path, "rb", buffering=0) as file:
        for piece in slices:
            md5 = hashlib.md5(usedforsecurity=False)
            file.seek(piece.offset)
            left = piece.length
            while left:
                count = file.readinto(buffer[:left])
                if not count:
                    raise too_short(piece, left)
                md5.update(buffer[:count])
                left -= count
                if keep:
                    kept += buffer[:count]
                if stopped():
                    return Digested(digests, _facts_of(file))
            digests.append(md5.digest())
        facts = _facts_of(file)
    return Digested(digests, facts, kept if keep else None)


def _facts_of(file: FileIO) -> FileFacts:
    facts = os.fstat(file.fileno())
    return FileFacts(facts.st_size, facts.st_mtime_ns)

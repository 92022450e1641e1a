"""The effects `ListFolder`, `Stat` and `Digest`: names in folders, facts of files, and their MD5s.

Memory does not grow with a file: it is read through one buffer. These functions block. The async driver calls them in a
worker thread. A file that is shorter than its slice has changed since it was planned: PixelFileChangedError.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, cast

from pixel_core.effects import Digested, FileFacts, FolderListing, ListFolder
from pixel_core.messages import FileSlice
from pixel_transports.net.files import open_file, too_short
from pixel_transports.runtime.running import run

if TYPE_CHECKING:
    from pixel_core.uploads.folders import FoundFile, Selection

BUFFER = 1024 * 1024
"""The size of the buffer that a file is read through, in bytes."""

_MOST_SPARE = 2
"""How many buffers are kept for the next files."""


def file_facts(paths: Sequence[str]) -> list[FileFacts]:
    """Return the facts of files. Raises FileNotFoundError, IsADirectoryError, or another OSError."""
    return [_facts(path) for path in paths]


def _facts(path: str) -> FileFacts:
    facts = os.stat(path)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return FileFacts(facts.st_size, facts.st_mtime_ns)


def list_folder(path: str) -> FolderListing:
    """List a folder. Raises FileNotFoundError, NotADirectoryError, or another OSError."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_dir():
                files.append(entry.name)
            elif not entry.is_symlink():
                folders.append(entry.name)
    return FolderListing(folders, files)


def find_files(folder: str, selection: "Selection", with_support_files: bool = False) -> "Iterator[FoundFile]":
    """Walk through a folder, and yield its files as they are found. Raises OSError for a part that cannot be read."""
    from pixel_core.uploads.folders import FolderWalk  # late: it loads the engine of uploads

    walk = FolderWalk(folder, selection, with_support_files)
    while (files := run(walk.next_files(), lambda effect: list_folder(cast(ListFolder, effect).path))) is not None:
        yield from files


_spare: list[bytearray] = []


@contextmanager
def _buffer(size: int) -> Iterator[memoryview]:
    """A buffer for a file of `size` bytes. Large ones are reused, since memory that a thread frees stays with that
    thread in the allocators of many systems.
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
    """Calculate the MD5 of each slice of one file. Ends early, with fewer digests, once `stopped` returns True. Raises
    OSError if the file cannot be read, PixelFileChangedError if it is too short.
    """
    path, kept = slices[0].path, b""
    digests: list[bytes] = []
    with _buffer(max(piece.length for piece in slices)) as buffer, open_file(path) as file:
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

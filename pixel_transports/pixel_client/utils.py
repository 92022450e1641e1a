"""Small helpers for existing code.

Rules kept here:

* MD5s are those of S3: the digest in base64.
* Files are read in blocks. Only `iter_file_parts` has a whole part in memory.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import IO, Any, TypeVar

from pixel_core.messages import FileSlice
from pixel_transports.drivers.files import BUFFER, digest, file_facts
from pixel_transports.net.files import SliceReader

T = TypeVar("T")


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result; inside a running event loop, in another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return ThreadPoolExecutor(1).submit(asyncio.run, coroutine).result()  # An interrupt does not wait for the thread.


def iter_over_async(items: AsyncIterator[T]) -> Iterator[T]:
    """The items of an async iterator, one by one, on a loop of their own. Not inside a running loop."""
    with asyncio.Runner() as runner:

        async def following() -> tuple[T] | None:
            async for item in items:
                return (item,)
            return None

        while (found := runner.run(following())) is not None:
            yield found[0]


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """A sequence in pieces of `size` items, the last of which may be shorter."""
    if size < 1:
        raise ValueError(f"a chunk has at least one item, got {size}")
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextmanager
def silence_logger(name: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """Let a logger say nothing below `level` inside a `with` block."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def calculate_md5_base64(data: bytes) -> str:
    """The MD5 of bytes, in base64."""
    return b64encode(md5(data, usedforsecurity=False).digest()).decode()


def calculate_md5_base64_from_file(file_path: Path | str) -> str:
    """The MD5 of a file, in base64. Raises OSError."""
    whole = FileSlice(str(file_path), 0, file_facts([str(file_path)])[0].size)
    return b64encode(digest([whole], False, lambda: False).digests[0]).decode()


def iter_file_parts(file_path: Path | str, part_size: int) -> Iterator[tuple[int, str, bytes]]:
    """The parts of a file: length, MD5 in base64, and bytes. Raises OSError, ValueError for a size below 1."""
    if part_size < 1:
        raise ValueError(f"a part has at least one byte, got {part_size}")
    size = file_facts([str(file_path)])[0].size
    for start in range(0, size, part_size):
        part = FileSlice(str(file_path), start, min(part_size, size - start))
        with SliceReader(part, BUFFER) as reader:
            data = b"".join(bytes(piece) for piece in reader)
        yield len(data), calculate_md5_base64(data), data


def download_from_url(url: str, out: IO[bytes]) -> None:
    """Download an http or https URL into a file that is open for writing. Raises OSError, ValueError."""
    from urllib.request import urlopen  # late: it is a second HTTP client

    if not url.startswith(("http://", "https://")):
        raise ValueError("only http and https URLs are downloaded")
    with urlopen(url, timeout=30) as answer:  # noqa: S310 - checked above
        while piece := answer.read(BUFFER):
            out.write(piece)


__all__ = [
    "calculate_md5_base64", "calculate_md5_base64_from_file", "chunks", "download_from_url", "iter_file_parts",
    "iter_over_async", "run_sync", "silence_logger",
]  # fmt: skip

"""What is stored: the content of objects, in the buffers in which it came.

Rules kept here:

* A stored object is a list of buffers, never a joined copy; a buffer may be a window on a mapped file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pixel_transports.sandbox.http import Buffer


class StoredObject:
    """What is stored at one key. `bytes()` of it joins the whole; `chunks()` goes through it without a copy."""

    def __init__(self, buffers: Sequence[Buffer], md5: str | None = None) -> None:
        self.buffers: tuple[Buffer, ...] = tuple(buffers)
        self.size: int = sum(len(buffer) for buffer in self.buffers)
        self._md5 = md5

    @property
    def md5(self) -> str:
        """The MD5 of the whole in hex; computed at first use when the object came in parts."""
        if self._md5 is None:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._md5 = digest.hexdigest()
        return self._md5

    def chunks(self, size: int = 1024 * 1024) -> Iterator[Buffer]:
        """The content, `size` bytes at a time or less."""
        for buffer in self.buffers:
            for start in range(0, len(buffer), size):
                yield buffer[start : start + size]

    def __bytes__(self) -> bytes:
        return b"".join(self.buffers)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredObject):
            return self.size == other.size and self.md5 == other.md5
        if isinstance(other, (bytes, bytearray, memoryview)):
            return self.size == len(other) and bytes(self) == other
        return NotImplemented

    __hash__: ClassVar[None]  # type: ignore[assignment] # `__eq__` alone makes it None

    def __repr__(self) -> str:
        return f"<StoredObject {self.size} bytes in {len(self.buffers)} buffers>"

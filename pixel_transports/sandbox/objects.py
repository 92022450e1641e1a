"""Stored objects, in the buffers in which they arrived, and MD5 digests.

Rules kept here:

* A stored object is a list of buffers, never a joined copy; a buffer may be a view of a mapped file.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pixel_transports.sandbox.http import Buffer


class StoredObject:
    """The content of one key. `bytes()` copies it as a whole; `chunks()` iterates over it without a copy."""

    def __init__(self, buffers: Sequence[Buffer], md5: str | None = None) -> None:
        self.buffers: tuple[Buffer, ...] = tuple(buffers)
        self.size: int = sum(len(buffer) for buffer in self.buffers)
        self._md5 = md5

    @property
    def md5(self) -> str:
        """The MD5 in hex; computed at first use if the object was uploaded in parts."""
        if self._md5 is None:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._md5 = digest.hexdigest()
        return self._md5

    def chunks(self, size: int = 1024 * 1024) -> Iterator[Buffer]:
        """Yield the content in pieces of at most `size` bytes."""
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


def md5_hex(base64_digest: str) -> str | None:
    """Return the MD5 of a `Content-MD5` value (RFC 1864: base64 of the 16 bytes) in hex, or None if it is invalid."""
    try:
        digest = base64.b64decode(base64_digest, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest.hex() if len(digest) == hashlib.md5(usedforsecurity=False).digest_size else None

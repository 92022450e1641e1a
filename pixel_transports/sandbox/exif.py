"""The position in the EXIF of a photo (CIPA DC-008, section 4.6.6; JPEG, TIFF, and PNG's chunk `eXIf`).

Rules kept here:

* Missing or broken EXIF is no error: there is no position then.
* Only what leads to the position is read, whatever the size of the file.
"""

import struct
from collections.abc import Callable

Read = Callable[[int, int], bytes]
"""Reads bytes: an offset, and a size; fewer come at the end of the file."""

_GPS_DIRECTORY = 0x8825
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_MAX_BLOCKS = 1000
"""How many segments of JPEG or chunks of PNG are skipped to find EXIF, which comes before the image data."""
_RATIONAL = 5
_Entry = tuple[int, int, bytes]
"""An entry of a directory: type, number of values, and the value or its offset."""


def read_position(read: Read) -> tuple[float, float] | None:
    """Return longitude and latitude in degrees, or None if the photo has no position."""
    try:
        start = _find_exif(read)
        return None if start is None else _Exif(read, start).position()
    except (struct.error, LookupError, ArithmeticError):
        return None


def _find_exif(read: Read) -> int | None:
    """Return the offset of the TIFF header that EXIF starts with."""
    head = read(0, 8)
    if head.startswith(b"\xff\xd8"):
        return _find_in_jpeg(read)
    if head == b"\x89PNG\r\n\x1a\n":
        return _find_in_png(read)
    return 0


def _find_in_jpeg(read: Read) -> int | None:
    """Return the offset in the first APP1 segment of EXIF."""
    offset = 2
    for _ in range(_MAX_BLOCKS):
        mark, marker, length, name = struct.unpack(">BBH6s", read(offset, 10))
        # Start of scan or end of image: no more segments with metadata.
        if mark != 0xFF or marker in (0xDA, 0xD9):
            return None
        if marker == 0xE1 and name == b"Exif\0\0":
            return offset + 10
        offset += 2 + length
    return None


def _find_in_png(read: Read) -> int | None:
    """Return the offset in the chunk `eXIf`, if it is before the image data."""
    offset = 8
    for _ in range(_MAX_BLOCKS):
        length, kind = struct.unpack(">I4s", read(offset, 8))
        if kind in (b"IDAT", b"IEND"):
            return None
        if kind == b"eXIf":
            return offset + 8
        offset += 12 + length
    return None


class _Exif:
    """The directories of a TIFF header at `start`."""

    def __init__(self, read: Read, start: int) -> None:
        self._read = read
        self._start = start
        self._order = {b"II*\0": "<", b"MM\0*": ">"}[read(start, 4)]

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        size = struct.calcsize(self._order + layout)
        return struct.unpack(self._order + layout, self._read(self._start + offset, size))

    def _directory(self, offset: int) -> dict[int, _Entry]:
        (count,) = self._unpack("H", offset)
        entries = self._read(self._start + offset + 2, 12 * count)
        return {
            tag: (kind, size, value) for tag, kind, size, value in struct.iter_unpack(f"{self._order}HHI4s", entries)
        }

    def _offset(self, entry: _Entry) -> int:
        return int(struct.unpack(f"{self._order}I", entry[2])[0])

    def position(self) -> tuple[float, float] | None:
        (first,) = self._unpack("I", 4)
        gps = self._directory(self._offset(self._directory(first)[_GPS_DIRECTORY]))
        longitude = self._degrees(gps[_LONGITUDE], gps.get(_LONGITUDE_REF), b"W")
        latitude = self._degrees(gps[_LATITUDE], gps.get(_LATITUDE_REF), b"S")
        return (longitude, latitude) if abs(longitude) <= 180 and abs(latitude) <= 90 else None

    def _degrees(self, entry: _Entry, reference: _Entry | None, negative: bytes) -> float:
        """Return degrees, minutes and seconds, which are three fractions, as degrees."""
        if entry[:2] != (_RATIONAL, 3):
            raise LookupError("no degrees, minutes and seconds")
        numbers = self._unpack("6I", self._offset(entry))
        degrees = sum(numbers[2 * n] / numbers[2 * n + 1] / float(60**n) for n in range(3))
        return round(-degrees if reference is not None and reference[2][:1] == negative else degrees, 7)

"""The effect `ReadMetadata`: the metadata in photos. What reads them needs Pillow, and is loaded at the first photo."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixel_transports.runtime.extras import needs_extra

if TYPE_CHECKING:
    from pixel_core.models import MetadataObject


def read_metadata(path: "str | os.PathLike[str]") -> "MetadataObject | None":
    """Return position, heading, time and focal length from a photo's EXIF, or None if it has none of them.

    The position becomes a GeoJSON point (longitude and latitude in degrees, height in metres if it is known); the
    heading is in degrees from true north, from 0 to 360; the capture date has a zone only if EXIF has one, and is the
    GPS time (UTC) if EXIF has no date; the focal length is in millimetres. A file that cannot be read, or that is
    broken, has no metadata.

    >>> PixelUploadFile(file=path, metadata=read_metadata(path))

    Raises ModuleNotFoundError without Pillow (extra `photos`).
    """
    with needs_extra("photos", "Reading metadata in photos (not with metadata=None or --no-exif)"):
        from pixel_transports.drivers.exif import read_exif
    return read_exif(Path(path))


def photo_metadata(paths: Sequence[str]) -> list[dict[str, Any] | None]:
    """Read the metadata in several photos. Raises ModuleNotFoundError."""
    read = [read_metadata(path) for path in paths]
    return [None if each is None else each.body() for each in read]

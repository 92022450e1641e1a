"""Photos: what a camera wrote into them. Needs Pillow (extra `cli`).

Rules kept here:

* What is not there is left out; a photo without EXIF, or with a broken one, has no metadata, which is no error.
"""

import math
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from pixel_core.models import ImageMetadataFields, MetadataObject


def read_metadata(path: Path) -> MetadataObject | None:
    """Position, time and focal length from a photo's EXIF, or None where it holds none of them.

    The position becomes a GeoJSON point (longitude and latitude in degrees, height in metres where it is known); the
    time of capture stays without a zone unless the camera wrote one; the focal length is in millimetres.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as photo:  # Pillow warns of broken EXIF
            exif = photo.getexif()
            gps, shot = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
    except (OSError, ValueError, SyntaxError, KeyError):
        return None
    known: dict[str, Any] = {
        "location": _location(gps),
        "capture_date": _capture_date(shot),
        "focal_length": _number(shot.get(ExifTags.Base.FocalLength)),
    }
    if all(value is None for value in known.values()):
        return None
    return MetadataObject(fields=ImageMetadataFields(name=path.name, **known))


def _location(gps: dict[int, Any]) -> dict[str, Any] | None:
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
    if longitude is None or latitude is None:
        return None
    position = [longitude, latitude]
    height = _number(gps.get(ExifTags.GPS.GPSAltitude))
    if height is not None:
        below_sea = gps.get(ExifTags.GPS.GPSAltitudeRef) in (b"\x01", 1)
        position.append(-height if below_sea else height)
    return {"type": "Point", "coordinates": position}


def _degrees(parts: object, reference: object, negative: str, most: float) -> float | None:
    """Degrees, minutes and seconds as degrees."""
    if not isinstance(parts, Sequence) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    value = round(sum((number or 0.0) / 60.0**power for power, number in enumerate(numbers)), 7)
    if value > most:
        return None
    return -value if reference == negative else value


def _number(value: object) -> float | None:
    """A rational of EXIF as a number; None for 0/0 and the like."""
    try:
        number: float = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _capture_date(shot: dict[int, Any]) -> datetime | None:
    text, offset = shot.get(ExifTags.Base.DateTimeOriginal), shot.get(ExifTags.Base.OffsetTimeOriginal)
    try:
        taken = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    try:
        zone = datetime.strptime(str(offset).strip("\0 "), "%z").tzinfo
    except ValueError:
        return taken
    return taken.replace(tzinfo=zone or UTC)

"""Reads EXIF metadata of photos, and checks that pictures can be decoded. Needs Pillow (extra `cli`).

Rules kept here:

* Missing or broken EXIF is no error: the fields are left out.
* Nothing is guessed: a heading from magnetic north, for example, is left out.
* No picture is decoded at full size, and none that would take too much memory.
"""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from pixel_core.models import ImageMetadataFields, MetadataObject

_YAW = re.compile(rb"drone-dji:GimbalYawDegree(?:=\"|>)\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*[\"<]")
"""The heading in the XMP of drones that write no GPSImgDirection: degrees from north, -180 to 180."""


def read_metadata(path: Path) -> MetadataObject | None:
    """Return position, heading, time and focal length from a photo's EXIF, or None if it has none of them.

    The position becomes a GeoJSON point (longitude and latitude in degrees, height in metres if it is known); the
    heading is in degrees from true north, from 0 to 360; the capture date has a zone only if EXIF has one, and is the
    GPS time (UTC) if EXIF has no date; the focal length is in millimetres.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as photo:  # Pillow warns of broken EXIF
            exif = photo.getexif()
            gps, camera = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
            xmp = photo.info.get("xmp")
        fields: dict[str, Any] = {
            "location": _location(gps),
            "cam_heading": _heading(gps, xmp),
            "capture_date": _capture_date(camera) or _gps_time(gps),
            "focal_length": _number(camera.get(ExifTags.Base.FocalLength)),
        }
    except Exception:  # Pillow raises errors of many kinds for broken files, struct.error and KeyError among them.
        return None
    if all(value is None for value in fields.values()):
        return None
    return MetadataObject(fields=ImageMetadataFields(name=path.name, **fields))


FORMATS = ("JPEG", "PNG", "TIFF")
"""The formats that Pixel takes. Pillow would mistake some other files for pictures of obsolete formats."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a picture: the code "not_a_picture", "truncated" or "broken", and a detail."""

    code: str
    detail: str


def find_flaw(path: Path) -> Flaw | None:
    """Return why a picture cannot be decoded, or None if it can.

    JPEG and PNG files are read whole (JPEG at an eighth of its size, which reads all bytes and takes little time); of
    TIFF files, and of pictures that are too big to be decoded, only the header is read.
    Raises OSError for a file that cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as photo:
                if photo.format != "TIFF":
                    photo.draft("L", (1, 1))
                    photo.load()
        except UnidentifiedImageError:
            return Flaw(
                "not_a_picture", f"its first bytes are not those of a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
            )
        except Image.DecompressionBombError:
            return None
        except Exception as error:  # Pillow raises errors of many kinds.
            truncated = "truncated" in str(error)
            return Flaw("truncated" if truncated else "broken", f"it cannot be decoded: {error}")
    return None


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


def _degrees(parts: object, reference: object, negative: str, limit: float) -> float | None:
    """Return degrees, minutes and seconds as degrees."""
    if not isinstance(parts, Sequence) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    value = round(sum((number or 0.0) / 60.0**power for power, number in enumerate(numbers)), 7)
    if value > limit:
        return None
    return -value if reference == negative else value


def _heading(gps: dict[int, Any], xmp: object) -> float | None:
    direction = _number(gps.get(ExifTags.GPS.GPSImgDirection))
    reference = str(gps.get(ExifTags.GPS.GPSImgDirectionRef, "T")).strip("\0 ")
    if direction is not None and 0 <= direction <= 360 and reference == "T":
        return direction % 360
    yaw = _YAW.search(xmp) if isinstance(xmp, bytes) else None
    return None if yaw is None else float(yaw[1]) % 360


def _number(value: object) -> float | None:
    """Return a rational of EXIF as a number, or None for one like 0/0."""
    try:
        number: float = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _capture_date(camera: dict[int, Any]) -> datetime | None:
    text, offset = camera.get(ExifTags.Base.DateTimeOriginal), camera.get(ExifTags.Base.OffsetTimeOriginal)
    try:
        date = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    try:
        zone = datetime.strptime(str(offset).strip("\0 "), "%z").tzinfo
    except ValueError:
        return date
    return date.replace(tzinfo=zone or UTC)


def _gps_time(gps: dict[int, Any]) -> datetime | None:
    parts = gps.get(ExifTags.GPS.GPSTimeStamp)
    if not isinstance(parts, Sequence) or len(parts) != 3:
        return None
    hours, minutes, seconds = (_number(part) for part in parts)
    if hours is None or minutes is None or seconds is None:
        return None
    try:
        day = datetime.strptime(str(gps.get(ExifTags.GPS.GPSDateStamp)).strip("\0 "), "%Y:%m:%d").replace(tzinfo=UTC)
        return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return None

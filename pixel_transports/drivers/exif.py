"""Reads EXIF metadata of photos. Needs Pillow (extra `photos`).

Rules kept here:

* Missing or broken EXIF is no error: the fields are left out.
* Nothing is guessed: a heading from magnetic north, for example, is left out.
* Files are read side by side, and parsed one at a time: Pillow warns of broken EXIF and of large photos, and filters of
  warnings belong to the process.
"""

import math
import os
import re
import sys
import threading
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from pixel_core.models import ImageMetadataFields, MetadataObject
from pixel_transports.net.files import open_file

HEAD_BYTES = 128 * 1024
"""What is read of a photo at first: usually all of its EXIF and XMP."""

_parsing = threading.Lock()
if sys.platform != "win32":
    os.register_at_fork(before=_parsing.acquire, after_in_parent=_parsing.release, after_in_child=_parsing.release)

_YAW = re.compile(rb"drone-dji:GimbalYawDegree(?:=\"|>)\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*[\"<]")
"""The heading in the XMP of drones that write no GPSImgDirection: degrees from north, -180 to 180."""


def read_exif(path: Path) -> MetadataObject | None:
    """Return the metadata of a photo: see `pixel_transports.drivers.photos.read_metadata`."""
    try:
        with BufferedReader(open_file(str(path)), HEAD_BYTES) as file:
            file.peek()
            with _parsing, warnings.catch_warnings(action="ignore"), Image.open(file) as photo:
                return _metadata_of(photo)
    except Exception:  # Pillow raises errors of many kinds for broken files, struct.error and KeyError among them.
        return None


def _metadata_of(photo: Image.Image) -> MetadataObject | None:
    exif = photo.getexif()
    gps, camera = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
    fields: dict[str, Any] = {
        "location": _location(gps),
        "cam_heading": _heading(gps, photo.info.get("xmp")),
        "capture_date": _capture_date(camera) or _gps_time(gps),
        "focal_length": _number(camera.get(ExifTags.Base.FocalLength)),
    }
    if all(value is None for value in fields.values()):
        return None
    return MetadataObject(fields=ImageMetadataFields(**fields))


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

"""Photos: what a camera wrote into them, and whether they are whole. Needs Pillow (extra `cli`).

Rules kept here:

* What is not there is left out; a photo without EXIF, or with a broken one, has no metadata, which is no error.
* Nothing is guessed: what EXIF does not say, or says of magnetic north, is left out.
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
"""Where the camera looked, in the XMP of drones that write no GPSImgDirection: degrees from north, -180 to 180."""


def read_metadata(path: Path) -> MetadataObject | None:
    """Position, heading, time and focal length from a photo's EXIF, or None where it holds none of them.

    The position becomes a GeoJSON point (longitude and latitude in degrees, height in metres where it is known); the
    heading is in degrees from true north, from 0 to 360; the time of capture stays without a zone unless the camera
    wrote one, and is that of the satellites (UTC) where the camera wrote none; the focal length is in millimetres.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as photo:  # Pillow warns of broken EXIF
            exif = photo.getexif()
            gps, shot = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
            xmp = photo.info.get("xmp")
        known: dict[str, Any] = {
            "location": _location(gps),
            "cam_heading": _heading(gps, xmp),
            "capture_date": _capture_date(shot) or _satellite_time(gps),
            "focal_length": _number(shot.get(ExifTags.Base.FocalLength)),
        }
    except Exception:  # Pillow meets broken files with errors of many kinds, struct.error and KeyError among them.
        return None
    if all(value is None for value in known.values()):
        return None
    return MetadataObject(fields=ImageMetadataFields(name=path.name, **known))


FORMATS = ("JPEG", "PNG", "TIFF")
"""What Pixel takes for images. Others are not tried: Pillow takes some nonsense for pictures of formats long gone."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a picture: "not_a_picture", "truncated" or "broken", and the words for it."""

    code: str
    detail: str


def flaw_of(path: Path) -> Flaw | None:
    """Whether a picture can be read to its end: None when it can.

    JPEG and PNG files are read whole (JPEG at an eighth of its size, which takes all the bytes and little time); of
    TIFF files, and of pictures that are too big to be decoded, only the beginning is looked at.
    Raises OSError for a file that cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as photo:
                if photo.format != "TIFF":
                    photo.draft("L", (1, 1))
                    photo.load()
        except UnidentifiedImageError:
            return Flaw("not_a_picture", f"it does not begin as {', '.join(FORMATS[:-1])} or {FORMATS[-1]} files do")
        except Image.DecompressionBombError:
            return None
        except Exception as error:  # As above.
            cut = "truncated" in str(error)
            return Flaw("truncated" if cut else "broken", f"it cannot be decoded: {error}")
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


def _heading(gps: dict[int, Any], xmp: object) -> float | None:
    direction = _number(gps.get(ExifTags.GPS.GPSImgDirection))
    reference = str(gps.get(ExifTags.GPS.GPSImgDirectionRef, "T")).strip("\0 ")
    if direction is not None and 0 <= direction <= 360 and reference == "T":
        return direction % 360
    yaw = _YAW.search(xmp) if isinstance(xmp, bytes) else None
    return None if yaw is None else float(yaw[1]) % 360


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


def _satellite_time(gps: dict[int, Any]) -> datetime | None:
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

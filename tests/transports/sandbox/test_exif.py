"""The position of a photo is read from its EXIF as Pillow reads it, and no bytes raise."""

import io
import random
from fractions import Fraction
from typing import Any

import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from pixel_transports.drivers.photos import read_metadata
from pixel_transports.sandbox import sample_photos
from pixel_transports.sandbox.exif import read_position

GPS = ExifTags.GPS
FORMATS = ("JPEG", "PNG", "TIFF")


def position_in(content: bytes) -> tuple[float, float] | None:
    return read_position(lambda start, size: content[start : start + size])


def degrees(*parts: float) -> tuple[Any, ...]:
    return tuple(TiffImagePlugin.IFDRational(Fraction(part).limit_denominator(10**6)) for part in parts)


def photo(format_: str, gps: dict[int, Any]) -> bytes:
    """Return a photo with these GPS fields."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "x" * 300
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    if format_ == "TIFF":
        # Pillow writes no GPS directory into TIFF; EXIF itself is a TIFF file.
        return exif.tobytes().removeprefix(b"Exif\0\0")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format_, exif=exif)
    return file.getvalue()


def gps(longitude: float, latitude: float, **changes: Any) -> dict[int, Any]:
    fields: dict[int, Any] = {
        GPS.GPSLongitudeRef: "W" if longitude < 0 else "E",
        GPS.GPSLongitude: degrees(abs(longitude), 0, 0),
        GPS.GPSLatitudeRef: "S" if latitude < 0 else "N",
        GPS.GPSLatitude: degrees(abs(latitude), 0, 0),
    }
    return dict(fields) | {getattr(GPS, name): value for name, value in changes.items()}


def test_the_samples_have_the_position_that_the_command_line_reads() -> None:
    for path in sample_photos():
        metadata: Any = read_metadata(path)
        assert position_in(path.read_bytes()) == tuple(metadata.fields.location["coordinates"][:2])


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("fields", "position"),
    [
        (gps(10.75, -59.91), (10.75, -59.91)),
        (gps(-170.5, 80), (-170.5, 80.0)),
        (gps(0, 0, GPSLatitude=degrees(10, 30, 36)), (0.0, 10.51)),
        (gps(0, 0, GPSLongitude=degrees(200, 0, 0)), None),
        (gps(0, 0, GPSLatitude=degrees(91, 0, 0)), None),
        (gps(0, 0, GPSLatitude=degrees(1, 0)), None),
        ({GPS.GPSAltitude: TiffImagePlugin.IFDRational(3)}, None),
        ({}, None),
    ],
)
def test_a_position_is_read_from_each_format_of_images(
    format_: str, fields: dict[int, Any], position: tuple[float, float] | None
) -> None:
    assert position_in(photo(format_, fields)) == position


@pytest.mark.parametrize("format_", FORMATS)
def test_broken_photos_have_no_position_or_another_one_but_raise_nothing(format_: str) -> None:
    content, source = photo(format_, gps(10.75, 59.91)), random.Random(1)
    for end in range(len(content)):
        position_in(content[:end])
    for _ in range(2000):
        broken = bytearray(content)
        for _ in range(source.randint(1, 4)):
            broken[source.randrange(min(len(broken), 600))] = source.choice((0, 1, 0xFF, source.randrange(256)))
        position_in(bytes(broken))
    assert position_in(b"\xff\xd8" + b"\xff\xe0\0\0" * 10**6) is None

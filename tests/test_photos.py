"""What a camera wrote into a photo becomes metadata, and what it did not is no error."""

from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from pixel_core.models import ImageMetadataFields
from pixel_transports.photos import read_metadata
from pixel_transports.sandbox import sample_photos

Rational = TiffImagePlugin.IFDRational


def photo_with(path: Path, gps: dict[int, Any], shot: dict[int, Any]) -> Path:
    photo = Image.new("RGB", (8, 8))
    exif = photo.getexif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    exif.get_ifd(ExifTags.IFD.Exif).update(shot)
    photo.save(path, exif=exif)
    return path


def fields_of(path: Path) -> ImageMetadataFields:
    metadata = read_metadata(path)
    assert metadata is not None
    assert isinstance(metadata.fields, ImageMetadataFields)
    return metadata.fields


def test_the_samples_have_position_time_and_focal_length() -> None:
    for path in sample_photos():
        fields = fields_of(path)
        assert fields.location is not None
        assert fields.location["type"] == "Point"
        assert fields.capture_date is not None
        assert fields.focal_length == pytest.approx(6.72)


def test_south_west_and_below_the_sea_are_negative(tmp_path: Path) -> None:
    gps: dict[int, Any] = {
        ExifTags.GPS.GPSLatitudeRef: "S",
        ExifTags.GPS.GPSLatitude: (Rational(10), Rational(30), Rational(0)),
        ExifTags.GPS.GPSLongitudeRef: "W",
        ExifTags.GPS.GPSLongitude: (Rational(20), Rational(15), Rational(36)),
        ExifTags.GPS.GPSAltitudeRef: b"\x01",
        ExifTags.GPS.GPSAltitude: Rational(5, 2),
    }
    fields = fields_of(photo_with(tmp_path / "a.jpg", gps, {}))
    assert fields.location == {"type": "Point", "coordinates": [-20.26, -10.5, -2.5]}


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(None, "2024-05-14T10:21:37"), ("+02:00", "2024-05-14T10:21:37+02:00"), ("nonsense", "2024-05-14T10:21:37")],
)
def test_the_time_has_a_zone_only_where_the_camera_wrote_one(tmp_path: Path, offset: str | None, expected: str) -> None:
    shot: dict[int, Any] = {ExifTags.Base.DateTimeOriginal: "2024:05:14 10:21:37"}
    if offset:
        shot[ExifTags.Base.OffsetTimeOriginal] = offset
    fields = fields_of(photo_with(tmp_path / "a.jpg", {}, shot))
    assert fields.capture_date is not None
    assert fields.capture_date.isoformat() == expected


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*broken"])
def test_a_broken_photo_has_no_metadata(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    assert read_metadata(path) is None


def test_a_photo_without_exif_has_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "plain.jpg"
    Image.new("RGB", (8, 8)).save(path)
    assert read_metadata(path) is None

"""What a camera wrote into a photo becomes metadata, and what it did not is no error."""

from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from pixel_core.models import ImageMetadataFields
from pixel_transports.cli.photos import flaw_of, read_metadata
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


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({ExifTags.GPS.GPSImgDirection: Rational(271, 2)}, 135.5),
        ({ExifTags.GPS.GPSImgDirection: Rational(360), ExifTags.GPS.GPSImgDirectionRef: "T"}, 0.0),
        ({ExifTags.GPS.GPSImgDirection: Rational(90), ExifTags.GPS.GPSImgDirectionRef: "M"}, None),
        ({ExifTags.GPS.GPSImgDirection: Rational(400)}, None),
        ({}, None),
    ],
)
def test_the_heading_is_taken_where_it_is_from_true_north(
    tmp_path: Path, gps: dict[int, Any], expected: float | None
) -> None:
    shot: dict[int, Any] = {ExifTags.Base.FocalLength: Rational(5)}
    assert fields_of(photo_with(tmp_path / "a.jpg", gps, shot)).cam_heading == expected


def test_a_drones_own_note_of_its_heading_is_read_where_exif_has_none(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:Description drone-dji:GimbalYawDegree="-90.50"/></x:xmpmeta>'
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=xmp)
    assert fields_of(tmp_path / "a.jpg").cam_heading == 269.5


def test_where_the_camera_wrote_no_time_that_of_the_satellites_is_taken(tmp_path: Path) -> None:
    gps: dict[int, Any] = {
        ExifTags.GPS.GPSDateStamp: "2024:05:14",
        ExifTags.GPS.GPSTimeStamp: (Rational(8), Rational(21), Rational(75, 2)),
    }
    fields = fields_of(photo_with(tmp_path / "a.jpg", gps, {}))
    assert fields.capture_date is not None
    assert fields.capture_date.isoformat() == "2024-05-14T08:21:37.500000+00:00"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_whole_picture_has_no_flaw(tmp_path: Path, name: str) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / name)
    assert flaw_of(tmp_path / name) is None


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_picture_whose_end_is_missing_has_a_flaw(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    flaw = flaw_of(path)
    assert flaw is not None
    assert flaw.code == "truncated"


def test_a_picture_with_nonsense_in_it_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 50).save(path)
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)
    flaw = flaw_of(path)
    assert flaw is not None
    assert flaw.code == "broken"


@pytest.mark.parametrize("content", [b"", b"this is text", b"GIF89a" + bytes(20)])
def test_what_does_not_begin_as_a_picture_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    flaw = flaw_of(path)
    assert flaw is not None
    assert flaw.code == "not_a_picture"


def test_a_file_that_is_not_there_is_no_flaw_but_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flaw_of(tmp_path / "gone.jpg")

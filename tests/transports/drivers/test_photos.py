"""EXIF becomes metadata, missing or broken EXIF is no error, and Pillow is needed for nothing else."""

import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, TiffImagePlugin
from pixel_client import read_metadata

Rational = TiffImagePlugin.IFDRational


def photo_with(path: Path, gps: dict[int, Any], camera: dict[int, Any]) -> Path:
    photo = Image.new("RGB", (8, 8))
    exif = photo.getexif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    exif.get_ifd(ExifTags.IFD.Exif).update(camera)
    photo.save(path, exif=exif)
    return path


GPS, BASE = ExifTags.GPS, ExifTags.Base
FAR_SOUTH_WEST: dict[int, Any] = {
    GPS.GPSLatitudeRef: "S",
    GPS.GPSLatitude: (Rational(10), Rational(30), Rational(0)),
    GPS.GPSLongitudeRef: "W",
    GPS.GPSLongitude: (Rational(20), Rational(15), Rational(36)),
    GPS.GPSAltitudeRef: b"\x01",
    GPS.GPSAltitude: Rational(5, 2),
}
GPS_TIME: dict[int, Any] = {
    GPS.GPSDateStamp: "2024:05:14",
    GPS.GPSTimeStamp: (Rational(8), Rational(21), Rational(75, 2)),
}
DATE: dict[int, Any] = {BASE.DateTimeOriginal: "2024:05:14 10:21:37"}
FIELDS: list[tuple[str, dict[int, Any], dict[int, Any], Any]] = [
    ("location", FAR_SOUTH_WEST, {}, {"type": "Point", "coordinates": [-20.26, -10.5, -2.5]}),
    ("capture_date", {}, DATE, "2024-05-14T10:21:37"),
    ("capture_date", {}, {**DATE, BASE.OffsetTimeOriginal: "+02:00"}, "2024-05-14T10:21:37+02:00"),
    ("capture_date", {}, {**DATE, BASE.OffsetTimeOriginal: "nonsense"}, "2024-05-14T10:21:37"),
    ("capture_date", GPS_TIME, {}, "2024-05-14T08:21:37.500000+00:00"),
    ("cam_heading", {GPS.GPSImgDirection: Rational(271, 2)}, {}, 135.5),
    ("cam_heading", {GPS.GPSImgDirection: Rational(360), GPS.GPSImgDirectionRef: "T"}, {}, 0.0),
    ("cam_heading", {GPS.GPSImgDirection: Rational(90), GPS.GPSImgDirectionRef: "M"}, DATE, None),
    ("cam_heading", {GPS.GPSImgDirection: Rational(400)}, DATE, None),
    ("cam_heading", {}, DATE, None),
]


@pytest.mark.parametrize(("field", "gps", "camera", "expected"), FIELDS)
def test_a_field_is_read_from_exif(
    tmp_path: Path, field: str, gps: dict[int, Any], camera: dict[int, Any], expected: Any
) -> None:
    metadata: Any = read_metadata(photo_with(tmp_path / "a.jpg", gps, camera))
    value = getattr(metadata.fields, field)
    assert (value.isoformat() if isinstance(value, datetime) else value) == expected


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*broken", None])
def test_a_photo_that_is_broken_or_has_no_exif_has_no_metadata(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path)
    if content is not None:
        path.write_bytes(content)
    assert read_metadata(path) is None


def test_a_heading_in_the_xmp_of_a_drone_is_read_if_exif_has_none(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:Description drone-dji:GimbalYawDegree="-90.50"/></x:xmpmeta>'
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=xmp)
    metadata: Any = read_metadata(tmp_path / "a.jpg")
    assert metadata.fields.cam_heading == 269.5


def test_a_file_that_is_gone_or_no_regular_one_has_no_metadata(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would block
    assert [read_metadata(tmp_path / name) for name in ("gone.jpg", "pipe.jpg", "")] == [None] * 3


def test_photos_are_read_in_threads_without_a_change_of_the_filters_of_warnings(tmp_path: Path) -> None:
    broken = b"\xff\xd8\xff\xe1\x00\x20Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x09broken"  # Pillow warns of it
    paths = [photo_with(tmp_path / f"{number}.jpg", {}, DATE) for number in range(20)]
    for path in paths[::2]:
        path.write_bytes(broken)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(read_metadata, paths * 5))
    assert [each is None for each in read] == [True, False] * 50
    assert warnings.filters == before


WITHOUT_PILLOW = """
import sys, types
sys.modules["PIL"] = None  # as if it was not installed
from pixel_client import PixelApiSettings, get_client, read_metadata
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox
sandbox = Sandbox()
client = get_client(settings=PixelApiSettings(**sandbox.environment("http://sandbox.invalid")), transport=sandbox)
project = client.create_project("P", "", SAMPLE_AREA)["id"]
photos, rasters = (client.create_data_collection(project, "C", "", kind)["id"] for kind in ("image", "RGB"))
for call in (lambda: read_metadata(sys.argv[1] + "/a.jpg"), lambda: client.upload_folder(project, photos, sys.argv[1])):
    try:
        call()
    except ModuleNotFoundError as error:
        assert "pip install 'pixel-client-sansio[photos]'" in str(error), error
        assert not any(each.path.startswith("/storage/") for each in sandbox.received)
    else:
        raise AssertionError
assert len(client.upload_folder(project, photos, sys.argv[1], metadata=None)[0]) == 1
assert len(client.upload_folder(project, rasters, sys.argv[1])[0]) == 1
"""


def test_without_pillow_an_upload_with_metadata_names_the_extra_and_one_without_goes_up(tmp_path: Path) -> None:
    photo_with(tmp_path / "a.jpg", {}, DATE)
    command = [sys.executable, "-W", "error", "-c", WITHOUT_PILLOW, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")

"""The sample photos are real photos with a position and a date."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pixel_transports.sandbox import SAMPLE_AREA, sample_photos

PHOTOS = [path.name for path in sample_photos()]


@pytest.mark.parametrize("path", sample_photos(), ids=PHOTOS)
def test_a_photo_has_a_size_a_place_a_time_and_a_camera(path: Path) -> None:
    content = path.read_bytes()
    assert 30_000 < len(content) < 70_000
    with Image.open(BytesIO(content)) as image:
        image.load()
        exif = image.getexif()
        assert (image.format, image.size) == ("JPEG", (1024, 768))
    assert exif[0x010F]
    assert exif[0x0110]
    details, gps = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    assert details[0x9003].startswith("2024:0")
    assert details[0x920A] > 0
    assert (gps[1], gps[3], gps[5]) == ("N", "E", b"\0")
    assert gps[6] > 0
    latitude, longitude = (d + m / 60 + s / 3600 for d, m, s in (gps[2], gps[4]))
    (west, south), _, (east, north), *_ = SAMPLE_AREA["coordinates"][0]
    assert west < longitude < east
    assert south < latitude < north

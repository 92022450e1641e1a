"""The sample photos are real photos with a position and a date."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixel_transports.drivers.photos import read_metadata
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos
from pixel_transports.sandbox.geometry import from_geojson, intersects


@pytest.mark.parametrize("path", sample_photos(), ids=lambda path: path.name)
def test_a_photo_has_a_size_a_place_a_time_and_a_camera(path: Path) -> None:
    assert 30_000 < path.stat().st_size < 70_000
    with Image.open(path) as image:
        image.load()
        exif = image.getexif()
        assert (image.format, image.size, bool(exif[0x010F] and exif[0x0110])) == ("JPEG", (1024, 768), True)
    metadata: Any = read_metadata(path)
    fields = metadata.fields
    assert str(fields.capture_date).startswith("2024-0")
    assert fields.focal_length > 0
    assert fields.location["coordinates"][2] > 0
    place, area = from_geojson(fields.location), from_geojson(SAMPLE_AREA)
    assert place is not None
    assert area is not None
    assert intersects(place, area)

"""Six photos to try things with: fields, a farm, houses, a road and two coasts, seen from above.

Rules kept here:

* The photos are drawn, not taken; their EXIF data (place, height, time, camera) are complete and true to the format.
* All places lie inside `SAMPLE_AREA`, a polygon around Stavanger and Sandnes in Norway.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

SAMPLE_AREA: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[5.5, 58.8], [5.82, 58.8], [5.82, 58.98], [5.5, 58.98], [5.5, 58.8]]],
}
"""A polygon as GeoJSON (longitude, latitude in degrees) that holds the places of all sample photos."""


def sample_photos() -> list[Path]:
    """The paths of the sample photos, in the order of their names."""
    folder = Path(str(files("pixel_transports.sandbox") / "photos"))
    return sorted(folder.glob("*.jpg"))

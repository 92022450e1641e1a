"""Six sample photos, and the area that they lie in.

Rules kept here:

* The photos are drawn, not taken; their EXIF metadata (position, height, date, camera) are complete and well-formed.
* All positions are inside `SAMPLE_AREA`, a polygon around Stavanger and Sandnes in Norway.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

SAMPLE_AREA: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[5.5, 58.8], [5.82, 58.8], [5.82, 58.98], [5.5, 58.98], [5.5, 58.8]]],
}
"""A GeoJSON polygon (longitude, latitude in degrees) around the positions of all sample photos."""


def sample_photos() -> list[Path]:
    """Return the paths of the sample photos, in the order of their names."""
    folder = Path(str(files("pixel_transports.sandbox") / "photos"))
    return sorted(folder.glob("*.jpg"))

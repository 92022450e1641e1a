"""The formats of uploaded files, and the properties that their first bytes have.

Rules kept here:

* The format of a file is known by its first bytes, not its name. Only the name shows whether a point cloud is
  compressed (`.laz`).
* Images are JPEG, PNG and TIFF; rasters have the formats that lists of rasters can be filtered by.
* GeoTIFF has the first bytes of TIFF and BigTIFF. MRF is the XML file of GDAL's MRF driver, whose data and index are
  support files.
"""

import re
from typing import Any

HEAD_BYTES = 1024
"""The number of first bytes that are looked at."""

_RASTERS = {
    "GTiff": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    # A declaration, comments and space may come first. Possessive, since backtracking into them takes exponential time.
    "MRF": re.compile(rb"(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+<MRF_META[\s/>]", re.DOTALL),
    "PDF": re.compile(rb"%PDF-"),
}
_IMAGES = {name: _RASTERS[name] for name in ("JPEG", "PNG", "GTiff")}

EXPECTED = {
    "image": "a JPEG, PNG or TIFF image",
    "raster": "a GTiff, JPEG, PNG, WEBP, MRF or PDF raster",
    "point_cloud": "a LAS or LAZ point cloud",
}
"""What the files of each kind of resource are."""


def find_traits(kind: str, name: str, head: bytes) -> dict[str, Any] | None:
    """Return the properties that the first bytes of a file have, or None if it is of another kind."""
    if kind == "point_cloud":
        return _las(name, head)
    formats = _IMAGES if kind == "image" else _RASTERS
    found = next((format_name for format_name, start in formats.items() if start.match(head)), None)
    if found is None:
        return None
    return {} if kind == "image" else {"format": found}


def _las(name: str, head: bytes) -> dict[str, Any] | None:
    """Version and point format from the public header of LAS (LAS 1.4 R15, table 3): bytes 24, 25 and 104.

    The two highest bits of the point format mark compression by LASzip. The values are null if the header ends too
    early: the first four bytes alone make a LAS file.
    """
    if not head.startswith(b"LASF"):
        return None
    return {
        "format": "LAZ" if name.lower().endswith(".laz") else "LAS",
        "version_major": head[24] if len(head) > 25 else None,
        "version_minor": head[25] if len(head) > 25 else None,
        "point_record_format": head[104] & 0x3F if len(head) > 104 else None,
    }

"""The kinds of files that `pixel upload` sends, and how they are known.

Rules kept here:

* A folder is searched for the extensions of its kind; what is named is taken whatever its extension.
* A file belongs to another one by its name alone: the same stem or the whole name, and an extension that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixel_core.api.upload_service import IMAGE, POINT_CLOUD, RASTER
from pixel_core.models import ImageMetadataFields
from pixel_core.models.base import PixelModel
from pixel_core.models.files import PointCloudMetadataFields, RasterMetadataFields

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})

BESIDE = frozenset({".wld", ".prj", ".aux.xml", ".ovr", ".msk", ".rrd"})
"""Extensions of files that belong to any picture of the same stem."""

WORLD_FILES = {
    ".tif": frozenset({".tfw", ".tifw", ".tiffw"}),
    ".jpg": frozenset({".jgw", ".jpgw", ".jpegw"}),
    ".png": frozenset({".pgw", ".pngw"}),
    ".webp": frozenset({".wpw", ".webpw"}),
}
"""Extensions of world files, which belong to one format."""

_SAME = {".tiff": ".tif", ".jpeg": ".jpg"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind: its name on the command line, the types of data collections that take it, the method that uploads it."""

    name: str
    collection_types: frozenset[str]
    extensions: frozenset[str]
    fields: type[PixelModel]
    method: str

    @property
    def fields_type(self) -> str:
        return self.name.replace("-", "_")


KINDS = {
    each.name: each
    for each in (
        Kind("image", IMAGE.collection_types, PICTURES, ImageMetadataFields, "upload_multiple_images"),
        Kind(
            "raster",
            RASTER.collection_types,
            PICTURES | {".webp", ".mrf"},
            RasterMetadataFields,
            "upload_multiple_rasters",
        ),
        Kind(
            "point-cloud",
            POINT_CLOUD.collection_types,
            frozenset({".las", ".laz"}),
            PointCloudMetadataFields,
            "upload_multiple_point_clouds",
        ),
    )
}


def kind_of(collection_type: Any) -> Kind | None:
    """The kind that a data collection of this type takes, if it is known."""
    return next((each for each in KINDS.values() if collection_type in each.collection_types), None)


def belonging(file: Path, beside: Sequence[Path]) -> list[Path]:
    """Those of the files beside it that belong to a file."""
    own = file.suffix.lower()
    extensions = BESIDE | WORLD_FILES.get(_SAME.get(own, own), frozenset())
    found = []
    for each in beside:
        for start in (file.stem, file.name):
            rest = each.name[len(start) :].lower()
            if each.name.startswith(start) and rest in extensions:
                found.append(each)
                break
    return found

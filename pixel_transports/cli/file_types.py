"""The types of files that `pixel upload` sends: their extensions, metadata fields and support files.

Rules kept here:

* A folder is searched for the extensions of the type; a file that is named is taken whatever its extension.
* A support file is recognised by its name: the stem or the whole name of its file, and a known extension.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixel_core.api.upload_service import IMAGE, POINT_CLOUD, RASTER
from pixel_core.models import ImageMetadataFields
from pixel_core.models.base import PixelModel
from pixel_core.models.files import PointCloudMetadataFields, RasterMetadataFields

PICTURE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})

SUPPORT_EXTENSIONS = frozenset({".wld", ".prj", ".aux.xml", ".ovr", ".msk", ".rrd"})
"""Extensions of support files of any picture."""

WORLD_FILES = {
    ".tif": frozenset({".tfw", ".tifw", ".tiffw"}),
    ".jpg": frozenset({".jgw", ".jpgw", ".jpegw"}),
    ".png": frozenset({".pgw", ".pngw"}),
    ".webp": frozenset({".wpw", ".webpw"}),
}
"""Extensions of world files, by the format that they belong to."""

_SYNONYMS = {".tiff": ".tif", ".jpeg": ".jpg"}


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of files: its name on the command line, the data collections that take it, the client's method."""

    name: str
    collection_types: frozenset[str]
    extensions: frozenset[str]
    fields: type[PixelModel]
    method: str

    @property
    def fields_type(self) -> str:
        return self.name.replace("-", "_")


FILE_TYPES = {
    each.name: each
    for each in (
        FileType("image", IMAGE.collection_types, PICTURE_EXTENSIONS, ImageMetadataFields, "upload_multiple_images"),
        FileType(
            "raster",
            RASTER.collection_types,
            PICTURE_EXTENSIONS | {".webp", ".mrf"},
            RasterMetadataFields,
            "upload_multiple_rasters",
        ),
        FileType(
            "point-cloud",
            POINT_CLOUD.collection_types,
            frozenset({".las", ".laz"}),
            PointCloudMetadataFields,
            "upload_multiple_point_clouds",
        ),
    )
}


def type_of_collection(collection_type: Any) -> FileType | None:
    """Return the type of files that a data collection takes, or None for an unknown type of data collection."""
    return next((each for each in FILE_TYPES.values() if collection_type in each.collection_types), None)


def find_support_files(file: Path, siblings: Sequence[Path]) -> list[Path]:
    """Return those files of the same folder that are support files of `file`."""
    suffix = file.suffix.lower()
    extensions = SUPPORT_EXTENSIONS | WORLD_FILES.get(_SYNONYMS.get(suffix, suffix), frozenset())
    return [
        each
        for each in siblings
        if any(
            each.name.startswith(start) and each.name[len(start) :].lower() in extensions
            for start in (file.stem, file.name)
        )
    ]

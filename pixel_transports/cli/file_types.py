"""The types of files that `pixel upload` sends, by their names on the command line."""

from dataclasses import dataclass
from typing import Any

from pixel_core.api.upload_service import KINDS, Kind
from pixel_core.models import ImageMetadataFields
from pixel_core.models.base import PixelModel
from pixel_core.models.files import PointCloudMetadataFields, RasterMetadataFields
from pixel_core.uploads.folders import SUFFIXES


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of files: the kind of resource that they become, and its metadata fields."""

    kind: Kind
    fields: type[PixelModel]

    @property
    def name(self) -> str:
        """The name on the command line."""
        return self.kind.name.replace("_", "-")

    @property
    def suffixes(self) -> frozenset[str]:
        return SUFFIXES[self.kind.name]


FILE_TYPES = {
    each.name: each
    for each in (
        FileType(KINDS["image"], ImageMetadataFields),
        FileType(KINDS["raster"], RasterMetadataFields),
        FileType(KINDS["point_cloud"], PointCloudMetadataFields),
    )
}


def type_of_collection(collection_type: Any) -> FileType | None:
    """Return the type of files that a data collection takes, or None for an unknown type of data collection."""
    return next((each for each in FILE_TYPES.values() if collection_type in each.kind.collection_types), None)

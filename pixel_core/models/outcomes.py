"""Outcomes of files that were uploaded."""

from typing import Any

from pixel_core.errors import PixelUploadJobError
from pixel_core.values import value


@value
class UploadOutcome:
    """What became of a file: `resource` is the image, raster or point cloud, `error` is why there is none. One of them
    is None. `file` is the path of the file.
    """

    file: str
    resource: dict[str, Any] | None
    error: PixelUploadJobError | None

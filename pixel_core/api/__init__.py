"""The operations by resource, and `PixelApi`, which has them all.

Every operation is defined once, in the module of its resource. The methods of `PixelApi` return flows, which any driver
can run. The clients of `pixel_transports` have the same methods, which run the flow.
"""

from typing import Self, Unpack

from pixel_core.api.analysis import Analysis
from pixel_core.api.arcgis import Arcgis
from pixel_core.api.attachments import Attachments
from pixel_core.api.data_collections import DataCollections
from pixel_core.api.harvest import Harvest
from pixel_core.api.images import Images
from pixel_core.api.jobs import Jobs
from pixel_core.api.operation import Definition
from pixel_core.api.optimizing import Optimizing
from pixel_core.api.point_clouds import PointClouds
from pixel_core.api.projects import Projects
from pixel_core.api.rasters import Rasters
from pixel_core.api.raw import Raw
from pixel_core.api.search import Search
from pixel_core.api.uploads import Uploads
from pixel_core.api.users import Users
from pixel_core.session.options import CallOptions


class Operations(
    Users, Projects, DataCollections, Images, Rasters, PointClouds, Uploads, Optimizing, Arcgis, Harvest, Attachments,
    Search, Analysis, Raw,
):  # fmt: skip
    """All operations. Base class of `PixelApi` and of the clients."""


class PixelApi(Operations):
    """The Pixel API as flows, for a session.

    >>> api = PixelApi(Session("https://...", account))
    >>> flow = api.get_project(7)               # a generator that has not started
    >>> effect = next(flow)                     # its first effect
    """

    def with_options(self, **changes: Unpack[CallOptions]) -> Self:
        """Return an api with the same login and other options for its calls; see `CallOptions`."""
        return type(self)(self.session.with_options(**changes))


def operation_names() -> list[str]:
    """Return the names of all operations and listings, in alphabetical order."""
    return sorted(
        name for group in Operations.__mro__ for name, member in vars(group).items() if isinstance(member, Definition)
    )


__all__ = [
    "Analysis", "Arcgis", "Attachments", "DataCollections", "Harvest", "Images", "Jobs", "Operations", "Optimizing",
    "PixelApi", "PointClouds", "Projects", "Rasters", "Raw", "Search", "Uploads", "Users", "operation_names",
]  # fmt: skip

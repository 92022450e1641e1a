"""Operations by resource, and the pure face of them all.

Every operation is defined once, in the module of its resource. `PixelApi` is all of them on one object; its methods
give flows, which any driver can run.
"""

from pixel_core.api.data_collections import DataCollections
from pixel_core.api.images import Images
from pixel_core.api.jobs import Jobs
from pixel_core.api.projects import Projects
from pixel_core.api.uploads import Uploads
from pixel_core.api.users import Users
from pixel_core.operations import listing, operation


class Operations(Users, Projects, Uploads):
    """All operations, as a base of faces."""


class PixelApi(Operations):
    """The Pixel API as flows: the pure face. It is made of a session.

    >>> api = PixelApi(Session("https://...", account))
    >>> flow = api.get_project(7)               # a generator: nothing has happened
    >>> effect = next(flow)                     # what it asks for first
    """


def operation_names() -> list[str]:
    """The names of all operations and listings, in alphabetical order."""
    return sorted(
        name
        for group in Operations.__mro__
        for name, member in vars(group).items()
        if isinstance(member, (operation, listing))
    )


__all__ = [
    "DataCollections",
    "Images",
    "Jobs",
    "Operations",
    "PixelApi",
    "Projects",
    "Uploads",
    "Users",
    "operation_names",
]

"""The client library for Geodata Pixel, under the name that its users know.

>>> from pixel_client import get_client, PixelApiSettings
>>> with get_client() as client:
...     for project in client.list_projects():
...         print(project["name"])
"""

from pixel_core.errors import (
    PixelBadRequestError,
    PixelConnectionError,
    PixelError,
    PixelLoginError,
    PixelMultipleUploadJobError,
    PixelNotFoundError,
    PixelProtocolError,
    PixelServerError,
    PixelStorageError,
    PixelTimeoutError,
    PixelUploadJobError,
)
from pixel_core.messages import Timeouts
from pixel_core.models import (
    DataCollectionListParams,
    ImageMetadataFields,
    ImageUpdateInput,
    ListParams,
    MetadataFieldsType,
    MetadataObject,
    PixelUploadFile,
    PointCloudMetadataFields,
    RasterInfo,
    RasterMetadataFields,
)
from pixel_transports.clients import PixelClient, PixelClientAsync, PixelClientKwargs
from pixel_transports.factory import get_client
from pixel_transports.settings import PixelApiSettings

__all__ = [
    "DataCollectionListParams",
    "ImageMetadataFields",
    "ImageUpdateInput",
    "ListParams",
    "MetadataFieldsType",
    "MetadataObject",
    "PixelApiSettings",
    "PixelBadRequestError",
    "PixelClient",
    "PixelClientAsync",
    "PixelClientKwargs",
    "PixelConnectionError",
    "PixelError",
    "PixelLoginError",
    "PixelMultipleUploadJobError",
    "PixelNotFoundError",
    "PixelProtocolError",
    "PixelServerError",
    "PixelStorageError",
    "PixelTimeoutError",
    "PixelUploadFile",
    "PixelUploadJobError",
    "PointCloudMetadataFields",
    "RasterInfo",
    "RasterMetadataFields",
    "Timeouts",
    "get_client",
]

"""The client library for Geodata Pixel, under the name that its users know.

>>> from pixel_client import get_client, PixelApiSettings
>>> with get_client() as client:
...     for project in client.list_projects():
...         print(project["name"])
"""

from typing import TYPE_CHECKING, Any

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.errors import (
        PixelBadRequestError,
        PixelConnectionError,
        PixelError,
        PixelLoginError,
        PixelMultipleUploadJobError,
        PixelNotFoundError,
        PixelProtocolError,
        PixelProxyError,
        PixelServerError,
        PixelStorageError,
        PixelTimeoutError,
        PixelUploadJobError,
    )
    from pixel_core.messages import Timeouts
    from pixel_transports.client.asynchronous import PixelClientAsync
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.client.config import PixelClientKwargs
    from pixel_transports.client.factory import get_client
    from pixel_transports.client.settings import PixelApiSettings
    from pixel_transports.net.tls import TlsOptions

    from .models import (
        AnalysisServiceCreateUpdateInput,
        AnalysisServiceListParams,
        AnalysisServicePatchInput,
        AnalysisTaskCreateInput,
        AnalysisTaskListParams,
        ArcGISFeatureServiceImageLayerOptions,
        ArcGISFeatureServiceOptions,
        ArcGISFeatureServiceProjectLayerOptions,
        ArcGISImageServiceOptions,
        ArcGISImageServiceWMSOptions,
        ArcgisServiceCreateInput,
        ArcgisServiceCreateOptions,
        ArcgisServiceUpdateInput,
        DataCollectionListParams,
        FieldMapsUpdateInput,
        HarvestAuthInfo,
        HarvestFieldMap,
        HarvestFieldMapping,
        HarvestFieldMapUpdate,
        HarvestServiceCreateInput,
        HarvestServiceUpdateInput,
        ImageMetadataFields,
        ImageUpdateInput,
        ListParams,
        MetadataFieldsType,
        MetadataObject,
        NearblackOptions,
        OIDCUserCreateInput,
        OIDCUserUpdateInput,
        PixelAttachmentUpload,
        PixelUploadFile,
        PointCloudListParams,
        PointCloudMetadataFields,
        PointCloudUpdateInput,
        RasterInfo,
        RasterListParams,
        RasterMetadataFields,
        RasterUpdateInput,
    )

    __version__: str

_find, _listed = lazily(
    globals(),
    {
        "pixel_core.errors": [
            "PixelBadRequestError",
            "PixelConnectionError",
            "PixelError",
            "PixelLoginError",
            "PixelMultipleUploadJobError",
            "PixelNotFoundError",
            "PixelProtocolError",
            "PixelProxyError",
            "PixelServerError",
            "PixelStorageError",
            "PixelTimeoutError",
            "PixelUploadJobError",
        ],
        "pixel_core.messages": ["Timeouts"],
        "pixel_transports.client.asynchronous": ["PixelClientAsync"],
        "pixel_transports.client.blocking": ["PixelClient"],
        "pixel_transports.client.config": ["PixelClientKwargs"],
        "pixel_transports.client.factory": ["get_client"],
        "pixel_transports.client.settings": ["PixelApiSettings"],
        "pixel_transports.net.tls": ["TlsOptions"],
        ".models": [
            "AnalysisServiceCreateUpdateInput",
            "AnalysisServiceListParams",
            "AnalysisServicePatchInput",
            "AnalysisTaskCreateInput",
            "AnalysisTaskListParams",
            "ArcGISFeatureServiceImageLayerOptions",
            "ArcGISFeatureServiceOptions",
            "ArcGISFeatureServiceProjectLayerOptions",
            "ArcGISImageServiceOptions",
            "ArcGISImageServiceWMSOptions",
            "ArcgisServiceCreateInput",
            "ArcgisServiceCreateOptions",
            "ArcgisServiceUpdateInput",
            "DataCollectionListParams",
            "FieldMapsUpdateInput",
            "HarvestAuthInfo",
            "HarvestFieldMap",
            "HarvestFieldMapping",
            "HarvestFieldMapUpdate",
            "HarvestServiceCreateInput",
            "HarvestServiceUpdateInput",
            "ImageMetadataFields",
            "ImageUpdateInput",
            "ListParams",
            "MetadataFieldsType",
            "MetadataObject",
            "NearblackOptions",
            "OIDCUserCreateInput",
            "OIDCUserUpdateInput",
            "PixelAttachmentUpload",
            "PixelUploadFile",
            "PointCloudListParams",
            "PointCloudMetadataFields",
            "PointCloudUpdateInput",
            "RasterInfo",
            "RasterListParams",
            "RasterMetadataFields",
            "RasterUpdateInput",
        ],
        ".auth": [],
        ".exceptions": [],
        ".gis": [],
        ".settings": [],
        ".types": [],
        ".utils": [],
    },
)


def __dir__() -> list[str]:
    return _listed()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        globals()[name] = found = _version()
        return found
    return _find(name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # here, since it takes as long as all the rest

    try:
        return version("pixel-client-sansio")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0+unknown"


class PackageUpdateWarning(Warning):
    """A newer version exists. Kept for those who filter it: this library does not look for newer versions."""


__all__ = [
    "AnalysisServiceCreateUpdateInput",
    "AnalysisServiceListParams",
    "AnalysisServicePatchInput",
    "AnalysisTaskCreateInput",
    "AnalysisTaskListParams",
    "ArcGISFeatureServiceImageLayerOptions",
    "ArcGISFeatureServiceOptions",
    "ArcGISFeatureServiceProjectLayerOptions",
    "ArcGISImageServiceOptions",
    "ArcGISImageServiceWMSOptions",
    "ArcgisServiceCreateInput",
    "ArcgisServiceCreateOptions",
    "ArcgisServiceUpdateInput",
    "DataCollectionListParams",
    "FieldMapsUpdateInput",
    "HarvestAuthInfo",
    "HarvestFieldMap",
    "HarvestFieldMapUpdate",
    "HarvestFieldMapping",
    "HarvestServiceCreateInput",
    "HarvestServiceUpdateInput",
    "ImageMetadataFields",
    "ImageUpdateInput",
    "ListParams",
    "MetadataFieldsType",
    "MetadataObject",
    "NearblackOptions",
    "OIDCUserCreateInput",
    "OIDCUserUpdateInput",
    "PackageUpdateWarning",
    "PixelApiSettings",
    "PixelAttachmentUpload",
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
    "PixelProxyError",
    "PixelServerError",
    "PixelStorageError",
    "PixelTimeoutError",
    "PixelUploadFile",
    "PixelUploadJobError",
    "PointCloudListParams",
    "PointCloudMetadataFields",
    "PointCloudUpdateInput",
    "RasterInfo",
    "RasterListParams",
    "RasterMetadataFields",
    "RasterUpdateInput",
    "Timeouts",
    "TlsOptions",
    "__version__",
    "get_client",
]

"""The client library for Geodata Pixel, under the import name of its users.

>>> from pixel_client import get_client, PixelApiSettings
>>> with get_client() as client:
...     for project in client.list_projects():
...         print(project["name"])
"""

from typing import TYPE_CHECKING, Any

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.errors import (  # isort: skip
        PixelAuthenticationError, PixelBadRequestError, PixelCancelledError, PixelClosedError, PixelConflictError,
        PixelConnectionError, PixelError, PixelFileChangedError, PixelJobTimeoutError, PixelLoginError,
        PixelMultipleUploadJobError, PixelNotFoundError, PixelPermissionError, PixelProtocolError, PixelProxyError,
        PixelRateLimitError, PixelServerError, PixelSettingsError, PixelStatusError, PixelStorageError,
        PixelTimeoutError, PixelUploadJobError, PixelValidationError,
    )  # fmt: skip
    from pixel_core.messages import Timeouts
    from pixel_core.models.outcomes import UploadOutcome
    from pixel_core.session.answers import Answer
    from pixel_core.session.options import CallOptions
    from pixel_transports.client.asynchronous import PixelClientAsync
    from pixel_transports.client.blocking import PixelClient
    from pixel_transports.client.config import PixelClientKwargs
    from pixel_transports.client.faces import faces
    from pixel_transports.client.factory import get_client
    from pixel_transports.client.settings import PixelApiSettings
    from pixel_transports.display.progress import Bar, LogLines
    from pixel_transports.drivers.photos import read_metadata
    from pixel_transports.net.tls import TlsOptions
    from pixel_transports.observability.hooks import Hooks

    from .models import (  # isort: skip
        AnalysisServiceCreateUpdateInput, AnalysisServiceListParams, AnalysisServicePatchInput, AnalysisTaskCreateInput,
        AnalysisTaskListParams, ArcGISFeatureServiceImageLayerOptions, ArcGISFeatureServiceOptions,
        ArcGISFeatureServiceProjectLayerOptions, ArcGISImageServiceOptions, ArcGISImageServiceWMSOptions,
        ArcgisServiceCreateInput, ArcgisServiceCreateOptions, ArcgisServiceUpdateInput, DataCollectionListParams,
        FieldMapsUpdateInput, HarvestAuthInfo, HarvestFieldMap, HarvestFieldMapping, HarvestFieldMapUpdate,
        HarvestServiceCreateInput, HarvestServiceUpdateInput, ImageMetadataFields, ImageUpdateInput, ListParams,
        MetadataFieldsType, MetadataObject, NearblackOptions, OIDCUserCreateInput, OIDCUserUpdateInput,
        PixelAttachmentUpload, PixelUploadFile, PointCloudListParams, PointCloudMetadataFields, PointCloudUpdateInput,
        RasterInfo, RasterListParams, RasterMetadataFields, RasterUpdateInput,
    )  # fmt: skip

    __version__: str

_find, _listed = lazily(
    globals(),
    {
        "pixel_core.errors": [
            "PixelAuthenticationError", "PixelBadRequestError", "PixelCancelledError", "PixelClosedError",
            "PixelConflictError", "PixelConnectionError", "PixelError", "PixelFileChangedError", "PixelJobTimeoutError",
            "PixelLoginError", "PixelMultipleUploadJobError", "PixelNotFoundError", "PixelPermissionError",
            "PixelProtocolError", "PixelProxyError", "PixelRateLimitError", "PixelServerError", "PixelSettingsError",
            "PixelStatusError", "PixelStorageError", "PixelTimeoutError", "PixelUploadJobError", "PixelValidationError",
        ],
        "pixel_core.messages": ["Timeouts"],
        "pixel_core.models.outcomes": ["UploadOutcome"],
        "pixel_core.session.answers": ["Answer"],
        "pixel_core.session.options": ["CallOptions"],
        "pixel_transports.client.asynchronous": ["PixelClientAsync"],
        "pixel_transports.client.blocking": ["PixelClient"],
        "pixel_transports.client.config": ["PixelClientKwargs"],
        "pixel_transports.client.faces": ["faces"],
        "pixel_transports.client.factory": ["get_client"],
        "pixel_transports.client.settings": ["PixelApiSettings"],
        "pixel_transports.display.progress": ["Bar", "LogLines"],
        "pixel_transports.drivers.photos": ["read_metadata"],
        "pixel_transports.net.tls": ["TlsOptions"],
        "pixel_transports.observability.hooks": ["Hooks"],
        ".models": [
            "AnalysisServiceCreateUpdateInput", "AnalysisServiceListParams", "AnalysisServicePatchInput",
            "AnalysisTaskCreateInput", "AnalysisTaskListParams", "ArcGISFeatureServiceImageLayerOptions",
            "ArcGISFeatureServiceOptions", "ArcGISFeatureServiceProjectLayerOptions", "ArcGISImageServiceOptions",
            "ArcGISImageServiceWMSOptions", "ArcgisServiceCreateInput", "ArcgisServiceCreateOptions",
            "ArcgisServiceUpdateInput", "DataCollectionListParams", "FieldMapsUpdateInput", "HarvestAuthInfo",
            "HarvestFieldMap", "HarvestFieldMapping", "HarvestFieldMapUpdate", "HarvestServiceCreateInput",
            "HarvestServiceUpdateInput", "ImageMetadataFields", "ImageUpdateInput", "ListParams", "MetadataFieldsType",
            "MetadataObject", "NearblackOptions", "OIDCUserCreateInput", "OIDCUserUpdateInput", "PixelAttachmentUpload",
            "PixelUploadFile", "PointCloudListParams", "PointCloudMetadataFields", "PointCloudUpdateInput",
            "RasterInfo", "RasterListParams", "RasterMetadataFields", "RasterUpdateInput",
        ],
        ".auth": [],
        ".exceptions": [],
        ".gis": [],
        ".settings": [],
        ".types": [],
        ".utils": [],
    },
)  # fmt: skip


def __dir__() -> list[str]:
    return _listed()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        globals()[name] = found = _version()
        return found
    return _find(name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # late: it is slow to import

    try:
        return version("pixel-client-sansio")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0+unknown"


class PackageUpdateWarning(Warning):
    """A newer version exists. It is kept for warning filters; this library does not look for newer versions."""


__all__ = [
    "AnalysisServiceCreateUpdateInput", "AnalysisServiceListParams", "AnalysisServicePatchInput",
    "AnalysisTaskCreateInput", "AnalysisTaskListParams", "Answer", "ArcGISFeatureServiceImageLayerOptions",
    "ArcGISFeatureServiceOptions", "ArcGISFeatureServiceProjectLayerOptions", "ArcGISImageServiceOptions",
    "ArcGISImageServiceWMSOptions", "ArcgisServiceCreateInput", "ArcgisServiceCreateOptions",
    "ArcgisServiceUpdateInput", "Bar", "CallOptions", "DataCollectionListParams", "FieldMapsUpdateInput",
    "HarvestAuthInfo", "HarvestFieldMap", "HarvestFieldMapUpdate", "HarvestFieldMapping", "HarvestServiceCreateInput",
    "HarvestServiceUpdateInput", "Hooks", "ImageMetadataFields", "ImageUpdateInput", "ListParams", "LogLines",
    "MetadataFieldsType", "MetadataObject", "NearblackOptions", "OIDCUserCreateInput", "OIDCUserUpdateInput",
    "PackageUpdateWarning", "PixelApiSettings", "PixelAttachmentUpload", "PixelAuthenticationError",
    "PixelBadRequestError", "PixelCancelledError", "PixelClient", "PixelClientAsync", "PixelClientKwargs",
    "PixelClosedError", "PixelConflictError", "PixelConnectionError", "PixelError", "PixelFileChangedError",
    "PixelJobTimeoutError", "PixelLoginError", "PixelMultipleUploadJobError", "PixelNotFoundError",
    "PixelPermissionError", "PixelProtocolError", "PixelProxyError", "PixelRateLimitError", "PixelServerError",
    "PixelSettingsError", "PixelStatusError", "PixelStorageError", "PixelTimeoutError", "PixelUploadFile",
    "PixelUploadJobError", "PixelValidationError", "PointCloudListParams", "PointCloudMetadataFields",
    "PointCloudUpdateInput", "RasterInfo", "RasterListParams", "RasterMetadataFields", "RasterUpdateInput", "Timeouts",
    "TlsOptions", "UploadOutcome", "__version__", "faces", "get_client", "read_metadata",
]  # fmt: skip

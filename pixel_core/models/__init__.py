"""Inputs (pydantic models, validated before a request is sent) and results (TypedDicts for the server's JSON).

Each name is loaded at its first use: building dozens of pydantic models takes longer than a call, and a program uses
few of them. Therefore `pixel_core.api` uses them as attributes of this package, with annotations that stay strings.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.models.analysis import (
        AnalysisServiceCreateUpdateInput,
        AnalysisServicePatchInput,
        AnalysisTaskCreateInput,
    )
    from pixel_core.models.arcgis import (  # isort: skip
        ArcGISFeatureServiceImageLayerOptions, ArcGISFeatureServiceOptions, ArcGISFeatureServiceProjectLayerOptions,
        ArcGISImageServiceOptions, ArcGISImageServiceWMSOptions, ArcgisServiceCreateInput, ArcgisServiceCreateOptions,
        ArcgisServiceType, ArcgisServiceUpdateInput,
    )  # fmt: skip
    from pixel_core.models.base import PixelModel
    from pixel_core.models.files import (  # isort: skip
        ImageMetadataFields, ImageUpdateInput, Metadata, MetadataFieldsType, MetadataObject, NameFrom, NearblackOptions,
        PixelAttachmentUpload, PixelUploadFile, PointCloudMetadataFields, PointCloudUpdateInput, RasterInfo,
        RasterMetadataFields, RasterUpdateInput, UpdateInputBase,
    )  # fmt: skip
    from pixel_core.models.geometry import Geometry, Polygon, polygon
    from pixel_core.models.harvest import (  # isort: skip
        ApiKey, Credentials, FieldMapsUpdateInput, HarvestAuthInfo, HarvestFieldMap, HarvestFieldMapping,
        HarvestFieldMapUpdate, HarvestServiceCreateInput, HarvestServiceUpdateInput,
    )  # fmt: skip
    from pixel_core.models.lists import (  # isort: skip
        AnalysisServiceListParams, AnalysisTaskListParams, AnalysisTaskStatusEnum, DataCollectionListParams,
        HarvestTaskListParams, ListParams, OptimizedPointCloudListParams, PixelStatusEnum, PointCloudListParams,
        RasterListParams,
    )  # fmt: skip
    from pixel_core.models.outcomes import UploadOutcome
    from pixel_core.models.results import (  # isort: skip
        AnalysisModule, AnalysisService, AnalysisTask, ArcgisService, ArcgisServiceChange, Attachment,
        AttachmentResourceType, DataCollection, DataCollectionType, HarvestService, HarvestTask, Image, Job, JobGroup,
        OptimizedPointCloud, OptimizedRaster, OverviewResampling, Plugin, PointCloud, Project, Raster, SearchResults,
        UploadJob, User,
    )  # fmt: skip
    from pixel_core.models.search import SearchFilter, SearchOn, SearchQuery, SortField
    from pixel_core.models.users import OIDCUserCreateInput, OIDCUserUpdateInput
else:  # A package with `__getattr__` would have any name for type checkers.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".analysis": ["AnalysisServiceCreateUpdateInput", "AnalysisServicePatchInput", "AnalysisTaskCreateInput"],
            ".arcgis": [
                "ArcGISFeatureServiceImageLayerOptions", "ArcGISFeatureServiceOptions",
                "ArcGISFeatureServiceProjectLayerOptions", "ArcGISImageServiceOptions", "ArcGISImageServiceWMSOptions",
                "ArcgisServiceCreateInput", "ArcgisServiceCreateOptions", "ArcgisServiceType",
                "ArcgisServiceUpdateInput",
            ],
            ".base": ["PixelModel"],
            ".files": [
                "ImageMetadataFields", "ImageUpdateInput", "Metadata", "MetadataFieldsType", "MetadataObject",
                "NameFrom", "NearblackOptions", "PixelAttachmentUpload", "PixelUploadFile",
                "PointCloudMetadataFields",
                "PointCloudUpdateInput", "RasterInfo", "RasterMetadataFields", "RasterUpdateInput", "UpdateInputBase",
            ],
            ".geometry": ["Geometry", "Polygon", "polygon"],
            ".harvest": [
                "ApiKey", "Credentials", "FieldMapsUpdateInput", "HarvestAuthInfo", "HarvestFieldMap",
                "HarvestFieldMapping", "HarvestFieldMapUpdate", "HarvestServiceCreateInput",
                "HarvestServiceUpdateInput",
            ],
            ".lists": [
                "AnalysisServiceListParams", "AnalysisTaskListParams", "AnalysisTaskStatusEnum",
                "DataCollectionListParams", "HarvestTaskListParams", "ListParams", "OptimizedPointCloudListParams",
                "PixelStatusEnum", "PointCloudListParams", "RasterListParams",
            ],
            ".outcomes": ["UploadOutcome"],
            ".results": [
                "AnalysisModule", "AnalysisService", "AnalysisTask", "ArcgisService", "ArcgisServiceChange",
                "Attachment", "AttachmentResourceType", "DataCollection", "DataCollectionType", "HarvestService",
                "HarvestTask", "Image", "Job", "JobGroup", "OptimizedPointCloud", "OptimizedRaster",
                "OverviewResampling", "Plugin", "PointCloud", "Project", "Raster", "SearchResults", "UploadJob", "User",
            ],
            ".search": ["SearchFilter", "SearchOn", "SearchQuery", "SortField"],
            ".users": ["OIDCUserCreateInput", "OIDCUserUpdateInput"],
        },
    )  # fmt: skip

__all__ = [
    "AnalysisModule", "AnalysisService", "AnalysisServiceCreateUpdateInput", "AnalysisServiceListParams",
    "AnalysisServicePatchInput", "AnalysisTask", "AnalysisTaskCreateInput", "AnalysisTaskListParams",
    "AnalysisTaskStatusEnum", "ApiKey", "ArcGISFeatureServiceImageLayerOptions", "ArcGISFeatureServiceOptions",
    "ArcGISFeatureServiceProjectLayerOptions", "ArcGISImageServiceOptions", "ArcGISImageServiceWMSOptions",
    "ArcgisService", "ArcgisServiceChange", "ArcgisServiceCreateInput", "ArcgisServiceCreateOptions",
    "ArcgisServiceType", "ArcgisServiceUpdateInput", "Attachment", "AttachmentResourceType", "Credentials",
    "DataCollection", "DataCollectionListParams", "DataCollectionType", "FieldMapsUpdateInput", "Geometry",
    "HarvestAuthInfo", "HarvestFieldMap", "HarvestFieldMapUpdate", "HarvestFieldMapping", "HarvestService",
    "HarvestServiceCreateInput", "HarvestServiceUpdateInput", "HarvestTask", "HarvestTaskListParams", "Image",
    "ImageMetadataFields", "ImageUpdateInput", "Job", "JobGroup", "ListParams", "Metadata", "MetadataFieldsType",
    "MetadataObject", "NameFrom", "NearblackOptions", "OIDCUserCreateInput", "OIDCUserUpdateInput",
    "OptimizedPointCloud", "OptimizedPointCloudListParams", "OptimizedRaster", "OverviewResampling",
    "PixelAttachmentUpload", "PixelModel",
    "PixelStatusEnum", "PixelUploadFile", "Plugin", "PointCloud", "PointCloudListParams", "PointCloudMetadataFields",
    "PointCloudUpdateInput", "Polygon", "Project", "Raster", "RasterInfo", "RasterListParams", "RasterMetadataFields",
    "RasterUpdateInput", "SearchFilter", "SearchOn", "SearchQuery", "SearchResults", "SortField", "UpdateInputBase",
    "UploadJob", "UploadOutcome", "User", "polygon",
]  # fmt: skip

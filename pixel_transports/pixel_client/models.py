"""Every model, under the names that existing code imports."""

from functools import cached_property

from pydantic import computed_field

from pixel_core import models as _core

from pixel_core.models import (  # isort: skip
    AnalysisServiceCreateUpdateInput, AnalysisServiceListParams, AnalysisServicePatchInput, AnalysisTaskCreateInput,
    AnalysisTaskListParams, AnalysisTaskStatusEnum, ApiKey, ArcGISFeatureServiceImageLayerOptions,
    ArcGISFeatureServiceOptions, ArcGISFeatureServiceProjectLayerOptions, ArcGISImageServiceOptions,
    ArcGISImageServiceWMSOptions, ArcgisServiceCreateInput, ArcgisServiceCreateOptions, ArcgisServiceUpdateInput,
    Credentials, DataCollectionListParams, DataCollectionType, FieldMapsUpdateInput, HarvestAuthInfo, HarvestFieldMap,
    HarvestFieldMapping, HarvestFieldMapUpdate, HarvestServiceCreateInput, HarvestServiceUpdateInput,
    HarvestTaskListParams, ImageMetadataFields, ImageUpdateInput, ListParams, MetadataFieldsType, MetadataObject,
    NearblackOptions, OIDCUserCreateInput, OIDCUserUpdateInput, OptimizedPointCloudListParams, PixelStatusEnum,
    PixelUploadFile, PointCloudListParams, PointCloudMetadataFields, PointCloudUpdateInput, RasterInfo,
    RasterListParams, RasterMetadataFields, RasterUpdateInput, SearchFilter, SearchOn, SearchQuery, SearchResults,
    SortField, UpdateInputBase,
)  # fmt: skip
from pixel_core.models.search import (  # isort: skip
    SearchFilterAndExpr, SearchFilterComparisonDict, SearchFilterCompDataType, SearchFilterDataType,
    SearchFilterListDataType, SearchFilterOperator, SearchFilterOrExpr, SearchFilterVar,
)  # fmt: skip


class PixelAttachmentUpload(_core.PixelAttachmentUpload):
    """A file to attach. `md5` is read from the file at its first use, and kept."""

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def md5(self) -> str:
        """The MD5 of the file, in base64."""
        from .utils import calculate_md5_base64_from_file  # here, since hardly anyone asks and all import this module

        return calculate_md5_base64_from_file(self.file)


__all__ = [
    "AnalysisServiceCreateUpdateInput", "AnalysisServiceListParams", "AnalysisServicePatchInput",
    "AnalysisTaskCreateInput", "AnalysisTaskListParams", "AnalysisTaskStatusEnum", "ApiKey",
    "ArcGISFeatureServiceImageLayerOptions", "ArcGISFeatureServiceOptions", "ArcGISFeatureServiceProjectLayerOptions",
    "ArcGISImageServiceOptions", "ArcGISImageServiceWMSOptions", "ArcgisServiceCreateInput",
    "ArcgisServiceCreateOptions", "ArcgisServiceUpdateInput", "Credentials", "DataCollectionListParams",
    "DataCollectionType", "FieldMapsUpdateInput", "HarvestAuthInfo", "HarvestFieldMap", "HarvestFieldMapUpdate",
    "HarvestFieldMapping", "HarvestServiceCreateInput", "HarvestServiceUpdateInput", "HarvestTaskListParams",
    "ImageMetadataFields", "ImageUpdateInput", "ListParams", "MetadataFieldsType", "MetadataObject", "NearblackOptions",
    "OIDCUserCreateInput", "OIDCUserUpdateInput", "OptimizedPointCloudListParams", "PixelAttachmentUpload",
    "PixelStatusEnum", "PixelUploadFile", "PointCloudListParams", "PointCloudMetadataFields", "PointCloudUpdateInput",
    "RasterInfo", "RasterListParams", "RasterMetadataFields", "RasterUpdateInput", "SearchFilter",
    "SearchFilterAndExpr", "SearchFilterCompDataType", "SearchFilterComparisonDict", "SearchFilterDataType",
    "SearchFilterListDataType", "SearchFilterOperator", "SearchFilterOrExpr", "SearchFilterVar", "SearchOn",
    "SearchQuery", "SearchResults", "SortField", "UpdateInputBase",
]  # fmt: skip

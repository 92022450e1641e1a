"""ArcGIS services: data collections published as feature and image services."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from pixel_core.models.base import PixelModel

ArcgisServiceType: TypeAlias = Literal["Feature", "Image"]

CollectionIds: TypeAlias = Annotated[list[int], Field(min_length=1)]


class ArcGISFeatureServiceImageLayerOptions(PixelModel):
    """Options of the image layer in a feature service."""

    include_fields: list[str] | None = None
    enable_oriented_imagery: bool = False
    enable_images_as_attachments: bool = False
    image_processed_type: Literal["original", "blurred"] = "blurred"


class ArcGISFeatureServiceProjectLayerOptions(PixelModel):
    """Options of the project layer in a feature service."""

    include_fields: list[str] | None = None


class ArcGISFeatureServiceOptions(PixelModel):
    """The layers of a feature service."""

    image_layer: ArcGISFeatureServiceImageLayerOptions
    project_layer: ArcGISFeatureServiceProjectLayerOptions | None = None


class ArcGISImageServiceWMSOptions(PixelModel):
    """Options of an image service's Web Map Service (WMS). `supported_srids` are EPSG codes."""

    enable: bool = True
    supported_srids: list[int] | None = None
    abstract: str | None = None
    keywords: list[str] | None = None
    title: str | None = None


class ArcGISImageServiceOptions(PixelModel):
    """Options of an image service. `default_service_srid` is an EPSG code."""

    default_service_srid: int
    wms_options: ArcGISImageServiceWMSOptions | None = None


class ArcgisServiceCreateOptions(PixelModel):
    """Options of an ArcGIS service: the users that can use it, and the options of its type."""

    gdo_users: list[str] | None = None
    feature_service_options: ArcGISFeatureServiceOptions | None = None
    image_service_options: ArcGISImageServiceOptions | None = None


class ArcgisServiceCreateInput(PixelModel):
    """A new ArcGIS service that publishes one or more data collections."""

    name: str
    description: str
    data_collection_ids: CollectionIds
    options: ArcgisServiceCreateOptions


class ArcgisServiceUpdateInput(PixelModel):
    """Changes to an ArcGIS service. Fields that are None stay unchanged."""

    name: str | None = None
    description: str | None = None
    data_collection_ids: CollectionIds | None = None
    options: ArcgisServiceCreateOptions | None = None

"""Request schemas of users, ArcGIS services, harvest services and analysis.

Rules kept here:

* Secrets are plain text here; no response repeats them.
* Fields that an update does not have stay as they are.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import EmailStr, Field, model_validator

from pixel_transports.sandbox.schemas import ListQuery, Name, PlainListQuery, Schema, Status

# Users

UserType = Literal["creator", "superuser", "viewer"]
Password = Annotated[str, Field(min_length=1)]


class UserBody(Schema):
    first_name: str
    last_name: str
    email: EmailStr
    password: Password
    enabled: bool = True
    user_type: UserType


class UserChange(Schema):
    first_name: str | None = None
    last_name: str | None = None
    password: Password | None = None
    enabled: bool | None = None
    user_type: UserType | None = None


# ArcGIS services


class ImageLayer(Schema):
    include_fields: list[str] | None = None
    enable_oriented_imagery: bool = False
    enable_images_as_attachments: bool = False
    image_processed_type: Literal["original", "blurred"] = "blurred"


class ProjectLayer(Schema):
    include_fields: list[str] | None = None


class FeatureOptions(Schema):
    image_layer: ImageLayer
    project_layer: ProjectLayer | None = None


class WmsOptions(Schema):
    enable: bool = True
    supported_srids: list[int] | None = None
    abstract: str | None = None
    keywords: list[str] | None = None
    title: str | None = None


class ImageOptions(Schema):
    default_service_srid: int
    wms_options: WmsOptions | None = None


class ServiceOptions(Schema):
    """The users of the service, and the options of its type."""

    gdo_users: list[str] | None = None
    feature_service_options: FeatureOptions | None = None
    image_service_options: ImageOptions | None = None


CollectionIds = Annotated[list[int], Field(min_length=1)]


class ServiceBody(Schema):
    name: Name
    description: str
    data_collection_ids: CollectionIds
    options: ServiceOptions


class ServiceChange(Schema):
    name: Name | None = None
    description: str | None = None
    data_collection_ids: CollectionIds | None = None
    options: ServiceOptions | None = None


class RefreshQuery(Schema):
    refresh_data: bool = False


# Harvest services


class Credentials(Schema):
    username: str
    password: str
    token_url: str | None = None


class ApiKey(Schema):
    api_key: str
    api_key_item_id: str | None = None


class Auth(Schema):
    credentials: Credentials | None = None
    api_key: ApiKey | None = None


class FieldMap(Schema):
    model: str
    field_name: str
    external_field: str


class FieldMapping(Schema):
    maps: list[FieldMap] | None = None
    extra_fields: list[str] | None = None


class FieldMapChange(Schema):
    operation: Literal["add", "remove", "update"]
    model: str
    field_name: str
    external_field: str | None = None

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        if self.operation != "remove" and self.external_field is None:
            raise ValueError(f"external_field is required to {self.operation} a field map")
        return self


class FieldMappingChange(Schema):
    maps: list[FieldMapChange] = Field(default_factory=list)
    add_extra_fields: list[str] = Field(default_factory=list)
    remove_extra_fields: list[str] = Field(default_factory=list)


class HarvestBody(Schema):
    name: Name
    description: str
    url: str
    auth: Auth
    field_mappings: FieldMapping = FieldMapping()
    where_clause: str = "1=1"


class HarvestChange(Schema):
    name: Name | None = None
    description: str | None = None
    url: str | None = None
    auth: Auth | None = None
    where_clause: str | None = None
    field_mappings: FieldMappingChange | None = None


class HarvestTaskQuery(ListQuery):
    status: Status | None = None
    get_new: bool | None = None


# Analysis


class AnalysisServiceQuery(PlainListQuery):
    enabled: bool | None = None


class AnalysisTaskQuery(PlainListQuery):
    status: Literal["REVOKED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "FAILED"] | None = None


class AnalysisServiceBody(Schema):
    name: Name
    module_name: str
    enabled: bool = True
    config: dict[str, Any]


class AnalysisServiceChange(Schema):
    """The fields to change; `config` is merged. A null is invalid."""

    name: Name = ""
    enabled: bool = True
    config: dict[str, Any] = Field(default_factory=dict)


class AnalysisTaskBody(Schema):
    name: str | None = None
    params: dict[str, Any]

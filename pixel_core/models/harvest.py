"""Harvest services: what is fetched from other services, and how it maps to Pixel's fields."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_serializer, model_validator

from pixel_core.models.base import SensitiveModel


class Credentials(SensitiveModel):
    """User and password at the harvested service."""

    username: str
    password: SecretStr
    token_url: str | None = None

    @field_serializer("password", when_used="json")
    def _plain_password(self, password: SecretStr) -> str:
        return password.get_secret_value()


class ApiKey(SensitiveModel):
    """An API key of the harvested service."""

    api_key: SecretStr
    api_key_item_id: str | None = None

    @field_serializer("api_key", when_used="json")
    def _plain_key(self, api_key: SecretStr) -> str:
        return api_key.get_secret_value()


class HarvestAuthInfo(SensitiveModel):
    """How to log in at the harvested service: credentials, a key, or neither."""

    credentials: Credentials | None = None
    api_key: ApiKey | None = None


class HarvestFieldMap(SensitiveModel):
    """A field of Pixel and the field of the harvested service that fills it."""

    model: str
    field_name: str
    external_field: str


class HarvestFieldMapping(SensitiveModel):
    """All field maps, and fields to take along as they are."""

    maps: list[HarvestFieldMap] | None = None
    extra_fields: list[str] | None = None


class HarvestFieldMapUpdate(SensitiveModel):
    """A change to one field map; `external_field` is required unless it is removed."""

    operation: Literal["add", "remove", "update"]
    model: str
    field_name: str
    external_field: str | None = None

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        if self.operation != "remove" and self.external_field is None:
            raise ValueError(f"external_field is required to {self.operation} a field map")
        return self


class FieldMapsUpdateInput(SensitiveModel):
    """Changes to the field maps and to the fields that are taken along."""

    maps: list[HarvestFieldMapUpdate] | None = None
    add_extra_fields: list[str] | None = None
    remove_extra_fields: list[str] | None = None


class HarvestServiceCreateInput(SensitiveModel):
    """A new harvest service. `where_clause` narrows what is fetched; "1=1" is everything."""

    name: str
    description: str
    url: str
    auth: HarvestAuthInfo
    field_mappings: HarvestFieldMapping = Field(default_factory=HarvestFieldMapping)
    where_clause: str = "1=1"


class HarvestServiceUpdateInput(SensitiveModel):
    """Changes to a harvest service; what is not given stays as it is."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    auth: HarvestAuthInfo | None = None
    where_clause: str | None = None
    field_mappings: FieldMapsUpdateInput | None = None

"""Harvest services: which service is harvested, with which login, into which fields."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_serializer, model_validator

from pixel_core.models.base import SensitiveModel


class Credentials(SensitiveModel):
    """A user name and a password at the harvested service, and the URL that issues tokens, if any."""

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
    """The login at the harvested service: credentials, an API key, or neither."""

    credentials: Credentials | None = None
    api_key: ApiKey | None = None


class HarvestFieldMap(SensitiveModel):
    """Maps `external_field` of the harvested service to `field_name` of Pixel. `model` is the kind of resource."""

    model: str
    field_name: str
    external_field: str


class HarvestFieldMapping(SensitiveModel):
    """All field maps, and the names of extra fields that are copied unchanged."""

    maps: list[HarvestFieldMap] | None = None
    extra_fields: list[str] | None = None


class HarvestFieldMapUpdate(SensitiveModel):
    """A change to one field map. `external_field` is required, except for the operation "remove"."""

    operation: Literal["add", "remove", "update"]
    model: str
    field_name: str
    external_field: str | None = None

    @model_validator(mode="after")
    def _has_external_field(self) -> Self:
        if self.operation != "remove" and self.external_field is None:
            raise ValueError(f"external_field is required to {self.operation} a field map")
        return self


class FieldMapsUpdateInput(SensitiveModel):
    """Changes to the field maps and to the extra fields."""

    maps: list[HarvestFieldMapUpdate] | None = None
    add_extra_fields: list[str] | None = None
    remove_extra_fields: list[str] | None = None


class HarvestServiceCreateInput(SensitiveModel):
    """A new harvest service. `where_clause` selects what is harvested (an SQL condition); "1=1" selects everything."""

    name: str
    description: str
    url: str
    auth: HarvestAuthInfo
    field_mappings: HarvestFieldMapping = Field(default_factory=HarvestFieldMapping)
    where_clause: str = "1=1"


class HarvestServiceUpdateInput(SensitiveModel):
    """Changes to a harvest service. Fields that are None stay unchanged."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    auth: HarvestAuthInfo | None = None
    where_clause: str | None = None
    field_mappings: FieldMapsUpdateInput | None = None

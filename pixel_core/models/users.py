"""Users of the tenant."""

from typing import Literal, TypeAlias

from pydantic import EmailStr, SecretStr, field_serializer

from pixel_core.models.base import SensitiveModel

UserType: TypeAlias = Literal["creator", "superuser", "viewer"]


class OIDCUserCreateInput(SensitiveModel):
    """A new user. The e-mail address is the user name of the login."""

    first_name: str
    last_name: str
    email: EmailStr
    password: SecretStr
    enabled: bool = True
    user_type: UserType

    @field_serializer("password", when_used="json")
    def _plain_password(self, password: SecretStr) -> str:
        return password.get_secret_value()


class OIDCUserUpdateInput(SensitiveModel):
    """Changes to a user. Fields that are None stay unchanged, including `enabled`."""

    first_name: str | None = None
    last_name: str | None = None
    password: SecretStr | None = None
    enabled: bool | None = None
    user_type: UserType | None = None

    @field_serializer("password", when_used="json")
    def _plain_password(self, password: SecretStr | None) -> str | None:
        return None if password is None else password.get_secret_value()

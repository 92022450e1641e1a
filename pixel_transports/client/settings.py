"""Settings of a client: API, login server and user, from keywords, the environment or a dotenv file.

Rules kept here:

* Keywords override the environment, which overrides a file. Variables are case-insensitive; the older names
  (`KEYCLOAK_...`) work too. Unknown names are ignored.
* Settings are frozen and hashable, and compare by value.
* An error names a wrong setting and never shows its value.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pixel_core.messages import split_base_url
from pixel_core.session.tokens import Account
from pixel_transports.runtime.environment import CachedEnvironment


class PixelApiSettings(BaseSettings):
    """The settings of a client.

    >>> PixelApiSettings()                                   # from the environment
    >>> PixelApiSettings(_env_file=".env")                   # and from a dotenv file
    >>> PixelApiSettings(PIXEL_USERNAME="me@example.com", PIXEL_PASSWORD="...", PIXEL_TENANT="acme")

    Raises pydantic's ValidationError (a ValueError) that names what is missing or wrong.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, hide_input_in_errors=True
    )

    PIXEL_ENV: Literal["dev", "test", "prod"] = Field(
        default="prod", validation_alias=AliasChoices("PIXEL_ENV", "KEYCLOAK_ENV")
    )
    PIXEL_USERNAME: str = Field(validation_alias=AliasChoices("PIXEL_USERNAME", "KEYCLOAK_USERNAME"))
    PIXEL_PASSWORD: SecretStr = Field(validation_alias=AliasChoices("PIXEL_PASSWORD", "KEYCLOAK_PASSWORD"))
    PIXEL_TENANT: str = Field(validation_alias=AliasChoices("PIXEL_TENANT", "KEYCLOAK_REALM"))
    PIXEL_API_URL_OVERRIDE: str | None = Field(default=None, validation_alias="PIXEL_API_URL")
    PIXEL_AUTH_SERVER_URL_OVERRIDE: str | None = Field(default=None, validation_alias="PIXEL_AUTH_SERVER_URL")
    PIXEL_CLIENT_NO_VERSION_CHECK: bool = False
    """Accepted and ignored: this library never looks for newer versions."""

    @field_validator("PIXEL_API_URL_OVERRIDE", "PIXEL_AUTH_SERVER_URL_OVERRIDE")
    @classmethod
    def _checked(cls, url: str | None) -> str | None:
        """Check a URL. The error does not show the value, which may be a misplaced password."""
        if url:
            try:
                split_base_url(url)
            except ValueError:
                raise ValueError(
                    "it has to be an http or https URL, without a user and password, a query, or spaces"
                ) from None
        return url

    def __init__(self, **values: Any) -> None:
        # For type checkers: required settings may come from the environment.
        super().__init__(**values)

    @classmethod
    def from_env_file(cls, path: Path | str) -> "PixelApiSettings":
        """Settings from a dotenv file, and from the environment, which wins."""
        return cls(_env_file=path)

    @property
    def PIXEL_CLIENT_ID(self) -> str:  # noqa: N802 - the name that users know
        return "frontend"

    @property
    def PIXEL_REALM(self) -> str:  # noqa: N802
        """The tenant in the spelling of Keycloak: capitalised."""
        return self.PIXEL_TENANT.capitalize()

    @property
    def PIXEL_API_URL(self) -> str:  # noqa: N802
        tenant = quote(self.PIXEL_REALM.lower(), safe="")
        return self.PIXEL_API_URL_OVERRIDE or f"https://{self.PIXEL_ENV}.api.geodatapixel.no/{tenant}"

    @property
    def PIXEL_AUTH_SERVER_URL(self) -> str:  # noqa: N802
        return self.PIXEL_AUTH_SERVER_URL_OVERRIDE or f"https://{self.PIXEL_ENV}.keycloak.geodatapixel.no"


def account_of(settings: PixelApiSettings) -> Account:
    """The account of these settings."""
    return Account(
        settings.PIXEL_AUTH_SERVER_URL,
        settings.PIXEL_REALM,
        settings.PIXEL_CLIENT_ID,
        settings.PIXEL_USERNAME,
        settings.PIXEL_PASSWORD.get_secret_value(),
    )


def _names() -> Iterator[object]:
    """The environment variables of the settings."""
    for field, info in PixelApiSettings.model_fields.items():
        alias = info.validation_alias
        yield from alias.choices if isinstance(alias, AliasChoices) else [alias or field]


_now = CachedEnvironment(map(str, _names()), lambda environment: PixelApiSettings())


def settings_now() -> PixelApiSettings:
    """Settings from the current environment. Raises ValidationError."""
    return _now.get()


def settings_for_token() -> PixelApiSettings:
    """Settings from the environment for clients with a token, which need no user and password."""
    missing: dict[str, Any] = {}
    try:
        return PixelApiSettings()
    except ValidationError as error:
        names = {str(found["loc"][0]) for found in error.errors() if found["type"] == "missing"}
        missing = dict.fromkeys(names & {"PIXEL_USERNAME", "PIXEL_PASSWORD"}, "")
    return PixelApiSettings(**missing)

"""Settings of a client: API, login server and user, from keywords, the environment or a dotenv file.

Rules kept here:

* Keywords override the environment, which overrides a file, setting by setting. A file may be read alone. Variables are
  case-insensitive; the older names (`KEYCLOAK_...`) work too. An empty variable is one that is not set. Unknown
  variables are ignored, unknown keywords are errors.
* Settings are frozen and hashable, and compare by value.
* An error is a PixelSettingsError. It names what is missing or wrong, and never shows a value.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from pixel_core.errors import PixelSettingsError
from pixel_core.messages import split_base_url
from pixel_core.redaction import SecretText
from pixel_core.session.tokens import Account
from pixel_transports.client.env_files import Variables, read_env_files
from pixel_transports.runtime.environment import CachedEnvironment

_SERVICE = ".api.geodatapixel.no"
"""The end of the host names of the service, where each tenant has a path."""

_BOTH = "Set the environment variables, name a dotenv file (PixelApiSettings(_env_file=...)), or pass keywords"
_ALONE = "{where} is used as a whole, so nothing else is read for it"
_URL = "has to be an http or https URL with a valid host, without a user and password, a query, a fragment, or spaces"
_RULES = {
    "PIXEL_ENV": "has to be dev, test or prod",
    "PIXEL_TENANT": "has to be the name of a tenant",
    "PIXEL_API_URL": _URL,
    "PIXEL_AUTH_SERVER_URL": _URL,
    "PIXEL_CLIENT_NO_VERSION_CHECK": "has to be true or false",
}
"""What the value of a setting has to be; that of the others is text."""

_KEYWORDS = frozenset(name for name in inspect.signature(BaseSettings.__init__).parameters if name.startswith("_"))
"""Keywords of pydantic-settings itself."""


class PixelApiSettings(BaseSettings):
    """The settings of a client.

    >>> PixelApiSettings()                                   # from the environment
    >>> PixelApiSettings(_env_file=".env")                   # and from a dotenv file
    >>> PixelApiSettings.from_env_file(".env", environment=False)  # from the file alone
    >>> PixelApiSettings(PIXEL_USERNAME="me@example.com", PIXEL_PASSWORD="...", PIXEL_TENANT="acme")

    `PIXEL_ENV` is the installation of the service: "prod" (default), "test" or "dev". With `PIXEL_TENANT` it gives the
    addresses, unless `PIXEL_API_URL` and `PIXEL_AUTH_SERVER_URL` are set. `_env_file` may be several files, of which
    the last has precedence.

    Raises PixelSettingsError (a ValueError) that names what is missing or wrong, unknown keywords, and a file that is
    missing or no text.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, hide_input_in_errors=True, env_ignore_empty=True
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

    @field_validator("PIXEL_TENANT")
    @classmethod
    def _has_a_name(cls, tenant: str) -> str:
        """Check a tenant, which is a segment of the path of the API."""
        if tenant.strip() in ("", ".", ".."):
            raise ValueError(_RULES["PIXEL_TENANT"])
        return tenant

    @field_validator("PIXEL_API_URL_OVERRIDE", "PIXEL_AUTH_SERVER_URL_OVERRIDE")
    @classmethod
    def _checked(cls, url: str | None) -> str | None:
        """Check a URL. The error does not show the value, which may be a misplaced password."""
        if not url:
            return url
        try:
            origin, path = split_base_url(url)
        except ValueError:
            raise ValueError(_URL) from None
        if origin.host.lower().endswith(_SERVICE) and not path.strip("/"):
            raise ValueError(f"lacks the tenant, as in https://prod{_SERVICE}/TENANT")
        return url

    def __init__(self, **values: Any) -> None:
        names = dict(_names(type(self)))
        unknown = values.keys() - names.keys() - _KEYWORDS
        if self.model_config.get("extra") == "allow":
            unknown = set()
        known = {name: value for name, value in values.items() if name not in unknown}
        variables = values.get("_env_file")
        if variables is not None and not isinstance(variables, Variables):
            variables = known["_env_file"] = read_env_files(variables, values.get("_env_file_encoding"))
        errors: Sequence[Any] = ()
        try:
            super().__init__(**known)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        if unknown or errors:
            values.clear()  # a traceback would show the password, also a misplaced one
            known.clear()
            raise _settings_error(names, sorted(unknown), errors, variables)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `Variables` as pydantic-settings reads variables."""
        variables = getattr(dotenv_settings, "env_file", None)
        if not isinstance(variables, Variables):
            return init_settings, env_settings, dotenv_settings, file_secret_settings
        file = EnvSettingsSource(settings_cls)
        file.env_vars = {name.lower(): value for name, value in variables.values.items()}
        return (init_settings, file) if variables.alone else (init_settings, env_settings, file, file_secret_settings)

    @classmethod
    def model_validate(cls, obj: Any, *args: Any, **kwargs: Any) -> Self:
        """Settings from a mapping. Raises PixelSettingsError."""
        try:
            return super().model_validate(obj, *args, **kwargs)
        except ValidationError as error:
            causes = [each.get("ctx", {}).get("error") for each in error.errors()]
        del obj  # a traceback would show the password
        raise next((each for each in causes if isinstance(each, PixelSettingsError)), PixelSettingsError(_BOTH))

    @classmethod
    def from_env_file(cls, path: Path | str, *, environment: bool = True) -> Self:
        """Settings from a dotenv file, and from the environment, which wins, setting by setting.

        With `environment=False` the file is read alone: no variable of the environment is used, and a file that is not
        complete is an error. The command line reads files that way. (`${NAME}` in a file is expanded all the same.)
        Raises PixelSettingsError.
        """
        return cls(_env_file=read_env_files(path, alone=not environment))

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
        SecretText(settings.PIXEL_PASSWORD.get_secret_value()),
    )


def _names(kind: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Yield each name that sets something, as a keyword or variable, and the name by which errors call it."""
    for field, info in kind.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or field]
        yield from ((str(each), str(choices[0])) for each in choices)


def _settings_error(
    names: Mapping[str, str], unknown: Sequence[str], errors: Sequence[Any], variables: Variables | None
) -> PixelSettingsError:
    """The error for unknown keywords, and for what pydantic found."""
    missing: list[str] = []
    wrong: dict[str, str] = {}
    for each in errors:
        name = str(each["loc"][0]) if each["loc"] else "settings"
        name = names.get(name, name)
        if each["type"] == "missing":
            missing.append(name)
        else:
            cause = each.get("ctx", {}).get("error")
            is_text = each["type"] in ("string_type", "string_unicode")
            rule = _RULES.get(name, "has to be text" if is_text else "has a value that is not valid")
            wrong[name] = str(cause) if isinstance(cause, ValueError) else rule
    read = [] if variables is not None and variables.alone else ["the environment"]
    read += [variables.where] if variables is not None else []
    problems = [f"{name} {rule}" for name, rule in wrong.items()]
    if missing:
        problems.insert(0, f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    if unknown:
        known = ", ".join(dict.fromkeys(names.values()))
        problems.append(f"there is no setting {', '.join(unknown)} (the settings are {known})")
    advice = _ALONE.format(where=variables.where) if variables is not None and variables.alone else _BOTH
    return PixelSettingsError(
        f"Settings, read from {' and '.join(read)}: {'; '.join(problems)}", advice, missing, [*wrong, *unknown]
    )


SETTING_NAMES: Mapping[str, str] = dict(_names(PixelApiSettings))
"""Each variable, the first ones of a setting first, and the setting that it sets."""

_now = CachedEnvironment(SETTING_NAMES, lambda environment: PixelApiSettings())


def settings_now() -> PixelApiSettings:
    """Settings from the current environment. Raises PixelSettingsError."""
    return _now.get()


def settings_for_token() -> PixelApiSettings:
    """Settings from the environment for clients with a token, which need no user and password."""
    try:
        return PixelApiSettings()
    except PixelSettingsError as error:
        missing = {"PIXEL_USERNAME", "PIXEL_PASSWORD"}.intersection(error.missing)
    unset: dict[str, Any] = dict.fromkeys(missing, "")
    return PixelApiSettings(**unset)

"""Which settings a command uses.

Rules kept here:

* One source is used, as a whole: --env-file or --profile, then PIXEL_PROFILE, then the environment, then the profile
  `default`. Nothing of another source is added, so that a password goes to no other server.
* The environment is a source if it has a user, a password, a tenant or an address.
* No password is shown.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pixel_core.errors import PixelSettingsError, printable
from pixel_transports.cli import profiles
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.options import connection
from pixel_transports.cli.streams import is_terminal
from pixel_transports.runtime.extras import install_command

if TYPE_CHECKING:
    from pixel_transports.client.settings import PixelApiSettings

SHOW = "`pixel config` shows the settings in use"


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings are from: a file, a profile or the environment; its variables as they are named there."""

    kind: str
    name: str
    values: Mapping[str, str]

    @property
    def where(self) -> str:
        """The source in words."""
        return f"the {self.kind} {self.name}" if self.name else f"the {self.kind}"

    def found(self) -> dict[str, str]:
        """The variable of this source that has each setting, by the setting."""
        from pixel_transports.client.settings import SETTING_NAMES

        present = {name.upper(): name for name, value in self.values.items() if value}
        first: dict[str, str] = {}
        for name, setting in SETTING_NAMES.items():
            if name in present:
                first.setdefault(setting, present[name])
        return first

    def read(self, values: Mapping[str, str]) -> "PixelApiSettings":
        """Settings of these values alone. Raises PixelSettingsError, with advice for the command line."""
        from pixel_transports.client.env_files import Variables
        from pixel_transports.client.settings import PixelApiSettings

        try:
            return PixelApiSettings(_env_file=Variables.make(values, self.where, alone=True))
        except PixelSettingsError as error:
            raise PixelSettingsError(error.problem, self._advice(), error.missing, error.wrong) from None

    def _advice(self) -> str:
        if self.kind == "profile":
            return f"`pixel login --profile {self.name}` makes it anew; {SHOW}"
        if self.kind == "file":
            return f"The file is used as a whole, and the environment is not read beside it; {SHOW}"
        beside = " (what the environment has is used as a whole, before the profile `default`)" if self.found() else ""
        return f"Set them there, name a dotenv file with --env-file, or use `pixel login`{beside}; {SHOW}"

    def settings(self) -> "PixelApiSettings":
        """The settings; a profile's password is that of the keyring, or asked for. Raises PixelSettingsError."""
        if self.kind != "profile":
            return self.read(self.values)
        incomplete = self.read({**self.values, "PIXEL_PASSWORD": "-"})
        password = stored_password(incomplete).get() or ask_password(incomplete, self.name)
        return self.read({**self.values, "PIXEL_PASSWORD": password})


def find_source() -> Source:
    """The source of this command's settings. Raises click.UsageError, PixelSettingsError."""
    chosen = connection()
    if chosen.env_file is not None and chosen.profile is not None:
        raise click.UsageError("--env-file and --profile contradict each other: each has all settings")
    if chosen.env_file is not None:
        from pixel_transports.client.env_files import read_env_files

        return Source("file", chosen.env_file, read_env_files(chosen.env_file).values)
    name = chosen.profile or os.environ.get("PIXEL_PROFILE")
    if name:
        values = profiles.read(name)
        if values is None:
            known = ", ".join(profiles.list_names()) or "none"
            raise PixelSettingsError(
                f"There is no profile {name} (there are: {known})", f"`pixel login --profile {name}` makes it"
            )
        return Source("profile", name, values)
    environment = environment_source()
    if environment is not None:
        return environment
    default = profiles.read(profiles.DEFAULT)
    return Source("environment", "", {}) if default is None else Source("profile", profiles.DEFAULT, default)


def environment_source() -> Source | None:
    """The environment, if it has settings."""
    environment = Source("environment", "", dict(os.environ))
    return environment if environment.found().keys() - {"PIXEL_CLIENT_NO_VERSION_CHECK"} else None


def get_settings(announce: bool = False) -> "PixelApiSettings":
    """The settings of this command. With `announce`, what is used is printed on stderr. Raises click.UsageError,
    PixelSettingsError.
    """
    source = find_source()
    settings = source.settings()
    if announce:
        print_message(f"{describe(settings)} (from {source.where}).")
    return settings


def describe(settings: "PixelApiSettings") -> str:
    """The user, the tenant and the API of settings, in words."""
    return f"User {settings.PIXEL_USERNAME}, tenant {settings.PIXEL_TENANT}, API {settings.PIXEL_API_URL}"


def stored_password(settings: "PixelApiSettings") -> profiles.StoredPassword:
    """The password in the keyring for the user of these settings."""
    return profiles.StoredPassword(
        settings.PIXEL_AUTH_SERVER_URL, settings.PIXEL_REALM.lower(), settings.PIXEL_USERNAME
    )


def ask_password(settings: "PixelApiSettings", profile: str) -> str:
    """Ask for the password at the terminal. Raises PixelSettingsError without one."""
    if not is_terminal(sys.stdin):
        raise PixelSettingsError(
            f"The password of the profile {profile} is not stored, and there is no terminal to ask for it",
            f"`pixel login` stores it after {install_command('keyring')}; without a terminal use the environment or "
            "--env-file",
        )
    where = printable(f"{settings.PIXEL_USERNAME} at {settings.PIXEL_AUTH_SERVER_URL}")
    password: str = click.prompt(f"Password of {where}", hide_input=True, err=True)
    return password

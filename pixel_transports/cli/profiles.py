"""Profiles: settings that `pixel login` stores under a name. The password is in the system's keyring, or nowhere.

Rules kept here:

* A profile is a JSON file that only the user can read. It is replaced as a whole, and holds no password.
* A password is stored for one user at one login server, so it is never sent to another.
* A keyring that is not installed, or does not work, stores nothing; it is no error.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pixel_core.errors import PixelSettingsError
from pixel_transports.runtime.folders import user_folder

DEFAULT = "default"
FIELDS = ("PIXEL_ENV", "PIXEL_USERNAME", "PIXEL_TENANT", "PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL")
"""The settings in a profile."""


def folder() -> Path:
    """Where profiles are: `profiles` in the folder that PIXEL_CONFIG names, or in the user's. Raises
    PixelSettingsError.
    """
    named = os.environ.get("PIXEL_CONFIG")
    try:
        return (Path(named) if named else user_folder(os.environ, "config")) / "profiles"
    except RuntimeError:
        raise PixelSettingsError("There is no home directory for profiles", "PIXEL_CONFIG names a folder") from None


def path_of(name: str) -> Path:
    """The file of a profile. Raises PixelSettingsError for a name that cannot be that of a file."""
    if not re.fullmatch(r"\w[\w.-]{0,63}", name, re.ASCII):
        raise PixelSettingsError("The name of a profile is letters, digits, hyphens, dots and underscores")
    return folder() / f"{name}.json"


def list_names() -> list[str]:
    """The names of all profiles."""
    return sorted(each.stem for each in folder().glob("*.json"))


def read(name: str) -> dict[str, str] | None:
    """The settings of a profile, None if there is none. Raises PixelSettingsError if its file cannot be read."""
    path = path_of(name)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {field: str(values[field]) for field in FIELDS if values.get(field)}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        advice = f"`pixel logout --profile {name}` removes it"
        raise PixelSettingsError(f"The file of the profile {name} cannot be read: {path}", advice) from None


def write(name: str, values: Mapping[str, str]) -> Path:
    """Store a profile, or replace it as a whole. Returns its file. Raises OSError."""
    path = path_of(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{name}.")  # its mode is 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({field: values[field] for field in FIELDS if values.get(field)}, file, indent=2)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def remove(name: str) -> bool:
    """Remove a profile. Returns False if there is none. Raises OSError."""
    path = path_of(name)
    exists = path.exists()
    path.unlink(missing_ok=True)
    return exists


class StoredPassword:
    """The password of a user in the system's keyring (extra `keyring`)."""

    def __init__(self, auth_server: str, realm: str, username: str) -> None:
        self._key = f"pixel-client {auth_server.rstrip('/')} {realm}", username

    def get(self) -> str | None:
        """Return the password, None without one."""
        found = _call("get_password", *self._key)
        return found if isinstance(found, str) and found else None

    def set(self, password: str) -> bool:
        """Store the password. Returns whether it is stored. An earlier one is not left behind."""
        _call("set_password", *self._key, password)
        if self.get() == password:
            return True
        self.delete()
        return False

    def delete(self) -> None:
        """Remove the password, if it is stored."""
        _call("delete_password", *self._key)


def _call(function: str, *arguments: str) -> Any:
    try:
        return getattr(import_module("keyring"), function)(*arguments)
    except Exception:  # of any kind: backends raise their own, also when they are locked or absent
        return None

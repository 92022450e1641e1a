"""A backend of the package `keyring` for tests: passwords in the JSON file that PIXEL_TEST_KEYRING names."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

_Backend: Any = import_module("keyring.backend").KeyringBackend


class FileKeyring(_Backend):  # type: ignore[misc] # the package may not be installed
    """Stores passwords in a file."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        """Return the password, None without one."""
        found: str | None = self._read().get(f"{service} {username}")
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a password."""
        self._write({**self._read(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        """Remove a password."""
        left = self._read()
        del left[f"{service} {username}"]
        self._write(left)

    @property
    def _path(self) -> Path:
        return Path(os.environ["PIXEL_TEST_KEYRING"])

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return found

    def _write(self, values: dict[str, Any]) -> None:
        self._path.write_text(json.dumps(values))

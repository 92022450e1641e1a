"""The folders of the system for files of the user."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def user_folder(environment: Mapping[str, str], kind: str) -> Path:
    """The user's folder of this library for files of a kind, "state" or "config". It may not exist. Raises RuntimeError
    if the user has no home directory.
    """
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        set_to = environment.get(f"XDG_{kind.upper()}_HOME", "")
        # A relative one is to be ignored, by the XDG Base Directory Specification.
        home = {"state": Path(".local", "state"), "config": Path(".config")}[kind]
        base = Path(set_to) if os.path.isabs(set_to) else Path.home() / home
    return base / "pixel-client"

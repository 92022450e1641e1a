"""Where a journal of uploads is.

Rules kept here:

* The environment is read when a client is made. No file is looked at.
* `PIXEL_JOURNAL` names a journal; otherwise it is one per user, where the system keeps such files.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pixel_core.values import hash_of_fields, value


@value
class JournalPath:
    """Where a journal is, and whether somebody asked for it (`named`); without a path there is none."""

    path: Path | None
    named: bool = True

    __hash__ = hash_of_fields

    @classmethod
    def of(cls, value: "str | os.PathLike[str] | None") -> "JournalPath":
        return cls(None if value is None else absolute(value))

    @classmethod
    def default(cls) -> "JournalPath":
        """The user's own; named where the environment names it, without a path for a user without a home."""
        try:
            return cls(default_path(os.environ), named=bool(os.environ.get("PIXEL_JOURNAL")))
        except RuntimeError:
            return cls(None, named=False)


def default_path(environment: Mapping[str, str]) -> Path:
    """The user's own journal: where `PIXEL_JOURNAL` says, else in the place that the system keeps for such files.

    Raises RuntimeError where the user has no home.
    """
    given = environment.get("PIXEL_JOURNAL")
    if given:
        return absolute(given)
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        state = environment.get("XDG_STATE_HOME", "")
        # A relative one is to be ignored, by the XDG Base Directory Specification.
        base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "pixel-client" / "uploads.sqlite"


def absolute(path: "str | os.PathLike[str]") -> Path:
    """The path as it is now, whatever the working directory will be. Looks at no file."""
    return Path(path) if os.path.isabs(path) else Path(os.getcwd(), path)

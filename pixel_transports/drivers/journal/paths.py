"""The path of the journal.

The environment is read when a client is made. `PIXEL_JOURNAL` names a journal. Otherwise there is one per user, in the
directory of the system for such files.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pixel_core.values import hash_of_fields, value
from pixel_transports.runtime.folders import user_folder


@value
class JournalPath:
    """Path of a journal, None for no journal. `named` is False for the default one."""

    path: Path | None
    named: bool = True

    __hash__ = hash_of_fields

    @classmethod
    def parse(cls, value: "str | os.PathLike[str] | None") -> "JournalPath":
        """The path that a user named; None is no journal."""
        return cls(None if value is None else absolute(value))

    @classmethod
    def default(cls) -> "JournalPath":
        """The user's journal. It is named if the environment names it, and has no path for a user without a home."""
        try:
            return cls(default_path(os.environ), named=bool(os.environ.get("PIXEL_JOURNAL")))
        except RuntimeError:
            return cls(None, named=False)


def default_path(environment: Mapping[str, str]) -> Path:
    """The path of the user's journal: `PIXEL_JOURNAL`, or a file in the directory of the system for such files. Raises
    RuntimeError if the user has no home directory.
    """
    named = environment.get("PIXEL_JOURNAL")
    if named:
        return absolute(named)
    return user_folder(environment, "state") / "uploads.sqlite"


def absolute(path: "str | os.PathLike[str]") -> Path:
    """The absolute path, by the working directory of now. No file is accessed."""
    return Path(path) if os.path.isabs(path) else Path(os.getcwd(), path)


def stored_path(path: "str | os.PathLike[str]") -> bytes:
    """The path of a file in a journal: the same for all links to its directory, and for links to it with its name."""
    directory, name = os.path.split(os.path.abspath(path))
    real = os.path.realpath(path)
    return os.fsencode(real if os.path.basename(real) == name else os.path.join(os.path.realpath(directory), name))

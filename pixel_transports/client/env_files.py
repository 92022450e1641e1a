"""Reads dotenv files.

Rules kept here:

* A file is read once, so a pipe will do. It is text in UTF-8, or in UTF-16 with a byte order mark.
* Whatever is wrong with a file is a PixelSettingsError that names it, and shows nothing of what it holds.
"""

import codecs
import os
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from pixel_core.errors import PixelSettingsError

_ADVICE = "A dotenv file has lines like PIXEL_TENANT=acme"


class Variables(tuple[()]):
    """Variables by name, and where they are from. Passed in place of `_env_file`, for which they are no files.

    With `alone`, the environment is not read.
    """

    values: Mapping[str, str]
    where: str
    alone: bool

    @classmethod
    def make(cls, values: Mapping[str, str | None], where: str, alone: bool = False) -> "Variables":
        """Empty values are left out."""
        made = cls()
        made.values = {name: value for name, value in values.items() if value}
        made.where, made.alone = where, alone
        return made


def read_env_files(files: Any, encoding: str | None = None, alone: bool = False) -> Variables:
    """Read a dotenv file, or several, of which the last has precedence. Raises PixelSettingsError."""
    several: Iterable[Any] = [files] if isinstance(files, (str, os.PathLike)) else files
    paths = [Path(each).expanduser() for each in several]
    values: dict[str, str | None] = {}
    try:
        for path in paths:
            values.update(dotenv_values(stream=StringIO(_read(path, encoding))))
    except BaseException:
        values.clear()  # a traceback would show them
        raise
    return Variables.make(values, " and ".join(f"the file {path}" for path in paths), alone)


def _read(path: Path, encoding: str | None) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PixelSettingsError(f"The file of settings {path} cannot be read: {error.strerror}", _ADVICE) from None
    if encoding is None:
        is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if is_utf_16 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError):
        text = "\0"
    if "\0" in text:
        del data, text  # a traceback would show them
        problem = f"The file of settings {path} is no text in UTF-8, nor in UTF-16 with a byte order mark"
        raise PixelSettingsError(problem, _ADVICE)
    return text

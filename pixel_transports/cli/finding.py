"""Which files are meant: by paths, folders, globs and JSON lines.

Rules kept here:

* A path that exists is taken as it is written, also where it looks like a glob. A path or a glob that leads to nothing
  is wrong usage: it is a slip of the pen, and the other files might be uploaded without it unnoticed.
* Folders are searched with all folders in them, in the order of their names; what is hidden (a name that begins with a
  dot) is passed over.
* A file that is named in several ways is one file.
"""

import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pixel_transports.cli.kinds import Kind, belonging
from pixel_transports.cli.metadata import checked

STDIN = "-"
_KEYS = ("file", "support_files", "metadata")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be uploaded, what belongs to it, and what is said of it alone."""

    path: Path
    support_files: tuple[Path, ...] = ()
    metadata: dict[str, Any] | None = None


def find(paths: Sequence[str], kind: Kind, with_support_files: bool, stdin: Iterable[str]) -> list[Candidate]:
    """The files that are meant. Raises click.UsageError."""
    found: dict[str, Candidate] = {}
    for path in paths:
        if path == STDIN:
            for candidate in _from_lines(stdin, kind):
                key = os.path.abspath(candidate.path)
                if key in found:
                    raise click.UsageError(f"{candidate.path} is given twice")
                found[key] = candidate
        else:
            for each in _from_path(path, kind):
                found.setdefault(os.path.abspath(each), Candidate(each))
    if with_support_files:
        return _with_support_files(list(found.values()))
    return list(found.values())


def _from_path(path: str, kind: Kind) -> Iterator[Path]:
    if not os.path.lexists(path):
        path = os.path.expanduser(path)  # The shell leaves this to us in quotation marks, as it does globs.
    if os.path.lexists(path):
        names = [path]
    elif glob.has_magic(path):
        names = sorted(glob.glob(path, recursive=True))
        if not names:
            raise click.UsageError(f"{path}: no file has such a name")
    else:
        raise click.UsageError(f"{path}: there is no such file or folder")
    for name in names:
        if os.path.isdir(name):
            yield from _walk(name, kind)
        else:
            yield Path(name)


def _walk(folder: str, kind: Kind) -> Iterator[Path]:
    """The files of a kind below a folder. A folder that cannot be read is an error: it may hold some."""

    def refuse(error: OSError) -> None:
        raise click.UsageError(f"{error.filename}: cannot be searched: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in kind.extensions:
                yield Path(place, name)


def _from_lines(lines: Iterable[str], kind: Kind) -> Iterator[Candidate]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"line {number} of stdin"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise click.UsageError(f"{where}: is no JSON: {error}") from error
        if not isinstance(value, dict) or not isinstance(value.get("file"), str) or not value["file"]:
            raise click.UsageError(f'{where}: wanted is an object with "file", a path')
        unknown = sorted(set(value) - set(_KEYS))
        if unknown:
            raise click.UsageError(f"{where}: {', '.join(unknown)} is not known; known are {', '.join(_KEYS)}")
        supports = value.get("support_files") or []
        if not isinstance(supports, list) or not all(isinstance(each, str) and each for each in supports):
            raise click.UsageError(f"{where}: support_files is a list of paths")
        if supports and kind.name == "point-cloud":
            raise click.UsageError(f"{where}: point clouds have no support files")
        metadata = value.get("metadata")
        yield Candidate(
            Path(value["file"]),
            tuple(Path(each) for each in supports),
            None if metadata is None else checked(metadata, kind, f"{where}: metadata"),
        )


def _with_support_files(candidates: list[Candidate]) -> list[Candidate]:
    """With the files that lie beside each and belong to it; those do not go on their own as well."""
    folders: dict[Path, list[Path]] = {}
    complete: list[Candidate] = []
    belong: set[str] = set()
    for each in candidates:
        folder = each.path.parent
        if folder not in folders:
            folders[folder] = sorted(path for path in _listed(folder) if path.is_file())
        known = {os.path.abspath(path) for path in each.support_files}
        found = [path for path in belonging(each.path, folders[folder]) if os.path.abspath(path) not in known]
        belong.update(known, (os.path.abspath(path) for path in found))
        complete.append(Candidate(each.path, (*each.support_files, *found), each.metadata))
    return [each for each in complete if os.path.abspath(each.path) not in belong]


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # Whoever looks at the file itself says what is wrong.
        return []

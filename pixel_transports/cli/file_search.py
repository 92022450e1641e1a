"""Finds the files to upload: from paths, folders, globs and JSON lines.

Rules kept here:

* A path that exists is taken literally, even if it looks like a glob. A path or glob without a match is wrong usage.
* Folders are searched recursively, in the order of names; hidden names (with a leading dot) are skipped.
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

from pixel_transports.cli.file_types import FileType, find_support_files
from pixel_transports.cli.metadata import validate_metadata

STDIN = "-"
_KEYS = ("file", "support_files", "metadata")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to upload, with its support files and its own metadata."""

    path: Path
    support_files: tuple[Path, ...] = ()
    metadata: dict[str, Any] | None = None


def find_files(
    paths: Sequence[str], file_type: FileType, with_support_files: bool, stdin: Iterable[str]
) -> list[Candidate]:
    """Return the files of `paths`; `-` stands for the JSON lines of `stdin`. Raises click.UsageError."""
    files: dict[str, Candidate] = {}
    for path in paths:
        if path == STDIN:
            for candidate in _from_lines(stdin, file_type):
                key = os.path.abspath(candidate.path)
                if key in files:
                    raise click.UsageError(f"{candidate.path} is given twice")
                files[key] = candidate
        else:
            for each in _from_path(path, file_type):
                files.setdefault(os.path.abspath(each), Candidate(each))
    if with_support_files:
        return _add_support_files(list(files.values()))
    return list(files.values())


def _from_path(path: str, file_type: FileType) -> Iterator[Path]:
    if not os.path.lexists(path):
        path = os.path.expanduser(path)  # A shell does not expand `~` in quotation marks, where globs are written.
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
            yield from _walk(name, file_type)
        else:
            yield Path(name)


def _walk(folder: str, file_type: FileType) -> Iterator[Path]:
    """Yield the files of a type below a folder. A folder that cannot be read is an error: it may hold some."""

    def raise_usage_error(error: OSError) -> None:
        raise click.UsageError(f"{error.filename}: cannot be searched: {error.strerror}")

    for parent, folders, files in os.walk(folder, onerror=raise_usage_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in file_type.extensions:
                yield Path(parent, name)


def _from_lines(lines: Iterable[str], file_type: FileType) -> Iterator[Candidate]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse_line(line, file_type, f"line {number} of stdin")


def _parse_line(line: str, file_type: FileType, source: str) -> Candidate:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise click.UsageError(f"{source}: is no JSON: {error}") from error
    if not isinstance(value, dict) or not _are_paths([value.get("file")]):
        raise click.UsageError(f'{source}: expected is an object with "file", a path')
    unknown = sorted(set(value) - set(_KEYS))
    if unknown:
        raise click.UsageError(f"{source}: {', '.join(unknown)} is not known; known are {', '.join(_KEYS)}")
    support_files = value.get("support_files") or []
    if not _are_paths(support_files):
        raise click.UsageError(f"{source}: support_files is a list of paths")
    if support_files and file_type.name == "point-cloud":
        raise click.UsageError(f"{source}: point clouds have no support files")
    metadata = value.get("metadata")
    if metadata is not None:
        metadata = validate_metadata(metadata, file_type, f"{source}: metadata")
    return Candidate(Path(value["file"]), tuple(Path(each) for each in support_files), metadata)


def _are_paths(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _add_support_files(candidates: list[Candidate]) -> list[Candidate]:
    """Add the support files beside each file; they are not uploaded on their own as well."""
    folders: dict[Path, list[Path]] = {}
    complete: list[Candidate] = []
    support_paths: set[str] = set()
    for each in candidates:
        folder = each.path.parent
        if folder not in folders:
            folders[folder] = sorted(path for path in _list_folder(folder) if path.is_file())
        named = {os.path.abspath(path) for path in each.support_files}
        beside = find_support_files(each.path, folders[folder])
        added = [path for path in beside if os.path.abspath(path) not in named]
        support_paths.update(named, (os.path.abspath(path) for path in added))
        complete.append(Candidate(each.path, (*each.support_files, *added), each.metadata))
    return [each for each in complete if os.path.abspath(each.path) not in support_paths]


def _list_folder(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # `find_problem` reports what is wrong with the file itself.
        return []

"""Finds the files to upload: from paths, folders, globs and JSON lines.

Rules kept here:

* A path that exists is taken literally, even if it looks like a glob. A path or glob without a match is wrong usage.
* Folders are searched as `upload_folder` does. A file that is named is taken whatever its suffix. --include and
  --exclude select among both.
* A file that is named in several ways is one file.
* Paths that become names (--name-from path) begin at the folder that all paths of the command are in.
"""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from pixel_core.models import NameFrom
from pixel_core.uploads import FileSpec
from pixel_core.uploads.folders import Selection, find_support_files
from pixel_core.uploads.names import assign_names, proposed_name
from pixel_transports.cli.file_types import FileType
from pixel_transports.cli.metadata import parse_json, validate_metadata
from pixel_transports.drivers.files import find_files, list_folder

STDIN = "-"
_KEYS = ("file", "name", "support_files", "metadata")
_DIFFER = "--name-from path, parent or counter makes them differ; --dry-run lists all of them"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to upload, with the name that it gets in Pixel, its support files and its own metadata."""

    path: Path
    support_files: tuple[Path, ...] = ()
    metadata: dict[str, Any] | None = None
    upload_name: str = ""

    @property
    def name(self) -> str:
        return self.upload_name or self.path.name

    def spec(self, metadata: dict[str, Any] | None) -> FileSpec:
        """Return the file as the library takes it."""
        return FileSpec(str(self.path), tuple(map(str, self.support_files)), metadata, self.name)


class FileSearch:
    """Finds files of a type. `selection` has its suffixes, and the patterns of --include and --exclude."""

    def __init__(self, file_type: FileType, selection: Selection, with_support_files: bool) -> None:
        self._file_type = file_type
        self._selection = selection
        self._with_support_files = with_support_files
        self._roots: set[str] = set()
        """The folders that were named, and those of files that were named."""

    def find(self, paths: Sequence[str], stdin: Iterable[str]) -> list[Candidate]:
        """Return the files of `paths`; `-` stands for the JSON lines of `stdin`. Raises click.UsageError."""
        files: dict[str, Candidate] = {}
        for path in paths:
            if path == STDIN:
                for candidate in _from_lines(stdin, self._file_type):
                    key = os.path.abspath(candidate.path)
                    if key in files:
                        raise click.UsageError(f"{candidate.path} is given twice")
                    self._roots.add(os.path.dirname(key))
                    files[key] = candidate
            else:
                for each in self._from_path(path):
                    files.setdefault(os.path.abspath(each), Candidate(each))
        found = list(files.values())
        return _add_support_files(found) if self._with_support_files else found

    def name(self, files: Sequence[Candidate], rule: NameFrom | None, may_be_equal: bool) -> list[Candidate]:
        """Return the files with their names in Pixel. Raises click.UsageError for equal ones, unless they may be."""
        root = os.path.commonpath(self._roots) if self._roots else ""
        proposed = [
            each.upload_name or proposed_name(rule, os.path.abspath(each.path), os.path.relpath(each.path, root))
            for each in files
        ]
        if not may_be_equal or rule == "counter":
            try:
                proposed = assign_names(rule, zip((str(each.path) for each in files), proposed, strict=True), _DIFFER)
            except ValueError as error:
                raise click.UsageError(str(error)) from error
        return [replace(each, upload_name=name) for each, name in zip(files, proposed, strict=True)]

    def _from_path(self, path: str) -> Iterator[Path]:
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
                self._roots.add(os.path.abspath(name))
                yield from self._from_folder(name)
            elif self._selection.takes(os.path.basename(name), any_suffix=True):
                self._roots.add(os.path.dirname(os.path.abspath(name)))
                yield Path(name)

    def _from_folder(self, folder: str) -> Iterator[Path]:
        try:
            for each in find_files(folder, self._selection):
                yield Path(each.path)
        except OSError as error:  # A folder that cannot be read may hold some.
            raise click.UsageError(f"{error.filename}: cannot be searched: {error.strerror}") from error


def _from_lines(lines: Iterable[str], file_type: FileType) -> Iterator[Candidate]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse_line(line, file_type, f"line {number} of stdin")


def _parse_line(line: str, file_type: FileType, source: str) -> Candidate:
    try:
        value = parse_json(line)
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
    name = value.get("name", "")
    if not isinstance(name, str):
        raise click.UsageError(f"{source}: name is a text, the name in Pixel")
    return Candidate(Path(value["file"]), tuple(Path(each) for each in support_files), metadata, name)


def _are_paths(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _add_support_files(candidates: list[Candidate]) -> list[Candidate]:
    """Add the support files beside each file; they are not uploaded on their own as well."""
    by_folder: dict[Path, list[str]] = {}
    for each in candidates:
        by_folder.setdefault(each.path.parent, []).append(each.path.name)
    found = {folder: find_support_files(names, _names_in(folder)) for folder, names in by_folder.items()}
    complete: list[Candidate] = []
    support_paths: set[str] = set()
    for each in candidates:
        folder = each.path.parent
        named = {os.path.abspath(path) for path in each.support_files}
        beside = [Path(folder, name) for name in found[folder].get(each.path.name, ())]
        added = [path for path in beside if os.path.abspath(path) not in named]
        support_paths.update(named, (os.path.abspath(path) for path in added))
        complete.append(replace(each, support_files=(*each.support_files, *added)))
    return [each for each in complete if os.path.abspath(each.path) not in support_paths]


def _names_in(folder: Path) -> list[str]:
    try:
        return list(list_folder(str(folder)).files)
    except OSError:  # `find_problem` reports what is wrong with the file itself.
        return []

"""The flow of `upload_folder`: from a folder to resources.

Rules kept here:

* Errors of the folder are raised before anything is sent: it is missing, or a part of it cannot be read.
* The type of the data collection decides which files are taken, and whether photos are read for their metadata.
* Metadata of all files override those that a photo has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pixel_core import models
from pixel_core.api.upload_flows import UploadCall, UploadFlows, metadata_of
from pixel_core.api.upload_service import Kind, kind_of
from pixel_core.effects import Flow, Gather, ReadMetadata
from pixel_core.models.files import merge_metadata
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, PartSizing, Transfer
from pixel_core.uploads.folders import SUFFIXES, FolderWalk, FoundFile, Selection
from pixel_core.uploads.names import assign_names, check_rule, proposed_name
from pixel_core.values import value

READ_AT_ONCE = 4
"""How many batches of photos are read side by side."""

BATCH = 32
"""How many photos are read in one go."""

EQUAL_NAMES = 'name_from="path", "parent" or "counter" makes them differ'

_ALL = frozenset[str]().union(*SUFFIXES.values())


@value
class FolderOptions:
    """What is uploaded of a folder, and how: see `upload_folder`."""

    selection: Selection
    metadata: str | None
    common_metadata: Mapping[str, Any] | None
    name_from: models.NameFrom | None
    support_files: bool

    @classmethod
    def from_keywords(
        cls,
        include: Sequence[str] | str,
        exclude: Sequence[str] | str,
        metadata: str | None,
        common_metadata: models.Metadata | None,
        name_from: models.NameFrom | None,
        support_files: bool,
    ) -> FolderOptions:
        """From the keywords of `upload_folder`. Raises ValueError for unknown values."""
        if metadata not in ("exif", None):
            raise ValueError(f'metadata is "exif" or None, not {metadata!r}; those of all files are `common_metadata`')
        check_rule(name_from)
        return cls(
            Selection(_ALL, _patterns(include), _patterns(exclude)),
            metadata,
            metadata_of(common_metadata),
            name_from,
            support_files,
        )


def _patterns(patterns: Sequence[str] | str) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def upload_folder(
    session: Session, ids: tuple[int, int], root: str, options: FolderOptions, sizing: PartSizing, call: UploadCall
) -> Flow[list[Transfer]]:
    """Upload the files of a folder, and return the transfer of each."""
    walk = FolderWalk(root, options.selection, options.support_files)
    found: list[FoundFile] = []
    while (files := (yield from walk.next_files())) is not None:
        found += files
    if not found:
        return []
    kind = yield from kind_of(session, ids)
    specs = yield from plan_folder(kind, found, options)
    flows = UploadFlows(session, kind, *ids, call)
    return (yield from flows.all(specs, sizing, options.name_from, checked=True))


def plan_folder(kind: Kind, found: Sequence[FoundFile], options: FolderOptions) -> Flow[list[FileSpec]]:
    """Return the files of a kind with their names and metadata. Raises ValueError for equal names, ValidationError."""
    if options.support_files and kind.name == "point_cloud":
        raise ValueError("point clouds have no support files")
    files = [each for each in found if PurePath(each.path).suffix.lower() in SUFFIXES[kind.name]]
    rule = options.name_from
    names = assign_names(
        rule, ((each.path, proposed_name(rule, each.path, each.relative)) for each in files), EQUAL_NAMES
    )
    metadata: Sequence[Mapping[str, Any] | None] = [None] * len(files)
    if options.metadata == "exif" and kind.name == "image":
        metadata = yield from read_metadata([each.path for each in files])
    common = dict(options.common_metadata or {})
    if common.get("fields"):
        common["fields"] = {"fields_type": kind.name, **common["fields"]}
    specs = []
    for file, name, own in zip(files, names, metadata, strict=True):
        merged = merge_metadata(own, common)
        specs.append(FileSpec(file.path, file.support_files, merged.body() if merged else None, name))
    return specs


def read_metadata(paths: Sequence[str]) -> Flow[list[dict[str, Any] | None]]:
    """Read the metadata in photos, several at a time. Raises ModuleNotFoundError without what is needed for that."""
    batches = (iter(ReadMetadata(paths[at : at + BATCH])) for at in range(0, len(paths), BATCH))
    read = yield from Gather(batches, READ_AT_ONCE)
    return [each for batch in read for each in batch]

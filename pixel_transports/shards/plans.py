"""`plan` divides a large upload into shards; `manifest` reads a list of files.

Rules kept here:

* Every file is in exactly one shard. The same files in the same order give the same shards with the same keys.
* Files with equal names are in different shards, since one upload identifies its files by name.
* Planning reads no file: a file that cannot be uploaded is reported by the run of its shard.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack

from pixel_transports.client.config import PixelClientKwargs, check_keywords
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.shards.shard import Shard
from pixel_transports.shards.spec import ShardFile

if TYPE_CHECKING:
    from pixel_core.models import PixelUploadFile

AnyFile: TypeAlias = "str | os.PathLike[str] | PixelUploadFile | Mapping[str, Any]"
"""A file as `plan` takes it: a path, a PixelUploadFile, or a mapping with its fields."""

SHARD_FILES = 1000
KINDS = ("image", "raster", "point_cloud")
_RESERVED = ("journal", "skip_uploaded")
"""Client options that a shard sets by itself."""


def plan(
    files: Iterable[AnyFile],
    project_id: int,
    data_collection_id: int,
    *,
    folder: str | os.PathLike[str],
    kind: str = "image",
    shard_files: int | None = None,
    shards: int | None = None,
    multipart_part_size: int | None = None,
    metadata: Literal["exif"] | None = "exif",
    lease: float = 20.0,
    settings: PixelApiSettings | None = None,
    **keywords: Unpack[PixelClientKwargs],
) -> list[Shard]:
    """Divide files into shards of `shard_files` files each (default 1,000), or into about `shards` shards.

    `folder` holds the journals, preferably a folder that all workers share; it is created when needed. `kind` is
    image, raster or point_cloud. With `multipart_part_size` (bytes) all files are uploaded in parts. `metadata` "exif"
    sends position, heading, time and focal length of photos, which needs Pillow (extra `photos`); None sends only those
    of the files. A run that does not renew its lease for `lease` seconds is taken over by another. Without
    `settings`, each worker uses its environment; with them, the password is part of each pickled shard. `keywords`
    are those of `get_client`, except `journal` and `skip_uploaded`.

    Raises ValueError for duplicate files and invalid values, TypeError for options that cannot be pickled.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    _check_keywords(keywords)
    all_files = [_shard_file(each) for each in files]
    size = _shard_size(len(all_files), shard_files, shards)
    if multipart_part_size is not None and multipart_part_size < 1:
        raise ValueError(f"multipart_part_size must be at least 1 byte, got {multipart_part_size!r}")
    if metadata not in ("exif", None):
        raise ValueError(f'metadata is "exif" or None, got {metadata!r}')
    if not 0 < lease < math.inf:
        raise ValueError(f"lease must be a positive number of seconds, got {lease!r}")
    folder = os.path.abspath(folder)
    options = (folder, kind, multipart_part_size, metadata, float(lease), settings, keywords)
    return [Shard(project_id, data_collection_id, tuple(each), *options) for each in _divide(all_files, size)]


def manifest(path: str | os.PathLike[str]) -> Iterator[AnyFile]:
    """Read a list of files for `plan`: one path per line, or one JSON object as for `pixel upload -`. Relative paths
    are relative to the folder of the list. Raises OSError, and ValueError for an invalid line.
    """
    base = os.path.dirname(os.path.abspath(path))
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            if not text:
                continue
            if not text.startswith("{"):
                yield os.path.join(base, text)
                continue
            try:
                fields = json.loads(text)
                supports = [os.path.join(base, each) for each in fields.get("support_files") or ()]
                yield {**fields, "file": os.path.join(base, fields["file"]), "support_files": supports or None}
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f'line {number} of {path} is not a JSON object with a path as "file"') from error


def _check_keywords(keywords: PixelClientKwargs) -> None:
    """Raise TypeError for unknown and reserved options, and for those that cannot be pickled."""
    from pixel_transports.client.pickling import pickle_value  # imports all clients

    for name in _RESERVED:
        if name in keywords:
            raise TypeError(
                f"{name} cannot be given to a plan: each shard has its own journal and skips uploaded files"
            )
    check_keywords(keywords)
    for name, option in keywords.items():
        pickle_value(name, option)


def _shard_size(count: int, shard_files: int | None, shards: int | None) -> int:
    """Return the largest number of files in a shard. Raises ValueError."""
    if shard_files is not None and shards is not None:
        raise ValueError("give shard_files or shards, not both")
    for name, number in (("shard_files", shard_files), ("shards", shards)):
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, got {number!r}")
    if shards is not None:
        return max(1, -(-count // shards))
    return shard_files or SHARD_FILES


def _shard_file(file: AnyFile) -> ShardFile:
    if isinstance(file, (str, os.PathLike)):
        return ShardFile(os.path.abspath(file))
    from pixel_core.models import PixelUploadFile  # not loaded for a plan of paths

    model = PixelUploadFile.model_validate(file)
    supports = tuple(os.path.abspath(each) for each in model.support_files or ())
    return ShardFile(os.path.abspath(model.file), supports, model.metadata.body() if model.metadata else None)


def _divide(files: Iterable[ShardFile], size: int) -> list[list[ShardFile]]:
    """Put each file into the first shard that has room and no file of the same name. Raises ValueError."""
    shards: list[list[ShardFile]] = []
    last_with_name: dict[str, int] = {}
    paths: set[str] = set()
    first = 0  # the first shard that has room
    for file in files:
        if file.path in paths:
            raise ValueError(f"duplicate file: {file.path}")
        paths.add(file.path)
        at = max(first, last_with_name.get(file.name, -1) + 1)
        while at < len(shards) and len(shards[at]) >= size:
            at += 1
        while at >= len(shards):
            shards.append([])
        shards[at].append(file)
        last_with_name[file.name] = at
        while first < len(shards) and len(shards[first]) >= size:
            first += 1
    return shards

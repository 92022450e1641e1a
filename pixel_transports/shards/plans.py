"""Shards: a large upload cut into pieces, each a value that any worker of any engine can run.

Rules kept here:

* Every file is in exactly one shard. The same files in the same order give the same shards, with the same keys.
* Files with equal names are in different shards, since the files of one upload are told apart by their names.
* Cutting looks at no file: what is wrong with one is told by the run of its shard.
* A shard is a small value that pickles by itself: paths, where they go, and how. Without `settings` it holds no
  password: those of the worker's environment are taken.
* What a shard is called follows from what is in it, and so does its journal: whoever runs it goes on where it is.
"""

import json
import os
import pickle
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from pixel_transports.client.clients import PixelClient, PixelClientKwargs, options_of
from pixel_transports.client.settings import PixelApiSettings

if TYPE_CHECKING:
    from pixel_core.models import PixelUploadFile
    from pixel_transports.shards.reports import ShardReport, ShardState

AnyFile: TypeAlias = "str | os.PathLike[str] | PixelUploadFile | Mapping[str, Any]"
"""A file as `plan` takes it: a path, or more, as in the lines of `pixel upload -`."""

SHARD_FILES = 1000
KINDS = ("image", "raster", "point_cloud")
_OWN = ("journal", "skip_uploaded")
"""Keywords of clients that a shard decides by itself."""


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of a shard: its path from the root, the paths of those that belong to it, and its metadata."""

    path: str
    support_files: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    def row(self) -> Any:
        """As JSON: a text where there is nothing but a path."""
        if not self.support_files and self.metadata is None:
            return self.path
        return [self.path, list(self.support_files), self.metadata]

    @classmethod
    def of_row(cls, row: Any) -> "ShardFile":
        return cls(row) if isinstance(row, str) else cls(row[0], tuple(row[1]), row[2])


@dataclass(frozen=True)
class Shard:
    """Some files on their way to one data collection.

    >>> report = shard.run()
    >>> len(report.uploaded), report.failed
    """

    project_id: int
    data_collection_id: int
    files: tuple[ShardFile, ...] = field(repr=False)
    folder: str
    kind: str = "image"
    part_size: int | None = None
    settings: PixelApiSettings | None = field(default=None, repr=False, hash=False)
    keywords: PixelClientKwargs = field(default_factory=PixelClientKwargs, repr=False, hash=False)

    @cached_property
    def key(self) -> str:
        """What the shard is called: a digest of its files, and of where they go."""
        return sha256(self._text()).hexdigest()[:24]

    @property
    def journal(self) -> Path:
        """Where the runs of this shard write down how far they are."""
        return Path(self.folder, f"shard-{self.key}.sqlite")

    def client(self) -> PixelClient:
        """The client of this process for this shard and all that are made as it is: they share its login."""
        from pixel_transports.client.factory import get_client  # here, since a plan needs none

        return get_client(settings=self.settings, **self.keywords)

    def run(
        self,
        client: PixelClient | None = None,
        *,
        wait: float = 60.0,
        look: bool = False,
        take_over: bool = False,
    ) -> "ShardReport":
        """Upload what is not uploaded yet, and tell of every file what became of it. May be run any number of times.

        Without `client` it is that of `get_client` in this process. While another run of the shard is alive, this one
        waits `wait` seconds for its files; those that are not free by then have failed with the reason `in_use`.

        A run on another machine that came to no end keeps the shard too. `take_over` says that it is certainly over:
        then files that the journal does not know are looked for on the server, in case its last lines were lost.
        `look` does so in any case: for a journal that was lost, or that is not shared.

        Raises what ends an upload as a whole while nothing was uploaded, such as a login that is refused, and OSError
        where the journal cannot be used; then it can be run again.
        """
        from pixel_transports.shards.runs import run  # here, since the engine is loaded by those who upload

        return run(self, self.client() if client is None else client, wait, look, take_over)

    def state(self) -> "ShardState":
        """How far the shard is, by its journal. Sends nothing. Raises OSError where the journal cannot be used."""
        from pixel_transports.shards.reports import state_of

        return state_of(self.journal, [each.path for each in self.files])

    def report(self) -> "ShardReport | None":
        """What the last run that came to its end told; None where there was none. Sends nothing, opens no journal."""
        from pixel_transports.shards.reports import read_report

        return read_report(self.journal)

    def _text(self) -> bytes:
        where = [self.project_id, self.data_collection_id, self.kind, self.part_size]
        return json.dumps([where, [each.row() for each in self.files]], sort_keys=True).encode()

    def __reduce__(self) -> tuple[Any, ...]:
        from pixel_transports.client.pickling import pickled  # here, since it needs all clients

        keywords = tuple((name, pickled(name, value)) for name, value in sorted(self.keywords.items()))
        return _rebuild, (zlib.compress(self._text()), self.folder, self.settings, keywords)


def _rebuild(
    text: bytes, folder: str, settings: PixelApiSettings | None, keywords: tuple[tuple[str, bytes], ...]
) -> Shard:
    """A shard that was pickled."""
    where, rows = json.loads(zlib.decompress(text))
    files = tuple(ShardFile.of_row(row) for row in rows)
    project_id, data_collection_id, kind, part_size = where
    given: Any = {name: _loaded(value) for name, value in keywords}
    return Shard(project_id, data_collection_id, files, folder, kind, part_size, settings, given)


@lru_cache(maxsize=64)
def _loaded(data: bytes) -> Any:
    """A keyword's value, the same for all shards that come with it: so they share a client."""
    return pickle.loads(data)  # noqa: S301


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
    settings: PixelApiSettings | None = None,
    **keywords: Unpack[PixelClientKwargs],
) -> list[Shard]:
    """Cut files into shards: of `shard_files` each (1,000 unless given), or into about so many `shards`.

    `folder` is where the journals are, best a folder that all workers share; it is made when it is needed. `kind` is
    image, raster or point_cloud. With `multipart_part_size` all files go in parts of so many bytes. Without `settings`
    the environment of each worker has them; with them the password travels along. `keywords` are those of
    `get_client`; the journal is the shard's own.

    Raises ValueError for a file that is given twice, and for wrong values; TypeError for keywords that cannot travel.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")
    _check_keywords(keywords)
    wanted = [_file_of(each) for each in files]
    most = _most_files(len(wanted), shard_files, shards)
    if multipart_part_size is not None and multipart_part_size < 1:
        raise ValueError(f"multipart_part_size is a number of bytes from 1, got {multipart_part_size!r}")
    return [
        Shard(
            project_id,
            data_collection_id,
            tuple(each),
            os.path.abspath(folder),
            kind,
            multipart_part_size,
            settings,
            keywords,
        )
        for each in _cut(wanted, most)
    ]


def manifest(path: str | os.PathLike[str]) -> Iterator[AnyFile]:
    """The files of a list, for `plan`: a path a line, or a JSON object as in the lines of `pixel upload -`. Relative
    paths begin at the folder of the list. Raises OSError, and ValueError for a line that cannot be understood.
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
                told = json.loads(text)
                supports = [os.path.join(base, each) for each in told.get("support_files") or ()]
                yield {**told, "file": os.path.join(base, told["file"]), "support_files": supports or None}
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f'line {number} of {path} is no JSON object with "file", a path') from error


def _check_keywords(keywords: PixelClientKwargs) -> None:
    from pixel_transports.client.pickling import pickled

    for name in _OWN:
        if name in keywords:
            raise TypeError(
                f"{name} is no keyword of a plan: a shard has a journal of its own, and skips what is there"
            )
    options_of(keywords)  # Unknown ones are refused here, not on a worker
    for name, value in keywords.items():
        pickled(name, value)


def _most_files(count: int, shard_files: int | None, shards: int | None) -> int:
    if shard_files is not None and shards is not None:
        raise ValueError("give shard_files or shards, not both")
    for name, number in (("shard_files", shard_files), ("shards", shards)):
        if number is not None and number < 1:
            raise ValueError(f"{name} is a number from 1, got {number!r}")
    if shards is not None:
        return max(1, -(-count // shards))
    return shard_files or SHARD_FILES


def _file_of(given: AnyFile) -> ShardFile:
    if isinstance(given, (str, os.PathLike)):
        return ShardFile(os.path.abspath(given))
    from pixel_core.models import PixelUploadFile  # here: a plan of paths needs no models

    file = PixelUploadFile.model_validate(given)
    supports = tuple(os.path.abspath(each) for each in file.support_files or ())
    return ShardFile(os.path.abspath(file.file), supports, file.metadata.body() if file.metadata else None)


def _cut(files: Iterable[ShardFile], most: int) -> list[list[ShardFile]]:
    """Each file goes into the first shard that has room, and no file of its name. Raises ValueError."""
    shards: list[list[ShardFile]] = []
    last: dict[str, int] = {}
    paths: set[str] = set()
    first = 0
    for file in files:
        if file.path in paths:
            raise ValueError(f"{file.path} is given twice")
        paths.add(file.path)
        at = max(first, last.get(file.name, -1) + 1)  # Files of one name go to later and later ones.
        while at < len(shards) and len(shards[at]) >= most:
            at += 1
        while at >= len(shards):
            shards.append([])
        shards[at].append(file)
        last[file.name] = at
        while first < len(shards) and len(shards[first]) >= most:
            first += 1
    return shards

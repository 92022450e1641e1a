"""The files of a shard and their destination, as plain values.

A key is a digest of the files and the destination. The journal is named after the key, so every worker that runs the
shard continues from the same journal.
"""

import json
import os
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import Any

from pixel_core.values import value


@value
class ShardFile:
    """A file of a shard: its absolute path, the paths of its support files, and its metadata."""

    path: str
    support_files: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None

    def __hash__(self) -> int:
        return hash((self.path, self.support_files))

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return os.path.basename(self.path)

    def row(self) -> Any:
        """Return the file as JSON: a string if there is only a path."""
        if not self.support_files and self.metadata is None:
            return self.path
        return [self.path, list(self.support_files), self.metadata]

    @classmethod
    def from_row(cls, row: Any) -> "ShardFile":
        """Parse what `row` returned."""
        return cls(row) if isinstance(row, str) else cls(row[0], tuple(row[1]), row[2])


@value
class ShardSpec:
    """Some files and the data collection that they are uploaded to. `folder` holds the journals. `kind` is image,
    raster or point_cloud. `part_size` is in bytes, for uploads in parts.
    """

    project_id: int
    data_collection_id: int
    files: tuple[ShardFile, ...] = field(repr=False)
    folder: str
    kind: str = "image"
    part_size: int | None = None
    metadata: str | None = "exif"
    lease: float = 20.0
    key: str = field(init=False, repr=False, compare=False)
    """A digest of the files and the destination, 24 hexadecimal digits."""

    def __post_init__(self) -> None:
        # A value is written once, here.
        object.__setattr__(self, "key", sha256(self.as_json().encode()).hexdigest()[:24])

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def journal(self) -> Path:
        """The path of this shard's journal."""
        return Path(self.folder, f"shard-{self.key}.sqlite")

    def as_json(self) -> str:
        """Return the files and the destination, without the folder, as a JSON document."""
        destination = [self.project_id, self.data_collection_id, self.kind, self.part_size, self.metadata]
        return json.dumps([destination, [each.row() for each in self.files]], sort_keys=True)

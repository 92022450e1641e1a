"""The options of `pixel upload`, and whether they go together."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pixel_core.models import NameFrom

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """The options of the command. Without a server, `project` and `collection` may be missing."""

    paths: tuple[str, ...]
    project: int | None
    collection: int | None
    file_type: str | None
    metadata: str | None
    support_files: bool
    exif: bool
    workers: int | None
    part_size: int | None
    dry_run: bool
    server: bool
    as_json: bool
    resume: bool
    journal: Path | None
    report: Path | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    name_from: "NameFrom | None"
    fail_if_nothing: bool
    verbose: bool

    @property
    def collection_path(self) -> tuple[int, int]:
        """The ids of the project and the data collection. Raises click.UsageError without them."""
        if self.project is None or self.collection is None:
            raise click.UsageError("--project and --collection are needed (but not for --dry-run --no-server)")
        return self.project, self.collection

    def check(self) -> None:
        """Raise click.UsageError for options that do not go together."""
        if self.server:
            _ = self.collection_path
        elif not self.dry_run:
            raise click.UsageError("--no-server needs --dry-run")
        elif self.file_type is None:
            raise click.UsageError("--no-server needs --type: without a server the data collection's type is unknown")
        if self.journal is not None and not self.resume:
            raise click.UsageError("--journal and --no-resume contradict each other: --no-resume uses no journal")
        if self.report is not None:
            if self.report.suffix.lower() not in (".json", ".csv"):
                raise click.UsageError(f"--report {self.report}: the name has to end in .json or .csv")
            if not self.report.parent.is_dir():
                raise click.UsageError(f"--report {self.report}: there is no such folder")


def parse_size(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Return a number of bytes such as 8388608, 8MiB or 8MB. Raises click.BadParameter."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]+) ?(|k|m|g|ki|mi|gi)b?", value.strip().lower())
    if match is None or not int(match[1]):
        raise click.BadParameter(f"{value!r} is no number of bytes, such as 8388608, 8MiB or 8MB")
    return int(match[1]) * _UNITS[match[2]]

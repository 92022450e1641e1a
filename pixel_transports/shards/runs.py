"""The run of a shard: what is uploaded, what is there already, and who else is at it.

Rules kept here:

* A file that cannot be read fails by itself, and keeps no other from being uploaded.
* What the journal knows is not sent again, nor is a file that the server lists with the same name, size and MD5, where
  that is looked for. A file that is in validation is waited for before that: it is listed afterwards.
* Files that another run has are left to it, and taken up when they are free: what it uploaded is there then.
* A report is written after each run that had any file to itself.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pixel_core.errors import PixelUploadJobError
from pixel_core.events import FileFinished
from pixel_core.uploads.transfers import NOT_CONFIRMED, UNDER_WAY
from pixel_transports.client.clients import PixelClient
from pixel_transports.drivers.journal import Journal
from pixel_transports.shards.machine_lock import MachineLock
from pixel_transports.shards.reports import IN_USE, ShardFailure, ShardReport, write_report

if TYPE_CHECKING:
    from pixel_transports.shards.plans import Shard, ShardFile

TRUSTED = "validated_and_moved"
PAUSES = (0.25, 5.0)
"""The first and the longest time between two looks at files that another run has, in seconds."""

LOOKS_AT_ONCE = 8
VALIDATION_SECONDS = 60.0
"""How long files in validation are waited for before they are left to the next run."""


def run(shard: "Shard", client: PixelClient, wait: float, look: bool, take_over: bool) -> ShardReport:
    """Run a shard: see `Shard.run`. Raises TypeError for an async client."""
    if not isinstance(client, PixelClient):
        raise TypeError(f"a shard is run by a blocking client, not {client!r}")
    return _Run(shard, client, look, take_over).report(wait)


@dataclass(slots=True)
class _Found:
    """What became of files, by path."""

    uploaded: dict[str, int | str] = field(default_factory=dict)
    skipped: dict[str, int | str] = field(default_factory=dict)
    failed: dict[str, ShardFailure] = field(default_factory=dict)

    def fail(self, path: str, reason: str, detail: object) -> None:
        self.failed[path] = ShardFailure(path, reason, str(detail))


class _Run:
    """One run of one shard."""

    def __init__(self, shard: "Shard", client: PixelClient, look: bool, take_over: bool) -> None:
        self._shard = shard
        self._finished: set[str] = set()
        self._client = client.with_journal(shard.journal, self._heard)
        self._note = MachineLock.of(shard.journal)
        self._look = look
        self._take_over = take_over
        self._found = _Found()

    def _heard(self, event: object) -> None:
        # Of those that an earlier run brought to their end, no event tells.
        if isinstance(event, FileFinished) and event.status == TRUSTED:
            self._finished.add(event.path)

    def report(self, wait: float) -> ShardReport:
        begun = time.monotonic()
        files, pause = list(self._shard.files), PAUSES[0]
        while True:
            busy = self._round(files)
            left = begun + wait - time.monotonic()
            if not busy or left <= 0:
                break
            time.sleep(min(pause, left))
            files, pause = busy, min(2 * pause, PAUSES[1])
        report = self._told(time.monotonic() - begun)
        if len(busy) < len(self._shard.files):
            write_report(self._shard.journal, report)
        return report

    def _told(self, seconds: float) -> ShardReport:
        found, files = self._found, self._shard.files
        uploaded = {each.path: found.uploaded[each.path] for each in files if each.path in found.uploaded}
        skipped = {each.path: found.skipped[each.path] for each in files if each.path in found.skipped}
        failed = tuple(found.failed[each.path] for each in files if each.path in found.failed)
        size = sum(_size_of(each) for each in files if each.path in uploaded)
        return ShardReport(self._shard.key, uploaded, skipped, failed, size, round(seconds, 3))

    def _round(self, files: Sequence["ShardFile"]) -> list["ShardFile"]:
        """Upload what can be uploaded now. Gives the files that another run has."""
        holder = self._note.take()
        if holder is not None and self._take_over:
            self._take_over, self._look = False, True  # What is said once is true of what was there then.
            self._note.drop()
            holder = self._note.take()
        if holder is not None:
            for each in files:
                self._found.fail(each.path, IN_USE, f"a run on {holder.name} began it, and did not come to its end")
            return list(files)
        had_claims = False
        try:
            for each in files:
                self._found.failed.pop(each.path, None)
            fit = [each for each in files if self._is_fit(each)]
            sent = self._not_there(fit) if self._look else fit
            self._upload(sent)
            busy = [each for each in sent if self._reason(each) == IN_USE]
            had_claims = len(busy) < len(sent)
            return busy
        finally:
            self._note.give_back(had_claims)

    def _reason(self, file: "ShardFile") -> str:
        failure = self._found.failed.get(file.path)
        return "" if failure is None else failure.reason

    def _is_fit(self, file: "ShardFile") -> bool:
        """Whether a file can be uploaded, as far as a look at it tells; one that cannot would stop all others."""
        for path in (file.path, *file.support_files):
            try:
                os.path.basename(path).encode()
                facts = os.stat(path)
            except UnicodeEncodeError:
                self._found.fail(file.path, "not_read", f"the name of {path!r} is no UTF-8")
                return False
            except OSError as error:
                reason = "not_found" if isinstance(error, FileNotFoundError) else "not_read"
                self._found.fail(file.path, reason, f"{path}: {error.strerror}")
                return False
            if not stat.S_ISREG(facts.st_mode):
                self._found.fail(file.path, "not_a_file", f"{path} is no regular file")
                return False
        return True

    def _upload(self, files: Sequence["ShardFile"]) -> None:
        from pixel_core.models import PixelUploadFile

        if not files:
            return
        shard = self._shard
        send = partial(
            getattr(self._client, f"upload_multiple_{shard.kind}s"), shard.project_id, shard.data_collection_id
        )
        told = [
            PixelUploadFile.model_validate(
                {"file": each.path, "support_files": list(each.support_files) or None, "metadata": each.metadata}
            )
            for each in files
        ]
        resources, errors = (
            send(told) if shard.part_size is None else send(told, multipart=True, multipart_part_size=shard.part_size)
        )
        self._take(files, resources, errors)

    def _take(self, files: Sequence["ShardFile"], resources: list[Any], errors: list[PixelUploadJobError]) -> None:
        for error in errors:
            self._found.fail(str(error.file), error.status, error.detail)
        sent = [each.path for each in files if each.path not in self._found.failed]
        for path, resource in zip(sent, resources, strict=True):
            where = self._found.uploaded if path in self._finished else self._found.skipped
            where[path] = resource["id"]

    # A look at the server

    def _not_there(self, files: Sequence["ShardFile"]) -> list["ShardFile"]:
        """The files that are to be uploaded: those that the journal knows, and those that the server does not have."""
        known = {each.path for each in Journal(self._shard.journal).files()}
        unknown = [each for each in files if each.path not in known]
        look = _Look(self._client, self._shard)
        with ThreadPoolExecutor(LOOKS_AT_ONCE, "pixel-look") as pool:
            ids = dict(zip((each.path for each in unknown), pool.map(look.id_of, unknown), strict=True))
        for each in unknown:
            found = ids[each.path]
            if found is None:
                continue
            if isinstance(found, _StillThere):
                self._found.fail(each.path, NOT_CONFIRMED, "the server is still validating a file of this name")
            else:
                self._found.skipped[each.path] = found
        return [each for each in files if ids.get(each.path) is None]


class _StillThere:
    """Instead of an id: the server is at work on a file of this name."""


class _Look:
    """Looks for files on the server."""

    def __init__(self, client: PixelClient, shard: "Shard") -> None:
        place = (shard.project_id, shard.data_collection_id)
        self._jobs: Callable[..., list[Any]] = partial(client.get_upload_jobs, *place)
        self._list: Callable[..., list[Any]] = partial(getattr(client, f"get_{shard.kind}s"), *place)
        self._until = time.monotonic() + VALIDATION_SECONDS

    def id_of(self, file: "ShardFile") -> int | str | _StillThere | None:
        """The id of what the server has of a file; None where it has nothing."""
        pause = PAUSES[0]
        while any(job.get("status") in UNDER_WAY[1:] for job in self._jobs(name=file.name)):
            if time.monotonic() > self._until:
                return _StillThere()
            time.sleep(pause)
            pause = min(2 * pause, PAUSES[1])
        size = os.stat(file.path).st_size
        for item in self._list(name=_name_of(file)):
            if item.get("size") == size and _has_md5(item, file.path):
                found: int | str = item["id"]
                return found
        return None


def _name_of(file: "ShardFile") -> str:
    """What the server calls it: by its metadata, if that has a name."""
    fields: Mapping[str, Any] = (file.metadata or {}).get("fields") or {}
    return str(fields.get("name") or file.name)


def _has_md5(item: Mapping[str, Any], path: str) -> bool:
    """Whether what is listed has the MD5 of the file; yes where none is listed that could be compared."""
    told = str(item.get("md5") or "").lower()
    if len(told) != 32:
        return True
    with open(path, "rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest() == told


def _size_of(file: "ShardFile") -> int:
    size = 0
    for path in (file.path, *file.support_files):
        with suppress(OSError):
            size += os.stat(path).st_size
    return size

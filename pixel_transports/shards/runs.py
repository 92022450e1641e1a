"""Runs a shard: uploads its files, skips those already on the server, and shares the work with other runs.

Rules kept here:

* A file that cannot be read fails alone; the other files are uploaded.
* A file that the journal lists as done is not sent again. With `check_server`, neither is a file that the server lists
  with the same name, size and MD5. A file that the server is validating is waited for first: it is listed afterwards.
* Files that another run has claimed are left to it. They are tried again when they are free, and skipped if that run
  uploaded them.
* A report is written after each run that had at least one file to itself.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from pixel_core.errors import PixelUploadJobError
from pixel_core.events import FileFinished
from pixel_core.models import PixelUploadFile
from pixel_core.uploads.transfers import NOT_CONFIRMED, UNDER_WAY
from pixel_transports.client.blocking import PixelClient
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.shards.machine_lock import MachineLock
from pixel_transports.shards.reports import IN_USE, ShardFailure, ShardReport, write_report
from pixel_transports.shards.spec import ShardFile, ShardSpec

UPLOADED = "validated_and_moved"
PAUSES = (0.25, 5.0)
"""The first and the longest pause between two attempts to get files that another run has claimed, in seconds."""

LOOKUP_THREADS = 8
VALIDATION_SECONDS = 60.0
"""How long files in validation are waited for before they fail."""


def run(shard: ShardSpec, client: PixelClient, wait: float, check_server: bool, take_over: bool) -> ShardReport:
    """Run a shard: see `Shard.run`. Raises TypeError for an async client."""
    if not isinstance(client, PixelClient):
        raise TypeError(f"a shard needs a blocking client, got {client!r}")
    return _Run(shard, client, check_server, take_over).run(wait)


class _Run:
    """One run of one shard."""

    def __init__(self, shard: ShardSpec, client: PixelClient, check_server: bool, take_over: bool) -> None:
        self._shard = shard
        self._finished: set[str] = set()
        self._client = client.with_journal(shard.journal)
        self._lock = MachineLock(shard.journal)
        self._check_server = check_server
        self._take_over = take_over
        # Results by path. A path is in one of these at most.
        self._uploaded: dict[str, int | str] = {}
        self._skipped: dict[str, int | str] = {}
        self._failed: dict[str, ShardFailure] = {}

    def _on_event(self, event: object) -> None:
        # There is no event for files that an earlier run finished: so these count as skipped.
        if isinstance(event, FileFinished) and event.status == UPLOADED:
            self._finished.add(event.path)

    def _fail(self, path: str, reason: str, detail: object) -> None:
        self._failed[path] = ShardFailure(path, reason, str(detail))

    def run(self, wait: float) -> ShardReport:
        """Upload until no file is claimed by another run, or `wait` seconds are over."""
        begun = time.monotonic()
        files, pause = list(self._shard.files), PAUSES[0]
        while True:
            claimed = self._round(files)
            left = begun + wait - time.monotonic()
            if not claimed or left <= 0:
                break
            time.sleep(min(pause, left))
            files, pause = claimed, min(2 * pause, PAUSES[1])
        report = self._report(time.monotonic() - begun)
        if len(claimed) < len(self._shard.files):
            write_report(self._shard.journal, report)
        return report

    def _report(self, seconds: float) -> ShardReport:
        files = self._shard.files
        uploaded = {each.path: self._uploaded[each.path] for each in files if each.path in self._uploaded}
        skipped = {each.path: self._skipped[each.path] for each in files if each.path in self._skipped}
        failed = tuple(self._failed[each.path] for each in files if each.path in self._failed)
        size = sum(_size_of(each) for each in files if each.path in uploaded)
        return ShardReport(self._shard.key, uploaded, skipped, failed, size, round(seconds, 3))

    def _round(self, files: Sequence[ShardFile]) -> list[ShardFile]:
        """Upload the files that are free. Returns those that another run has claimed."""
        holder = self._lock.acquire()
        if holder is not None and self._take_over:
            # `take_over` applies only to the first lock found: a later one belongs to a run that is alive.
            self._take_over, self._check_server = False, True
            self._lock.break_lock()
            holder = self._lock.acquire()
        if holder is not None:
            for each in files:
                self._fail(each.path, IN_USE, f"an unfinished run on {holder.name} has this shard")
            return list(files)
        had_claims = False
        try:
            for each in files:
                self._failed.pop(each.path, None)
            readable = [each for each in files if self._is_readable(each)]
            sent = self._missing_on_server(readable) if self._check_server else readable
            self._upload(sent)
            claimed = [each for each in sent if self._is_claimed(each)]
            had_claims = len(claimed) < len(sent)
            return claimed
        finally:
            self._lock.release(had_claims)

    def _is_claimed(self, file: ShardFile) -> bool:
        failure = self._failed.get(file.path)
        return failure is not None and failure.reason == IN_USE

    def _is_readable(self, file: ShardFile) -> bool:
        """Check a file and its support files. One that cannot be read would end the upload of all others."""
        for path in (file.path, *file.support_files):
            try:
                os.path.basename(path).encode()
                mode = os.stat(path).st_mode
            except UnicodeEncodeError:
                self._fail(file.path, "not_read", f"the name of {path!r} is not UTF-8")
                return False
            except OSError as error:
                reason = "not_found" if isinstance(error, FileNotFoundError) else "not_read"
                self._fail(file.path, reason, f"{path}: {error.strerror}")
                return False
            if not stat.S_ISREG(mode):
                self._fail(file.path, "not_a_file", f"{path} is not a regular file")
                return False
        return True

    def _upload(self, files: Sequence[ShardFile]) -> None:
        if not files:
            return
        shard = self._shard
        inputs = [
            PixelUploadFile.model_validate(
                {"file": each.path, "support_files": list(each.support_files) or None, "metadata": each.metadata}
            )
            for each in files
        ]
        options: dict[str, Any] = {}
        if shard.part_size is not None:
            options = {"multipart": True, "multipart_part_size": shard.part_size}
        upload = getattr(self._client, f"upload_multiple_{shard.kind}s")
        resources, errors = upload(
            shard.project_id, shard.data_collection_id, inputs, listener=self._on_event, **options
        )
        self._collect(files, resources, errors)

    def _collect(self, files: Sequence[ShardFile], resources: list[Any], errors: list[PixelUploadJobError]) -> None:
        for error in errors:
            self._fail(str(error.file), error.status, error.detail)
        paths = [each.path for each in files if each.path not in self._failed]
        for path, resource in zip(paths, resources, strict=True):
            results = self._uploaded if path in self._finished else self._skipped
            results[path] = resource["id"]

    def _missing_on_server(self, files: Sequence[ShardFile]) -> list[ShardFile]:
        """Return the files that the journal knows, and those that the server does not have. Skips the others."""
        journaled = {each.path for each in Journal(self._shard.journal).files()}
        unknown = [each for each in files if each.path not in journaled]
        lookup = _ServerLookup(self._client, self._shard)
        with ThreadPoolExecutor(LOOKUP_THREADS, "pixel-lookup") as pool:
            ids = dict(zip((each.path for each in unknown), pool.map(lookup.id_of, unknown), strict=True))
        for path, found in ids.items():
            if isinstance(found, _InValidation):
                self._fail(path, NOT_CONFIRMED, "the server is still validating a file of this name")
            elif found is not None:
                self._skipped[path] = found
        return [each for each in files if ids.get(each.path) is None]


class _InValidation:
    """Instead of an id: the server is still validating a file of this name."""


class _ServerLookup:
    """Looks up files on the server by name, size and MD5."""

    def __init__(self, client: PixelClient, shard: ShardSpec) -> None:
        destination = (shard.project_id, shard.data_collection_id)
        self._jobs: Callable[..., list[Any]] = partial(client.get_upload_jobs, *destination)
        self._list: Callable[..., list[Any]] = partial(getattr(client, f"get_{shard.kind}s"), *destination)
        self._deadline = time.monotonic() + VALIDATION_SECONDS

    def id_of(self, file: ShardFile) -> int | str | _InValidation | None:
        """Return the id of the file on the server, None if it is not there."""
        pause = PAUSES[0]
        while any(job.get("status") in UNDER_WAY[1:] for job in self._jobs(name=file.name)):
            if time.monotonic() > self._deadline:
                return _InValidation()
            time.sleep(pause)
            pause = min(2 * pause, PAUSES[1])
        size = os.stat(file.path).st_size
        for item in self._list(name=_listed_name(file)):
            if item.get("size") == size and _has_md5(item, file.path):
                found: int | str = item["id"]
                return found
        return None


def _listed_name(file: ShardFile) -> str:
    """Return the name under which the server lists a file: that of its metadata, if any."""
    fields: Mapping[str, Any] = (file.metadata or {}).get("fields") or {}
    return str(fields.get("name") or file.name)


def _has_md5(item: Mapping[str, Any], path: str) -> bool:
    """Return whether a listed item has the MD5 of the file. True if the item has no MD5."""
    listed = str(item.get("md5") or "").lower()
    if len(listed) != 32:
        return True
    with open(path, "rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest() == listed


def _size_of(file: ShardFile) -> int:
    """Return the size of a file and its support files, in bytes."""
    size = 0
    for path in (file.path, *file.support_files):
        with suppress(OSError):
            size += os.stat(path).st_size
    return size

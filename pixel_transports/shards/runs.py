"""Runs a shard: uploads its files, skips those already on the server, and shares the work with other runs.

Rules kept here:

* A file that cannot be read fails alone; the other files are uploaded.
* A file that the journal lists as done is not sent again. With `check_server`, neither is a file that the server lists
  with the same name, size and MD5. A file that the server is validating is waited for first: it is listed afterwards.
* Files that another run has claimed are left to it. They are tried again when they are free, and skipped if that run
  uploaded them.
* A run has the lease of its shard, and confirms it before each request that changes something, and before its report.
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
from pathlib import Path
from typing import Any

from pixel_core.api.folder_flows import read_metadata
from pixel_core.errors import PixelCancelledError, PixelUploadJobError
from pixel_core.events import FileFinished
from pixel_core.messages import Request, Response
from pixel_core.models import PixelUploadFile
from pixel_core.models.files import merge_metadata
from pixel_core.uploads import PartSizing
from pixel_core.uploads.transfers import NOT_CONFIRMED, UNDER_WAY
from pixel_core.values import value
from pixel_transports.client.blocking import PixelClient
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.net.transports import Transport
from pixel_transports.runtime.cancellation import ScopeCancelled, cancelled_by
from pixel_transports.shards.lease import Lease
from pixel_transports.shards.reports import IN_USE, ShardFailure, ShardReport, write_report
from pixel_transports.shards.spec import ShardFile, ShardSpec

UPLOADED = "validated_and_moved"
PAUSES = (0.25, 5.0)
"""The first and the longest pause between two attempts to get files that another run has claimed, in seconds."""

LOOKUP_THREADS = 8
VALIDATION_SECONDS = 60.0
"""How long files in validation are waited for before they fail."""


def run(shard: ShardSpec, client: PixelClient, wait: float, check_server: bool) -> ShardReport:
    """Run a shard: see `Shard.run`. Raises TypeError for an async client."""
    if not isinstance(client, PixelClient):
        raise TypeError(f"a shard needs a blocking client, got {client!r}")
    return _Run(shard, client, check_server).run(wait)


class _Run:
    """One run of one shard."""

    def __init__(self, shard: ShardSpec, client: PixelClient, check_server: bool) -> None:
        self._shard = shard
        self._finished: set[str] = set()
        self._client = client
        self._lease = Lease(shard.journal, shard.lease)
        self._check_server = check_server
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
        holder = self._lease.acquire()
        if holder is not None:
            return self._in_use(files, f"an unfinished run on {holder.host} has this shard")
        try:
            self._check_server |= self._lease.taken_over
            for each in files:
                self._failed.pop(each.path, None)
            client = self._client.with_journal(self._lease.journal, _Fenced(self._client.transport, self._lease))
            readable = [each for each in files if self._is_readable(each)]
            sent = self._missing_on_server(client, readable) if self._check_server else readable
            self._upload(client, sent)
            self._lease.confirm()
            return [each for each in sent if self._is_claimed(each)]
        except (PixelCancelledError, ScopeCancelled):
            if not self._lease.lost:
                raise
            return self._in_use(files, "another run has taken this shard over")
        finally:
            self._lease.release()

    def _in_use(self, files: Sequence[ShardFile], detail: str) -> list[ShardFile]:
        for each in files:
            self._fail(each.path, IN_USE, detail)
        return list(files)

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

    def _upload(self, client: PixelClient, files: Sequence[ShardFile]) -> None:
        if not files:
            return
        shard = self._shard
        exif: Sequence[dict[str, Any] | None] = [None] * len(files)
        if shard.metadata == "exif" and shard.kind == "image":
            with cancelled_by(self._lease.is_set):  # renews it meanwhile
                exif = client.run(read_metadata([each.path for each in files]))
        inputs = [
            PixelUploadFile(
                file=Path(each.path),
                support_files=[Path(support) for support in each.support_files] or None,
                metadata=merge_metadata(own, each.metadata),
            )
            for each, own in zip(files, exif, strict=True)
        ]
        options: dict[str, Any] = {}
        if shard.part_size is not None:
            options = {"multipart": True, "multipart_part_size": shard.part_size}
        upload = getattr(client, f"upload_multiple_{shard.kind}s")
        resources, errors = upload(
            shard.project_id,
            shard.data_collection_id,
            inputs,
            listener=self._on_event,
            cancel=self._lease,
            **options,
        )
        self._collect(files, resources, errors)

    def _collect(self, files: Sequence[ShardFile], resources: list[Any], errors: list[PixelUploadJobError]) -> None:
        for error in errors:
            self._fail(str(error.file), error.status, error.detail)
        paths = [each.path for each in files if each.path not in self._failed]
        for path, resource in zip(paths, resources, strict=True):
            results = self._uploaded if path in self._finished else self._skipped
            results[path] = resource["id"]

    def _missing_on_server(self, client: PixelClient, files: Sequence[ShardFile]) -> list[ShardFile]:
        """Return the files that the journal knows, and those that the server does not have. Skips the others."""
        journaled = {each.path for each in Journal(self._lease.journal).files()}
        unknown = [each for each in files if each.path not in journaled]
        lookup = _ServerLookup(client, self._shard)
        with cancelled_by(self._lease.is_set), ThreadPoolExecutor(LOOKUP_THREADS, "pixel-lookup") as pool:
            ids = dict(zip((each.path for each in unknown), pool.map(lookup.id_of, unknown), strict=True))
        for path, found in ids.items():
            if isinstance(found, _InValidation):
                self._fail(path, NOT_CONFIRMED, "the server is still validating a file of this name")
            elif found is not None:
                self._skipped[path] = found
        return [each for each in files if ids.get(each.path) is None]


@value
class _Fenced:
    """A transport that confirms the lease before each request that changes something."""

    transport: Transport
    lease: Lease

    def send(self, request: Request) -> Response:
        if request.method != "GET":
            self.lease.confirm()
        return self.transport.send(request)

    def close(self) -> None:
        """Do nothing: the transport is the client's."""


class _InValidation:
    """Instead of an id: the server is still validating a file of this name."""


class _ServerLookup:
    """Looks up files on the server by name, size and MD5."""

    def __init__(self, client: PixelClient, shard: ShardSpec) -> None:
        destination = (shard.project_id, shard.data_collection_id)
        self._jobs: Callable[..., list[Any]] = partial(client.get_upload_jobs, *destination)
        self._list: Callable[..., list[Any]] = partial(getattr(client, f"get_{shard.kind}s"), *destination)
        self._deadline = time.monotonic() + VALIDATION_SECONDS
        threshold = client.session.options.multipart_threshold
        self._sizing = PartSizing(threshold, shard.part_size)

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
            if item.get("size") == size and _has_md5(item, file.path, self._sizing.part_size_for(size)):
                found: int | str = item["id"]
                return found
        return None


def _listed_name(file: ShardFile) -> str:
    """Return the name under which the server lists a file: that of its metadata, if any."""
    fields: Mapping[str, Any] = (file.metadata or {}).get("fields") or {}
    return str(fields.get("name") or file.name)


def _has_md5(item: Mapping[str, Any], path: str, part_size: int | None) -> bool:
    """Return whether a listed item has the MD5 of the file: that of the file, or of its parts as S3 has it (`hex-N`).
    True if the item has neither, or was sent in another number of parts.
    """
    listed, _, parts = str(item.get("md5") or "").lower().partition("-")
    if len(listed) != 32:
        return True
    new = partial(hashlib.md5, usedforsecurity=False)
    with open(path, "rb") as file:
        if not parts:
            return hashlib.file_digest(file, new).hexdigest() == listed
        if part_size is None:
            return True
        digests = [new(part).digest() for part in iter(partial(file.read, part_size), b"")]
    return parts != str(len(digests)) or new(b"".join(digests)).hexdigest() == listed


def _size_of(file: ShardFile) -> int:
    """Return the size of a file and its support files, in bytes."""
    size = 0
    for path in (file.path, *file.support_files):
        with suppress(OSError):
            size += os.stat(path).st_size
    return size

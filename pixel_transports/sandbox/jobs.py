"""Upload jobs after `uploadFinished`: how they move on, and how they end.

Rules kept here:

* Time moves them, nothing else: the server's job runs for `job_seconds` from `uploadFinished` on, in three equal
  stretches (submitted, validating, validated), and `lag_seconds` later the upload job itself is at its end.
* What ends a job is decided once, when its time has come and anyone asks for anything; a resource is made exactly once.
* A job that failed says why in `detail`. A job that is completed did not necessarily go well.

Stages of an upload job::

    lobby ──uploadFinished──▶ submitted ──▶ validating ──▶ validated ──▶ validated_and_moved
                                                                   └───▶ failed
"""

from collections.abc import Iterable
from typing import Any

from pixel_transports.sandbox.minting import Mint, md5_hex
from pixel_transports.sandbox.state import Outcome, Resource, State, StoredObject, Upload, UploadJob, iso

IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first bytes of JPEG, PNG, TIFF and BigTIFF files."""


class Jobs:
    """The server's jobs."""

    def __init__(
        self, state: State, mint: Mint, *, job_seconds: float, lag_seconds: float, min_part_bytes: int
    ) -> None:
        self._state = state
        self._mint = mint
        self._job_seconds = job_seconds
        self._lag_seconds = lag_seconds
        self._min_part_bytes = min_part_bytes

    def finish(self, job: UploadJob, now: float) -> None:
        """Start the server's job of an upload job, unless it was started before."""
        if job.job_id is None:
            job.job_id = self._mint.name("job")
            job.finished_at = now
            self._state.jobs[job.job_id] = job
            self._state.unsettled.append(job)

    def settle(self, now: float) -> None:
        """End those whose time has come."""
        due = [job for job in self._state.unsettled if self._elapsed(job, now) >= self._job_seconds]
        for job in due:
            job.outcome = self._outcome(job, now)
            if job.main.upload_id is not None:
                # What S3 does after CompleteMultipartUpload: the upload is gone, the object stays.
                self._state.uploads.pop(job.main.upload_id, None)
        if due:
            self._state.unsettled = [job for job in self._state.unsettled if job.outcome is None]

    @staticmethod
    def _elapsed(job: UploadJob, now: float) -> float:
        return 0.0 if job.finished_at is None else now - job.finished_at

    def status(self, job: UploadJob, now: float) -> str:
        """The status of an upload job."""
        if job.finished_at is None:
            return "lobby"
        elapsed = self._elapsed(job, now)
        if job.outcome is not None and elapsed >= self._job_seconds + self._lag_seconds:
            return "failed" if job.outcome.resource is None else "validated_and_moved"
        third = self._job_seconds / 3
        return "submitted" if elapsed < third else "validating" if elapsed < 2 * third else "validated"

    def upload_job_view(self, job: UploadJob, now: float) -> dict[str, Any]:
        """An upload job as the API tells it."""
        status = self.status(job, now)
        outcome = job.outcome if status in ("failed", "validated_and_moved") else None
        resource = None if outcome is None else outcome.resource
        result = None if resource is None else {"resource_name": resource.kind, "resource_id": resource.id}
        return {
            "id": job.id,
            "name": job.main.name,
            "data_collection_id": job.collection_id,
            "status": status,
            "detail": None if outcome is None else outcome.detail,
            **job.main.access,
            "support_files": [{"name": upload.name, **upload.access} for upload in job.support],
            "result": result,
            "created_at": iso(job.created_at),
        }

    def job_view(self, job: UploadJob, now: float) -> dict[str, Any]:
        """A server job as the API tells it."""
        if job.outcome is None:
            status = "submitted" if self._elapsed(job, now) < self._job_seconds / 3 else "in_progress"
        else:
            status = "failed" if job.outcome.resource is None else "completed"
        return {
            "job_id": job.job_id,
            "completed": job.outcome is not None,
            "status": status,
            "detail": None if job.outcome is None else job.outcome.detail,
        }

    def group_view(self, group_id: str) -> dict[str, Any]:
        """A group of server jobs as the API tells it."""
        outcomes = [self._state.upload_jobs[job_id].outcome for job_id in self._state.groups[group_id]]
        failed = sum(outcome is not None and outcome.resource is None for outcome in outcomes)
        ended = sum(outcome is not None for outcome in outcomes)
        return {
            "group_id": group_id,
            "completed": ended == len(outcomes),
            "total_jobs": len(outcomes),
            "success_count": ended - failed,
            "failed_count": failed,
        }

    def group_of(self, jobs: Iterable[UploadJob]) -> str:
        """The group of these upload jobs, made when there is none yet."""
        ids = sorted({job.id for job in jobs})
        for group_id, members in self._state.groups.items():
            if members == ids:
                return group_id
        group_id = self._mint.name("group")
        self._state.groups[group_id] = ids
        return group_id

    def _outcome(self, job: UploadJob, now: float) -> Outcome:
        collection = self._state.collections[job.collection_id]
        wrong = self._join(job.main) if job.main.upload_id is not None else None
        for upload in (job.main, *job.support):
            wrong = wrong or self._mismatch(upload)
        if wrong is not None:
            return Outcome(detail=wrong)
        stored = self._state.objects[job.main.key]
        if collection.resource_kind == "image" and not _start(stored).startswith(IMAGE_STARTS):
            return Outcome(detail=f"{job.main.name}: not a JPEG, PNG or TIFF image")
        resource = Resource(
            id=self._state.next_id(),
            kind=collection.resource_kind,
            name=job.main.name,
            data_collection_id=collection.id,
            file_name=job.main.name,
            key=job.main.key,
            md5=stored.md5,
            size=stored.size,
            support_files=[upload.name for upload in job.support],
            tags=[],
            created_at=now,
            updated_at=now,
        )
        resource.describe(job.metadata)
        self._state.resources[resource.kind][resource.id] = resource
        return Outcome(resource=resource)

    def _join(self, upload: Upload) -> str | None:
        parts = [upload.parts[number] for number in sorted(upload.parts)]
        missing = [str(part.number) for part in parts if part.content is None]
        if missing:
            return f"{upload.name}: nothing was stored for part {', '.join(missing)}"
        for part in parts:
            if part.content is not None and len(part.content) != part.length:
                return f"{upload.name}: part {part.number} has {len(part.content)} bytes, {part.length} were declared"
        if any(part.length < self._min_part_bytes for part in parts[:-1]):
            return f"{upload.name}: EntityTooSmall, a part but the last has at least {self._min_part_bytes} bytes"
        self._state.objects[upload.key] = StoredObject([part.content for part in parts if part.content is not None])
        return None

    def _mismatch(self, upload: Upload) -> str | None:
        stored = self._state.objects.get(upload.key)
        if stored is None:
            return f"{upload.name}: nothing was stored"
        if upload.md5 is not None and stored.md5 != md5_hex(upload.md5):
            return f"{upload.name}: the MD5 of what was stored differs from the declared one"
        return None


def _start(stored: StoredObject) -> bytes:
    # A first part may be shorter than the first bytes that tell.
    start = b""
    for chunk in stored.chunks(16):
        start += bytes(chunk)
        if len(start) >= 16:
            break
    return start

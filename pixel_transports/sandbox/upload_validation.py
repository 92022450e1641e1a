"""What becomes of an upload at the end of its server job: a resource, or a reason why not.

Rules kept here:

* Everything that was announced has to be stored, with the digests that were announced.
* A file is known by its first bytes, whatever its name: JPEG, PNG and TIFF are images and rasters, LAS files are point
  clouds. Only whether a point cloud is compressed is told by its name (`.laz`).
* A resource is made exactly once.
"""

from collections.abc import Iterable
from typing import Any

from pixel_transports.sandbox.job_records import Outcome, Upload, UploadJob
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.records import Resource
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import md5_hex

FORMATS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "GTiff"),
}
"""The formats of images and rasters by their first bytes; GeoTIFF begins as TIFF and BigTIFF do."""

_WANTED = {
    "image": "a JPEG, PNG or TIFF image",
    "raster": "a TIFF, PNG or JPEG raster",
    "point_cloud": "a LAS or LAZ point cloud",
}
_HEAD_BYTES = 128


class UploadValidation:
    """Ends upload jobs. `min_part_bytes` is the least size of a part that is not the last."""

    def __init__(self, state: State, min_part_bytes: int) -> None:
        self._state = state
        self._min_part_bytes = min_part_bytes

    def prepare(self, job: UploadJob) -> Iterable[StoredObject]:
        """Join the parts of a job, as S3 does at CompleteMultipartUpload: the upload is gone, the object stays."""
        if job.main.upload_id is None:
            return ()
        self._state.uploads.pop(job.main.upload_id, None)
        job.problem = self._join(job.main)
        return () if job.problem else (self._state.objects[job.main.key],)

    def end(self, job: UploadJob, now: float) -> str | None:
        """Decide how a job ends. Gives the reason when it failed."""
        job.outcome = self._outcome(job, now)
        return job.outcome.detail

    def _outcome(self, job: UploadJob, now: float) -> Outcome:
        collection = self._state.collections[job.collection_id]
        wrong = job.problem
        for upload in (job.main, *job.support):
            wrong = wrong or self._mismatch(upload)
        if wrong is not None:
            return Outcome(detail=wrong)
        stored, kind = self._state.objects[job.main.key], collection.resource_kind
        traits = _traits(kind, job.main.name, _start(stored))
        if traits is None:
            return Outcome(detail=f"{job.main.name}: not {_WANTED[kind]}")
        resource = Resource(
            id=self._state.next_id(),
            kind=kind,
            name=job.main.name,
            data_collection_id=collection.id,
            file_name=job.main.name,
            key=job.main.key,
            md5=stored.md5,
            size=stored.size,
            support_files=[upload.name for upload in job.support],
            traits=traits,
            tags=[],
            created_at=now,
            updated_at=now,
        )
        resource.apply_metadata(job.metadata)
        self._state.add_resource(resource)
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


def _traits(kind: str, name: str, start: bytes) -> dict[str, Any] | None:
    """What the first bytes say of a resource of this kind, or None when they are of something else."""
    if kind == "point_cloud":
        return _las(name, start)
    found = next((format for first, format in FORMATS.items() if start.startswith(first)), None)
    if found is None:
        return None
    return {} if kind == "image" else {"format": found}


def _las(name: str, start: bytes) -> dict[str, Any] | None:
    """Version and point format from the public header of LAS (LAS 1.4 R15, table 3): bytes 24, 25 and 104.

    The two highest bits of the point format say that LASzip compressed the points. Of a header that ends too early
    these are null: that a file is a LAS file is told by its first four bytes alone.
    """
    if not start.startswith(b"LASF"):
        return None
    return {
        "format": "LAZ" if name.lower().endswith(".laz") else "LAS",
        "version_major": start[24] if len(start) > 25 else None,
        "version_minor": start[25] if len(start) > 25 else None,
        "point_record_format": start[104] & 0x3F if len(start) > 104 else None,
    }


def _start(stored: StoredObject) -> bytes:
    # A first part may be shorter than the first bytes that tell.
    start = b""
    for chunk in stored.chunks(_HEAD_BYTES):
        start += bytes(chunk)
        if len(start) >= _HEAD_BYTES:
            break
    return start

"""Validates a finished upload: creates its resource, or gives the reason for the failure.

Rules kept here:

* Every announced file has to be stored, with the announced digest.
* The type of a file is known by its first bytes, not its name: JPEG, PNG and TIFF are images and rasters, LAS files
  are point clouds. Only the name shows whether a point cloud is compressed (`.laz`).
* A resource is created exactly once.
"""

from collections.abc import Iterable
from typing import Any

from pixel_transports.sandbox.job_records import Outcome, Upload, UploadJob
from pixel_transports.sandbox.objects import StoredObject, md5_hex
from pixel_transports.sandbox.records import Resource
from pixel_transports.sandbox.state import State

FORMATS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "GTiff"),
}
"""The formats of images and rasters by their first bytes; GeoTIFF has those of TIFF and BigTIFF."""

_EXPECTED = {
    "image": "a JPEG, PNG or TIFF image",
    "raster": "a TIFF, PNG or JPEG raster",
    "point_cloud": "a LAS or LAZ point cloud",
}
_HEAD_BYTES = 128
MIN_PART_BYTES = 5 * 1024**2
"""S3's minimum size of all parts but the last."""


class UploadValidation:
    """Finishes upload jobs. `min_part_bytes` is the minimum size of all parts but the last."""

    def __init__(self, state: State, min_part_bytes: int) -> None:
        self._state = state
        self._min_part_bytes = min_part_bytes

    def prepare(self, job: UploadJob) -> Iterable[StoredObject]:
        """Complete the multipart upload of a job, as S3 does: returns the objects to digest."""
        if job.main.upload_id is None:
            return ()
        self._state.uploads.pop(job.main.upload_id, None)
        job.problem = self._join(job.main)
        return () if job.problem else (self._state.objects[job.main.key],)

    def end(self, job: UploadJob, now: float) -> str | None:
        """Set the outcome of a job. Returns the reason if it failed."""
        job.outcome = self._outcome(job, now)
        return job.outcome.detail

    def _outcome(self, job: UploadJob, now: float) -> Outcome:
        collection = self._state.collections[job.collection_id]
        problem = job.problem
        for upload in (job.main, *job.support):
            problem = problem or self._mismatch(upload)
        if problem is not None:
            return Outcome(detail=problem)
        stored, kind = self._state.objects[job.main.key], collection.resource_kind
        traits = _traits(kind, job.main.name, _first_bytes(stored))
        if traits is None:
            return Outcome(detail=f"{job.main.name}: not {_EXPECTED[kind]}")
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
            if part is not parts[-1] and part.length < self._min_part_bytes:
                return (
                    f"{upload.name}: EntityTooSmall: part {part.number} has {part.length} bytes, and each part but the "
                    f"last needs {self._min_part_bytes}"
                )
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
    """Return the properties that the first bytes have, or None if they are of another kind."""
    if kind == "point_cloud":
        return _las(name, start)
    format_name = next((format for first, format in FORMATS.items() if start.startswith(first)), None)
    if format_name is None:
        return None
    return {} if kind == "image" else {"format": format_name}


def _las(name: str, start: bytes) -> dict[str, Any] | None:
    """Version and point format from the public header of LAS (LAS 1.4 R15, table 3): bytes 24, 25 and 104.

    The two highest bits of the point format mark compression by LASzip. The values are null if the header ends too
    early: the first four bytes alone make a LAS file.
    """
    if not start.startswith(b"LASF"):
        return None
    return {
        "format": "LAZ" if name.lower().endswith(".laz") else "LAS",
        "version_major": start[24] if len(start) > 25 else None,
        "version_minor": start[25] if len(start) > 25 else None,
        "point_record_format": start[104] & 0x3F if len(start) > 104 else None,
    }


def _first_bytes(stored: StoredObject) -> bytes:
    # The first part may be shorter than the header.
    start = b""
    for chunk in stored.chunks(_HEAD_BYTES):
        start += bytes(chunk)
        if len(start) >= _HEAD_BYTES:
            break
    return start

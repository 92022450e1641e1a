"""Validates a finished upload: creates its resource, or gives the reason for the failure.

Rules kept here:

* Every announced file has to be stored, with the announced digest.
* A file has to be of the kind of its data collection (see `file_formats`).
* An image with a position, in its metadata or else in its EXIF, has to lie within the polygon of its project. Other
  files have no position that can be read here.
* A resource is created exactly once.
"""

from typing import Any

from pixel_transports.sandbox.exif import read_position
from pixel_transports.sandbox.file_formats import EXPECTED, HEAD_BYTES, find_traits
from pixel_transports.sandbox.geometry import contains, from_geojson
from pixel_transports.sandbox.job_records import NO_METADATA, Outcome, Upload, UploadJob
from pixel_transports.sandbox.objects import StoredObject, joined_etag, md5_hex
from pixel_transports.sandbox.records import Collection, Resource
from pixel_transports.sandbox.state import State

MIN_PART_BYTES = 5 * 1024**2
"""S3's minimum size of all parts but the last."""


class UploadValidation:
    """Finishes upload jobs. `min_part_bytes` is the minimum size of all parts but the last."""

    def __init__(self, state: State, min_part_bytes: int) -> None:
        self._state = state
        self._min_part_bytes = min_part_bytes

    def complete(self, job: UploadJob) -> str | None:
        """Complete the multipart upload of a job, if it is one, as S3 does. Returns the reason if it failed."""
        if job.main.upload_id is None:
            return None
        problem = self._join(job.main)
        self._state.end_upload(job.main.upload_id)
        return problem

    def end(self, job: UploadJob, now: float) -> str | None:
        """Set the outcome of a job. Returns the reason if it failed."""
        try:
            job.outcome = self._outcome(job, now)
        except OSError as error:
            job.outcome = Outcome(detail=f"{job.main.name}: what was stored cannot be read: {error.strerror or error}")
        job.metadata = NO_METADATA
        if job.outcome.resource_id is None:
            for upload in (job.main, *job.support):
                self._state.drop_object(upload.key)
        return job.outcome.detail

    def _outcome(self, job: UploadJob, now: float) -> Outcome:
        collection = self._state.collections[job.collection_id]
        problem = self.complete(job)
        for upload in (job.main, *job.support):
            problem = problem or self._mismatch(upload)
        if problem is not None:
            return Outcome(detail=problem)
        stored, kind = self._state.objects[job.main.key], collection.resource_kind
        traits = find_traits(kind, job.main.name, _read(stored, 0, HEAD_BYTES))
        if traits is None:
            return Outcome(detail=f"{job.main.name}: not {EXPECTED[kind]}")
        if kind == "image" and self._is_outside(collection, job.metadata, stored):
            return Outcome(detail=f"{job.main.name}: its position is outside the area of interest of its project")
        resource = Resource(
            id=self._state.next_id(),
            kind=kind,
            name=job.main.name,
            data_collection_id=collection.id,
            file_name=job.main.name,
            key=job.main.key,
            md5=stored.etag,
            size=stored.size,
            support_files=tuple(upload.name for upload in job.support),
            support_keys=tuple(upload.key for upload in job.support),
            traits=traits,
            tags=[],
            created_at=now,
            updated_at=now,
        )
        resource.apply_metadata(job.metadata)
        self._state.add_resource(resource)
        return Outcome(kind=resource.kind, resource_id=resource.id)

    def _join(self, upload: Upload) -> str | None:
        parts = [upload.parts[number] for number in sorted(upload.parts)]
        missing = [str(part.number) for part in parts if part.content is None]
        if missing:
            return f"{upload.name}: nothing was stored for part {', '.join(missing)}"
        for part in parts:
            if part.content is not None and part.content.size != part.length:
                return f"{upload.name}: part {part.number} has {part.content.size} bytes, {part.length} were declared"
            if part is not parts[-1] and part.length < self._min_part_bytes:
                return (
                    f"{upload.name}: EntityTooSmall: part {part.number} has {part.length} bytes, and each part but the "
                    f"last needs {self._min_part_bytes}"
                )
        pieces = [part.content for part in parts if part.content is not None]
        self._state.put_object(upload.key, StoredObject(pieces, joined_etag([part.md5 for part in parts])))
        for part in parts:
            part.content = None
        return None

    def _is_outside(self, collection: Collection, metadata: dict[str, Any], stored: StoredObject) -> bool:
        """Return whether an image has a position outside the polygon of its project."""
        location = from_geojson((metadata.get("fields") or {}).get("location"))
        if location is None:
            position = read_position(lambda offset, size: _read(stored, offset, size))
            location = from_geojson({"type": "Point", "coordinates": position})
        area = from_geojson(self._state.projects[collection.project_id].area_of_interest)
        return location is not None and area is not None and not contains(area, location)

    def _mismatch(self, upload: Upload) -> str | None:
        stored = self._state.objects.get(upload.key)
        if stored is None:
            return f"{upload.name}: nothing was stored"
        if upload.md5 is not None and stored.etag != md5_hex(upload.md5):
            return f"{upload.name}: the MD5 of what was stored differs from the declared one"
        return None


def _read(stored: StoredObject, offset: int, size: int) -> bytes:
    return b"".join(stored.chunks(start=offset, stop=offset + size))

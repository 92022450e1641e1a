"""Requests of uploads to one data collection: upload jobs, the server's validation, and the resources.

Rules kept here:

* A file is uploaded when the server says so and lists its resource.
* A refused request for several upload jobs is split until the file at fault is known.
* The server is asked to finish an upload job once. After a lost answer it is asked first whether it did.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from pixel_core.api.jobs import poll, wait_for
from pixel_core.api.paths import collection_path, query_of, segment, upload_jobs_path
from pixel_core.effects import Flow
from pixel_core.errors import (
    PixelBadRequestError,
    PixelConnectionError,
    PixelJobTimeoutError,
    PixelProtocolError,
    PixelServerError,
)
from pixel_core.messages import Response
from pixel_core.session.answers import Answer, Field
from pixel_core.session.attempts import Attempts
from pixel_core.session.session import Session
from pixel_core.uploads import HashedFile, PlannedFile, StorageRequest, Transfer, storage_requests
from pixel_core.uploads.transfers import NOT_CONFIRMED, NOT_LISTED, UNDER_WAY
from pixel_core.values import value

IDS_PER_LIST = 50
"""How many ids go into one query of a list."""

VALIDATION_SECONDS = 600.0
"""How long a file may be in validation after the server's job for it was completed."""

DONE = "validated_and_moved"
"""The state of an upload job whose file is a resource."""

_SPLIT_ON = (400, 413, 422)
"""Refusals of a request for several upload jobs that may be the fault of one file."""


@value
class Kind:
    """A kind of resource that is uploaded: its path, and the types of data collections that take it."""

    noun: str
    name: str
    path: str
    collection_types: frozenset[str]


IMAGE = Kind("an image", "image", "images", frozenset({"image"}))
RASTER = Kind("a raster", "raster", "rasters", frozenset({"raster", "RGB", "DTM", "DSM"}))
POINT_CLOUD = Kind("a point cloud", "point_cloud", "point_clouds", frozenset({"point_cloud"}))

KINDS = {kind.name: kind for kind in (IMAGE, RASTER, POINT_CLOUD)}


class CollectionUploads:
    """The `UploadService` of a data collection. With `single`, it has one file, and uses the endpoints for one."""

    def __init__(self, session: Session, kind: Kind, project_id: int, data_collection_id: int, single: bool) -> None:
        self._session = session
        self._kind = kind
        self._collection = collection_path(project_id, data_collection_id)
        self._path = upload_jobs_path(project_id, data_collection_id)
        self._single = single

    # Upload jobs

    def declare(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """Request upload jobs: one per file, or the error of that file."""
        try:
            return (yield from self._request_jobs(files))
        except PixelBadRequestError as error:
            if len(files) == 1 or error.status_code not in _SPLIT_ON:
                raise
            half = len(files) // 2
            jobs: list[Field | Exception] = []
            for part in (files[:half], files[half:]):
                try:
                    jobs += yield from self.declare(part)
                except PixelBadRequestError as refused:
                    jobs += [refused] * len(part)
            if all(isinstance(each, PixelBadRequestError) for each in jobs):
                raise
            return jobs

    def _request_jobs(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        path = self._path + ("multipart" if files[0].file.multipart else "")
        body = {"files": [each.declaration() for each in files]}
        # Repeated after a lost answer too: an upload job that is not used is never finished.
        answer = yield from self._session.call("POST", path, json=body, retries=self._session.upload_retries)
        jobs = answer.root.items()
        if len(files) == 1 and len(jobs) == 1:
            return [jobs[0]]
        by_name = {job.field("name").text(): job for job in jobs}
        names = [each.file.name for each in files]
        return [
            by_name.get(name) or answer.error(f"has no upload job for {name}: the server made none") for name in names
        ]

    def requests(self, file: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        return storage_requests(self._session, file, job, stored)

    # Finishing

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Ask the server to finish files, wait for its jobs, and take the outcome of each."""
        unconfirmed = [each for each in sent if each.trouble != NOT_CONFIRMED]
        if unconfirmed:
            waiting = yield from self._request_finish([each.job_id for each in unconfirmed])
            for each in unconfirmed:
                each.trouble = NOT_CONFIRMED
            if waiting is not None:
                with suppress(PixelConnectionError, PixelServerError):  # The upload jobs are read in any case.
                    yield from waiting
        jobs = yield from self._outcomes([each.job_id for each in sent if each.job_id is not None])
        for each in sent:
            self._take_outcome(each, None if each.job_id is None else jobs.get(each.job_id))
        yield from self.look_up([each for each in sent if each.became and not each.error])

    def _request_finish(self, ids: Sequence[Any]) -> Flow[Flow[Any] | None]:
        """Ask the server to finish upload jobs, and return the flow that waits for it; None if it was asked before.
        After a lost answer the upload jobs are read before the request is repeated, since it could count twice.
        """
        policy = self._session.upload_retries
        attempts = Attempts(policy)
        path = self._path + (f"{segment(ids[0])}/uploadFinished" if self._single else "multiple_uploadFinished")
        while True:
            try:
                if self._single:
                    answer = yield from self._session.call("PUT", path)
                    job_id = answer.field("job").field("job_id").identifier()
                    return wait_for(self._session, f"/jobs/{segment(job_id)}", f"job {job_id}", 600.0, policy)
                answer = yield from self._session.call("PUT", path, json={"job_ids": ids})
                group_id = answer.field("group_job").field("group_id").identifier()
                group = f"/jobs/groups/{segment(group_id)}"
                return wait_for(self._session, group, f"group job {group_id}", 1200.0, policy)
            except (PixelConnectionError, PixelServerError, PixelBadRequestError) as error:
                if isinstance(error, PixelBadRequestError) and error.status_code != 408:
                    raise
                outcome = error if isinstance(error, PixelConnectionError) else Response(error.status_code)
                if not (yield from attempts.repeat(f"PUT {self._session.url}{path}", "PUT", outcome, again=True)):
                    raise
            jobs = yield from self.jobs(ids)
            if any(job.field("status").value != "lobby" for job in jobs.values()):
                return None

    def jobs(self, ids: Sequence[Any]) -> Flow[dict[int | str, Field]]:
        """Read upload jobs, by id."""
        found: dict[int | str, Field] = {}
        for start in range(0, len(ids), IDS_PER_LIST):
            window = ids[start : start + IDS_PER_LIST]
            answer = yield from self._read(self._path, query_of(ids=window, limit=len(window)))
            found.update((job.field("id").identifier(), job) for job in answer.root.items())
        return found

    def _read(self, path: str, query: str) -> Flow[Answer]:
        return (yield from self._session.call("GET", path, query, retries=self._session.upload_retries))

    def _outcomes(self, ids: Sequence[int | str]) -> Flow[dict[int | str, Field]]:
        """Upload jobs by id, once all are at their end or VALIDATION_SECONDS have passed."""
        query = query_of(ids=ids, limit=len(ids))
        last: list[Answer] = []

        def look() -> Flow[Answer]:
            answer = yield from self._read(self._path, query)
            last[:] = [answer]
            return answer

        def settled(answer: Answer) -> bool:
            return all(job.field("status").value not in UNDER_WAY for job in answer.root.items())

        with suppress(PixelJobTimeoutError):  # The error of each file says how far it is.
            yield from poll(look, settled, f"validation of {len(ids)} uploads", VALIDATION_SECONDS)
        jobs = {job.field("id").identifier(): job for job in last[0].root.items()}
        missing = [job_id for job_id in ids if job_id not in jobs]
        if missing and len(ids) == 1 and self._single:
            raise last[0].root.wrong(f"a list with upload job {missing[0]} in it", "lacks it")
        return jobs

    def _take_outcome(self, transfer: Transfer, job: Field | None) -> None:
        """Take the outcome of an upload job."""
        if job is None:
            transfer.fail(NOT_LISTED, "the server does not list its upload job")
            return
        try:
            status = job.field("status").text()
            if status == DONE:
                transfer.became = resource_of(job)
                transfer.trouble = NOT_LISTED
                return
            waited = None
            if status in UNDER_WAY:
                waited = PixelJobTimeoutError(
                    f"Upload job {transfer.job_id} ({transfer.file.path}) is still '{status}' after "
                    f"{VALIDATION_SECONDS:g} seconds; it may still complete: look again with get_upload_jobs"
                )
            transfer.fail(status, job.field("detail").value, waited)
        except PixelProtocolError as error:
            transfer.fail(transfer.trouble, str(error), error)

    # Resources

    def look_up(self, finished: Sequence[Transfer]) -> Flow[None]:
        """Read the resources of finished files: each gets its resource, or an error if the server does not list it."""
        if self._single and len(finished) == 1 and finished[0].became:
            name, number = finished[0].became
            answer = yield from self._read(f"{self._collection}/{KINDS[name].path}/{segment(number)}", "")
            finished[0].resource = answer.json(dict)
            return
        owners: dict[tuple[str, int | str], list[Transfer]] = {}
        for each in finished:
            if each.became:
                owners.setdefault(each.became, []).append(each)
        for name in sorted({name for name, _ in owners}):
            numbers = [number for kind, number in owners if kind == name]
            path = f"{self._collection}/{KINDS[name].path}/"
            for start in range(0, len(numbers), IDS_PER_LIST):
                ids = numbers[start : start + IDS_PER_LIST]
                answer = yield from self._read(path, query_of(ids=ids, limit=len(ids)))
                for item in answer.root.items():
                    for each in owners.get((name, item.field("id").identifier()), ()):
                        _take_resource(each, item)
        for (name, number), transfers in owners.items():
            for each in transfers:
                if each.resource is None:
                    each.fail(each.trouble, f"the server finished it as {name} {number}, and does not list that")

    def find(self, file: PlannedFile) -> Flow[tuple[str, int | str] | None]:
        """Search for a resource with the name and the size of a file: its kind and id."""
        query = query_of(name=file.name, limit=IDS_PER_LIST)
        answer = yield from self._read(f"{self._collection}/{self._kind.path}/", query)
        for item in answer.root.items():
            found = item.value
            if isinstance(found, dict) and found.get("name") == file.name and found.get("size", file.size) == file.size:
                return self._kind.name, item.field("id").identifier()
        return None


def _take_resource(transfer: Transfer, item: Field) -> None:
    """Take the resource of a file, unless the server lists it with another size."""
    size = item.value.get("size")
    known = isinstance(size, int) and isinstance(item.value.get("md5"), str)
    if known and size != transfer.file.size:
        transfer.fail("not_the_same", f"it has {transfer.file.size} bytes, and the server lists it with {size}")
    else:
        transfer.resource = item.value


def resource_of(job: Field) -> tuple[str, int | str]:
    """Kind and id of the resource of a finished upload job. Raises PixelProtocolError."""
    result = job.field("result")
    name = result.field("resource_name")
    if name.value not in KINDS:
        raise name.wrong(f"one of {', '.join(KINDS)}")
    return name.text(), result.field("resource_id").identifier()

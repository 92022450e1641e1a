"""Requests of uploads to one data collection: upload jobs, the server's validation, and the resources.

Rules kept here:

* A file is uploaded when the server says so and lists its resource.
* A refused request for several upload jobs is split until the file at fault is known. Jobs that were made in a lost
  answer are used, if the server lists what is needed for that.
* From the moment that the server is asked to finish an upload job, its file may be on the server.
* The server is asked once. After a lost answer the upload jobs are read: those that are still in the lobby are asked
  for again. A server that is slow has some time before its answer counts as lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pixel_core.api.jobs import poll, wait_for
from pixel_core.api.paths import collection_path, query_of, segment, upload_jobs_path
from pixel_core.effects import Flow, Gather, Report
from pixel_core.errors import (
    PixelBadRequestError,
    PixelConnectionError,
    PixelError,
    PixelJobTimeoutError,
    PixelLoginError,
    PixelProtocolError,
    PixelServerError,
    PixelStatusError,
    PixelTimeoutError,
)
from pixel_core.events import SizeDiffers
from pixel_core.messages import Response
from pixel_core.session.answers import Answer, Field
from pixel_core.session.attempts import Attempts
from pixel_core.session.session import Session
from pixel_core.uploads import HashedFile, StorageRequest, Transfer, storage_requests
from pixel_core.uploads.requests import is_for
from pixel_core.uploads.transfers import NOT_CONFIRMED, NOT_LISTED, NOT_UPLOADED, UNDER_WAY
from pixel_core.values import value

IDS_PER_LIST = 50
"""How many ids go into one query of a list."""

SEARCHES_AT_ONCE = 8
"""How many searches for upload jobs run side by side."""

VALIDATION_SECONDS = 600.0
"""How long a file may be in validation after the server's job for it was completed."""

SLOW_ANSWER = 6.0
"""How long a server that did not answer in time may still be finishing upload jobs: so many read limits (of 10 s if
there is none).
"""

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


def kind_of(session: Session, ids: tuple[int, int]) -> Flow[Kind]:
    """The kind of the files of a data collection. Raises ValueError for one of an unknown type."""
    answer = yield from session.call("GET", collection_path(*ids))
    found = answer.field("data_collection_type").text()
    for kind in KINDS.values():
        if found in kind.collection_types:
            return kind
    raise ValueError(f"Data collection {ids[1]} of project {ids[0]} is of the unknown type {found!r}")


class CollectionUploads:
    """The `UploadService` of a data collection. With `single`, it has one file, and uses the endpoints for one."""

    def __init__(self, session: Session, kind: Kind, project_id: int, data_collection_id: int, single: bool) -> None:
        self._session = session
        self._kind = kind
        self._collection = collection_path(project_id, data_collection_id)
        self._path = upload_jobs_path(project_id, data_collection_id)
        self._single = single
        self._made: set[int | str] = set()
        """The ids of upload jobs that were made by this upload."""

    # Upload jobs

    def declare(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """Request upload jobs: one per file, or the error of that file."""
        try:
            return (yield from self._request_jobs(files))
        except PixelBadRequestError as error:
            if error.status_code not in _SPLIT_ON:
                raise
            if len(files) == 1:
                return [error]
            half = len(files) // 2
            first = yield from self.declare(files[:half])
            return [*first, *(yield from self.declare(files[half:]))]

    def _request_jobs(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """Request upload jobs. After a lost answer the upload jobs are read first: those that were made are used."""
        path = self._path + ("multipart" if files[0].file.multipart else "")
        attempts = self._attempts()
        made: dict[str, Field] = {}
        answer: Answer | None = None
        while answer is None and (left := [each for each in files if each.file.name not in made]):
            try:
                body = {"files": [each.declaration() for each in left]}
                answer = yield from self._session.call("POST", path, json=body, attempts=attempts)
            except PixelError as error:
                outcome = _outcome_of(error)
                label = f"POST {self._session.url}{path}"
                if outcome is None or not (yield from attempts.repeat(label, "POST", outcome, again=True)):
                    raise
                if _may_have_effect(error):
                    found = yield from Gather([self._find_job(each) for each in left], SEARCHES_AT_ONCE)
                    made.update((job.field("name").text(), job) for job in found if job is not None)
        if answer is not None:
            jobs = answer.root.items()
            if len(files) == 1 and len(jobs) == 1:
                made[files[0].file.name] = jobs[0]
            else:
                made.update((job.field("name").text(), job) for job in jobs)
        self._made.update(job.field("id").identifier() for job in made.values())
        names = [each.file.name for each in files]
        return [
            made[name]
            if name in made or answer is None
            else answer.error(f"has no upload job for {name}: the server made none")
            for name in names
        ]

    def _find_job(self, file: HashedFile) -> Flow[Field | None]:
        """Search for a new upload job that was made for the same bytes: in an answer that was lost."""
        answer = yield from self._read(self._path, query_of(name=file.file.name, limit=IDS_PER_LIST))
        for job in answer.root.items():
            is_new = job.field("status").value == "lobby" and job.field("id").identifier() not in self._made
            if is_new and job.field("name").value == file.file.name and is_for(job.value, file):
                return job
        return None

    def _attempts(self) -> Attempts:
        """As many tries as a storage request has. Lost answers are handled here."""
        return Attempts(replace(self._session.upload_retries, repeatable=False))

    def requests(self, file: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        return storage_requests(self._session, file, job, stored)

    # Finishing

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Ask the server to finish files, wait for its jobs, and take the outcome of each."""
        unconfirmed = [each for each in sent if each.trouble != NOT_CONFIRMED]
        if unconfirmed:
            waiting = yield from self._request_finish(unconfirmed)
            if waiting is not None:
                with suppress(PixelConnectionError, PixelServerError):  # The upload jobs are read in any case.
                    yield from waiting
        open_jobs = [each for each in sent if each.error is None]
        ids = [each.job_id for each in open_jobs if each.job_id is not None]
        jobs = yield from self._watch(ids, lambda job: job.field("status").value not in UNDER_WAY, VALIDATION_SECONDS)
        self._made.difference_update(ids)  # they have left the lobby, or will not be searched for
        for each in open_jobs:
            self._take_outcome(each, None if each.job_id is None else jobs.get(each.job_id))
        yield from self.look_up([each for each in sent if each.became and not each.error])

    def _request_finish(self, transfers: Sequence[Transfer]) -> Flow[Flow[Any] | None]:
        """Ask the server to finish upload jobs, and return the flow that waits for it; None if an answer was lost and
        the server acted on the request nevertheless. Files that the server was not asked for in the end have an error,
        which is raised if they are all.
        """
        attempts = self._attempts()
        label = f"PUT {self._session.url}{self._path}"
        left = list(transfers)
        while True:
            _set_trouble(left, NOT_CONFIRMED)
            try:
                return (yield from self._put_finish([each.job_id for each in left], attempts))
            except PixelError as error:
                outcome, effective = _outcome_of(error), _may_have_effect(error)
                if not effective:
                    _set_trouble(left, NOT_UPLOADED)
                if outcome is None or not (yield from attempts.repeat(label, "PUT", outcome, again=True)):
                    if len(left) == len(transfers):
                        raise
                    for each in left:
                        each.fail(each.trouble, str(error), error)
                    return None
            if effective:
                read = self._session.options.timeout_pixel.read or 10.0
                left = yield from self._still_in_lobby(left, SLOW_ANSWER * read if _is_slow(outcome) else 0.0)
            if not left:
                return None

    def _put_finish(self, ids: Sequence[Any], attempts: Attempts) -> Flow[Flow[Any]]:
        policy = self._session.upload_retries
        if self._single:
            answer = yield from self._session.call(
                "PUT", f"{self._path}{segment(ids[0])}/uploadFinished", attempts=attempts
            )
            job_id = answer.field("job").field("job_id").identifier()
            return wait_for(self._session, f"/jobs/{segment(job_id)}", f"job {job_id}", 600.0, policy)
        answer = yield from self._session.call(
            "PUT", f"{self._path}multiple_uploadFinished", json={"job_ids": ids}, attempts=attempts
        )
        group_id = answer.field("group_job").field("group_id").identifier()
        group = f"/jobs/groups/{segment(group_id)}"
        return wait_for(self._session, group, f"group job {group_id}", 1200.0, policy)

    def _still_in_lobby(self, transfers: Sequence[Transfer], seconds: float) -> Flow[list[Transfer]]:
        """The files whose upload jobs have not left the lobby after so many seconds."""
        ids = [each.job_id for each in transfers if each.job_id is not None]

        def waits(job: Field | None) -> bool:
            return job is None or job.field("status").value == "lobby"

        jobs = yield from self._watch(ids, lambda job: not waits(job), seconds)
        return [each for each in transfers if waits(jobs.get(each.job_id or ""))]

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

    def _watch(
        self, ids: Sequence[int | str], settled: Callable[[Field], bool], seconds: float
    ) -> Flow[dict[int | str, Field]]:
        """Upload jobs by id, once all are settled or so many seconds have passed."""
        query = query_of(ids=ids, limit=len(ids))
        jobs: dict[int | str, Field] = {}

        def look() -> Flow[Answer]:
            answer = yield from self._read(self._path, query)
            jobs.update((job.field("id").identifier(), job) for job in answer.root.items())
            return answer

        with suppress(PixelJobTimeoutError):  # The caller sees how far each is.
            yield from poll(
                look,
                lambda answer: all(map(settled, answer.root.items())),
                f"validation of {len(ids)} uploads",
                seconds,
                upload_id=self._session.upload_id,
            )
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
            yield from self._take_resource(finished[0], answer.json(dict))
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
                        yield from self._take_resource(each, item.value)
        for (name, number), transfers in owners.items():
            for each in transfers:
                if each.resource is None:
                    each.fail(each.trouble, f"the server finished it as {name} {number}, and does not list that")

    def _take_resource(self, transfer: Transfer, resource: Any) -> Flow[None]:
        """Take the resource of a file. It is reported if the server lists it with another size: processing may have
        changed it, and the MD5 of what was stored was checked.
        """
        size = resource.get("size")
        if isinstance(size, int) and size != transfer.file.size:
            file = transfer.file
            yield from Report(SizeDiffers(file.path, file.size, size, self._session.upload_id, transfer.job_id))
        transfer.resource = resource

    def may_have(self, name: str) -> Flow[bool]:
        """True if there may be a resource with this name: if one is listed, or more are than one response holds."""
        answer = yield from self._read(
            f"{self._collection}/{self._kind.path}/", query_of(name=name, limit=IDS_PER_LIST)
        )
        items = answer.root.items()
        return len(items) >= IDS_PER_LIST or any(item.field("name").value == name for item in items)


def _set_trouble(transfers: Sequence[Transfer], trouble: str) -> None:
    for each in transfers:
        each.trouble = trouble


def _outcome_of(error: PixelError) -> Response | PixelConnectionError | None:
    """The outcome of a request that may succeed if it is repeated; None if it was refused."""
    if isinstance(error, PixelConnectionError):
        return error
    if isinstance(error, PixelServerError) or (isinstance(error, PixelStatusError) and error.status_code in (408, 429)):
        return Response(error.status_code)
    return None


def _may_have_effect(error: PixelError) -> bool:
    """False if the server cannot have acted on the request."""
    if isinstance(error, PixelConnectionError):
        return error.sent
    if isinstance(error, PixelStatusError):
        return error.status_code >= 500 or error.status_code == 408
    return not isinstance(error, PixelLoginError)


def _is_slow(outcome: Response | PixelConnectionError | None) -> bool:
    """True if the server may still be working on the request."""
    return isinstance(outcome, PixelTimeoutError) or (isinstance(outcome, Response) and outcome.status in (408, 504))


def resource_of(job: Field) -> tuple[str, int | str]:
    """Kind and id of the resource of a finished upload job. Raises PixelProtocolError."""
    result = job.field("result")
    name = result.field("resource_name")
    if name.value not in KINDS:
        raise name.wrong(f"one of {', '.join(KINDS)}")
    return name.text(), result.field("resource_id").identifier()

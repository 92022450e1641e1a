"""The flows of uploads: upload jobs, the bytes, the server's validation, and the resources that come of it.

Rules kept here:

* What can be told beforehand is told before anything is created: a missing file, equal names, a missing part size.
* A file was uploaded when the server says so and lists what became of it; every file given is in exactly one of the
  two lists of a multiple upload.
* One file's trouble is its own. What ends a multiple upload as a whole is raised only while nothing was uploaded.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pixel_core.answers import Answer, Field
from pixel_core.api.addresses import collection_path, query_of, segment
from pixel_core.api.jobs import Jobs, poll
from pixel_core.effects import Flow, Report, Together
from pixel_core.errors import PixelError, PixelJobTimeoutError, PixelProtocolError, PixelUploadJobError
from pixel_core.events import FileFinished
from pixel_core.models import MetadataObject, PixelUploadFile
from pixel_core.uploads import Hashed, Planned, hash_file, hash_files, plan, storage_flows

FILES_PER_REQUEST = 200
"""How many files go into one request for upload jobs, by the service's manual."""

IDS_PER_LIST = 50
"""How many finished files are looked up at a time."""

VALIDATION_SECONDS = 600.0
"""How long a file may still be in validation after the server's job for it was completed."""

DONE = "validated_and_moved"
_UNDER_WAY = ("lobby", "submitted", "validating", "validated")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is uploaded: the path of its resources, and the types of data collections that take it."""

    noun: str
    path: str
    collection_types: frozenset[str]


IMAGE = Kind("an image", "images", frozenset({"image"}))
RASTER = Kind("a raster", "rasters", frozenset({"raster", "RGB", "DTM", "DSM"}))
POINT_CLOUD = Kind("a point cloud", "point_clouds", frozenset({"point_cloud"}))

_PATHS = {"image": "images", "raster": "rasters", "point_cloud": "point_clouds"}


@dataclass(slots=True)
class _Sent:
    """A file on its way: its upload job once there is one, what it became, its resource or its error at the end.
    `trouble` is the status of an error that comes now: "not_uploaded", then (the server has the file) "not_confirmed",
    then (the server made a resource of it) "not_listed".
    """

    file: Planned
    job_id: int | str | None = None
    became: tuple[str, int | str] | None = None
    resource: Any = None
    error: PixelUploadJobError | None = None
    trouble: str = "not_uploaded"

    @property
    def handed_over(self) -> bool:
        return self.trouble != "not_uploaded"

    def fail(self, status: str, detail: Any, cause: BaseException | None = None) -> None:
        self.error = PixelUploadJobError(self.job_id, status, detail, self.file.path)
        self.error.__cause__ = cause

    def judged(self, job: Field | None) -> None:
        """Take the server's last word on the upload job."""
        if job is None:
            self.fail("not_listed", "the server does not list its upload job")
            return
        try:
            status = job.field("status").text()
            if status == DONE:
                self.became = _resource_of(job.field("result"))
                self.trouble = "not_listed"
            else:
                self.fail(status, job.field("detail").value)
        except PixelProtocolError as error:
            self.fail(self.trouble, str(error), error)


class UploadFlows(Jobs):
    """What the uploads of all kinds share."""

    def _check_collection(self, kind: Kind, project_id: int, data_collection_id: int) -> Flow[None]:
        answer = yield from self.session.call("GET", collection_path(project_id, data_collection_id))
        found = answer.field("data_collection_type").text()
        if found not in kind.collection_types:
            raise ValueError(
                f"Data collection is not {kind.noun} data collection: "
                f"{data_collection_id} of project {project_id} is of type {found!r}"
            )

    def _create_jobs(self, project_id: int, data_collection_id: int, files: Sequence[Hashed]) -> Flow[Field]:
        path = jobs_path(project_id, data_collection_id) + ("multipart" if files[0].file.multipart else "")
        answer = yield from self.session.call("POST", path, json={"files": [each.declaration() for each in files]})
        return answer.root

    def _upload(self, kind: Kind, project_id: int, data_collection_id: int, planned: Planned) -> Flow[Any]:
        yield from self._check_collection(kind, project_id, data_collection_id)
        hashed = yield from hash_file(planned)
        jobs = yield from self._create_jobs(project_id, data_collection_id, [hashed])
        if not jobs.items():
            raise jobs.wrong(f"a list with an upload job for {planned.path}", "is empty")
        job = jobs.items()[0]
        job_id = job.field("id").identifier()
        sending = storage_flows(self.session, hashed, job)
        yield from Together(sending, self.session.options.upload_max_concurrency)
        path = f"{jobs_path(project_id, data_collection_id)}{segment(job_id)}/uploadFinished"
        finished = yield from self.session.call("PUT", path)
        yield from self.wait_for_job(finished.field("job").field("job_id").identifier())
        found = (yield from self._outcomes(project_id, data_collection_id, [job_id]))[job_id]
        status = found.field("status").text()
        yield from Report(FileFinished(planned.path, status))
        if status in _UNDER_WAY:
            raise PixelJobTimeoutError(
                f"Upload job {job_id} ({planned.path}) is still '{status}' after {VALIDATION_SECONDS:g} seconds; "
                "it may still complete: look again with get_upload_jobs"
            )
        if status != DONE:
            raise PixelUploadJobError(job_id, status, found.field("detail").value, planned.path)
        return (yield from self._resource(project_id, data_collection_id, found.field("result")))

    def _resource(self, project_id: int, data_collection_id: int, result: Field) -> Flow[Any]:
        name, number = _resource_of(result)
        path = f"{collection_path(project_id, data_collection_id)}/{_PATHS[name]}/{segment(number)}"
        return (yield from self.session.call("GET", path)).json(dict)

    def _outcomes(
        self, project_id: int, data_collection_id: int, job_ids: Sequence[int | str]
    ) -> Flow[dict[int | str, Field]]:
        """The upload jobs by id, once none is under way any more or VALIDATION_SECONDS have passed."""
        path, query = jobs_path(project_id, data_collection_id), query_of(ids=job_ids, limit=len(job_ids))
        last: list[Answer] = []

        def look() -> Flow[Answer]:
            answer = yield from self.session.call("GET", path, query)
            last[:] = [answer]
            return answer

        def settled(answer: Answer) -> bool:
            return all(job.field("status").value not in _UNDER_WAY for job in answer.root.items())

        with suppress(PixelJobTimeoutError):  # Those who asked tell for each file how far it came.
            yield from poll(look, settled, f"validation of {len(job_ids)} uploads", VALIDATION_SECONDS)
        found = {job.field("id").identifier(): job for job in last[0].root.items()}
        missing = [job_id for job_id in job_ids if job_id not in found]
        if missing and len(job_ids) == 1:
            raise last[0].root.wrong(f"a list with upload job {missing[0]} in it", "lacks it")
        return found

    def _upload_many(
        self, kind: Kind, project_id: int, data_collection_id: int, files: Sequence[Planned]
    ) -> Flow[tuple[list[Any], list[PixelUploadJobError]]]:
        if not files:
            return [], []
        yield from self._check_collection(kind, project_id, data_collection_id)
        all_sent: list[_Sent] = []
        for start in range(0, len(files), FILES_PER_REQUEST):
            sent = [_Sent(file) for file in files[start : start + FILES_PER_REQUEST]]
            try:
                yield from self._upload_batch(project_id, data_collection_id, sent)
            except (PixelError, OSError) as error:
                if not any(each.handed_over for each in [*all_sent, *sent]):
                    raise
                for each in sent:
                    if not each.resource and not each.error:
                        each.fail(each.trouble, str(error), error)
            all_sent += sent
            for each in sent:
                yield from Report(FileFinished(each.file.path, each.error.status if each.error else DONE))
        done = [each.resource for each in all_sent if not each.error]
        return done, [each.error for each in all_sent if each.error]

    def _upload_batch(self, project_id: int, data_collection_id: int, sent: Sequence[_Sent]) -> Flow[None]:
        """Up to 200 files: what becomes of each stands in `sent` afterwards."""
        ready: list[tuple[_Sent, Hashed]] = []
        outcomes = yield from hash_files([each.file for each in sent])
        for each, outcome in zip(sent, outcomes, strict=True):
            if isinstance(outcome, Exception):
                each.fail("not_read", str(outcome), outcome)
            else:
                ready.append((each, outcome))
        if not ready:
            return
        jobs = yield from self._create_jobs(project_id, data_collection_id, [hashed for _, hashed in ready])
        yield from self._store_all(ready, {job.field("name").text(): job for job in jobs.items()})
        stored = {each.job_id: each for each, _ in ready if each.job_id is not None and not each.error}
        if not stored:
            return
        path = f"{jobs_path(project_id, data_collection_id)}multiple_uploadFinished"
        finished = yield from self.session.call("PUT", path, json={"job_ids": list(stored)})
        for each in stored.values():
            each.trouble = "not_confirmed"
        yield from self.wait_for_group_job(finished.field("group_job").field("group_id").identifier())
        found = yield from self._outcomes(project_id, data_collection_id, list(stored))
        for job_id, each in stored.items():
            each.judged(found.get(job_id))
        yield from self._look_up(project_id, data_collection_id, [each for each in stored.values() if each.became])

    def _store_all(self, ready: Sequence[tuple[_Sent, Hashed]], jobs: Mapping[str, Field]) -> Flow[None]:
        """Store the bytes of all files, so many requests at a time; a file with a failed request has failed."""
        owners: list[_Sent] = []
        flows: list[Flow[None]] = []
        taken: set[int | str] = set()
        for each, hashed in ready:
            job = jobs.get(each.file.name)
            if job is None:
                each.fail("not_created", f"the server made no upload job for {each.file.name}")
                continue
            try:
                each.job_id = job.field("id").identifier()
                if each.job_id in taken:
                    raise job.field("id").wrong("an id of its own", f"is {each.job_id}, which another file has")
                taken.add(each.job_id)
                these = storage_flows(self.session, hashed, job)
            except PixelProtocolError as error:
                each.fail("not_stored", str(error), error)
            else:
                owners += [each] * len(these)
                flows += these
        outcomes = yield from Together(flows, self.session.options.upload_max_concurrency, collect=True)
        for owner, outcome in zip(owners, outcomes, strict=True):
            if isinstance(outcome, Exception) and not owner.error:
                owner.fail("not_stored", str(outcome), outcome)

    def _look_up(self, project_id: int, data_collection_id: int, finished: Sequence[_Sent]) -> Flow[None]:
        """Look the finished files up in their kinds' lists, and give each its resource."""
        owners: dict[tuple[str, int | str], list[_Sent]] = {}
        for each in finished:
            if each.became:
                owners.setdefault(each.became, []).append(each)
        for name in sorted({name for name, _ in owners}):
            numbers = [number for kind, number in owners if kind == name]
            path = f"{collection_path(project_id, data_collection_id)}/{_PATHS[name]}/"
            for start in range(0, len(numbers), IDS_PER_LIST):
                ids = numbers[start : start + IDS_PER_LIST]
                answer = yield from self.session.call("GET", path, query_of(ids=ids, limit=len(ids)))
                for item in answer.root.items():
                    for each in owners.get((name, item.field("id").identifier()), ()):
                        each.resource = item.value
        for (name, number), these in owners.items():
            for each in these:
                if each.resource is None:
                    each.fail(each.trouble, f"the server finished it as {name} {number}, and does not list that")


def jobs_path(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/upload_jobs/"


def metadata_of(metadata: Mapping[str, Any] | MetadataObject | None) -> dict[str, Any] | None:
    if isinstance(metadata, MetadataObject):
        return metadata.body()
    return dict(metadata) if metadata else None


def plan_all(files: Sequence[PixelUploadFile], part_size: int | None) -> Flow[list[Planned]]:
    """Look at all files. Raises ValueError for equal names, FileNotFoundError, ValidationError."""
    planned = []
    for each in [PixelUploadFile.model_validate(file) for file in files]:
        metadata = each.metadata.body() if each.metadata else None
        planned.append((yield from plan(each.file, part_size, each.support_files or (), metadata)))
    names: set[str] = set()
    for file in planned:
        if file.name in names:
            raise ValueError(f"All files must have unique names: there are two of the name {file.name!r}")
        names.add(file.name)
    return planned


def _resource_of(result: Field) -> tuple[str, int | str]:
    """What a finished upload became: kind and id."""
    name = result.field("resource_name")
    if name.value not in _PATHS:
        raise name.wrong(f"one of {', '.join(_PATHS)}")
    return name.text(), result.field("resource_id").identifier()

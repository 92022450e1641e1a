"""The flows of uploads: upload jobs, the server's validation, and the resources that come of it.

Rules kept here:

* What can be told beforehand is told before anything is created: a missing file, equal names, a missing part size.
* A file was uploaded when the server says so and lists what became of it; every file given is in exactly one of the
  two lists of a multiple upload.
* One file's trouble is its own. What ends a multiple upload as a whole is raised only while nothing was uploaded.
* What an earlier run left behind is taken up where the server says it is; a job is told to be finished at most once
  unless the server still waits for that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from pixel_core import models
from pixel_core.api.jobs import poll, wait_for
from pixel_core.api.paths import collection_path, query_of, segment, upload_jobs_path
from pixel_core.effects import Flow, OpenJournal
from pixel_core.errors import (
    PixelBadRequestError,
    PixelConnectionError,
    PixelJobTimeoutError,
    PixelNotFoundError,
    PixelProtocolError,
    PixelServerError,
    PixelUploadJobError,
)
from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_core.messages import Response
from pixel_core.session.answers import Answer, Field
from pixel_core.session.attempts import Attempts
from pixel_core.session.session import Session
from pixel_core.uploads import (
    FileSpec,
    HashedFile,
    PartSizing,
    PlannedFile,
    StorageRequest,
    Transfer,
    TransferState,
    plan,
    storage_requests,
    upload,
)
from pixel_core.uploads.transfers import NOT_CONFIRMED, NOT_LISTED, NOT_UPLOADED, UNDER_WAY
from pixel_core.values import value

IDS_PER_LIST = 50
"""How many finished files are looked up at a time."""

VALIDATION_SECONDS = 600.0
"""How long a file may still be in validation after the server's job for it was completed."""

DONE = "validated_and_moved"

_SPLIT_ON = (400, 413, 422)
"""Refusals of a request for several upload jobs that may be the fault of one file."""


@value
class Kind:
    """What is uploaded: the path of its resources, and the types of data collections that take it."""

    noun: str
    name: str
    path: str
    collection_types: frozenset[str]


IMAGE = Kind("an image", "image", "images", frozenset({"image"}))
RASTER = Kind("a raster", "raster", "rasters", frozenset({"raster", "RGB", "DTM", "DSM"}))
POINT_CLOUD = Kind("a point cloud", "point_cloud", "point_clouds", frozenset({"point_cloud"}))

KINDS = {kind.name: kind for kind in (IMAGE, RASTER, POINT_CLOUD)}


class UploadFlows:
    """The uploads of one kind to one data collection."""

    def __init__(self, session: Session, kind: Kind, project_id: int, data_collection_id: int) -> None:
        self._session = session
        self._kind = kind
        self._place = (project_id, data_collection_id)

    def one(
        self,
        path: object,
        multipart: bool,
        part_size: int | None,
        support_files: Sequence[object],
        metadata: models.Metadata | None,
    ) -> Flow[Any]:
        """One file: its resource. Raises ValueError, FileNotFoundError, and what went wrong with it."""
        sizing = PartSizing.of(self._session.options.multipart_threshold, multipart, part_size)
        wanted = FileSpec(str(path), tuple(str(each) for each in support_files), metadata_of(metadata))
        planned = yield from plan([wanted], sizing)
        (transfer,), broken = yield from self._transfer(planned, alone=True)
        if transfer.error is not None:
            raise broken or transfer.error.__cause__ or transfer.error
        return transfer.resource

    def many(
        self, files: Sequence[models.PixelUploadFile], multipart: bool, part_size: int | None
    ) -> Flow[tuple[list[Any], list[PixelUploadJobError]]]:
        """Many files: the resources of some and the errors of the others. Raises ValueError for equal names,
        FileNotFoundError, ValidationError, and what ends all while nothing was uploaded.
        """
        sizing = PartSizing.of(self._session.options.multipart_threshold, multipart, part_size)
        planned = yield from plan(_all_wanted(files), sizing)
        if not planned:
            return [], []
        transfers, broken = yield from self._transfer(planned, alone=False)
        if broken is not None and not any(each.handed_over for each in transfers):
            raise broken
        return (
            [each.resource for each in transfers if each.error is None],
            [each.error for each in transfers if each.error is not None],
        )

    def _transfer(self, files: Sequence[PlannedFile], alone: bool) -> Flow[tuple[list[Transfer], Exception | None]]:
        """The transfers of all files, each at its end, and what stopped those that had not begun."""
        yield from self._check_collection()
        service = CollectionUploads(self._session, self._kind, *self._place, alone)
        transfers = [Transfer(file) for file in files]

        def lead(snapshot: JournalSnapshot) -> Flow[Exception | None]:
            yield from service.recall(transfers, snapshot)
            return (yield from upload(service, self._session, transfers, self._kind.path, snapshot.run))

        destination = f"{self._session.url}{collection_path(*self._place)} ({self._session.tokens.realm})"
        skip = self._session.options.skip_uploaded
        broken = yield from OpenJournal(destination, [each.path for each in files], lead, with_finished=skip)
        return transfers, broken

    def _check_collection(self) -> Flow[None]:
        answer = yield from self._session.call("GET", collection_path(*self._place))
        found = answer.field("data_collection_type").text()
        if found not in self._kind.collection_types:
            project_id, data_collection_id = self._place
            raise ValueError(
                f"Data collection is not {self._kind.noun} data collection: "
                f"{data_collection_id} of project {project_id} is of type {found!r}"
            )


class CollectionUploads:
    """Where files for a data collection are handed in (a `UploadService` of the upload engine). `alone` is a single file, for
    which the service has an address of its own.
    """

    def __init__(self, session: Session, kind: Kind, project_id: int, data_collection_id: int, alone: bool) -> None:
        self._session = session
        self._kind = kind
        self._place = collection_path(project_id, data_collection_id)
        self._path = upload_jobs_path(project_id, data_collection_id)
        self._alone = alone

    # Upload jobs

    def declare(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """The upload jobs, or what is wrong with a file; a request that is refused is split until it is known which
        file is at fault.
        """
        try:
            jobs = yield from self._declared(files)
        except PixelBadRequestError as error:
            if len(files) == 1 or error.status_code not in _SPLIT_ON:
                raise
            half = len(files) // 2
            found: list[Field | Exception] = []
            for part in (files[:half], files[half:]):
                try:
                    found += yield from self.declare(part)
                except PixelBadRequestError as refused:
                    found += [refused] * len(part)
            if all(isinstance(each, PixelBadRequestError) for each in found):
                raise
            return found
        return jobs

    def _declared(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        path = self._path + ("multipart" if files[0].file.multipart else "")
        told = {"files": [each.declaration() for each in files]}
        # Asked for again after a broken connection too: a job that nobody uses is never finished, and comes to nothing.
        answer = yield from self._session.call("POST", path, json=told, retries=self._session.upload_retries)
        jobs = answer.root.items()
        if len(files) == 1 and len(jobs) == 1:
            return [jobs[0]]
        by_name = {job.field("name").text(): job for job in jobs}
        return [by_name.get(each.file.name) or _no_job(answer, each.file.name) for each in files]

    def requests(self, hashed: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        return storage_requests(self._session, hashed, job, stored)

    # The end

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Tell the server, wait for its jobs, and take its last word on each."""
        told = [each for each in sent if each.trouble != NOT_CONFIRMED]
        if told:
            waiting = yield from self._tell(told)
            for each in told:
                each.trouble = NOT_CONFIRMED
            if waiting is not None:
                with suppress(PixelConnectionError, PixelServerError):  # The upload jobs are looked at in any case.
                    yield from waiting
        found = yield from self._outcomes([each.job_id for each in sent if each.job_id is not None])
        for each in sent:
            self._judge(each, None if each.job_id is None else found.get(each.job_id))
        yield from self.look_up([each for each in sent if each.became and not each.error])

    def _tell(self, sent: Sequence[Transfer]) -> Flow[Flow[Any] | None]:
        """Tell the server that files are stored, and give the flow that waits for its jobs.

        After an answer that did not come, the server is asked whether it knows: telling twice could count twice.
        """
        ids, policy = [each.job_id for each in sent], self._session.upload_retries
        attempts = Attempts(policy)
        path = (
            f"{self._path}{segment(ids[0])}/uploadFinished" if self._alone else f"{self._path}multiple_uploadFinished"
        )
        while True:
            try:
                if self._alone:
                    answer = yield from self._session.call("PUT", path)
                    job_id = answer.field("job").field("job_id").identifier()
                    return wait_for(self._session, f"/jobs/{segment(job_id)}", f"job {job_id}", 600.0, policy)
                answer = yield from self._session.call("PUT", path, json={"job_ids": ids})
                group_id = answer.field("group_job").field("group_id").identifier()
                return wait_for(
                    self._session, f"/jobs/groups/{segment(group_id)}", f"group job {group_id}", 1200.0, policy
                )
            except (PixelConnectionError, PixelServerError, PixelBadRequestError) as error:
                if isinstance(error, PixelBadRequestError) and error.status_code != 408:
                    raise
                outcome = error if isinstance(error, PixelConnectionError) else Response(error.status_code)
                if not (yield from attempts.repeat(f"PUT {self._session.url}{path}", "PUT", outcome, again=True)):
                    raise
            listed = yield from self._listed(ids)
            if any(job.field("status").value != "lobby" for job in listed.values()):
                return None

    def _listed(self, job_ids: Sequence[Any]) -> Flow[dict[int | str, Field]]:
        """Upload jobs by id, as they are now."""
        found: dict[int | str, Field] = {}
        for start in range(0, len(job_ids), IDS_PER_LIST):
            ids = job_ids[start : start + IDS_PER_LIST]
            answer = yield from self._read(self._path, query_of(ids=ids, limit=len(ids)))
            found.update((job.field("id").identifier(), job) for job in answer.root.items())
        return found

    def _read(self, path: str, query: str) -> Flow[Answer]:
        return (yield from self._session.call("GET", path, query, retries=self._session.upload_retries))

    def _outcomes(self, job_ids: Sequence[int | str]) -> Flow[dict[int | str, Field]]:
        """The upload jobs by id, once none is under way any more or VALIDATION_SECONDS have passed."""
        query = query_of(ids=job_ids, limit=len(job_ids))
        last: list[Answer] = []

        def look() -> Flow[Answer]:
            answer = yield from self._read(self._path, query)
            last[:] = [answer]
            return answer

        def settled(answer: Answer) -> bool:
            return all(job.field("status").value not in UNDER_WAY for job in answer.root.items())

        with suppress(PixelJobTimeoutError):  # Each file is told how far it came.
            yield from poll(look, settled, f"validation of {len(job_ids)} uploads", VALIDATION_SECONDS)
        found = {job.field("id").identifier(): job for job in last[0].root.items()}
        missing = [job_id for job_id in job_ids if job_id not in found]
        if missing and len(job_ids) == 1 and self._alone:
            raise last[0].root.wrong(f"a list with upload job {missing[0]} in it", "lacks it")
        return found

    def _judge(self, transfer: Transfer, job: Field | None) -> None:
        """Take the server's last word on an upload job."""
        if job is None:
            transfer.fail(NOT_LISTED, "the server does not list its upload job")
            return
        try:
            status = job.field("status").text()
            if status == DONE:
                transfer.became = _resource_of(job.field("result"))
                transfer.trouble = NOT_LISTED
            elif status in UNDER_WAY:
                waited = PixelJobTimeoutError(
                    f"Upload job {transfer.job_id} ({transfer.file.path}) is still '{status}' after "
                    f"{VALIDATION_SECONDS:g} seconds; it may still complete: look again with get_upload_jobs"
                )
                transfer.fail(status, job.field("detail").value, waited)
            else:
                transfer.fail(status, job.field("detail").value)
        except PixelProtocolError as error:
            transfer.fail(transfer.trouble, str(error), error)

    def look_up(self, finished: Sequence[Transfer]) -> Flow[None]:
        """Look the finished files up in their kinds' lists, and give each its resource, or an error."""
        if self._alone and len(finished) == 1 and finished[0].became:
            name, number = finished[0].became
            answer = yield from self._read(f"{self._place}/{KINDS[name].path}/{segment(number)}", "")
            finished[0].resource = answer.json(dict)
            return
        owners: dict[tuple[str, int | str], list[Transfer]] = {}
        for each in finished:
            if each.became:
                owners.setdefault(each.became, []).append(each)
        for name in sorted({name for name, _ in owners}):
            numbers = [number for kind, number in owners if kind == name]
            for start in range(0, len(numbers), IDS_PER_LIST):
                ids = numbers[start : start + IDS_PER_LIST]
                answer = yield from self._read(f"{self._place}/{KINDS[name].path}/", query_of(ids=ids, limit=len(ids)))
                for item in answer.root.items():
                    for each in owners.get((name, item.field("id").identifier()), ()):
                        self._take(each, item)
        for (name, number), these in owners.items():
            for each in these:
                if each.resource is None:
                    each.fail(each.trouble, f"the server finished it as {name} {number}, and does not list that")

    @staticmethod
    def _take(transfer: Transfer, item: Field) -> None:
        """The resource of a file, unless the server lists it with another size."""
        size = item.value.get("size")
        known = isinstance(size, int) and isinstance(item.value.get("md5"), str)
        if known and size != transfer.file.size:
            transfer.fail("not_the_same", f"it has {transfer.file.size} bytes, and the server lists it with {size}")
        else:
            transfer.resource = item.value

    # What an earlier run left

    def recall(self, transfers: Sequence[Transfer], snapshot: JournalSnapshot) -> Flow[None]:
        """Put the files that the journal knows where the server says they are; the others begin anew."""
        known: list[tuple[Transfer, JournalEntry]] = []
        for each in transfers:
            entry = snapshot.entries.get(each.file.path)
            if each.file.path in snapshot.taken:
                each.fail("in_use", "another program is uploading it to the same data collection")
                each.state = TransferState.FAILED
            elif entry is not None and _is_of(entry, each.file):
                known.append((each, entry))
        if not known:
            return
        listed = yield from self._listed([entry.job_id for _, entry in known if entry.job_id is not None])
        for transfer, entry in known:
            job = None if entry.job_id is None else listed.get(entry.job_id)
            try:
                self._place_at(transfer, entry, job)
            except PixelProtocolError as error:  # It may be there: beginning anew could make two of it.
                transfer.fail(NOT_CONFIRMED, str(error), error)
                transfer.state = TransferState.FAILED
            if job is None and entry.state is JournalState.FINISHING and transfer.became is None:
                yield from self._look_for(transfer)
        finished = [each for each, _ in known if each.became]
        with suppress(PixelNotFoundError):  # Any other trouble is raised: beginning anew could make two of a file.
            yield from self.look_up(finished)
        for each in finished:
            if each.resource is None:  # It was taken away since: the file begins anew.
                each.became, each.error, each.job_id, each.trouble = None, None, None, NOT_UPLOADED
                each.state = TransferState.WAITING
            else:
                each.state = TransferState.DONE

    def _place_at(self, transfer: Transfer, entry: JournalEntry, job: Field | None) -> None:
        """Where a file is that the journal knows. Raises PixelProtocolError for a job that cannot be understood."""
        status = None if job is None else job.field("status").text()
        if status == DONE and job is not None:
            transfer.job_id = entry.job_id
            transfer.became = _resource_of(job.field("result"))
            transfer.trouble = NOT_LISTED
        elif job is None and entry.resource is not None:
            transfer.became, transfer.trouble = entry.resource, NOT_LISTED
        elif status in UNDER_WAY and status != "lobby":
            transfer.job_id, transfer.trouble, transfer.state = entry.job_id, NOT_CONFIRMED, TransferState.SENT
        elif status == "lobby" and entry.metadata != transfer.file.metadata_digest:
            return  # another job is asked for, with what is wanted now
        elif status == "lobby" and entry.state in (JournalState.SENT, JournalState.FINISHING):
            transfer.job_id, transfer.state = entry.job_id, TransferState.SENT
        elif status == "lobby" and entry.target is not None:
            self._go_on(transfer, entry)

    def _look_for(self, transfer: Transfer) -> Flow[None]:
        """A file that was about to be finished, and whose upload job the server does not list any more: it may be there
        all the same, under its name and with its size.
        """
        file = transfer.file
        query = query_of(name=file.name, limit=IDS_PER_LIST)
        answer = yield from self._read(f"{self._place}/{self._kind.path}/", query)
        for item in answer.root.items():
            found = item.value
            if isinstance(found, dict) and found.get("name") == file.name and found.get("size", file.size) == file.size:
                transfer.became = (self._kind.name, item.field("id").identifier())
                transfer.trouble = NOT_LISTED
                return

    def _go_on(self, transfer: Transfer, entry: JournalEntry) -> None:
        """A file with an upload job, some parts of which may be stored. It is not read again to be hashed."""
        file, count = transfer.file, len(transfer.file.slices)
        if file.part_size != entry.part_size or len(entry.digests) != count + len(file.support_files):
            return
        supports = tuple(
            HashedFile(support, (digest,))
            for support, digest in zip(file.support_files, entry.digests[count:], strict=True)
        )
        transfer.hashed = HashedFile(file, entry.digests[:count], supports)
        described = Answer(Response(200), f"the upload job {entry.job_id} in the journal", "")
        transfer.job = Field(described, "", entry.target)
        transfer.job_id = entry.job_id
        transfer.parts = set(entry.parts)
        transfer.state = TransferState.SENDING


def metadata_of(metadata: models.Metadata | None) -> dict[str, Any] | None:
    if isinstance(metadata, models.MetadataObject):
        return metadata.body()
    return dict(metadata) if metadata else None


def _all_wanted(files: Sequence[models.PixelUploadFile]) -> list[FileSpec]:
    """Raises ValueError for equal names, ValidationError."""
    wanted = []
    names: set[str] = set()
    for each in files:
        file = models.PixelUploadFile.model_validate(each)
        if file.file.name in names:
            raise ValueError(f"All files must have unique names: there are two of the name {file.file.name!r}")
        names.add(file.file.name)
        supports = tuple(str(path) for path in file.support_files or ())
        wanted.append(FileSpec(str(file.file), supports, file.metadata.body() if file.metadata else None))
    return wanted


def _is_of(entry: JournalEntry, file: PlannedFile) -> bool:
    """Whether the file and those that belong to it are as the journal knows them."""
    facts = tuple((each.size, each.facts.modified) for each in (file, *file.support_files))
    return ((entry.size, entry.modified), *entry.supports) == facts


def _no_job(answer: Answer, name: str) -> PixelProtocolError:
    return answer.error(f"has no upload job for {name}: the server made none")


def _resource_of(result: Field) -> tuple[str, int | str]:
    """What a finished upload became: kind and id."""
    name = result.field("resource_name")
    if name.value not in KINDS:
        raise name.wrong(f"one of {', '.join(KINDS)}")
    return name.text(), result.field("resource_id").identifier()

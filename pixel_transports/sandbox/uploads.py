"""Upload jobs: where a client asks for a place to store files, and says that it stored them.

Rules kept here:

* A job for a whole file holds a signed form (POST), one for a file in parts a signed URL for each part (PUT). Support
  files are always whole.
* `uploadFinished` may be said again: the answer names the same job. Nothing is checked before it was said.
* The URLs lead to the origin at which the job was asked for.
* The stages of an upload job are a third of its server job's time each; `lag_seconds` after that it is at its end::

    lobby ──uploadFinished──▶ submitted ──▶ validating ──▶ validated ──▶ validated_and_moved
                                                                   └───▶ failed
"""

from typing import Any
from urllib.parse import quote

from pixel_transports.sandbox.bodies import ListQuery, read_body, read_query
from pixel_transports.sandbox.bodies_files import FinishedBody, PartedFile, PartedFiles, WholeFile, WholeFiles
from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.lists import narrowed
from pixel_transports.sandbox.minting import Mint
from pixel_transports.sandbox.records import iso
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.validation import Validation
from pixel_transports.sandbox.work import Job, PartSlot, Upload, UploadJob


class Uploads:
    """The room of the upload jobs."""

    def __init__(
        self, state: State, mint: Mint, jobs: Jobs, signer: Signer, validation: Validation, lag_seconds: float
    ) -> None:
        self._state = state
        self._mint = mint
        self._jobs = jobs
        self._signer = signer
        self._validation = validation
        self._lag_seconds = lag_seconds

    def create(self, incoming: Incoming, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        files = read_body(incoming, WholeFiles).files
        self._state.collection(project_id, data_collection_id)
        return [self._create(incoming, data_collection_id, file) for file in files]

    def create_multipart(self, incoming: Incoming, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        files = read_body(incoming, PartedFiles).files
        self._state.collection(project_id, data_collection_id)
        return [self._create(incoming, data_collection_id, file) for file in files]

    def _create(self, incoming: Incoming, collection_id: int, file: WholeFile | PartedFile) -> dict[str, Any]:
        job_id = self._state.next_id()
        folder = f"uploads/{collection_id}/{job_id}-{self._mint.name('key')[:8]}"
        if isinstance(file, WholeFile):
            main = self._whole(incoming, file.name, f"{folder}/{file.name}", file.md5)
        else:
            main = self._parted(incoming, file, f"{folder}/{file.name}")
        job = UploadJob(
            id=job_id,
            collection_id=collection_id,
            main=main,
            support=[
                self._whole(incoming, support.name, f"{folder}/support/{number}/{support.name}", support.md5)
                for number, support in enumerate(file.support_files)
            ],
            metadata={} if file.metadata is None else file.metadata.given,
            created_at=incoming.now,
        )
        self._state.upload_jobs[collection_id][job.id] = job
        return self._view(job, incoming.now)

    def _whole(self, incoming: Incoming, name: str, key: str, md5: str) -> Upload:
        url = f"{incoming.origin}/storage/{self._signer.bucket}"
        fields = self._signer.form(key, md5, incoming.now)
        return Upload(name, key, md5=md5, access={"url": url, "upload_fields": fields, "upload_parts": []})

    def _parted(self, incoming: Incoming, file: PartedFile, key: str) -> Upload:
        upload = Upload(file.name, key, upload_id=self._mint.name("upload").replace("-", ""))
        upload.parts = {
            part.part_number: PartSlot(part.part_number, part.md5, part.content_length) for part in file.parts
        }
        path = f"/storage/{self._signer.bucket}/{quote(key, safe='/')}"
        places = []
        for part in file.parts:
            query = {"partNumber": str(part.part_number), "uploadId": upload.upload_id or ""}
            headers = {"content-md5": part.md5, "host": incoming.origin.authority}
            signed = self._signer.query("PUT", path, query, headers, incoming.now)
            place = {"part_number": part.part_number, "url": f"{incoming.origin}{path}?{signed}"}
            places.append({**place, "headers": {"Content-MD5": part.md5}})
        upload.access = {"url": None, "upload_fields": {}, "upload_parts": places}
        self._state.uploads[upload.upload_id or ""] = upload
        return upload

    def listed(self, incoming: Incoming, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = read_query(incoming, ListQuery)
        self._state.collection(project_id, data_collection_id)
        found = narrowed(self._state.upload_jobs[data_collection_id], query)
        return [self._view(job, incoming.now) for job in found]

    def _find(self, data_collection_id: int, upload_job_id: int) -> UploadJob:
        job = self._state.upload_jobs[data_collection_id].get(upload_job_id)
        if job is None:
            raise refusal(404, f"Upload job {upload_job_id} not found")
        return job

    def finished(
        self, incoming: Incoming, project_id: int, data_collection_id: int, upload_job_id: int
    ) -> dict[str, Any]:
        self._state.collection(project_id, data_collection_id)
        job = self._find(data_collection_id, upload_job_id)
        begun = self._begun(job, incoming.now)
        return {"job": self._jobs.view(begun, incoming.now), "upload_job": self._view(job, incoming.now)}

    def several_finished(self, incoming: Incoming, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = read_body(incoming, FinishedBody)
        self._state.collection(project_id, data_collection_id)
        jobs = [self._find(data_collection_id, job_id) for job_id in dict.fromkeys(body.job_ids)]
        group_id = self._jobs.group_of(self._begun(job, incoming.now) for job in jobs)
        views = [self._view(job, incoming.now) for job in jobs]
        return {"group_job": self._jobs.group_view(group_id), "upload_jobs": views}

    def _begun(self, job: UploadJob, now: float) -> Job:
        """The server's job of an upload job, begun unless it was before."""
        if job.job is None:
            job.job = self._jobs.begin(
                f"validate {job.name}",
                now,
                lambda then: self._validation.end(job, then),
                lambda: self._validation.gather(job),
            )
        return job.job

    def status(self, job: UploadJob, now: float) -> str:
        """Which stage it is in at this moment."""
        if job.job is None:
            return "lobby"
        if job.outcome is not None and now >= job.job.ends_at + self._lag_seconds:
            return "failed" if job.outcome.resource is None else "validated_and_moved"
        elapsed, third = now - job.job.started_at, (job.job.ends_at - job.job.started_at) / 3
        return "submitted" if elapsed < third else "validating" if elapsed < 2 * third else "validated"

    def _view(self, job: UploadJob, now: float) -> dict[str, Any]:
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

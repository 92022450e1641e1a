"""Upload jobs: where a client asks for a place to store files, and says that it stored them.

Rules kept here:

* A job for a whole file holds a signed form (POST), one for a file in parts a signed URL for each part (PUT). Support
  files are always whole.
* `uploadFinished` may be said again: the answer names the same job. Nothing is checked before it was said.
* The URLs lead to the origin at which the job was asked for.
"""

from typing import Any
from urllib.parse import quote

from pixel_transports.sandbox.bodies import (
    FinishedBody,
    ListQuery,
    PartedFile,
    PartedFiles,
    WholeFile,
    WholeFiles,
    read_body,
    read_query,
)
from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.minting import Mint
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import PartSlot, State, Upload, UploadJob


class Uploads:
    """The room of the upload jobs."""

    def __init__(self, state: State, mint: Mint, jobs: Jobs, signer: Signer) -> None:
        self._state = state
        self._mint = mint
        self._jobs = jobs
        self._signer = signer

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
        self._state.upload_jobs[job.id] = job
        return self._jobs.upload_job_view(job, incoming.now)

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
        found = [
            job
            for job in self._state.upload_jobs.values()
            if job.collection_id == data_collection_id
            and (query.ids is None or job.id in query.ids)
            and (query.name is None or job.main.name == query.name)
        ]
        page = found[query.offset : query.offset + query.limit]
        return [self._jobs.upload_job_view(job, incoming.now) for job in page]

    def _find(self, data_collection_id: int, upload_job_id: int) -> UploadJob:
        job = self._state.upload_jobs.get(upload_job_id)
        if job is None or job.collection_id != data_collection_id:
            raise refusal(404, f"Upload job {upload_job_id} not found")
        return job

    def finished(
        self, incoming: Incoming, project_id: int, data_collection_id: int, upload_job_id: int
    ) -> dict[str, Any]:
        self._state.collection(project_id, data_collection_id)
        job = self._find(data_collection_id, upload_job_id)
        self._jobs.finish(job, incoming.now)
        view = self._jobs.upload_job_view(job, incoming.now)
        return {"job": self._jobs.job_view(job, incoming.now), "upload_job": view}

    def several_finished(self, incoming: Incoming, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = read_body(incoming, FinishedBody)
        self._state.collection(project_id, data_collection_id)
        jobs = [self._find(data_collection_id, job_id) for job_id in dict.fromkeys(body.job_ids)]
        for job in jobs:
            self._jobs.finish(job, incoming.now)
        group_id = self._jobs.group_of(jobs)
        views = [self._jobs.upload_job_view(job, incoming.now) for job in jobs]
        return {"group_job": self._jobs.group_view(group_id), "upload_jobs": views}

    def job(self, incoming: Incoming, job_id: str) -> dict[str, Any]:
        job = self._state.jobs.get(job_id)
        if job is None:
            raise refusal(404, "Job not found")
        return self._jobs.job_view(job, incoming.now)

    def group(self, incoming: Incoming, group_id: str) -> dict[str, Any]:
        if group_id not in self._state.groups:
            raise refusal(404, "Job group not found")
        return self._jobs.group_view(group_id)

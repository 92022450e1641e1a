"""Upload jobs: clients announce files, get signed forms or URLs, and report the end of their uploads.

Rules kept here:

* A job for a whole file has a signed form (POST), one for a multipart upload a signed URL for each part (PUT). Support
  files always have forms.
* `uploadFinished` can be repeated and returns the same job. Nothing is checked before it.
* The URLs have the origin of the request that they are returned to, since a sandbox that starts again may have another
  port. They are signed again for each view, as of the creation of the job.
* Each stage of an upload job takes a third of its server job's time. The upload job ends `lag_seconds` later::

    lobby ──uploadFinished──▶ submitted ──▶ validating ──▶ validated ──▶ validated_and_moved
                                                                   └───▶ failed
"""

import sys
from typing import Any
from urllib.parse import quote

from pixel_core.messages import Origin
from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.job_records import NO_METADATA, Job, PartSlot, Upload, UploadJob
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.records import iso
from pixel_transports.sandbox.schemas import ListQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_files import (
    FormUploadFile,
    FormUploadFiles,
    MultipartUploadFile,
    MultipartUploadFiles,
    UploadFinishedBody,
)
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import select
from pixel_transports.sandbox.tokens import TokenIssuer
from pixel_transports.sandbox.upload_validation import UploadValidation


class UploadJobHandlers:
    """Request handlers of upload jobs."""

    def __init__(
        self,
        state: State,
        issuer: TokenIssuer,
        jobs: Jobs,
        signer: Signer,
        validation: UploadValidation,
        lag_seconds: float,
    ) -> None:
        self._state = state
        self._issuer = issuer
        self._jobs = jobs
        self._signer = signer
        self._validation = validation
        self._lag_seconds = lag_seconds
        jobs.register("upload", self._end)

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        files = parse_body(request, FormUploadFiles).files
        self._state.collection(project_id, data_collection_id)
        return [self._create(request, data_collection_id, file) for file in files]

    def create_multipart(
        self, request: IncomingRequest, project_id: int, data_collection_id: int
    ) -> list[dict[str, Any]]:
        files = parse_body(request, MultipartUploadFiles).files
        self._state.collection(project_id, data_collection_id)
        return [self._create(request, data_collection_id, file) for file in files]

    def _create(
        self, request: IncomingRequest, collection_id: int, file: FormUploadFile | MultipartUploadFile
    ) -> dict[str, Any]:
        job_id = self._state.next_id()
        folder = f"uploads/{collection_id}/{job_id}-{self._issuer.new_id('key')[:8]}"
        if isinstance(file, FormUploadFile):
            main = self._form_upload(request, file.name, sys.intern(f"{folder}/{file.name}"), file.md5)
        else:
            main = self._multipart_upload(request, file, f"{folder}/{file.name}")
        job = UploadJob(
            id=job_id,
            collection_id=collection_id,
            main=main,
            support=tuple(
                self._form_upload(request, support.name, f"{folder}/support/{number}/{support.name}", support.md5)
                for number, support in enumerate(file.support_files)
            ),
            metadata=NO_METADATA if file.metadata is None else file.metadata.dump(),
            created_at=request.now,
        )
        self._state.upload_jobs[collection_id][job.id] = job
        return self._view(job, request)

    def _form_upload(self, request: IncomingRequest, name: str, key: str, md5: str) -> Upload:
        return Upload(name, key, md5=md5)

    def _multipart_upload(self, request: IncomingRequest, file: MultipartUploadFile, key: str) -> Upload:
        upload_id = self._issuer.new_id("upload").replace("-", "")
        upload = Upload(file.name, key, upload_id=upload_id, is_open=True)
        upload.parts = {
            part.part_number: PartSlot(part.part_number, part.md5, part.content_length, upload_id=upload_id)
            for part in file.parts
        }
        self._state.uploads[upload_id] = upload
        return upload

    def _access(self, job: UploadJob, upload: Upload, origin: Origin) -> dict[str, Any]:
        """Return the signed form of an upload, or the signed URLs of its parts, at this origin."""
        if upload.access is not None:
            return upload.access
        bucket = f"{origin}/storage/{self._signer.bucket}"
        if upload.md5 is not None:
            fields = self._signer.sign_form(upload.key, upload.md5, job.created_at)
            return {"url": bucket, "upload_fields": fields, "upload_parts": []}
        path = f"/storage/{self._signer.bucket}/{quote(upload.key, safe='/')}"
        host, parts = str(origin).partition("://")[2], []
        for part in upload.parts.values():
            query = {"partNumber": str(part.number), "uploadId": upload.upload_id or ""}
            headers = {"content-md5": part.md5, "host": host}
            signed = self._signer.sign_query("PUT", path, query, headers, job.created_at)
            target = {"part_number": part.number, "url": f"{origin}{path}?{signed}"}
            parts.append({**target, "headers": {"Content-MD5": part.md5}})
        return {"url": None, "upload_fields": {}, "upload_parts": parts}

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        self._state.collection(project_id, data_collection_id)
        found = select(self._state.upload_jobs[data_collection_id], query)
        return [self._view(job, request) for job in found]

    def _find(self, data_collection_id: int, upload_job_id: int) -> UploadJob:
        job = self._state.upload_jobs[data_collection_id].get(upload_job_id)
        if job is None:
            raise http_error(404, f"Upload job {upload_job_id} not found")
        return job

    def finish(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, upload_job_id: int
    ) -> dict[str, Any]:
        self._state.collection(project_id, data_collection_id)
        job = self._find(data_collection_id, upload_job_id)
        server_job = self._started_job(job, request.now)
        return {"job": self._jobs.view(server_job, request.now), "upload_job": self._view(job, request)}

    def finish_many(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, UploadFinishedBody)
        self._state.collection(project_id, data_collection_id)
        jobs = [self._find(data_collection_id, job_id) for job_id in dict.fromkeys(body.job_ids)]
        group_id = self._jobs.group_id(self._started_job(job, request.now) for job in jobs)
        views = [self._view(job, request) for job in jobs]
        return {"group_job": self._jobs.group_view(group_id), "upload_jobs": views}

    def _started_job(self, job: UploadJob, now: float) -> Job:
        """Return the server job of an upload job, which is started if necessary."""
        if job.job is None:
            job.job = self._jobs.start(f"validate {job.name}", now, "upload", job.collection_id, job.id)
        return job.job

    def _end(self, collection_id: int, upload_job_id: int, now: float) -> str | None:
        return self._validation.end(self._state.upload_jobs[collection_id][upload_job_id], now)

    def status(self, job: UploadJob, now: float) -> str:
        """Return the status of an upload job at a time."""
        if job.job is None:
            return "lobby"
        if job.outcome is not None and now >= job.job.ends_at + self._lag_seconds:
            return "failed" if job.outcome.resource_id is None else "validated_and_moved"
        elapsed, third = now - job.job.started_at, (job.job.ends_at - job.job.started_at) / 3
        return "submitted" if elapsed < third else "validating" if elapsed < 2 * third else "validated"

    def _view(self, job: UploadJob, request: IncomingRequest) -> dict[str, Any]:
        """Return an upload job as JSON, for this request."""
        status = self.status(job, request.now)
        outcome = job.outcome if status in ("failed", "validated_and_moved") else None
        result = None
        if outcome is not None and outcome.resource_id is not None:
            result = {"resource_name": outcome.kind, "resource_id": outcome.resource_id}
        return {
            "id": job.id,
            "name": job.main.name,
            "data_collection_id": job.collection_id,
            "status": status,
            "detail": None if outcome is None else outcome.detail,
            **self._access(job, job.main, request.origin),
            "support_files": [
                {"name": upload.name, **self._access(job, upload, request.origin)} for upload in job.support
            ],
            "result": result,
            "created_at": iso(job.created_at),
        }

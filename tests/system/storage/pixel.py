"""A local Pixel with a real object storage: the sandbox with other handlers for uploads.

Clients get the bucket's own URLs and forms; not one byte of a file goes through the sandbox. The keys of one Pixel are
those of no other, so that many can share a bucket.
"""

import secrets

from pixel_transports.sandbox import Sandbox, StoredObject
from pixel_transports.sandbox.api import Api
from pixel_transports.sandbox.attachments import AttachmentHandlers
from pixel_transports.sandbox.http import IncomingRequest
from pixel_transports.sandbox.job_records import PartSlot, Upload, UploadJob
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.objects import md5_hex
from pixel_transports.sandbox.routes import all_routes
from pixel_transports.sandbox.schemas_files import MultipartUploadFile
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import TokenIssuer
from pixel_transports.sandbox.upload_jobs import UploadJobHandlers
from pixel_transports.sandbox.upload_validation import UploadValidation
from pixel_transports.sandbox.users import UserHandlers
from tests.system.storage.minio import SECONDS, Bucket, BucketError


class BucketUploads(UploadJobHandlers):
    """Upload jobs that lead to a bucket. The next `stale` files get expired signatures; the next `lost` uploads in
    parts are aborted in the storage at once.
    """

    def __init__(self, state: State, issuer: TokenIssuer, jobs: Jobs, bucket: Bucket) -> None:
        super().__init__(state, issuer, jobs, bucket.signer, BucketValidation(state, bucket), 0.0)
        self.stale = 0
        self.lost = 0
        self._bucket = bucket

    def _signed_at(self, now: float) -> float:
        if not self.stale:
            return now
        self.stale -= 1
        return now - 2 * SECONDS

    def _form_upload(self, request: IncomingRequest, name: str, key: str, md5: str) -> Upload:
        fields = self._bucket.form(key, md5, self._signed_at(request.now))
        return Upload(name, key, md5=md5, access={"url": self._bucket.url, "upload_fields": fields, "upload_parts": []})

    def _multipart_upload(self, request: IncomingRequest, file: MultipartUploadFile, key: str) -> Upload:
        upload_id = self._bucket.begin(key)
        upload = Upload(file.name, key, upload_id=upload_id)
        signed_at = self._signed_at(request.now)
        places = []
        for part in file.parts:
            upload.parts[part.part_number] = PartSlot(part.part_number, part.md5, part.content_length)
            url, headers = self._bucket.part(key, upload_id, part.part_number, part.md5, signed_at)
            places.append({"part_number": part.part_number, "url": url, "headers": headers})
        upload.access = {"url": None, "upload_fields": {}, "upload_parts": places}
        self._state.uploads[upload_id] = upload
        if self.lost:
            self.lost -= 1
            self._bucket.abort(key, upload_id)
        return upload


class BucketValidation(UploadValidation):
    def __init__(self, state: State, bucket: Bucket) -> None:
        super().__init__(state, min_part_bytes=0)
        self._bucket = bucket

    def complete(self, job: UploadJob) -> str | None:
        """Join the parts, and fetch all objects of a job."""
        problem = None
        if job.main.upload_id is not None:
            self._state.uploads.pop(job.main.upload_id, None)
            problem = self._joined(job.main)
        for upload in (job.main, *job.support):
            if (stored := fetch(self._bucket, upload.key)) is not None:
                self._state.objects[upload.key] = stored
        return problem

    def _joined(self, upload: Upload) -> str | None:
        # Clients do not report the ETags of parts; they are the declared MD5s.
        etags = {number: md5_hex(part.md5) or "" for number, part in upload.parts.items()}
        try:
            self._bucket.complete(upload.key, upload.upload_id or "", etags)
        except BucketError as error:
            return f"{upload.name}: the parts cannot be joined, {error.code}"
        return None


def fetch(bucket: Bucket, key: str) -> StoredObject | None:
    try:
        return StoredObject([bucket.read(key)])
    except BucketError as error:
        if error.status == 404:
            return None
        raise


class BucketPixel(Sandbox):
    def __init__(self, bucket: Bucket) -> None:
        super().__init__(job_seconds=0.02, secret=secrets.token_bytes(16))
        self.bucket = bucket
        self.signer = bucket.signer
        self.uploads = BucketUploads(self.state, self._issuer, self._jobs, bucket)
        users = UserHandlers(self.state, self._keycloak._accounts)
        attachments = AttachmentHandlers(self.state, self._issuer, bucket.signer)
        rows = all_routes(self.state, self._jobs, users, self.uploads, attachments)
        self._api = Api(self._keycloak, users, rows)

    def uploaded(self, data_collection_id: int) -> dict[str, bytes]:
        """The files and support files of all upload jobs in the bucket, by name."""
        jobs = self.state.upload_jobs[data_collection_id].values()
        return {each.name: self.bucket.read(each.key) for job in jobs for each in (job.main, *job.support)}

    def of_resource(self, kind: str, resource_id: int) -> bytes:
        """The file of an image, a raster or a point cloud in the bucket."""
        return self.bucket.read(self.state.resources[kind][resource_id].key)

"""The object storage: S3's presigned uploads, with its responses, errors and checks.

Rules kept here:

* A form (POST to the bucket) needs a policy for exactly its fields, a part (PUT) a signed URL and the signed headers.
  A request without `Content-Length` is refused before its body is read.
* Content with another MD5 than `Content-MD5` is not stored. Digests are computed outside the lock.
* An object is stored as a whole or not at all, and replaces the old one.
* Content that cannot be written (the disk is full) is a 503, and a line in the log, which is on stderr by default.
* Errors are XML with S3's codes.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from typing import NoReturn, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import IncomingRequest
from pixel_transports.sandbox.incoming import IncomingBody
from pixel_transports.sandbox.job_records import PartSlot
from pixel_transports.sandbox.objects import Piece, StoredObject, md5_hex
from pixel_transports.sandbox.signatures import MAX_OBJECT_BYTES, Signer, StorageError
from pixel_transports.sandbox.state import State

MAX_BODY_BYTES = MAX_OBJECT_BYTES + 1024 * 1024
"""The largest body: a form has fields beside its file."""

Changing: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Takes the lock, and stores what changes. Raises OSError if it cannot be stored."""

logger: logging.Logger = logging.getLogger(__name__)


class ObjectStorage:
    """One bucket."""

    def __init__(self, state: State, signer: Signer, changes: Changing) -> None:
        self._state = state
        self._request_numbers = count(1)
        self._signer = signer
        self._changes = changes

    def handle(self, request: IncomingRequest, path: tuple[str, ...], body: IncomingBody) -> Response:
        """Return the response to a request; `path` is the bucket and the segments of the key."""
        request_id = f"{next(self._request_numbers):016X}"
        try:
            response = self._dispatch(request, path, body)
        except StorageError as error:
            response = _xml_error(error, request.path, request_id)
        except OSError as failure:
            logger.error("The storage cannot keep %d bytes: %s", body.size, failure.strerror or failure)
            unavailable = StorageError(503, "ServiceUnavailable", "Service is unable to handle request.")
            response = _xml_error(unavailable, request.path, request_id)
        return Response(response.status, Headers([*response.headers, ("x-amz-request-id", request_id)]), response.body)

    def _dispatch(self, request: IncomingRequest, path: tuple[str, ...], body: IncomingBody) -> Response:
        bucket, key = (path[0] if path else ""), "/".join(path[1:])
        if bucket != self._signer.bucket:
            raise StorageError(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)
        if request.method == "PUT" and key:
            return self._put(request, key, body)
        if request.method == "POST" and not key:
            return self._post(request, body)
        if request.method in ("GET", "HEAD"):
            raise StorageError(403, "AccessDenied", "Access Denied")
        message = "The specified method is not allowed against this resource."
        raise StorageError(405, "MethodNotAllowed", message, Method=request.method)

    @staticmethod
    def _check_body(request: IncomingRequest, body: IncomingBody) -> None:
        """Raises StorageError for another size than the declared one, OSError if the body could not be stored."""
        if "Content-Length" not in request.headers:
            raise StorageError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        declared = request.headers["Content-Length"].strip()
        if max(body.size, int(declared) if declared.isdecimal() else 0) > max_body_bytes(request.method):
            message, maximum = "Your proposed upload exceeds the maximum allowed size", str(MAX_OBJECT_BYTES)
            raise StorageError(400, "EntityTooLarge", message, ProposedSize=declared, MaxSizeAllowed=maximum)
        if declared != str(body.size):
            message = "You did not provide the number of bytes specified by the Content-Length HTTP header."
            raise StorageError(400, "IncompleteBody", message)
        if body.failure is not None:
            raise body.failure

    def _post(self, request: IncomingRequest, body: IncomingBody) -> Response:
        if request.media_type != "multipart/form-data":
            message = "At least one of the preconditions you specified did not hold."
            condition = "Bucket POST must be of the enclosure-type multipart/form-data"
            raise StorageError(412, "PreconditionFailed", message, Condition=condition)
        self._check_body(request, body)
        if body.malformed:
            message = "The body of your POST request is not well-formed multipart/form-data."
            raise StorageError(400, "MalformedPOSTRequest", message)
        if not body.has_file:
            message = "POST requires exactly one file upload per request."
            raise StorageError(400, "InvalidArgument", message, ArgumentName="file", ArgumentValue="0")
        fields = body.fields
        self._signer.check_form(fields, body.file_size, request.now)
        _check_digest(body.md5, fields.get("content-md5"))
        stored = StoredObject([body.take()], body.md5)
        with self._changes():
            self._state.put_object(fields["key"], stored)
        return self._form_response(request, fields, body.md5)

    def _form_response(self, request: IncomingRequest, fields: dict[str, str], md5: str) -> Response:
        key, status = fields["key"], fields.get("success_action_status")
        location = f"{request.origin}/storage/{self._signer.bucket}/{quote(key, safe='/')}"
        headers = {"ETag": f'"{md5}"', "Location": location}
        if status == "201":
            shown = {"Location": location, "Bucket": self._signer.bucket, "Key": key, "ETag": f'"{md5}"'}
            return _xml(201, "PostResponse", shown, headers)
        return Response(200 if status == "200" else 204, Headers(headers))

    def _put(self, request: IncomingRequest, key: str, body: IncomingBody) -> Response:
        try:
            query = request.query
        except ValueError:
            raise StorageError(400, "InvalidArgument", "The query is invalid") from None
        headers = {name.lower(): value for name, value in request.headers}
        headers["host"] = request.origin.authority
        self._signer.check_query("PUT", request.path, query, headers, request.now)
        self._check_body(request, body)
        md5 = body.md5
        _check_digest(md5, request.headers.get("Content-MD5"))
        upload_id, number = query.get("uploadId", ""), query.get("partNumber", "")
        with self._changes():
            # Looked up before the part is kept, and again after: the upload may end in the meantime.
            self._slot(upload_id, key, number)
        piece = body.take()
        self._keep_part(upload_id, key, number, piece)
        return Response(200, Headers({"ETag": f'"{md5}"'}))

    def _slot(self, upload_id: str, key: str, number: str) -> PartSlot:
        upload = self._state.uploads.get(upload_id)
        if upload is None or upload.key != key:
            _no_such_upload()
        slot = upload.parts.get(int(number)) if number.isascii() and number.isdecimal() and len(number) < 6 else None
        if slot is None:
            raise StorageError(400, "InvalidArgument", "Part number must be one of the announced parts")
        return slot

    def _keep_part(self, upload_id: str, key: str, number: str, piece: Piece) -> None:
        files = self._state.files
        with self._changes():
            try:
                slot = self._slot(upload_id, key, number)
            except StorageError:
                files.drop([piece])
                raise
            replaced, slot.content = slot.content, piece
        if replaced is not None:
            files.drop([replaced])


def max_body_bytes(method: str) -> int:
    """Return the largest body of a request to the storage."""
    return MAX_OBJECT_BYTES if method == "PUT" else MAX_BODY_BYTES


def _check_digest(md5: str, declared: str | None) -> None:
    """Compare a digest in hex with a `Content-MD5`. Raises StorageError."""
    expected = None if declared is None else md5_hex(declared)
    if declared is not None and expected is None:
        raise StorageError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    if expected not in (None, md5):
        message = "The Content-MD5 you specified did not match what we received."
        raise StorageError(400, "BadDigest", message)


def _no_such_upload() -> NoReturn:
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
    raise StorageError(404, "NoSuchUpload", message + "or completed.")


def _xml(status: int, root: str, fields: dict[str, str], headers: dict[str, str]) -> Response:
    inner = "".join(f"<{name}>{escape(_printable(value))}</{name}>" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{inner}</{root}>'
    return Response(status, Headers({**headers, "Content-Type": "application/xml"}), body.encode())


def _printable(text: str) -> str:
    """Return the text with `?` for characters that XML 1.0 does not allow."""
    return "".join(c if c in "\t\n\r" or 32 <= ord(c) < 0xD800 or 0xE000 <= ord(c) < 0xFFFE else "?" for c in text)


def _xml_error(error: StorageError, resource: str, request_id: str) -> Response:
    fields = {"Code": error.code, "Message": error.message, **error.details}
    return _xml(error.status, "Error", {**fields, "Resource": resource, "RequestId": request_id}, {})

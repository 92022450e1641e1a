"""The object storage: S3's presigned uploads, with its responses, errors and checks.

Rules kept here:

* A form (POST to the bucket) needs a policy for exactly its fields, a part (PUT) a signed URL and the signed headers.
  A request without `Content-Length` is refused before its body is read.
* Content with another MD5 than `Content-MD5` is not stored. Digests are computed outside the lock.
* An object is stored as a whole or not at all, and replaces the old one. Buffers are not copied.
* Errors are XML with S3's codes.
"""

import hashlib
import threading
from typing import NoReturn
from urllib.parse import quote
from xml.sax.saxutils import escape

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import Buffer, IncomingRequest
from pixel_transports.sandbox.multipart import FormError, MultipartForm, parse_boundary, parse_form
from pixel_transports.sandbox.objects import StoredObject, md5_hex
from pixel_transports.sandbox.signatures import MAX_OBJECT_BYTES, Signer, StorageError
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import TokenIssuer


class ObjectStorage:
    """One bucket."""

    def __init__(self, state: State, issuer: TokenIssuer, signer: Signer, lock: threading.Lock) -> None:
        self._state = state
        self._issuer = issuer
        self._signer = signer
        self._lock = lock

    def handle(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        """Return the response to a request; `path` is the bucket and the segments of the key."""
        with self._lock:
            request_id = self._issuer.new_id("storage")[:16].replace("-", "").upper()
        try:
            response = self._dispatch(request, path)
        except StorageError as error:
            response = _xml_error(error, request.path, request_id)
        return Response(response.status, Headers([*response.headers, ("x-amz-request-id", request_id)]), response.body)

    def _dispatch(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        bucket, key = (path[0] if path else ""), "/".join(path[1:])
        if bucket != self._signer.bucket:
            raise StorageError(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)
        if request.method == "PUT" and key:
            return self._put(request, key)
        if request.method == "POST" and not key:
            return self._post(request)
        if request.method in ("GET", "HEAD"):
            raise StorageError(403, "AccessDenied", "Access Denied")
        message = "The specified method is not allowed against this resource."
        raise StorageError(405, "MethodNotAllowed", message, Method=request.method)

    @staticmethod
    def _check_length(request: IncomingRequest) -> None:
        if "Content-Length" not in request.headers:
            raise StorageError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        if len(request.content) > MAX_OBJECT_BYTES + 1024 * 1024:
            raise StorageError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        if request.headers["Content-Length"].strip() != str(len(request.content)):
            message = "You did not provide the number of bytes specified by the Content-Length HTTP header."
            raise StorageError(400, "IncompleteBody", message)

    def _post(self, request: IncomingRequest) -> Response:
        if request.media_type != "multipart/form-data":
            message = "At least one of the preconditions you specified did not hold."
            condition = "Bucket POST must be of the enclosure-type multipart/form-data"
            raise StorageError(412, "PreconditionFailed", message, Condition=condition)
        self._check_length(request)
        try:
            form = parse_form(request.content, parse_boundary(request.headers["Content-Type"]))
        except FormError:
            message = "The body of your POST request is not well-formed multipart/form-data."
            raise StorageError(400, "MalformedPOSTRequest", message) from None
        if form.content is None:
            message = "POST requires exactly one file upload per request."
            raise StorageError(400, "InvalidArgument", message, ArgumentName="file", ArgumentValue="0")
        self._signer.check_form(form.fields, len(form.content), request.now)
        md5 = self._digest(form.content, form.fields.get("content-md5"))
        key = form.fields["key"]
        with self._lock:
            self._state.objects[key] = StoredObject([form.content], md5)
        return self._form_response(request, form, key, md5)

    def _form_response(self, request: IncomingRequest, form: MultipartForm, key: str, md5: str) -> Response:
        location = f"{request.origin}/storage/{self._signer.bucket}/{quote(key, safe='/')}"
        headers = {"ETag": f'"{md5}"', "Location": location}
        status = form.fields.get("success_action_status")
        if status == "201":
            fields = {"Location": location, "Bucket": self._signer.bucket, "Key": key, "ETag": f'"{md5}"'}
            return _xml(201, "PostResponse", fields, headers)
        return Response(200 if status == "200" else 204, Headers(headers))

    def _put(self, request: IncomingRequest, key: str) -> Response:
        try:
            query = request.query
        except ValueError:
            raise StorageError(400, "InvalidArgument", "The query is invalid") from None
        headers = {name.lower(): value for name, value in request.headers}
        headers["host"] = request.origin.authority
        self._signer.check_query("PUT", request.path, query, headers, request.now)
        self._check_length(request)
        md5 = self._digest(request.content, request.headers.get("Content-MD5"))
        with self._lock:
            upload = self._state.uploads.get(query.get("uploadId", ""))
            if upload is None or upload.key != key:
                _no_such_upload()
            slot = {str(number): slot for number, slot in upload.parts.items()}.get(query.get("partNumber", ""))
            if slot is None:
                raise StorageError(400, "InvalidArgument", "Part number must be one of the announced parts")
            slot.content = request.content
        return Response(200, Headers({"ETag": f'"{md5}"'}))

    @staticmethod
    def _digest(content: Buffer, declared: str | None) -> str:
        expected = None if declared is None else md5_hex(declared)
        if declared is not None and expected is None:
            raise StorageError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if expected not in (None, md5):
            message = "The Content-MD5 you specified did not match what we received."
            raise StorageError(400, "BadDigest", message)
        return md5


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

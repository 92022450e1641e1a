"""The flow that attaches files: it checks them, sends them with the upload engine, and confirms each.

Rules kept here:

* Files that are attached together have different names, and are matched with the server's attachments by name.
* A file is attached when its bytes are stored and the server confirmed it.
* The server's response is checked for all files of a request before the first file is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pixel_core import models
from pixel_core.api.paths import query_of
from pixel_core.effects import Flow, Gather
from pixel_core.errors import PixelNotFoundError
from pixel_core.session.answers import Field
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, HashedFile, PartSizing, StorageRequest, Transfer, plan, upload, whole
from pixel_core.uploads.transfers import NOT_CONFIRMED

_NEVER = 1 << 63
"""A threshold above any size, since the service has no parts for attachments."""


def attach(
    session: Session, resource_type: models.AttachmentResourceType, resource_id: int, files: Sequence[Any]
) -> Flow[list[models.Attachment]]:
    """Attach files. Raises ValueError for equal names, FileNotFoundError, and the first error of a file."""
    inputs = [_upload_of(file) for file in files]
    names = [each.name for each in inputs]
    if len(set(names)) < len(names):
        raise ValueError(f"the names of attachments must differ, got {', '.join(sorted(names))}")
    planned = yield from plan([FileSpec(str(each.file), upload_name=each.name) for each in inputs], PartSizing(_NEVER))
    if not inputs:
        return []
    session = yield from session.for_upload()
    transfers = [Transfer(file) for file in planned]
    service = AttachmentUploads(session, resource_type, resource_id, {each.name: each.description for each in inputs})
    broken = yield from upload(service, session, transfers, "attachments")
    for each in transfers:
        if each.error is not None:
            raise broken or each.error.__cause__ or each.error
    return [each.resource for each in sorted(transfers, key=lambda each: each.file.name)]


class AttachmentUploads:
    """The `UploadService` of the attachments of a resource."""

    def __init__(self, session: Session, resource_type: str, resource_id: int, descriptions: Mapping[str, str]) -> None:
        self._session = session
        self._query = query_of(resource_type=resource_type, resource_id=resource_id)
        self._descriptions = descriptions
        self._made: dict[str, int | str] = {}

    def declare(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """Create attachments, and check all of them."""
        for each in files:
            if each.file.name in self._made:  # Its signature expired: another takes its place.
                yield from self._delete(self._made.pop(each.file.name))
        body = [
            {"name": file.file.name, "description": self._descriptions[file.file.name], "md5": file.digests[0]}
            for file in files
        ]
        answer = yield from self._session.call("POST", "/attachments/", self._query, json={"files": body})
        by_name = {each.field("name").text(): each for each in answer.root.items()}
        found: list[Field | Exception] = []
        for file in files:
            if file.file.name not in by_name:
                raise answer.root.wrong(f"a list with {file.file.name!r} in it", "lacks it")
            attachment = by_name[file.file.name]
            status = attachment.field("status")
            if status.text() != "Pending":
                raise status.wrong('"Pending"', f"is {status.value!r}")
            self.requests(file, attachment, set())
            self._made[file.file.name] = attachment.field("id").identifier()
            found.append(attachment)
        return found

    def _delete(self, attachment_id: int | str) -> Flow[None]:
        with suppress(PixelNotFoundError):
            query = f"{self._query}&{query_of(attachment_id=attachment_id)}"
            yield from self._session.call("DELETE", "/attachments/", query)

    def requests(self, file: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        target = job.field("upload_file_params")
        session = self._session.for_file(file.file.path, job.field("id").value)
        return [whole(session, file, target.field("url").url(), target.field("fields").texts())]

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Confirm each file, and take its attachment from the response."""
        flows = [self._complete(each) for each in sent]
        answers = yield from Gather(flows, self._session.options.upload_max_concurrency, collect=True)
        for each, answer in zip(sent, answers, strict=True):
            if isinstance(answer, Exception):
                each.fail(NOT_CONFIRMED, str(answer), answer)
            else:
                each.resource = answer

    def _complete(self, transfer: Transfer) -> Flow[models.Attachment]:
        query = f"{self._query}&{query_of(attachment_id=transfer.job_id, status='Completed')}"
        return (yield from self._session.call("PUT", "/attachments/update", query)).json(models.Attachment)


def _upload_of(file: Any) -> models.PixelAttachmentUpload:
    return file if isinstance(file, models.PixelAttachmentUpload) else models.PixelAttachmentUpload(file=file)

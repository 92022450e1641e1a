"""Attachments: files that belong to a project, a data collection or an image.

Rules kept here:

* The owner has to be visible (404). Deleting the owner hides its attachments, restoring it shows them again.
* An attachment is "Pending", with a signed form, until a request sets it to "Completed". That is a 409 before the file
  is stored. A completed one does not become pending again (409).
* The storage checks the bytes against the declared MD5, as for uploads.
"""

from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.schemas import parse_body, parse_query
from pixel_transports.sandbox.schemas_files import (
    AttachedFile,
    AttachedFiles,
    AttachmentListQuery,
    AttachmentMoveQuery,
    AttachmentQuery,
    AttachmentStatusQuery,
    OwnerQuery,
)
from pixel_transports.sandbox.service_records import Attachment
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State, not_found
from pixel_transports.sandbox.tables import Table
from pixel_transports.sandbox.tokens import TokenIssuer

Owner = tuple[str, int]
"""The type and the id of what an attachment belongs to."""


class AttachmentHandlers:
    """Request handlers of attachments."""

    def __init__(self, state: State, issuer: TokenIssuer, signer: Signer) -> None:
        self._state = state
        self._issuer = issuer
        self._signer = signer

    def _owner(self, kind: str, resource_id: int) -> Owner:
        """Return the owner of attachments. Raises HttpError (404) if it is not visible."""
        if kind == "project":
            self._state.project(resource_id)
        elif kind == "data_collection":
            self._state.collection_by_id(resource_id)
        else:
            image = self._state.resources["image"].get(resource_id)
            if image is None or not self._state.is_collection_visible(
                self._state.collections[image.data_collection_id]
            ):
                raise not_found("image")
        return kind, resource_id

    def _find(self, query: AttachmentQuery) -> tuple[Table[Attachment], Attachment]:
        owner = self._owner(query.resource_type, query.resource_id)
        here = self._state.attachments[owner]
        if query.attachment_id not in here:
            raise not_found("attachment")
        return here, here[query.attachment_id]

    def _view(self, request: IncomingRequest, attachment: Attachment) -> dict[str, Any]:
        """Return an attachment as JSON. Its form is signed as of its creation, for the origin of the request."""
        fields = self._signer.sign_form(attachment.key, attachment.md5, attachment.created_at)
        return attachment.view({"url": f"{request.origin}/storage/{self._signer.bucket}", "fields": fields})

    def list_all(self, request: IncomingRequest) -> list[dict[str, Any]]:
        query = parse_query(request, AttachmentListQuery)
        owner = self._owner(query.resource_type, query.resource_id)
        here = self._state.attachments[owner].values()
        return [self._view(request, each) for each in here if query.status in (None, each.status)]

    def create(self, request: IncomingRequest) -> list[dict[str, Any]]:
        query = parse_query(request, OwnerQuery)
        files = parse_body(request, AttachedFiles).files
        owner = self._owner(query.resource_type, query.resource_id)
        return [self._view(request, self._create(request, owner, file)) for file in files]

    def _create(self, request: IncomingRequest, owner: Owner, file: AttachedFile) -> Attachment:
        attachment_id = self._state.next_id()
        key = f"attachments/{owner[0]}/{owner[1]}/{attachment_id}-{self._issuer.new_id('key')[:8]}/{file.name}"
        attachment = Attachment(
            id=attachment_id,
            owner=owner,
            name=file.name,
            description=file.description,
            md5=file.md5,
            key=key,
            created_at=request.now,
        )
        self._state.add_attachment(attachment)
        return attachment

    def update(self, request: IncomingRequest) -> dict[str, Any]:
        query = parse_query(request, AttachmentStatusQuery)
        _, attachment = self._find(query)
        if query.status == "Completed" and attachment.key not in self._state.objects:
            raise http_error(409, f"Nothing was stored for attachment {attachment.name}")
        if query.status == "Pending" and attachment.status == "Completed":
            raise http_error(409, f"Attachment {attachment.name} is completed")
        attachment.status = query.status
        return self._view(request, attachment)

    def move(self, request: IncomingRequest) -> dict[str, Any]:
        query = parse_query(request, AttachmentMoveQuery)
        here, attachment = self._find(query)
        target = self._owner(query.new_resource_type, query.new_resource_id)
        here.take(attachment.id)
        attachment.owner = target
        self._state.add_attachment(attachment)
        return self._view(request, attachment)

    def delete(self, request: IncomingRequest) -> dict[str, Any]:
        here, attachment = self._find(parse_query(request, AttachmentQuery))
        here.take(attachment.id)
        self._state.drop_object(attachment.key)
        return self._view(request, attachment)

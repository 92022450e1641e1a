"""Attachments: files that belong to a project, a data collection or an image.

Rules kept here:

* What they belong to has to be visible (404). Deleting it hides them, restoring it shows them again.
* An attachment is "Pending" and holds a signed form until it is said to be "Completed", which is refused while nothing
  is stored (409). A completed one does not become pending again (409).
* Storage checks the bytes against the MD5 that was declared, as it does for uploads.
"""

from typing import Any

from pixel_transports.sandbox.bodies import read_body, read_query
from pixel_transports.sandbox.bodies_files import (
    AttachedFile,
    AttachedFiles,
    AttachmentListQuery,
    AttachmentMoveQuery,
    AttachmentQuery,
    AttachmentStatusQuery,
    HolderQuery,
)
from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.lists import Table
from pixel_transports.sandbox.minting import Mint
from pixel_transports.sandbox.services import Attachment
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State, not_found

Holder = tuple[str, int]


class Attachments:
    """The room of the attachments."""

    def __init__(self, state: State, mint: Mint, signer: Signer) -> None:
        self._state = state
        self._mint = mint
        self._signer = signer

    def _holder(self, kind: str, resource_id: int) -> Holder:
        """What attachments belong to. Raises RefusedError (404) when it cannot be seen."""
        if kind == "project":
            self._state.project(resource_id)
        elif kind == "data_collection":
            self._state.any_collection(resource_id)
        else:
            image = self._state.resources["image"].get(resource_id)
            if image is None or not self._state.shown(self._state.collections[image.data_collection_id]):
                raise not_found("image")
        return kind, resource_id

    def _find(self, query: AttachmentQuery) -> tuple[Holder, Table[Attachment], Attachment]:
        holder = self._holder(query.resource_type, query.resource_id)
        here = self._state.attachments[holder]
        if query.attachment_id not in here:
            raise not_found("attachment")
        return holder, here, here[query.attachment_id]

    def listed(self, incoming: Incoming) -> list[dict[str, Any]]:
        query = read_query(incoming, AttachmentListQuery)
        holder = self._holder(query.resource_type, query.resource_id)
        here = self._state.attachments[holder].values()
        return [each.view(holder) for each in here if query.status in (None, each.status)]

    def create(self, incoming: Incoming) -> list[dict[str, Any]]:
        query = read_query(incoming, HolderQuery)
        files = read_body(incoming, AttachedFiles).files
        holder = self._holder(query.resource_type, query.resource_id)
        return [self._create(incoming, holder, file).view(holder) for file in files]

    def _create(self, incoming: Incoming, holder: Holder, file: AttachedFile) -> Attachment:
        attachment_id = self._state.next_id()
        key = f"attachments/{holder[0]}/{holder[1]}/{attachment_id}-{self._mint.name('key')[:8]}/{file.name}"
        url = f"{incoming.origin}/storage/{self._signer.bucket}"
        attachment = Attachment(
            id=attachment_id,
            name=file.name,
            description=file.description,
            md5=file.md5,
            key=key,
            access={"url": url, "fields": self._signer.form(key, file.md5, incoming.now)},
            created_at=incoming.now,
        )
        self._state.attachments[holder].put(attachment.id, attachment)
        return attachment

    def change(self, incoming: Incoming) -> dict[str, Any]:
        query = read_query(incoming, AttachmentStatusQuery)
        holder, _, attachment = self._find(query)
        if query.status == "Completed" and attachment.key not in self._state.objects:
            raise refusal(409, f"Nothing was stored for attachment {attachment.name}")
        if query.status == "Pending" and attachment.status == "Completed":
            raise refusal(409, f"Attachment {attachment.name} is completed")
        attachment.status = query.status
        return attachment.view(holder)

    def move(self, incoming: Incoming) -> dict[str, Any]:
        query = read_query(incoming, AttachmentMoveQuery)
        _, here, attachment = self._find(query)
        target = self._holder(query.new_resource_type, query.new_resource_id)
        here.take(attachment.id)
        self._state.attachments[target].put(attachment.id, attachment)
        return attachment.view(target)

    def delete(self, incoming: Incoming) -> dict[str, Any]:
        holder, here, attachment = self._find(read_query(incoming, AttachmentQuery))
        here.take(attachment.id)
        return attachment.view(holder)

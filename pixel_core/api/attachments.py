"""Attachments: files that belong to a project, a data collection or an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pixel_core import models
from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import query_of
from pixel_core.effects import Flow


class Attachments(Resource):
    """Attachments."""

    @operation
    def list_attachments(
        self,
        resource_type: models.AttachmentResourceType,
        resource_id: int,
        status: Literal["Pending", "Completed"] | None = None,
    ) -> Flow[list[models.Attachment]]:
        """List the attachments of a resource, all or those of one status."""
        query = query_of(resource_type=resource_type, resource_id=resource_id, status=status or None)
        return (yield from self.session.call("GET", "/attachments/", query)).json(list[models.Attachment])

    @operation
    def add_attachments(
        self, resource_type: models.AttachmentResourceType, resource_id: int, files: Sequence[Any]
    ) -> Flow[list[models.Attachment]]:
        """Attach files (paths, or PixelAttachmentUpload with names and descriptions), and return the attachments in the
        order of their names.

        Raises FileNotFoundError, and ValueError for equal names, before anything is sent; PixelStorageError if the
        object storage refuses a file, which ends all; any PixelError of a call.
        """
        from pixel_core.api.attachment_flows import attach  # late: only uploads load the engine

        return (yield from attach(self.session, resource_type, resource_id, files))

    @operation
    def move_attachment(
        self,
        resource_type: models.AttachmentResourceType,
        resource_id: int,
        attachment_id: int,
        new_resource_type: models.AttachmentResourceType,
        new_resource_id: int,
    ) -> Flow[models.Attachment]:
        """Move an attachment to another resource. Raises PixelNotFoundError."""
        query = query_of(
            resource_type=resource_type,
            resource_id=resource_id,
            attachment_id=attachment_id,
            new_resource_type=new_resource_type,
            new_resource_id=new_resource_id,
        )
        return (yield from self.session.call("PUT", "/attachments/move", query)).json(models.Attachment)

    @operation
    def delete_attachment(
        self, resource_type: models.AttachmentResourceType, resource_id: int, attachment_id: int
    ) -> Flow[models.Attachment]:
        """Delete an attachment. Raises PixelNotFoundError."""
        query = query_of(resource_type=resource_type, resource_id=resource_id, attachment_id=attachment_id)
        return (yield from self.session.call("DELETE", "/attachments/", query)).json(models.Attachment)

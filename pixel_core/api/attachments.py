"""Attachments: files that belong to a project, a data collection or an image.

Rules kept here:

* The names of files that are attached together differ; files and the server's attachments are paired by name.
* A file is attached when its bytes are stored and the server was told so.
* The server's answer is checked for all files before the first is stored.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pixel_core.answers import Field
from pixel_core.api.addresses import query_of
from pixel_core.effects import Flow, Random, Together
from pixel_core.messages import Form
from pixel_core.models import Attachment, AttachmentResourceType, PixelAttachmentUpload
from pixel_core.operations import Resource, operation
from pixel_core.uploads import Hashed, hash_files, plan


class Attachments(Resource):
    """Attachments."""

    @operation
    def list_attachments(
        self,
        resource_type: AttachmentResourceType,
        resource_id: int,
        status: Literal["Pending", "Completed"] | None = None,
    ) -> Flow[list[Attachment]]:
        """The attachments of a resource, or only those of one status."""
        query = query_of(resource_type=resource_type, resource_id=resource_id, status=status or None)
        return (yield from self.session.call("GET", "/attachments/", query)).json(list[Attachment])

    @operation
    def add_attachments(
        self, resource_type: AttachmentResourceType, resource_id: int, files: Sequence[Any]
    ) -> Flow[list[Attachment]]:
        """Attach files (paths, or PixelAttachmentUpload with names and descriptions), and give the attachments in the
        order of their names.

        Raises FileNotFoundError, and ValueError for equal names, before anything is sent; PixelStorageError when the
        object storage refuses one, which ends all; any PixelError of a call.
        """
        inputs = [_upload_of(file) for file in files]
        names = [each.name for each in inputs]
        if len(set(names)) < len(names):
            raise ValueError(f"the names of attachments must differ, got {', '.join(sorted(names))}")
        planned = []
        for each in inputs:
            planned.append((yield from plan(each.file)))
        if not inputs:
            return []
        hashed: dict[str, Hashed] = {}
        for name, outcome in zip(names, (yield from hash_files(planned)), strict=True):
            if isinstance(outcome, Exception):
                raise outcome
            hashed[name] = outcome
        query = query_of(resource_type=resource_type, resource_id=resource_id)
        told = [
            {"name": each.name, "description": each.description, "md5": hashed[each.name].digests[0]} for each in inputs
        ]
        answer = yield from self.session.call("POST", "/attachments/", query, json={"files": told})
        made = {each.field("name").text(): each for each in answer.root.items()}
        missing = [name for name in names if name not in made]
        if missing:
            raise answer.root.wrong(f"a list with {missing[0]!r} in it", "lacks it")
        flows = [self._sending(query, made[name], name, hashed[name]) for name in sorted(names)]
        stored: list[Attachment] = yield from Together(flows, self.session.options.upload_max_concurrency)
        return stored

    def _sending(self, query: str, attachment: Field, name: str, hashed: Hashed) -> Flow[Attachment]:
        """The flow that stores a file and tells the server so; what it needs is read before it is run."""
        status = attachment.field("status")
        if status.text() != "Pending":
            raise status.wrong('"Pending"', f"is {status.value!r}")
        target = attachment.field("upload_file_params")
        url, fields = target.field("url").url(), target.field("fields").texts()
        done = f"{query}&{query_of(attachment_id=attachment.field('id').identifier(), status='Completed')}"

        def flow() -> Flow[Attachment]:
            boundary = f"{(yield from Random()):032x}"
            yield from self.session.store("POST", url, Form(fields, name, hashed.file.slices[0], boundary))
            return (yield from self.session.call("PUT", "/attachments/update", done)).json(Attachment)

        return flow()

    @operation
    def move_attachment(
        self,
        resource_type: AttachmentResourceType,
        resource_id: int,
        attachment_id: int,
        new_resource_type: AttachmentResourceType,
        new_resource_id: int,
    ) -> Flow[Attachment]:
        """Move an attachment to another resource. Raises PixelNotFoundError."""
        query = query_of(
            resource_type=resource_type,
            resource_id=resource_id,
            attachment_id=attachment_id,
            new_resource_type=new_resource_type,
            new_resource_id=new_resource_id,
        )
        return (yield from self.session.call("PUT", "/attachments/move", query)).json(Attachment)

    @operation
    def delete_attachment(
        self, resource_type: AttachmentResourceType, resource_id: int, attachment_id: int
    ) -> Flow[Attachment]:
        """Delete an attachment. Raises PixelNotFoundError."""
        query = query_of(resource_type=resource_type, resource_id=resource_id, attachment_id=attachment_id)
        return (yield from self.session.call("DELETE", "/attachments/", query)).json(Attachment)


def _upload_of(file: Any) -> PixelAttachmentUpload:
    return file if isinstance(file, PixelAttachmentUpload) else PixelAttachmentUpload(file=file)

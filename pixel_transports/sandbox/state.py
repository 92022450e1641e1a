"""The state of the sandbox: all records by id, and the stored objects.

Rules kept here:

* Plain records in mappings by id, in the order of their ids. Changes need the sandbox's lock.
* Deleting a project or a data collection sets `deleted_at`, and hides everything below it. Other deleted records are
  removed, with their objects in the storage.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pixel_transports.sandbox.http import http_error
from pixel_transports.sandbox.job_records import Job, JobGroup, Upload, UploadJob
from pixel_transports.sandbox.objects import ObjectFiles, StoredObject
from pixel_transports.sandbox.records import METADATA_FIELDS, Collection, Project, Resource
from pixel_transports.sandbox.service_records import (
    AnalysisService,
    ArcgisService,
    Attachment,
    HarvestService,
    Optimized,
)
from pixel_transports.sandbox.tables import Table
from pixel_transports.sandbox.tracking import TrackedDict, drop_pieces, note, note_key


def _tables() -> "defaultdict[int, Table[Resource]]":
    return defaultdict(Table)


@dataclass(slots=True)
class State:
    """All records and stored objects."""

    files: ObjectFiles = field(default_factory=ObjectFiles)
    projects: dict[int, Project] = field(default_factory=dict)
    collections: dict[int, Collection] = field(default_factory=dict)
    resources: dict[str, dict[int, Resource]] = field(
        default_factory=lambda: {kind: TrackedDict() for kind in METADATA_FIELDS}
    )
    resources_by_collection: defaultdict[int, Table[Resource]] = field(default_factory=_tables)
    """The resources of each data collection."""
    optimized: dict[int, Optimized] = field(default_factory=TrackedDict)
    optimized_by_resource: defaultdict[int, list[Optimized]] = field(default_factory=lambda: defaultdict(list))
    """The optimised forms of each resource."""
    attachments: defaultdict[tuple[str, int], Table[Attachment]] = field(default_factory=lambda: defaultdict(Table))
    arcgis_services: dict[str, dict[int, ArcgisService]] = field(
        default_factory=lambda: {"Feature": TrackedDict(), "Image": TrackedDict()}
    )
    harvest_services: dict[int, HarvestService] = field(default_factory=TrackedDict)
    analysis_services: dict[int, AnalysisService] = field(default_factory=TrackedDict)
    upload_jobs: defaultdict[int, dict[int, UploadJob]] = field(default_factory=lambda: defaultdict(dict))
    """The upload jobs of each data collection."""
    jobs: dict[str, Job] = field(default_factory=dict)
    groups: dict[str, JobGroup] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def next_id(self) -> int:
        """Return a new id. All kinds share one sequence, so that no two records have the same id."""
        return next(self.ids)

    # Objects

    def put_object(self, key: str, stored: StoredObject) -> None:
        """Store an object, in place of the one that has this key."""
        self.drop_object(key)
        # The key that the upload has, not a copy of it: there may be 100,000.
        self.objects[sys.intern(key)] = stored
        note_key(key)

    def drop_object(self, key: str) -> None:
        """Remove an object, if there is one."""
        stored = self.objects.pop(key, None)
        if stored is not None:
            drop_pieces(self.files, stored.pieces)
            note_key(key)

    def end_upload(self, upload_id: str) -> None:
        """End a multipart upload and drop its parts; those that became an object were taken off before."""
        upload = self.uploads.pop(upload_id, None)
        for part in () if upload is None else upload.parts.values():
            if part.content is not None:
                drop_pieces(self.files, [part.content])
                part.content = None
        if upload is not None:
            upload.is_open = False

    # Resources

    def add_resource(self, resource: Resource) -> None:
        """Add a resource."""
        self.resources[resource.kind][resource.id] = resource
        self.resources_by_collection[resource.data_collection_id].put(resource.id, resource)

    def move_resource(self, resource: Resource, data_collection_id: int) -> None:
        """Move a resource to another data collection."""
        self.resources_by_collection[resource.data_collection_id].take(resource.id)
        resource.data_collection_id = data_collection_id
        self.resources_by_collection[data_collection_id].put(resource.id, resource)

    def remove_resource(self, resource: Resource) -> None:
        """Remove a resource, its files, its optimised forms and its attachments."""
        for key in (resource.key, *resource.support_keys):
            self.drop_object(key)
        self.resources_by_collection[resource.data_collection_id].take(resource.id)
        del self.resources[resource.kind][resource.id]
        for optimized in self.optimized_by_resource.pop(resource.id, ()):
            del self.optimized[optimized.id]
        for attachment in self.attachments.pop((resource.kind, resource.id), Table()).values():
            self.drop_object(attachment.key)
            note(attachment)

    def add_optimized(self, form: Optimized) -> None:
        """Add an optimised form."""
        self.optimized[form.id] = form
        self.optimized_by_resource[form.resource.id].append(form)

    def add_attachment(self, attachment: Attachment) -> None:
        """Add an attachment to its owner."""
        self.attachments[attachment.owner].put(attachment.id, attachment)

    # Visible records

    def is_project_visible(self, project: Project | None) -> bool:
        """Return whether neither the project nor a parent of it is deleted."""
        while project is not None and project.deleted_at is None:
            if project.parent_project_id is None:
                return True
            project = self.projects[project.parent_project_id]
        return False

    def is_collection_visible(self, collection: Collection | None) -> bool:
        """Return whether neither the data collection nor a project above it is deleted."""
        return (
            collection is not None
            and collection.deleted_at is None
            and self.is_project_visible(self.projects[collection.project_id])
        )

    def project(self, project_id: int) -> Project:
        """Return a visible project. Raises HttpError (404)."""
        project = self.projects.get(project_id)
        if project is None or not self.is_project_visible(project):
            raise http_error(404, "Project not found")
        return project

    def collection(self, project_id: int, data_collection_id: int) -> Collection:
        """Return a visible data collection of a project. Raises HttpError (404)."""
        self.project(project_id)
        collection = self.collections.get(data_collection_id)
        if collection is None or collection.project_id != project_id or collection.deleted_at is not None:
            raise http_error(404, "Data collection not found")
        return collection

    def collection_by_id(self, data_collection_id: int) -> Collection:
        """Return a visible data collection of any project. Raises HttpError (404)."""
        collection = self.collections.get(data_collection_id)
        if collection is None or not self.is_collection_visible(collection):
            raise http_error(404, f"Data collection {data_collection_id} not found")
        return collection

    def resource(self, kind: str, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        """Return a visible resource. Raises HttpError (404)."""
        self.collection(project_id, data_collection_id)
        found = self.resources[kind].get(resource_id)
        if found is None or found.data_collection_id != data_collection_id:
            raise not_found(kind)
        return found


def not_found(kind: str) -> Exception:
    """Return the error for a missing resource of this kind."""
    return http_error(404, f"{kind.replace('_', ' ').capitalize()} not found")

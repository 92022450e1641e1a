"""What the sandbox remembers, by id: everything that lies in projects, jobs, services, and what was stored.

Rules kept here:

* Plain records in mappings by id, in the order of their ids; whoever changes them holds the sandbox's lock.
* Deleting projects and data collections is soft: a record keeps its place and gets a `deleted_at`, and what lies below
  is hidden with it. Everything else is gone when it is deleted, but for what is in the storage.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pixel_transports.sandbox.exchange import refusal
from pixel_transports.sandbox.lists import Table
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.records import FIELDS, Collection, Project, Resource
from pixel_transports.sandbox.services import (
    AnalysisService,
    ArcgisService,
    Attachment,
    HarvestService,
    Optimized,
)
from pixel_transports.sandbox.work import Job, Upload, UploadJob


def _shelves() -> "defaultdict[int, Table[Resource]]":
    return defaultdict(Table)


@dataclass(slots=True)
class State:
    """Everything the sandbox remembers."""

    projects: dict[int, Project] = field(default_factory=dict)
    collections: dict[int, Collection] = field(default_factory=dict)
    resources: dict[str, dict[int, Resource]] = field(default_factory=lambda: {kind: {} for kind in FIELDS})
    shelves: defaultdict[int, Table[Resource]] = field(default_factory=_shelves)
    """The resources of each data collection."""
    optimized: dict[int, Optimized] = field(default_factory=dict)
    optimized_of: defaultdict[int, list[Optimized]] = field(default_factory=lambda: defaultdict(list))
    """The optimised forms of each resource."""
    attachments: defaultdict[tuple[str, int], Table[Attachment]] = field(default_factory=lambda: defaultdict(Table))
    arcgis_services: dict[str, dict[int, ArcgisService]] = field(default_factory=lambda: {"Feature": {}, "Image": {}})
    harvest_services: dict[int, HarvestService] = field(default_factory=dict)
    analysis_services: dict[int, AnalysisService] = field(default_factory=dict)
    upload_jobs: defaultdict[int, dict[int, UploadJob]] = field(default_factory=lambda: defaultdict(dict))
    """The upload jobs of each data collection."""
    jobs: dict[str, Job] = field(default_factory=dict)
    groups: dict[str, list[Job]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def next_id(self) -> int:
        """A new id. All kinds share one sequence, so that an id of one kind is never one of another by chance."""
        return next(self.ids)

    # Resources

    def add(self, resource: Resource) -> None:
        """Take in a new resource."""
        self.resources[resource.kind][resource.id] = resource
        self.shelves[resource.data_collection_id].put(resource.id, resource)

    def move(self, resource: Resource, data_collection_id: int) -> None:
        """Put a resource into another data collection."""
        self.shelves[resource.data_collection_id].take(resource.id)
        resource.data_collection_id = data_collection_id
        self.shelves[data_collection_id].put(resource.id, resource)

    def remove(self, resource: Resource) -> None:
        """Forget a resource, its optimised forms and its attachments."""
        self.shelves[resource.data_collection_id].take(resource.id)
        del self.resources[resource.kind][resource.id]
        for optimized in self.optimized_of.pop(resource.id, ()):
            del self.optimized[optimized.id]
        self.attachments.pop((resource.kind, resource.id), None)

    # What can be seen

    def visible(self, project: Project | None) -> bool:
        """Whether neither the project nor one above it is deleted."""
        while project is not None and project.deleted_at is None:
            if project.parent_project_id is None:
                return True
            project = self.projects[project.parent_project_id]
        return False

    def shown(self, collection: Collection | None) -> bool:
        """Whether neither the data collection nor a project above it is deleted."""
        return (
            collection is not None
            and collection.deleted_at is None
            and self.visible(self.projects[collection.project_id])
        )

    def project(self, project_id: int) -> Project:
        """A visible project. Raises RefusedError (404)."""
        project = self.projects.get(project_id)
        if project is None or not self.visible(project):
            raise refusal(404, "Project not found")
        return project

    def collection(self, project_id: int, data_collection_id: int) -> Collection:
        """A visible data collection of a visible project. Raises RefusedError (404)."""
        self.project(project_id)
        collection = self.collections.get(data_collection_id)
        if collection is None or collection.project_id != project_id or collection.deleted_at is not None:
            raise refusal(404, "Data collection not found")
        return collection

    def any_collection(self, data_collection_id: int) -> Collection:
        """A visible data collection, whatever its project. Raises RefusedError (404)."""
        collection = self.collections.get(data_collection_id)
        if collection is None or not self.shown(collection):
            raise refusal(404, f"Data collection {data_collection_id} not found")
        return collection

    def resource(self, kind: str, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        """A visible resource. Raises RefusedError (404)."""
        self.collection(project_id, data_collection_id)
        found = self.resources[kind].get(resource_id)
        if found is None or found.data_collection_id != data_collection_id:
            raise not_found(kind)
        return found


def not_found(kind: str) -> Exception:
    """The refusal for a resource of this kind that does not exist."""
    return refusal(404, f"{kind.replace('_', ' ').capitalize()} not found")

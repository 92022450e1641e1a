"""Projects and data collections: create, read, list, update, move, delete, restore.

Rules kept here:

* A project needs a polygon. Projects nest; none can be moved below itself (409).
* `extended` adds the child projects and the data collections to a project. Its effect on other records is not known:
  it is ignored there.
* Deleting can be undone. A deleted project hides everything below it. A project or data collection below a deleted one
  cannot be restored (409).
"""

from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.records import Collection, Project
from pixel_transports.sandbox.schemas import ExtendedQuery, ListQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_projects import (
    CollectionListQuery,
    CollectionMoveQuery,
    DataCollectionBody,
    DataCollectionChange,
    ProjectBody,
    ProjectChange,
    ProjectMoveQuery,
)
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import select


class ProjectHandlers:
    """Request handlers of projects."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _view(self, project: Project, extended: bool) -> dict[str, Any]:
        if not extended:
            return project.view()
        children = [p for p in self._state.projects.values() if p.parent_project_id == project.id]
        collections = [c for c in self._state.collections.values() if c.project_id == project.id]
        return {
            **project.view(),
            "child_projects": [child.view() for child in children if child.deleted_at is None],
            "data_collections": [collection.view() for collection in collections if collection.deleted_at is None],
        }

    def create(self, request: IncomingRequest) -> dict[str, Any]:
        body = parse_body(request, ProjectBody)
        if body.parent_project_id is not None:
            self._state.project(body.parent_project_id)
        project = Project(
            id=self._state.next_id(),
            name=body.name,
            description=body.description,
            area_of_interest=body.area_of_interest.dump(),
            parent_project_id=body.parent_project_id,
            tags=list(dict.fromkeys(body.tags)),
            created_at=request.now,
            updated_at=request.now,
        )
        self._state.projects[project.id] = project
        return project.view()

    def list_all(self, request: IncomingRequest) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        found = select(self._state.projects, query, self._state.is_project_visible)
        return [self._view(project, query.extended) for project in found]

    def list_deleted(self, request: IncomingRequest) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        found = select(self._state.projects, query, lambda project: project.deleted_at is not None)
        return [self._view(project, query.extended) for project in found]

    def read(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        query = parse_query(request, ExtendedQuery)
        return self._view(self._state.project(project_id), query.extended)

    def update(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        body = parse_body(request, ProjectChange)
        project = self._state.project(project_id)
        project.name = project.name if body.name is None else body.name
        project.description = project.description if body.description is None else body.description
        if body.area_of_interest is not None:
            project.area_of_interest = body.area_of_interest.dump()
        project.change_tags(body.add_tags, body.remove_tags)
        project.updated_at = request.now
        return project.view()

    def delete(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        project = self._state.project(project_id)
        project.deleted_at = request.now
        return project.view()

    def restore(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        project = self._state.projects.get(project_id)
        if project is None:
            raise http_error(404, "Project not found")
        if project.deleted_at is None:
            raise http_error(409, "Project is not deleted")
        if project.parent_project_id is not None and not self._state.is_project_visible(self._parent(project)):
            raise http_error(409, "The parent of the project is deleted")
        project.deleted_at = None
        project.updated_at = request.now
        return project.view()

    def _parent(self, project: Project) -> Project | None:
        return None if project.parent_project_id is None else self._state.projects[project.parent_project_id]

    def move(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        target = parse_query(request, ProjectMoveQuery).new_parent_id
        project = self._state.project(project_id)
        parent = None if target == -1 else self._state.project(target)
        parent_id = None if parent is None else parent.id
        while parent is not None:
            if parent.id == project.id:
                raise http_error(409, "A project cannot be moved below itself")
            parent = self._parent(parent)
        project.parent_project_id = parent_id
        project.updated_at = request.now
        return project.view()


class CollectionHandlers:
    """Request handlers of data collections."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, request: IncomingRequest, project_id: int) -> dict[str, Any]:
        body = parse_body(request, DataCollectionBody)
        self._state.project(project_id)
        collection = Collection(
            id=self._state.next_id(),
            project_id=project_id,
            name=body.name,
            description=body.description,
            data_collection_type=body.data_collection_type,
            tags=list(dict.fromkeys(body.tags)),
            raster_info=None if body.raster_info is None else body.raster_info.dump(),
            created_at=request.now,
            updated_at=request.now,
        )
        self._state.collections[collection.id] = collection
        return collection.view()

    def list_all(self, request: IncomingRequest, project_id: int) -> list[dict[str, Any]]:
        return self._list(request, project_id, deleted=False)

    def list_deleted(self, request: IncomingRequest, project_id: int) -> list[dict[str, Any]]:
        return self._list(request, project_id, deleted=True)

    def _list(self, request: IncomingRequest, project_id: int, *, deleted: bool) -> list[dict[str, Any]]:
        query = parse_query(request, CollectionListQuery)
        self._state.project(project_id)

        def matches(collection: Collection) -> bool:
            return (
                collection.project_id == project_id
                and (collection.deleted_at is not None) == deleted
                and query.data_collection_type in (None, collection.data_collection_type)
            )

        return [collection.view() for collection in select(self._state.collections, query, matches)]

    def read(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        return self._state.collection(project_id, data_collection_id).view()

    def update(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, DataCollectionChange)
        collection = self._state.collection(project_id, data_collection_id)
        collection.name = collection.name if body.name is None else body.name
        collection.description = collection.description if body.description is None else body.description
        collection.change_tags(body.add_tags, body.remove_tags)
        collection.updated_at = request.now
        return collection.view()

    def move(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        target = parse_query(request, CollectionMoveQuery).new_project_id
        collection = self._state.collection(project_id, data_collection_id)
        collection.project_id = self._state.project(target).id
        collection.updated_at = request.now
        return collection.view()

    def delete(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        collection = self._state.collection(project_id, data_collection_id)
        collection.deleted_at = request.now
        return collection.view()

    def restore(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        self._state.project(project_id)
        collection = self._state.collections.get(data_collection_id)
        if collection is None or collection.project_id != project_id:
            raise http_error(404, "Data collection not found")
        if collection.deleted_at is None:
            raise http_error(409, "Data collection is not deleted")
        collection.deleted_at = None
        collection.updated_at = request.now
        return collection.view()

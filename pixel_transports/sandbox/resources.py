"""Images, rasters and point clouds: the same handlers for each kind.

Rules kept here:

* Rasters and point clouds can also be listed by properties of their content.
* A resource moves only into a data collection of its kind (409), a point cloud only within its project. Its optimised
  forms and attachments move with it.
* A deleted resource is gone, with its optimised forms and attachments.
"""

from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.records import Collection, Resource
from pixel_transports.sandbox.schemas import ListQuery, parse_body, parse_query, validation_error
from pixel_transports.sandbox.schemas_files import PointCloudListQuery, RasterListQuery, ResourceChange
from pixel_transports.sandbox.schemas_projects import ResourceMoveBody, ResourceMoveQuery
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import Table, select

_QUERIES: dict[str, type[ListQuery]] = {
    "image": ListQuery,
    "raster": RasterListQuery,
    "point_cloud": PointCloudListQuery,
}
TRAITS = ("format", "point_record_format", "version_major", "version_minor")
"""Query parameters that are properties of the content."""


def traits_filter(query: ListQuery) -> dict[str, Any]:
    """Return the properties of the content that a query filters by."""
    return {name: value for name in TRAITS if (value := getattr(query, name, None)) is not None}


class ResourceHandlers:
    """Request handlers of one kind of resource."""

    def __init__(self, state: State, kind: str) -> None:
        self._state = state
        self._kind = kind

    def _find(self, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        return self._state.resource(self._kind, project_id, data_collection_id, resource_id)

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, _QUERIES[self._kind])
        collection = self._state.collection(project_id, data_collection_id)
        resources = (
            self._state.resources_by_collection[collection.id]
            if collection.resource_kind == self._kind
            else Table[Resource]()
        )
        traits = traits_filter(query)

        def matches(resource: Resource) -> bool:
            return traits.items() <= resource.traits.items()

        return [resource.view(project_id) for resource in select(resources, query, matches if traits else None)]

    def read(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        return self._find(project_id, data_collection_id, resource_id).view(project_id)

    def metadata(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        resource = self._find(project_id, data_collection_id, resource_id)
        fields = {"fields_type": self._kind, "name": resource.name, **resource.metadata_fields()}
        return {"id": resource.id, "fields": fields, "json_metadata": resource.json_metadata}

    def update(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        body = parse_body(request, ResourceChange)
        resource = self._find(project_id, data_collection_id, resource_id)
        if body.typed_fields is not None and body.typed_fields.fields_type != self._kind:
            loc: list[str | int] = ["body", "fields", "fields_type"]
            raise validation_error(
                "literal_error", loc, f"Input should be '{self._kind}'", body.typed_fields.fields_type
            )
        resource.apply_metadata(body.dump())
        resource.change_tags(body.add_tags, body.remove_tags)
        resource.updated_at = request.now
        return resource.view(project_id)

    def move(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        target_ids = parse_query(request, ResourceMoveQuery)
        resource = self._find(project_id, data_collection_id, resource_id)
        target = self._state.collection(target_ids.new_project_id, target_ids.new_data_collection_id)
        return self._move(request, resource, target)

    def move_within(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        target_ids = parse_body(request, ResourceMoveBody)
        resource = self._find(project_id, data_collection_id, resource_id)
        return self._move(request, resource, self._state.collection(project_id, target_ids.new_data_collection_id))

    def _move(self, request: IncomingRequest, resource: Resource, target: Collection) -> dict[str, Any]:
        if target.resource_kind != self._kind:
            raise http_error(409, f"Data collection is of type {target.data_collection_type}")
        self._state.move_resource(resource, target.id)
        resource.updated_at = request.now
        return resource.view(target.project_id)

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        resource = self._find(project_id, data_collection_id, resource_id)
        self._state.remove_resource(resource)
        return resource.view(project_id)

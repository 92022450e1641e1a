"""Images, rasters and point clouds: one room for each kind, all alike.

Rules kept here:

* A list is narrowed and paged like every other; a resource that was deleted is neither listed nor found.
* A resource moves only into a data collection of its kind (409); a point cloud only within its project.
"""

from typing import Any

from pixel_transports.sandbox.bodies import CollectionBody, ListQuery, PlaceQuery, ResourceChange, read_body, read_query
from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.projects import narrowed
from pixel_transports.sandbox.state import Collection, Resource, State


class Resources:
    """The room of one kind of resource."""

    def __init__(self, state: State, kind: str) -> None:
        self._state = state
        self._kind = kind

    def _find(self, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        return self._state.resource(self._kind, project_id, data_collection_id, resource_id)

    def listed(self, incoming: Incoming, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = read_query(incoming, ListQuery)
        self._state.collection(project_id, data_collection_id)
        found = (
            resource
            for resource in self._state.resources[self._kind].values()
            if resource.data_collection_id == data_collection_id and resource.deleted_at is None
        )
        return [resource.view(project_id) for resource in narrowed(found, query)]

    def read(self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int) -> dict[str, Any]:
        return self._find(project_id, data_collection_id, resource_id).view(project_id)

    def metadata(
        self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        resource = self._find(project_id, data_collection_id, resource_id)
        fields = {"fields_type": self._kind, "name": resource.name, **resource.known()}
        return {"id": resource.id, "fields": fields, "json_metadata": resource.json_metadata}

    def change(self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int) -> dict[str, Any]:
        body = read_body(incoming, ResourceChange)
        resource = self._find(project_id, data_collection_id, resource_id)
        if body.known is not None and body.known.fields_type != self._kind:
            message = f"Input should be '{self._kind}'"
            loc = ["body", "fields", "fields_type"]
            raise refusal(422, [{"type": "literal_error", "loc": loc, "msg": message, "input": body.known.fields_type}])
        resource.describe(body.given)
        resource.retag(body.add_tags, body.remove_tags)
        resource.updated_at = incoming.now
        return resource.view(project_id)

    def move(self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int) -> dict[str, Any]:
        place = read_query(incoming, PlaceQuery)
        resource = self._find(project_id, data_collection_id, resource_id)
        target = self._state.collection(place.new_project_id, place.new_data_collection_id)
        return self._moved(incoming, resource, target)

    def move_within(
        self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        place = read_body(incoming, CollectionBody)
        resource = self._find(project_id, data_collection_id, resource_id)
        return self._moved(incoming, resource, self._state.collection(project_id, place.new_data_collection_id))

    def _moved(self, incoming: Incoming, resource: Resource, target: Collection) -> dict[str, Any]:
        if target.resource_kind != self._kind:
            raise refusal(409, f"Data collection is of type {target.data_collection_type}")
        resource.data_collection_id = target.id
        resource.updated_at = incoming.now
        return resource.view(target.project_id)

    def delete(self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int) -> dict[str, Any]:
        resource = self._find(project_id, data_collection_id, resource_id)
        resource.deleted_at = incoming.now
        return resource.view(project_id)

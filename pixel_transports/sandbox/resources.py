"""Images, rasters and point clouds: one room for each kind, all alike.

Rules kept here:

* A list is narrowed and paged like every other; rasters and point clouds also by what their content says of them.
* A resource moves only into a data collection of its kind (409); a point cloud only within its project. Its optimised
  forms and attachments go with it.
* What is deleted is gone, with its optimised forms and attachments.
"""

from typing import Any

from pixel_transports.sandbox.bodies import ListQuery, read_body, read_query, wrong
from pixel_transports.sandbox.bodies_files import PointCloudListQuery, RasterListQuery, ResourceChange
from pixel_transports.sandbox.bodies_places import CollectionBody, PlaceQuery
from pixel_transports.sandbox.exchange import Incoming, refusal
from pixel_transports.sandbox.lists import Table, narrowed
from pixel_transports.sandbox.records import Collection, Resource
from pixel_transports.sandbox.state import State

_QUERIES: dict[str, type[ListQuery]] = {
    "image": ListQuery,
    "raster": RasterListQuery,
    "point_cloud": PointCloudListQuery,
}
TRAITS = ("format", "point_record_format", "version_major", "version_minor")
"""The names in queries that ask for what the content says."""


def traits_of(query: ListQuery) -> dict[str, Any]:
    """What a query wants the content to be: the traits that were given."""
    return {name: value for name in TRAITS if (value := getattr(query, name, None)) is not None}


class Resources:
    """The room of one kind of resource."""

    def __init__(self, state: State, kind: str) -> None:
        self._state = state
        self._kind = kind

    def _find(self, project_id: int, data_collection_id: int, resource_id: int) -> Resource:
        return self._state.resource(self._kind, project_id, data_collection_id, resource_id)

    def listed(self, incoming: Incoming, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = read_query(incoming, _QUERIES[self._kind])
        collection = self._state.collection(project_id, data_collection_id)
        here = self._state.shelves[collection.id] if collection.resource_kind == self._kind else Table[Resource]()
        traits = traits_of(query)

        def wanted(resource: Resource) -> bool:
            return traits.items() <= resource.traits.items()

        return [resource.view(project_id) for resource in narrowed(here, query, wanted if traits else None)]

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
            loc: list[str | int] = ["body", "fields", "fields_type"]
            raise wrong("literal_error", loc, f"Input should be '{self._kind}'", body.known.fields_type)
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
        self._state.move(resource, target.id)
        resource.updated_at = incoming.now
        return resource.view(target.project_id)

    def delete(self, incoming: Incoming, project_id: int, data_collection_id: int, resource_id: int) -> dict[str, Any]:
        resource = self._find(project_id, data_collection_id, resource_id)
        self._state.remove(resource)
        return resource.view(project_id)

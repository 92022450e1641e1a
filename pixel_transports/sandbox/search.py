"""Search over images, rasters, point clouds, projects and data collections.

Rules kept here:

* Only visible records are found. Without `sort`, results are in the order of their ids; null sorts last.
* `search` is a full-text search: every word has to be in the name, the description, the tags or the metadata, ignoring
  case.
* `intersects` is well-known text (see `geometry`). The shape of an image is its `location`, that of a project its
  polygon, and that of rasters, point clouds and data collections the polygon of their project.
* `out_fields` selects the fields of results; `distinct` removes equal results.
* `count` is the number of results on the page, `total_count` that on all pages.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import Field
from pydantic_core import to_json

from pixel_transports.sandbox.geometry import GeometryError, Shape, from_geojson, from_wkt, intersects
from pixel_transports.sandbox.http import IncomingRequest
from pixel_transports.sandbox.records import Collection, Project, Resource
from pixel_transports.sandbox.schemas import Schema, parse_body, parse_query, validation_error
from pixel_transports.sandbox.search_fields import SearchField, find_field, searchable_fields, searchable_text
from pixel_transports.sandbox.search_filters import OPERATORS, FilterError, compile_filter
from pixel_transports.sandbox.state import State

SearchOn = Literal["images", "rasters", "point_clouds", "projects", "data_collections"]
Searched = Project | Collection | Resource
_MAX_INTERSECTS_CHARACTERS = 1_000_000


class OnQuery(Schema):
    on: SearchOn


class SortBody(Schema):
    field: str
    direction: Literal["asc", "desc"] = "asc"


class SearchBody(Schema):
    on: SearchOn
    intersects: str | None = Field(None, max_length=_MAX_INTERSECTS_CHARACTERS)
    filter: Any = None
    search: str | None = None
    out_fields: list[str] | None = None
    sort: list[SortBody] | None = None
    distinct: bool = False
    limit: int = Field(100, ge=0)
    offset: int = Field(0, ge=0)


class SearchHandlers:
    """Request handlers of search."""

    def __init__(self, state: State) -> None:
        self._state = state

    def info(self, request: IncomingRequest) -> dict[str, Any]:
        on = parse_query(request, OnQuery).on
        fields = searchable_fields(on, self._state.collections).values()
        return {
            "on": on,
            "fields": [{"name": field.name, "type": field.type} for field in fields],
            "operators": list(OPERATORS),
        }

    def search(self, request: IncomingRequest) -> dict[str, Any]:
        body = parse_body(request, SearchBody)
        fields = searchable_fields(body.on, self._state.collections)
        predicates = self._predicates(body, fields)
        names = None if body.out_fields is None else self._fields(fields, body.out_fields)
        orders = self._orders(body, fields)
        found = [record for record in self._visible(body.on) if all(predicate(record) for predicate in predicates)]
        found.sort(key=lambda record: record.id)
        # Sorting is stable, so the first field is sorted by last.
        for field, descending in reversed(orders):
            found = _sorted(found, field.get, descending=descending)
        page = slice(body.offset, body.offset + body.limit)
        if not body.distinct:
            results = [self._result(record, names) for record in found[page]]
            return {"count": len(results), "results": results, "total_count": len(found)}
        distinct = list(
            {to_json(result): result for record in found for result in [self._result(record, names)]}.values()
        )
        results = distinct[page]
        return {"count": len(results), "results": results, "total_count": len(distinct)}

    def _predicates(self, body: SearchBody, fields: dict[str, SearchField]) -> list[Callable[[Any], bool]]:
        predicates: list[Callable[[Any], bool]] = []
        if body.filter is not None:
            try:
                predicates.append(compile_filter(body.filter, fields))
            except FilterError as error:
                raise validation_error(
                    "value_error", ["body", "filter", *error.loc], error.message, error.value
                ) from None
        if words := (body.search or "").lower().split():
            predicates.append(lambda record: all(word in text for text in [searchable_text(record)] for word in words))
        if body.intersects is not None:
            try:
                shape = from_wkt(body.intersects)
            except GeometryError as error:
                raise validation_error("value_error", ["body", "intersects"], str(error), body.intersects) from None
            predicates.append(self._intersects(shape))
        return predicates

    @staticmethod
    def _fields(fields: dict[str, SearchField], names: Iterable[str]) -> list[str]:
        for number, name in enumerate(names):
            if find_field(fields, name) is None:
                raise validation_error(
                    "value_error", ["body", "out_fields", number], f"Unknown field: one of {', '.join(fields)}", name
                )
        return list(names)

    @staticmethod
    def _orders(body: SearchBody, fields: dict[str, SearchField]) -> list[tuple[SearchField, bool]]:
        orders: list[tuple[SearchField, bool]] = []
        for number, each in enumerate(body.sort or ()):
            field = find_field(fields, each.field)
            if field is None or field.type in ("list", "object"):
                raise validation_error(
                    "value_error", ["body", "sort", number, "field"], "Not a field that can be sorted by", each.field
                )
            orders.append((field, each.direction == "desc"))
        return orders

    def _visible(self, on: str) -> Iterable[Searched]:
        state = self._state
        if on == "projects":
            return [project for project in state.projects.values() if state.is_project_visible(project)]
        collections = [
            collection for collection in state.collections.values() if state.is_collection_visible(collection)
        ]
        if on == "data_collections":
            return collections
        kind = on.removesuffix("s")
        of_kind = (collection for collection in collections if collection.resource_kind == kind)
        return (
            resource for collection in of_kind for resource in state.resources_by_collection[collection.id].values()
        )

    def _intersects(self, shape: Shape) -> Callable[[Any], bool]:
        projects: dict[int, bool] = {}

        def project_intersects(project_id: int) -> bool:
            if project_id not in projects:
                area = from_geojson(self._state.projects[project_id].area_of_interest)
                projects[project_id] = area is not None and intersects(shape, area)
            return projects[project_id]

        def matches(record: Searched) -> bool:
            if isinstance(record, Project):
                return project_intersects(record.id)
            if isinstance(record, Collection):
                return project_intersects(record.project_id)
            if record.kind != "image":
                return project_intersects(self._state.collections[record.data_collection_id].project_id)
            location = from_geojson(record.fields.get("location"))
            return location is not None and intersects(shape, location)

        return matches

    def _result(self, record: Searched, names: list[str] | None) -> dict[str, Any]:
        if isinstance(record, Resource):
            view = record.view(self._state.collections[record.data_collection_id].project_id)
            entries = record.json_metadata or {}
        else:
            view, entries = record.view(), {}
        if names is None:
            return view
        return {name: view[name] if name in view else entries.get(name.partition(".")[2]) for name in names}


def _sorted(records: list[Searched], get: Callable[[Any], Any], *, descending: bool) -> list[Searched]:
    """Return the records sorted by a value, null last in both directions."""
    keyed = [(get(record), record) for record in records]
    with_value = [(value, record) for value, record in keyed if value is not None]
    # Free metadata may have numbers and text, which cannot be compared with each other.
    with_value.sort(key=lambda pair: (isinstance(pair[0], str), pair[0]), reverse=descending)
    return [record for _, record in with_value] + [record for value, record in keyed if value is None]

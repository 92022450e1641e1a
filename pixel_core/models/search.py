"""Search queries: the kind of resource, filters, and the order of results.

A filter maps one operator to a field and a value, or `and`/`or` to a list of filters::

    {"and": [{">=": [{"var": "created_at"}, datetime(2024, 5, 14)]}, {"~": [{"var": "name"}, "%flight%"]}]}
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from pixel_core.models.base import PixelModel
from pixel_core.models.geometry import check_wkt, wkt

SearchOn: TypeAlias = Literal["images", "rasters", "point_clouds", "projects", "data_collections"]

SearchFilterOperator: TypeAlias = Literal[
    "==", "!=", "<", "<=", ">", ">=", "~", "!~", "contains", "!contains", "in", "!in"
]
SearchFilterDataType: TypeAlias = str | int | float | datetime | None
SearchFilterListDataType: TypeAlias = Annotated[list[SearchFilterDataType], Field(min_length=1)]
SearchFilterCompDataType: TypeAlias = SearchFilterDataType | SearchFilterListDataType


class SearchFilterVar(TypedDict):
    """The name of the field that a filter compares."""

    var: str


SearchFilterComparisonDict: TypeAlias = dict[SearchFilterOperator, tuple[SearchFilterVar, SearchFilterCompDataType]]
SearchFilterAndExpr = TypedDict("SearchFilterAndExpr", {"and": list["SearchFilter"]})
SearchFilterOrExpr = TypedDict("SearchFilterOrExpr", {"or": list["SearchFilter"]})
SearchFilter: TypeAlias = SearchFilterComparisonDict | SearchFilterAndExpr | SearchFilterOrExpr


class SortField(PixelModel):
    """A field to sort by, and the direction."""

    field: str
    direction: Literal["asc", "desc"] = "asc"


class SearchQuery(PixelModel):
    """A search. `on` is the kind of resource, `search` a text, `out_fields` the fields to return (default: all).

    `intersects` is a geometry in longitude and latitude (EPSG:4326): well-known text, GeoJSON, a model of it, or an
    object with `__geo_interface__`. `offset` and `limit` count results.
    """

    on: SearchOn
    intersects: str | None = None
    filter: SearchFilter | None = None
    search: str | None = None
    out_fields: list[str] | None = None
    sort: list[SortField] | None = None
    distinct: bool = False
    limit: int = 100
    offset: int = 0

    @field_validator("intersects", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            check_wkt(value)
        if value is None or isinstance(value, str):
            return value
        try:
            return wkt(value)
        except TypeError as error:
            raise ValueError(str(error)) from None

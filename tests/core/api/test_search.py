"""Search: queries as dicts and models, filters, geometries as well-known text, and pages."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from pixel_core import Page, Response
from pixel_core.errors import PixelNotFoundError, PixelProtocolError
from pixel_core.models import Polygon, SearchOn, SearchQuery
from pixel_core.models.geometry import wkt
from pixel_core.models.search import SearchFilterOperator
from tests.support.scripted_api import Expected, World, body_of, json_response

DEFAULTS = {"distinct": False, "limit": 100, "offset": 0}


def sent(query: Any) -> Any:
    """Return the body of a search."""
    world = World(lambda _: json_response({}))
    world.run(world.api.search(query))
    return body_of(world.requests[0])


def filtered(value: Any) -> Any:
    return sent({"on": "images", "filter": value})["filter"]


@pytest.mark.parametrize("on", get_args(SearchOn))
def test_a_dict_and_a_model_are_the_same_query(on: Any) -> None:
    assert sent({"on": on}) == sent(SearchQuery(on=on)) == {"on": on, **DEFAULTS}


@pytest.mark.parametrize("operator", get_args(SearchFilterOperator))
@pytest.mark.parametrize("value", ["a", 1, 1.5, None, [1, 1.0, "1"], ["a", None], [None]])
def test_every_operator_takes_every_kind_of_value_at_any_depth(operator: str, value: Any) -> None:
    condition = {"or": [{"and": [{operator: [{"var": "x"}, value]}]}]}
    assert json.dumps(filtered(condition)) == json.dumps(condition)


def test_dates_in_a_filter_are_iso_8601_and_strings_stay_strings() -> None:
    date = datetime(2024, 5, 17, 8, 30, tzinfo=UTC)
    assert filtered({">": [{"var": "d"}, date]}) == {">": [{"var": "d"}, "2024-05-17T08:30:00Z"]}
    assert filtered({"in": [{"var": "d"}, [date, "2024-05-17"]]}) == {
        "in": [{"var": "d"}, ["2024-05-17T08:30:00Z", "2024-05-17"]]
    }


RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
RING_TEXT = "(0.0 0.0, 1.0 0.0, 1.0 1.0, 0.0 0.0)"
POINT = {"type": "Point", "coordinates": [10, 59.5]}
POINT_TEXT = "POINT (10.0 59.5)"
POLYGON = {"type": "Polygon", "coordinates": [RING]}


class PointModel(BaseModel):
    """A model such as geojson-pydantic's."""

    type: str = "Point"
    coordinates: tuple[float, float] = (10.0, 59.5)
    bbox: None = None


@pytest.mark.parametrize(
    ("geometry", "text"),
    [
        (POINT, POINT_TEXT),
        ({"type": "Point", "coordinates": [10, 59, 3]}, "POINT Z (10.0 59.0 3.0)"),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, "MULTIPOINT (1.0 2.0, 3.0 4.0)"),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "LINESTRING (1.0 2.0, 3.0 4.0)"),
        ({"type": "LineString", "coordinates": [[1, 2, 0], [3, 4, 5]]}, "LINESTRING Z (1.0 2.0 0.0, 3.0 4.0 5.0)"),
        (
            {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
            "MULTILINESTRING ((1.0 2.0, 3.0 4.0), (5.0 6.0, 7.0 8.0))",
        ),
        ({"type": "Polygon", "coordinates": [RING, RING]}, f"POLYGON ({RING_TEXT}, {RING_TEXT})"),
        ({"type": "MultiPolygon", "coordinates": [[RING], [RING]]}, f"MULTIPOLYGON (({RING_TEXT}), ({RING_TEXT}))"),
        (
            {"type": "GeometryCollection", "geometries": [POINT, POLYGON]},
            f"GEOMETRYCOLLECTION ({POINT_TEXT}, POLYGON ({RING_TEXT}))",
        ),
        ({"type": "Feature", "properties": {}, "geometry": POINT}, POINT_TEXT),
        (PointModel(), POINT_TEXT),
        (SimpleNamespace(__geo_interface__={"type": "Point", "coordinates": (10.0, 59.5)}), POINT_TEXT),
        (SimpleNamespace(__geo_interface__={"type": "Feature", "geometry": POINT}), POINT_TEXT),
        (Polygon.model_validate(POLYGON), f"POLYGON ({RING_TEXT})"),
        *((text, text) for text in ("POINT (1 2)", "SRID=4326;POINT(1 2)", "")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_geojson_and_what_converts_itself_to_it_become_well_known_text_and_strings_stay(
    geometry: Any, text: str
) -> None:
    assert sent({"on": "images", "intersects": geometry})["intersects"] == text


INVALID_FILTERS: list[Any] = [
    {"===": [{"var": "a"}, 1]},
    {"==": [{"var": "a"}]},
    {"==": [{"var": "a"}, 1, 2]},
    {"==": ["a", 1]},
    {"==": [{}, 1]},
    {"==": [{"var": "a"}, []]},
    {"==": [{"var": "a"}, {"b": 1}]},
    {"in": [{"var": "a"}, [[1]]]},
    {"and": {"==": [{"var": "a"}, 1]}},
    {"or": [{"xor": []}]},
    [{"==": [{"var": "a"}, 1]}],
    "a = 1",
]
INVALID_GEOMETRIES: list[Any] = [
    {},
    {"type": "Circle", "coordinates": [1, 2]},
    {"type": "Point"},
    {"type": "Point", "coordinates": []},
    {"type": "Point", "coordinates": [1]},
    {"type": "Point", "coordinates": [1, 2, 3, 4]},
    {"type": "Point", "coordinates": ["1", "2"]},
    {"type": "Point", "coordinates": [True, 2]},
    {"type": "Point", "coordinates": [float("nan"), 2]},
    {"type": "Point", "coordinates": [float("inf"), 2]},
    {"type": "Polygon", "coordinates": RING},
    {"type": "LineString", "coordinates": [[1, 2, 3], [4, 5]]},
    {"type": "LineString", "coordinates": "12"},
    {"type": "GeometryCollection"},
    {"type": "GeometryCollection", "geometries": None},
    {"type": "GeometryCollection", "geometries": []},
    {"type": "GeometryCollection", "geometries": [{}]},
    {"type": "Feature", "geometry": None},
]


@pytest.mark.parametrize("geometry", INVALID_GEOMETRIES)
def test_an_invalid_geometry_is_a_value_error(geometry: Any) -> None:
    with pytest.raises(ValueError):
        wkt(geometry)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"on": "shoes"},
        {"on": "images", "limit": "many"},
        {"on": "images", "sort": [{"field": "name", "direction": "up"}]},
        {"on": "images", "sort": [{}]},
        {"on": "images", "out_fields": "name"},
        {"on": "images", "intersects": 5},
        None,
        "images",
        *({"on": "images", "filter": each} for each in INVALID_FILTERS),
        *({"on": "images", "intersects": each} for each in INVALID_GEOMETRIES),
    ],
)
def test_an_invalid_query_is_a_validation_error_and_nothing_is_sent(query: Any) -> None:
    world = World()
    world.fail(world.api.search(query), ValidationError)
    with pytest.raises(ValidationError):
        world.api.paginate_search(query, 10)


def page(offset: int, answer: Any, **more: Any) -> Expected:
    body = {"on": "images", "distinct": False, **more, "offset": offset, "limit": 2}
    return Expected("POST", "/acme/search/", json_response(answer), body)


@pytest.mark.parametrize("answer", [{}, {"results": None}, {"count": 2}, []])
def test_missing_results_are_an_empty_page(answer: Any) -> None:
    world = World([page(0, answer)])
    assert world.run(next(world.api.paginate_search({"on": "images"}, 2))) == Page([], last=True)


@pytest.mark.parametrize("answer", [None, "text", 5, {"results": {"a": 1}}, {"results": "ab"}])
def test_results_that_are_no_list_are_a_protocol_error(answer: Any) -> None:
    world = World([page(0, answer)])
    error = world.fail(next(world.api.paginate_search({"on": "images"}, 2)), PixelProtocolError)
    assert "POST https://pixel.test/acme/search/" in str(error)


def test_an_error_of_a_search_is_raised_at_its_page() -> None:
    world = World([page(0, [1, 2]), Expected("POST", "/acme/search/", Response(404))])
    pages = world.api.paginate_search({"on": "images"}, 2)
    assert world.run(next(pages)) == Page([1, 2], last=False)
    world.fail(next(pages), PixelNotFoundError)

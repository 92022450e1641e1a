"""Shapes are parsed from well-known text and GeoJSON, and intersect or not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_transports.sandbox.geometry import GeometryError, contains, from_geojson, from_wkt, intersects

SQUARE = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"
HOLED = "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 7 2, 7 7, 2 7, 2 2))"

MEETINGS = [
    (SQUARE, "POINT (1 1)", True),
    (SQUARE, "POINT (4 2)", True),
    (SQUARE, "POINT (0 0)", True),
    (SQUARE, "POINT (5 1)", False),
    (SQUARE, "point z(1 1 100)", True),
    (SQUARE, "POINT ZM (1 1 100 5)", True),
    (SQUARE, "MULTIPOINT (9 9, 1 1)", True),
    (SQUARE, "MULTIPOINT ((9 9), (8 8))", False),
    (SQUARE, "LINESTRING (-1 2, 5 2)", True),
    (SQUARE, "LINESTRING (-1 -1, -1 9)", False),
    (SQUARE, "LINESTRING (3 6, 6 3)", False),
    (SQUARE, "LINESTRING (4 0, 9 0)", True),
    (SQUARE, "MULTILINESTRING ((8 8, 9 9), (1 1, 2 2))", True),
    (SQUARE, "POLYGON ((3 3, 9 3, 9 9, 3 9, 3 3))", True),
    (SQUARE, "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", True),
    (SQUARE, "POLYGON ((-9 -9, 9 -9, 9 9, -9 9, -9 -9))", True),
    (SQUARE, "POLYGON ((5 0, 9 0, 9 4, 5 4, 5 0))", False),
    (SQUARE, "MULTIPOLYGON (((7 7, 8 7, 8 8, 7 7)), ((1 1, 2 1, 2 2, 1 1)))", True),
    (SQUARE, "GEOMETRYCOLLECTION (POINT (9 9), LINESTRING (-1 1, 9 1))", True),
    (HOLED, "POINT (5 5)", False),
    (HOLED, "POINT (1 5)", True),
    (HOLED, "POLYGON ((3 3, 6 3, 6 6, 3 6, 3 3))", False),
    (HOLED, "LINESTRING (5 5, 8 5)", True),
    ("POINT (1.5e0 -.5)", "POINT (1.5 -0.5)", True),
    ("LINESTRING (0 0, 2 2)", "LINESTRING (0 2, 2 0)", True),
    ("LINESTRING (0 0, 2 2)", "LINESTRING (3 3, 4 4)", False),
    ("LINESTRING (0 0, 2 2)", "POINT (1 1)", True),
]


@pytest.mark.parametrize(("one", "other", "met"), MEETINGS)
def test_two_shapes_intersect_or_do_not(one: str, other: str, met: bool) -> None:
    assert intersects(from_wkt(one), from_wkt(other)) is met
    assert intersects(from_wkt(other), from_wkt(one)) is met


@pytest.mark.parametrize(
    ("area", "other", "contained"),
    [
        *((SQUARE, f"POINT ({at})", True) for at in ("1 1", "4 2", "0 0", "4 4", "2 0")),
        *((SQUARE, f"POINT ({at})", False) for at in ("5 1", "4.000001 2", "-0.000001 0")),
        *((HOLED, "POINT (5 5)", False), (HOLED, "POINT (2 5)", True)),
        (SQUARE, "LINESTRING (1 1, 4 4)", True),
        (SQUARE, "LINESTRING (1 1, 5 5)", False),
        (SQUARE, "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", True),
        (SQUARE, "POLYGON ((-9 -9, 9 -9, 9 9, -9 9, -9 -9))", False),
        (SQUARE, "MULTIPOINT (1 1, 9 9)", False),
    ],
)
def test_an_area_contains_a_shape_with_all_its_positions(area: str, other: str, contained: bool) -> None:
    assert contains(from_wkt(area), from_wkt(other)) is contained


WRONG = [
    *("", "POINT", "POINT EMPTY", "POINT (1)", "POINT (1 2", "POINT (1 2))", "POINT (1 2 3 4 5)", "POINT (1e999 2)"),
    *("POINT (x y)", "POINT ((1 2))x", "POINT [1 2]", "LINESTRING (1 2)", "POLYGON ((0 0, 1 1, 0 0))"),
    *("POLYGON ((0 0, 1 0, 1 1, 0 1))", "POLYGON (0 0, 1 1)", "CIRCLE (1 2)", "SRID=4326;POINT (1 2)"),
    *("GEOMETRYCOLLECTION EMPTY", "GEOMETRYCOLLECTION (" * 99 + "POINT (1 2)" + ")" * 99),
]


@pytest.mark.parametrize("text", WRONG)
def test_invalid_text_is_a_geometry_error(text: str) -> None:
    with pytest.raises(GeometryError):
        from_wkt(text)


@given(st.one_of(st.text(), st.from_regex(re.compile(r"(MULTI)?(POINT|POLYGON|LINESTRING)[ (),.0-9eE+\-ZM]*"))))
def test_any_text_is_a_shape_or_an_error(text: str) -> None:
    try:
        shape = from_wkt(text)
    except GeometryError:
        return
    assert intersects(shape, shape)


POSITIONS = (["a", 1], [True, 1], [10**400, 1], {"x": 1}, None)
NO_SHAPES = [None, {}, {"type": ["Point"], "coordinates": [1, 2]}]


@pytest.mark.parametrize("value", [*NO_SHAPES, *({"type": "Point", "coordinates": each} for each in POSITIONS)])
def test_json_that_is_no_geometry_has_no_shape(value: object) -> None:
    assert from_geojson(value) is None

"""Plane geometry: parses well-known text and GeoJSON, and tests whether shapes intersect or contain each other.

Rules kept here:

* Types are POINT, LINESTRING, POLYGON, their MULTI forms and GEOMETRYCOLLECTION, with or without Z and M (OGC
  06-103r4, section 7); heights are ignored. Anything else, also `EMPTY`, is a GeometryError.
* A small implementation of its own, enough for a sandbox: bounding boxes first, then every edge against every edge,
  then a point of one shape in the other (even-odd rule). Longitude and latitude are plane coordinates; nothing crosses
  the date line. Borders belong to a shape.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Point = tuple[float, float]
Edge = tuple[Point, Point]
Ring = tuple[Point, ...]
Box = tuple[float, float, float, float]


class GeometryError(ValueError):
    """The text is no geometry, or one of an unsupported type."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Lines, areas (the outer ring, then holes) and the edges of both.

    A point is a line with one position, and an edge without length.
    """

    lines: tuple[Ring, ...]
    areas: tuple[tuple[Ring, ...], ...]
    edges: tuple[Edge, ...]
    box: Box

    @property
    def starts(self) -> list[Point]:
        """A point of each connected part."""
        return [line[0] for line in self.lines] + [area[0][0] for area in self.areas]


def intersects(one: Shape, other: Shape) -> bool:
    """Return whether two shapes have a point in common."""
    if not _boxes_overlap(one.box, other.box):
        return False
    if any(_inside(point, area) for point in one.starts for area in other.areas):
        return True
    if any(_inside(point, area) for point in other.starts for area in one.areas):
        return True
    edges = [edge for edge in other.edges if _boxes_overlap(_box(edge), one.box)]
    return any(_edges_cross(edge, each) for edge in one.edges for each in edges)


def contains(one: Shape, other: Shape) -> bool:
    """Return whether all positions of `other` are within `one`."""
    positions = {point for edge in other.edges for point in edge}
    return all(intersects(one, _shape([(point,)], [])) for point in positions)


def _boxes_overlap(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _box(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _inside(point: Point, area: tuple[Ring, ...]) -> bool:
    x, y = point
    inside = False
    for ring in area:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
    return inside


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _edges_cross(one: Edge, other: Edge) -> bool:
    if not _boxes_overlap(_box(one), _box(other)):
        return False
    (a, b), (c, d) = one, other
    # With "not", numbers too big to multiply count as touching, as their boxes do.
    return not (_side(a, b, c) * _side(a, b, d) > 0 or _side(c, d, a) * _side(c, d, b) > 0)


def _shape(lines: Sequence[Ring], areas: Sequence[tuple[Ring, ...]]) -> Shape:
    rings = [*lines, *(ring for area in areas for ring in area)]
    points = [point for ring in rings for point in ring]
    if not points or not all(math.isfinite(number) for point in points for number in point):
        raise GeometryError("a geometry has positions of finite numbers")
    edges = [edge for ring in rings for edge in (pairwise(ring) if ring[1:] else [(ring[0], ring[0])])]
    return Shape(tuple(lines), tuple(areas), tuple(edges), _box(points))


_DEPTHS = {"POINT": 0, "MULTIPOINT": 1, "LINESTRING": 1, "MULTILINESTRING": 2, "POLYGON": 2, "MULTIPOLYGON": 3}


def _build(kind: str, coordinates: Any) -> Shape:
    """Return the shape of nested positions, nested as `kind` requires. Raises GeometryError."""
    match kind:
        case "POINT":
            return _shape([(_point(coordinates),)], [])
        case "MULTIPOINT":
            return _shape([(_point(each),) for each in _list(coordinates)], [])
        case "LINESTRING":
            return _shape([_ring(coordinates, 2)], [])
        case "MULTILINESTRING":
            return _shape([_ring(each, 2) for each in _list(coordinates)], [])
        case "POLYGON":
            return _shape([], [_area(coordinates)])
        case "MULTIPOLYGON":
            return _shape([], [_area(each) for each in _list(coordinates)])
    raise GeometryError(f"{kind} is no geometry that can be searched by: one of {', '.join(_DEPTHS)}")


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or not value:
        raise GeometryError("a geometry has lists of positions")
    return value


def _point(value: Any) -> Point:
    numbers = _list(value)
    if not 2 <= len(numbers) <= 4 or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        raise GeometryError("a position has two to four numbers")
    try:
        return float(numbers[0]), float(numbers[1])
    except OverflowError:
        raise GeometryError("a position has numbers within the range of a double") from None


def _ring(value: Any, minimum: int) -> Ring:
    points = tuple(_point(each) for each in _list(value))
    if len(points) < minimum:
        raise GeometryError(f"a line or ring has {minimum} positions or more")
    return points


def _area(value: Any) -> tuple[Ring, ...]:
    rings = tuple(_ring(each, 4) for each in _list(value))
    if any(ring[0] != ring[-1] for ring in rings):
        raise GeometryError("a ring ends where it starts")
    return rings


# GeoJSON


def from_geojson(value: Any) -> Shape | None:
    """Return the shape of a GeoJSON geometry, or None for anything else."""
    if not isinstance(value, Mapping):
        return None
    try:
        return _build(str(value.get("type")).upper(), value.get("coordinates"))
    except GeometryError:
        return None


# Well-known text

_TOKEN = re.compile(r"\s*(?:([A-Za-z]+)|([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|([(),]))")
_MAX_DEPTH = 8


def from_wkt(text: str) -> Shape:
    """Return the shape of well-known text. Raises GeometryError."""
    parser = _Parser(_tokens(text))
    shape = parser.geometry(0)
    if parser.more:
        raise GeometryError("the well-known text has more after its geometry")
    return shape


def _tokens(text: str) -> list[str]:
    items: list[str] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise GeometryError(f"well-known text cannot contain {text[position : position + 10].strip()!r}")
        items.append(match[0].strip().upper())
        position = match.end()
    return items


class _Parser:
    """A recursive-descent parser over tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._index = 0

    @property
    def more(self) -> bool:
        return self._index < len(self._tokens)

    def _peek(self) -> str:
        return self._tokens[self._index] if self.more else ""

    def _next(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise GeometryError(f"well-known text has {token or 'its end'!r} where {expected or 'more'!r} is expected")
        self._index += 1
        return token

    def geometry(self, depth: int) -> Shape:
        kind = self._next()
        if self._peek() in ("Z", "M", "ZM"):
            self._next()
        if kind == "GEOMETRYCOLLECTION" and depth < _MAX_DEPTH:
            self._next("(")
            shapes = [self.geometry(depth + 1)]
            while self._peek() == ",":
                self._next()
                shapes.append(self.geometry(depth + 1))
            self._next(")")
            lines = [line for shape in shapes for line in shape.lines]
            return _shape(lines, [area for shape in shapes for area in shape.areas])
        if kind not in _DEPTHS:
            raise GeometryError(f"{kind} is no geometry that can be searched by: one of {', '.join(_DEPTHS)}")
        if kind == "POINT":
            (position,) = self._positions(1)[:1]
            return _build(kind, position)
        return _build(kind, self._positions(_DEPTHS[kind]))

    def _positions(self, depth: int) -> list[Any]:
        """Return positions nested `depth` deep. Each of a multipoint may have its own parentheses."""
        self._next("(")
        items = [self._position(depth)]
        while self._peek() == ",":
            self._next()
            items.append(self._position(depth))
        self._next(")")
        return items

    def _position(self, depth: int) -> Any:
        if depth > 1:
            return self._positions(depth - 1)
        if self._peek() == "(":
            (position,) = self._positions(1)[:1]
            return position
        numbers: list[float] = []
        while self._peek() and self._peek()[0] in "+-.0123456789":
            numbers.append(float(self._next()))
        return numbers

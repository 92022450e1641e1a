"""Maps without outside services: points and polygons on a grid of degrees, as one piece of SVG.

Rules kept here:

* What comes out is a text that needs nothing else: no script, no style sheet, no picture of others.
* Every text in it is escaped.
* North is up. Longitudes are narrowed by the cosine of the latitude in the middle, so that near things keep their form.
* Places on both sides of the 180th meridian are drawn next to each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import cos, floor, log10, radians, sin
from typing import Any

from pixel_core.values import value

_MARGIN = 24.0
_LEAST_DEGREES = 0.002
"""A map shows at least so much, about 200 m: a lone point has no extent of its own."""
_METRES_PER_DEGREE = 111_320.0
_MOST_SHAPES = 2000
"""How many shapes are drawn at most; of more, every second, third, ... is."""

_SEA, _GRID, _TEXT, _AREA, _POINT = "#eef3f7", "#cfd9e2", "#5b6b7a", "#2f6f9f", "#c2410c"


@value
class Shape:
    """Something on a map: a GeoJSON geometry, a title, and the direction in which it looks (degrees from north)."""

    geometry: Mapping[str, Any]
    title: str = ""
    heading: float | None = None


@value
class Extent:
    """What lies between two meridians and two parallels, in degrees; `east` may be more than 180."""

    west: float
    south: float
    east: float
    north: float

    def bbox(self) -> list[float]:
        """As GeoJSON has it: each longitude from -180 to 180."""
        return [_usual(self.west), self.south, _usual(self.east), self.north]


def positions(geometry: Mapping[str, Any] | None) -> Iterator[tuple[float, float]]:
    """All positions of a geometry: longitude, latitude."""
    if geometry is not None:
        yield from _flat(geometry["coordinates"])


def _flat(found: Sequence[Any]) -> Iterator[tuple[float, float]]:
    if isinstance(found[0], (int, float)):
        yield float(found[0]), float(found[1])
    else:
        for each in found:
            yield from _flat(each)


def extent(points: Sequence[tuple[float, float]]) -> Extent:
    """The least extent that holds all points, of which there has to be one."""
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    west, east = min(longitudes), max(longitudes)
    if east - west > 180:
        turned = [longitude % 360 for longitude in longitudes]
        if max(turned) - min(turned) < east - west:
            west, east = min(turned), max(turned)
    return Extent(west, min(latitudes), east, max(latitudes))


def _usual(longitude: float) -> float:
    return longitude - 360 if longitude > 180 else longitude


class _Plane:
    """From degrees to pixels."""

    def __init__(self, seen: Extent, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._middle = (seen.west + seen.east) / 2, (seen.south + seen.north) / 2
        self._narrow = max(cos(radians(min(abs(self._middle[1]), 89.0))), 0.02)
        across = max((seen.east - seen.west) * self._narrow, _LEAST_DEGREES)
        up = max(seen.north - seen.south, _LEAST_DEGREES)
        self.pixels_per_degree = min((width - 2 * _MARGIN) / across, (height - 2 * _MARGIN) / up)
        self._turned = seen.east > 180

    def pixel(self, longitude: float, latitude: float) -> tuple[float, float]:
        if self._turned:
            longitude %= 360
        x = self.width / 2 + (longitude - self._middle[0]) * self._narrow * self.pixels_per_degree
        y = self.height / 2 - (latitude - self._middle[1]) * self.pixels_per_degree
        return round(x, 1), round(y, 1)

    def meridians(self) -> list[float]:
        half = self.width / 2 / self._narrow / self.pixels_per_degree
        return _ticks(self._middle[0] - half, self._middle[0] + half)

    def parallels(self) -> list[float]:
        half = self.height / 2 / self.pixels_per_degree
        return _ticks(max(self._middle[1] - half, -90.0), min(self._middle[1] + half, 90.0))


def _round(size: float) -> float:
    """The greatest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, ...) that is not above `size`."""
    power = 10.0 ** floor(log10(size))
    return next(step * power for step in (5.0, 2.0, 1.0, 0.5) if step * power <= size * 1.0001)


def _ticks(least: float, most: float) -> list[float]:
    step = _round((most - least) / 3)
    first = floor(least / step) + 1
    return [round(number * step, 9) for number in range(first, floor(most / step) + 1)]


def svg(shapes: Iterable[Shape], width: int = 560, height: int = 340) -> str:
    """A map of these shapes, or an empty text where there is none. It is as tall and wide as it says, in pixels."""
    known = list(shapes)
    shown = known[:: max(1, -(-len(known) // _MOST_SHAPES))]
    points = [point for shape in known for point in positions(shape.geometry)]
    if not points:
        return ""
    plane = _Plane(extent(points), width, height)
    # Areas first, so that no point is hidden below one.
    drawn = sorted(shown, key=lambda shape: shape.geometry["type"] in ("Point", "MultiPoint"))
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
            f' role="img" aria-label="Map of {len(shown)} places" style="max-width:100%;height:auto;',
            f'background:{_SEA};border:1px solid {_GRID}" font-family="sans-serif" font-size="10">',
            *_grid(plane),
            *(piece for shape in drawn for piece in _drawn(plane, shape)),
            *_scale(plane),
            "</svg>",
        ]
    )


def _grid(plane: _Plane) -> Iterator[str]:
    # A line near the edge gets no label, which would be cut off or lie on another.
    for longitude in plane.meridians():
        x, _ = plane.pixel(longitude, 0.0)
        yield f'<path d="M{x} 0V{plane.height:g}" stroke="{_GRID}" fill="none"/>'
        if 30 < x < plane.width - 50:
            told = degrees(_usual(longitude), "EW")
            yield f'<text x="{x + 3:g}" y="{plane.height - 5:g}" fill="{_TEXT}">{told}</text>'
    for latitude in plane.parallels():
        _, y = plane.pixel(0.0, latitude)
        yield f'<path d="M0 {y}H{plane.width:g}" stroke="{_GRID}" fill="none"/>'
        if 16 < y < plane.height - 16:
            yield f'<text x="4" y="{y - 3:g}" fill="{_TEXT}">{degrees(latitude, "NS")}</text>'


def _drawn(plane: _Plane, shape: Shape) -> Iterator[str]:
    kind, coordinates = shape.geometry["type"], shape.geometry["coordinates"]
    title = f"<title>{escape(shape.title)}</title>"
    if kind in ("Point", "MultiPoint"):
        for longitude, latitude in positions(shape.geometry):
            x, y = plane.pixel(longitude, latitude)
            if shape.heading is not None:
                turned = radians(shape.heading)
                to_x, to_y = round(x + 13 * sin(turned), 1), round(y - 13 * cos(turned), 1)
                yield f'<path class="heading" d="M{x} {y}L{to_x} {to_y}" stroke="{_POINT}" stroke-width="2"/>'
            yield (
                f'<circle class="place" cx="{x}" cy="{y}" r="4.5" fill="{_POINT}" stroke="#fff" stroke-width="1.2">'
                f"{title}</circle>"
            )
        return
    open_lines, close = kind.endswith("LineString"), "" if kind.endswith("LineString") else "Z"
    path = "".join(f"M{'L'.join(_pixels(plane, line))}{close}" for line in _lines(coordinates))
    fill = "none" if open_lines else _AREA
    yield (
        f'<path class="area" d="{path}" fill="{fill}" fill-opacity="0.12" fill-rule="evenodd" stroke="{_AREA}">'
        f"{title}</path>"
    )


def _lines(found: Sequence[Any]) -> Iterator[Sequence[Sequence[float]]]:
    """The lines and rings of a geometry, each a sequence of positions."""
    if isinstance(found[0][0], (int, float)):
        yield found
    else:
        for each in found:
            yield from _lines(each)


def _pixels(plane: _Plane, line: Sequence[Sequence[float]]) -> Iterator[str]:
    for position in line:
        x, y = plane.pixel(position[0], position[1])
        yield f"{x} {y}"


def _scale(plane: _Plane) -> Iterator[str]:
    """A bar of a round length, at the bottom right."""
    metres = _round(110 / plane.pixels_per_degree * _METRES_PER_DEGREE)
    length = metres / _METRES_PER_DEGREE * plane.pixels_per_degree
    x, y = plane.width - 10, plane.height - 22
    told = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    yield f'<path d="M{x - length:.1f} {y - 4}v4H{x:g}v-4" stroke="{_TEXT}" fill="none"/>'
    yield f'<text x="{x:g}" y="{y - 7}" text-anchor="end" fill="{_TEXT}">{told}</text>'


def degrees(angle: float, signs: str, digits: int = 6) -> str:
    """An angle for people: `signs` are the letters for more and for less than 0."""
    letter = signs[0] if angle > 0 else signs[1] if angle < 0 else ""
    return f"{f'{abs(angle):.{digits}f}'.rstrip('0').rstrip('.')}° {letter}".strip()

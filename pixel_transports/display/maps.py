"""Draws points and polygons on a grid of degrees, as SVG, without any map service.

Rules kept here:

* The SVG is self-contained: no script, no style sheet, no external image. All text is escaped.
* North is up. Longitudes are scaled by the cosine of the middle latitude (an equirectangular projection).
* Places on both sides of the 180th meridian are drawn next to each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import cos, floor, log10, radians, sin
from typing import Any

from pixel_core.values import value

_MARGIN = 24.0
_MIN_DEGREES = 0.002
"""The smallest extent of a map, about 200 m: a single point has no extent."""
_METRES_PER_DEGREE = 111_320.0
_MAX_SHAPES = 2000
"""How many shapes are drawn at most. Of more, every second, third, ... one is drawn."""

_SEA, _GRID, _TEXT, _AREA, _POINT = "#eef3f7", "#cfd9e2", "#5b6b7a", "#2f6f9f", "#c2410c"


@value
class Shape:
    """A GeoJSON geometry with a title and a heading (degrees clockwise from north)."""

    geometry: Mapping[str, Any]
    title: str = ""
    heading: float | None = None


@value
class Extent:
    """An area between two meridians and two parallels, in degrees. `east` can be greater than 180."""

    west: float
    south: float
    east: float
    north: float

    def bbox(self) -> list[float]:
        """Return the bounding box for GeoJSON, with longitudes from -180 to 180."""
        return [_wrap(self.west), self.south, _wrap(self.east), self.north]


def positions(geometry: Mapping[str, Any] | None) -> Iterator[tuple[float, float]]:
    """Yield all positions of a geometry as (longitude, latitude)."""
    if geometry is not None:
        yield from _flat(geometry["coordinates"])


def _flat(coordinates: Sequence[Any]) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], (int, float)):
        yield float(coordinates[0]), float(coordinates[1])
    else:
        for each in coordinates:
            yield from _flat(each)


def extent(points: Sequence[tuple[float, float]]) -> Extent:
    """Return the smallest extent that contains all points. There must be at least one."""
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    west, east = min(longitudes), max(longitudes)
    if east - west > 180:
        shifted = [longitude % 360 for longitude in longitudes]
        if max(shifted) - min(shifted) < east - west:
            west, east = min(shifted), max(shifted)
    return Extent(west, min(latitudes), east, max(latitudes))


def _wrap(longitude: float) -> float:
    return longitude - 360 if longitude > 180 else longitude


class _Projection:
    """Converts degrees to pixels."""

    def __init__(self, area: Extent, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._middle = (area.west + area.east) / 2, (area.south + area.north) / 2
        self._scale_x = max(cos(radians(min(abs(self._middle[1]), 89.0))), 0.02)
        across = max((area.east - area.west) * self._scale_x, _MIN_DEGREES)
        up = max(area.north - area.south, _MIN_DEGREES)
        self.pixels_per_degree = min((width - 2 * _MARGIN) / across, (height - 2 * _MARGIN) / up)
        self._shifted = area.east > 180

    def pixel(self, longitude: float, latitude: float) -> tuple[float, float]:
        if self._shifted:
            longitude %= 360
        x = self.width / 2 + (longitude - self._middle[0]) * self._scale_x * self.pixels_per_degree
        y = self.height / 2 - (latitude - self._middle[1]) * self.pixels_per_degree
        return round(x, 1), round(y, 1)

    def meridians(self) -> list[float]:
        half = self.width / 2 / self._scale_x / self.pixels_per_degree
        return _ticks(self._middle[0] - half, self._middle[0] + half)

    def parallels(self) -> list[float]:
        half = self.height / 2 / self.pixels_per_degree
        return _ticks(max(self._middle[1] - half, -90.0), min(self._middle[1] + half, 90.0))


def _round_down(size: float) -> float:
    """Return the largest of ..., 0.5, 1, 2, 5, 10, 20, ... that is not above `size`."""
    power = 10.0 ** floor(log10(size))
    return next(step * power for step in (5.0, 2.0, 1.0, 0.5) if step * power <= size * 1.0001)


def _ticks(start: float, end: float) -> list[float]:
    if end <= start:  # The map is beyond a pole.
        return []
    step = _round_down((end - start) / 3)
    first = floor(start / step) + 1
    return [round(number * step, 9) for number in range(first, floor(end / step) + 1)]


def svg(shapes: Iterable[Shape], width: int = 560, height: int = 340) -> str:
    """Return a map of these shapes, or an empty string without shapes. `width` and `height` are in pixels."""
    shapes = list(shapes)
    points = [point for shape in shapes for point in positions(shape.geometry)]
    if not points:
        return ""
    projection = _Projection(extent(points), width, height)
    sample = shapes[:: max(1, -(-len(shapes) // _MAX_SHAPES))]
    # Areas first, so that they do not cover points.
    sample = sorted(sample, key=lambda shape: shape.geometry["type"] in ("Point", "MultiPoint"))
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
            f' role="img" aria-label="Map of {len(sample)} places" style="max-width:100%;height:auto;',
            f'background:{_SEA};border:1px solid {_GRID}" font-family="sans-serif" font-size="10">',
            *_grid(projection),
            *(element for shape in sample for element in _draw(projection, shape)),
            *_scale(projection),
            "</svg>",
        ]
    )


def _grid(projection: _Projection) -> Iterator[str]:
    # A line near the edge has no label: it would be cut off or cover another one.
    for longitude in projection.meridians():
        x, _ = projection.pixel(longitude, 0.0)
        yield f'<path d="M{x} 0V{projection.height:g}" stroke="{_GRID}" fill="none"/>'
        if 30 < x < projection.width - 50:
            label = degrees(_wrap(longitude), "EW")
            yield f'<text x="{x + 3:g}" y="{projection.height - 5:g}" fill="{_TEXT}">{label}</text>'
    for latitude in projection.parallels():
        _, y = projection.pixel(0.0, latitude)
        yield f'<path d="M0 {y}H{projection.width:g}" stroke="{_GRID}" fill="none"/>'
        if 16 < y < projection.height - 16:
            yield f'<text x="4" y="{y - 3:g}" fill="{_TEXT}">{degrees(latitude, "NS")}</text>'


def _draw(projection: _Projection, shape: Shape) -> Iterator[str]:
    kind, coordinates = shape.geometry["type"], shape.geometry["coordinates"]
    title = f"<title>{escape(shape.title)}</title>"
    if kind in ("Point", "MultiPoint"):
        for longitude, latitude in positions(shape.geometry):
            x, y = projection.pixel(longitude, latitude)
            if shape.heading is not None:
                angle = radians(shape.heading)
                to_x, to_y = round(x + 13 * sin(angle), 1), round(y - 13 * cos(angle), 1)
                yield f'<path class="heading" d="M{x} {y}L{to_x} {to_y}" stroke="{_POINT}" stroke-width="2"/>'
            yield (
                f'<circle class="place" cx="{x}" cy="{y}" r="4.5" fill="{_POINT}" stroke="#fff" stroke-width="1.2">'
                f"{title}</circle>"
            )
        return
    open_lines, close = kind.endswith("LineString"), "" if kind.endswith("LineString") else "Z"
    path = "".join(f"M{'L'.join(_pixels(projection, line))}{close}" for line in _lines(coordinates))
    fill = "none" if open_lines else _AREA
    yield (
        f'<path class="area" d="{path}" fill="{fill}" fill-opacity="0.12" fill-rule="evenodd" stroke="{_AREA}">'
        f"{title}</path>"
    )


def _lines(coordinates: Sequence[Any]) -> Iterator[Sequence[Sequence[float]]]:
    """Yield the lines and rings of a geometry, each a sequence of positions."""
    if isinstance(coordinates[0][0], (int, float)):
        yield coordinates
    else:
        for each in coordinates:
            yield from _lines(each)


def _pixels(projection: _Projection, line: Sequence[Sequence[float]]) -> Iterator[str]:
    for position in line:
        x, y = projection.pixel(position[0], position[1])
        yield f"{x} {y}"


def _scale(projection: _Projection) -> Iterator[str]:
    """Yield a scale bar of a round length, at the bottom right."""
    metres = _round_down(110 / projection.pixels_per_degree * _METRES_PER_DEGREE)
    length = metres / _METRES_PER_DEGREE * projection.pixels_per_degree
    x, y = projection.width - 10, projection.height - 22
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    yield f'<path d="M{x - length:.1f} {y - 4}v4H{x:g}v-4" stroke="{_TEXT}" fill="none"/>'
    yield f'<text x="{x:g}" y="{y - 7}" text-anchor="end" fill="{_TEXT}">{label}</text>'


def degrees(angle: float, signs: str, digits: int = 6) -> str:
    """Return an angle as text. `signs` are the letters for positive and negative angles."""
    letter = signs[0] if angle > 0 else signs[1] if angle < 0 else ""
    return f"{f'{abs(angle):.{digits}f}'.rstrip('0').rstrip('.')}° {letter}".strip()

"""Converts geometry arguments to GeoJSON and to well-known text.

A geometry is an object with `__geo_interface__` (shapely, geopandas, geojson-pydantic), a GeoJSON mapping, or a
pydantic model of GeoJSON. All give the same JSON: coordinates as floats, `bbox` only if it is set. Positions are
longitude and latitude in degrees (EPSG:4326), with an optional height in metres.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Literal, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import BaseModel, model_validator

from pixel_core.models.base import PixelModel


@runtime_checkable
class HasGeoInterface(Protocol):
    """An object that converts itself to GeoJSON."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]: ...


Geometry: TypeAlias = HasGeoInterface | Mapping[str, Any] | BaseModel
"""The types that are accepted as a geometry."""

Position: TypeAlias = tuple[float, float] | tuple[float, float, float]
"""Longitude and latitude in degrees, with an optional height in metres."""


class Polygon(PixelModel):
    """A GeoJSON polygon (RFC 7946, section 3.1.6): closed rings of at least four positions, the outer ring first."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[Position]]
    bbox: list[float] | None = None

    @model_validator(mode="after")
    def _rings_closed(self) -> Self:
        for ring in self.coordinates:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("a ring of a polygon needs at least four positions, the last one equal to the first")
        return self


def geojson(geometry: Geometry) -> Mapping[str, Any]:
    """Return a geometry as a GeoJSON mapping, without validating it. Raises TypeError for other types."""
    if isinstance(geometry, HasGeoInterface):
        return geometry.__geo_interface__
    if isinstance(geometry, BaseModel):
        return geometry.model_dump(mode="json")
    if isinstance(geometry, Mapping):
        return geometry
    raise TypeError(
        "a geometry must be a GeoJSON mapping, a model of it, or an object with __geo_interface__, "
        f"not {type(geometry).__name__}"
    )


def polygon(geometry: Geometry) -> dict[str, Any]:
    """Return a polygon as GeoJSON. Raises ValidationError for other geometries, TypeError for other types."""
    return Polygon.model_validate(geojson(geometry)).body()


_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def wkt(geometry: Geometry) -> str:
    """Return a geometry as well-known text (OGC 06-103r4, section 7). Raises ValueError for invalid GeoJSON, TypeError
    for other types.
    """
    value = geojson(geometry)
    if value.get("type") == "Feature" and isinstance(value.get("geometry"), Mapping):
        value = value["geometry"]
    kind = value.get("type")
    if kind == "GeometryCollection":
        members = value.get("geometries")
        if not isinstance(members, Sequence) or not members:
            raise ValueError("a geometry collection needs a list of at least one geometry")
        return f"GEOMETRYCOLLECTION ({', '.join(wkt(each) for each in members)})"
    if kind not in _DEPTHS:
        raise ValueError(f"{kind!r} is not a GeoJSON geometry type: must be one of {', '.join(_DEPTHS)}")
    text, has_height = _coordinates(value.get("coordinates"), _DEPTHS[kind])
    return f"{kind.upper()} {'Z ' if has_height else ''}{f'({text})' if kind == 'Point' else text}"


def _coordinates(value: Any, depth: int) -> tuple[str, bool]:
    """Return nested positions as text, and whether they have heights."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError("a geometry needs coordinates: lists of longitude and latitude")
    if depth == 0:
        if len(value) not in (2, 3) or not all(_is_number(each) for each in value):
            raise ValueError(f"a position must be longitude, latitude and an optional height, not {value!r}")
        return " ".join(repr(float(number)) for number in value), len(value) == 3
    parts = [_coordinates(each, depth - 1) for each in value]
    heights = {has_height for _, has_height in parts}
    if len(heights) > 1:
        raise ValueError("either all positions of a geometry have a height, or none")
    return f"({', '.join(text for text, _ in parts)})", heights.pop()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)

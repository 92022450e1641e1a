"""Converts geometry arguments to GeoJSON and to well-known text.

A geometry is an object with `__geo_interface__` (shapely, geopandas, geojson-pydantic), a GeoJSON mapping, or a
pydantic model of GeoJSON. All give the same JSON: coordinates as floats, `bbox` only if it is set. Positions are
longitude and latitude in degrees (EPSG:4326), with an optional height in metres. A geometry in another reference
system, which its `crs` or its positions show, is refused: Pixel would take its metres for degrees.
"""

import re
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

    @model_validator(mode="before")
    @classmethod
    def _in_degrees(cls, value: Any) -> Any:
        check_crs(value)
        return value

    @model_validator(mode="after")
    def _rings_closed(self) -> Self:
        check_positions(self.coordinates)
        for ring in self.coordinates:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("a ring of a polygon needs at least four positions, the last one equal to the first")
        return self


_WGS84 = re.compile(r"(?:.*\b)?(?:CRS:?84h?|EPSG\b.*\b4326)", re.IGNORECASE)
"""The names of the reference systems whose positions are longitude and latitude of WGS 84, as GeoJSON files have them:
"urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "http://www.opengis.net/def/crs/EPSG/0/4326".
"""


def check_crs(value: object) -> None:
    """Raise ValueError for GeoJSON whose `crs` (GeoJSON 2008, section 3) is another one than longitude and latitude of
    WGS 84. A `crs` of null is ignored, as RFC 7946 has none.
    """
    crs = value.get("crs") if isinstance(value, Mapping) else None
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, Mapping) else None
    name = (properties.get("name") if isinstance(properties, Mapping) else None) or crs
    if not (isinstance(name, str) and _WGS84.fullmatch(name)):
        raise ValueError(
            f"its reference system is {name!r}: reproject to EPSG:4326 (longitude and latitude in degrees)"
        )


def check_positions(coordinates: object, depth: int = 3) -> None:
    """Raise ValueError if one of these positions, which are nested up to `depth` lists deep, is beyond 180 degrees of
    longitude or 90 of latitude. What is no position is ignored.
    """
    if not isinstance(coordinates, Sequence) or isinstance(coordinates, str) or depth < 0:
        return
    numbers = [each for each in coordinates[:2] if isinstance(each, (int, float))]
    if len(numbers) < 2:
        for each in coordinates:
            check_positions(each, depth - 1)
    elif abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
        raise ValueError(
            f"the position {numbers[0]:g}, {numbers[1]:g} is beyond 180 degrees of longitude or 90 of latitude: "
            "reproject to EPSG:4326 (longitude and latitude in degrees)"
        )


_NUMBER = r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
_WKT_POSITION = re.compile(rf"[(,]{_NUMBER}\s{_NUMBER}")


def check_wkt(text: str) -> None:
    """Raise ValueError for well-known text in another reference system: by its SRID (of EWKT) or its positions."""
    srid = re.match(r"\s*SRID\s*=\s*([0-9]+)", text, re.IGNORECASE)
    if srid is not None and int(srid[1]) != 4326:
        check_crs({"crs": f"EPSG:{srid[1]}"})
    for position in _WKT_POSITION.finditer(text):
        check_positions([float(position[1]), float(position[2])])


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
    check_crs(value)
    if value.get("type") == "Feature" and isinstance(value.get("geometry"), Mapping):
        value = value["geometry"]
        check_crs(value)
    kind = value.get("type")
    if kind == "GeometryCollection":
        members = value.get("geometries")
        if not isinstance(members, Sequence) or not members:
            raise ValueError("a geometry collection needs a list of at least one geometry")
        return f"GEOMETRYCOLLECTION ({', '.join(wkt(each) for each in members)})"
    if kind not in _DEPTHS:
        raise ValueError(f"{kind!r} is not a GeoJSON geometry type: must be one of {', '.join(_DEPTHS)}")
    text, has_height = _coordinates(value.get("coordinates"), _DEPTHS[kind])
    check_positions(value.get("coordinates"))
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

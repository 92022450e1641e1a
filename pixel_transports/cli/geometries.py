"""Reads geometries from options: a file with GeoJSON or well-known text, or well-known text itself.

Rules kept here:

* An invalid geometry is wrong usage, reported before anything is sent.
* Positions are longitude and latitude in degrees (EPSG:4326).
"""

import json
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pixel_core.models.geometry import polygon, wkt
from pixel_transports.cli.errors import validation_message
from pixel_transports.sandbox.geometry import from_wkt

_EXPECTED = "a file with GeoJSON or well-known text, or well-known text such as 'POINT(5.6 58.9)'"


def parse_wkt(option: str, text: str) -> str:
    """Return the geometry as well-known text. Raises click.UsageError."""
    geometry = _read(option, text)
    try:
        result = geometry if isinstance(geometry, str) else wkt(_extract(geometry))
        from_wkt(result)
    except (ValueError, TypeError) as error:
        raise _usage_error(option, error) from None
    return result


def parse_polygon(option: str, text: str) -> dict[str, Any]:
    """Return the geometry as a GeoJSON polygon. Raises click.UsageError."""
    geometry = _read(option, text)
    try:
        if isinstance(geometry, str):
            shape = from_wkt(geometry)
            if shape.lines or len(shape.areas) != 1:
                raise ValueError("one polygon is needed")
            return polygon({"type": "Polygon", "coordinates": shape.areas[0]})
        inner = _extract(geometry)
        if inner.get("type") == "GeometryCollection" and len(inner.get("geometries") or ()) == 1:
            inner = inner["geometries"][0]
        if inner.get("type") != "Polygon":
            raise ValueError(f"one polygon is needed, not {inner.get('type')!r}")
        return polygon(inner)
    except (ValueError, TypeError) as error:
        raise _usage_error(option, error) from None


def _read(option: str, text: str) -> str | dict[str, Any]:
    """Return the content of a file, or the text itself: GeoJSON as a dict, anything else as text."""
    path = Path(text)
    if "(" not in text:
        if not path.is_file():
            raise click.UsageError(f"{option} {text}: there is no such file, and it is no geometry; pass {_EXPECTED}")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{option} {path}: it cannot be read: {error}") from None
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _usage_error(option, error) from None
    return value


def _extract(geojson: dict[str, Any]) -> dict[str, Any]:
    """Return the geometry of a feature, or a collection of the geometries of several."""
    if geojson.get("type") == "Feature":
        return geojson.get("geometry") or {}
    if geojson.get("type") != "FeatureCollection":
        return geojson
    geometries = [each["geometry"] for each in geojson.get("features") or () if each.get("geometry")]
    return {"type": "GeometryCollection", "geometries": geometries}


def _usage_error(option: str, error: Exception) -> click.UsageError:
    message = validation_message(error) if isinstance(error, ValidationError) else str(error)
    return click.UsageError(f"{option}: no geometry: {message}; pass {_EXPECTED}")

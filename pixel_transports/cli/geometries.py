"""Reads geometries from options: a file with GeoJSON or well-known text, or well-known text itself.

Rules kept here:

* An invalid geometry is wrong usage, reported before anything is sent.
* Positions are longitude and latitude in degrees (EPSG:4326). A geometry in another reference system is refused.
"""

import json
import os
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pixel_core.models.geometry import check_crs, check_wkt, polygon, wkt
from pixel_transports.cli.errors import validation_message
from pixel_transports.sandbox.geometry import from_wkt

_EXPECTED = "a file with GeoJSON or well-known text, or well-known text such as 'POINT(5.6 58.9)'"


def parse_wkt(option: str, text: str) -> str:
    """Return the geometry as well-known text. Raises click.UsageError."""
    geometry = _read(option, text)
    try:
        result = geometry if isinstance(geometry, str) else wkt(_extract(geometry))
        check_wkt(result)
        from_wkt(result)
    except (ValueError, TypeError) as error:
        raise _usage_error(option, text, error) from None
    return result


def parse_polygon(option: str, text: str) -> dict[str, Any]:
    """Return the geometry as a GeoJSON polygon. Raises click.UsageError."""
    geometry = _read(option, text)
    inner: dict[str, Any] | None = None
    try:
        if isinstance(geometry, str):
            check_wkt(geometry)
            shape = from_wkt(geometry)
            if shape.lines or len(shape.areas) != 1:
                raise ValueError("one polygon is needed")
            return polygon({"type": "Polygon", "coordinates": shape.areas[0]})
        inner = _extract(geometry)
        check_crs(inner)
        if inner.get("type") == "GeometryCollection" and len(inner.get("geometries") or ()) == 1:
            inner = _object(inner["geometries"][0])
        if inner.get("type") != "Polygon":
            raise ValueError(f"one polygon is needed, not {inner.get('type')!r}")
        wkt(inner)  # It checks the positions, and says what is wrong with one.
        return polygon(inner)
    except (ValueError, TypeError) as error:
        raise _usage_error(option, text, error, inner) from None


def _read(option: str, text: str) -> str | dict[str, Any]:
    """Return the content of a file, or the text itself: GeoJSON as a dict, anything else as text."""
    content = text
    if os.path.isfile(text):
        try:
            content = Path(text).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise click.UsageError(f"{option} {text}: it is no text in UTF-8; pass {_EXPECTED}") from None
        except OSError as error:
            raise click.UsageError(f"{option} {text}: it cannot be read: {error.strerror}") from None
    elif "(" not in text:
        raise click.UsageError(f"{option} {text}: there is no such file, and it is no geometry; pass {_EXPECTED}")
    if not content.lstrip().startswith("{"):
        return content.strip()
    try:
        value: dict[str, Any] = json.loads(content)
    except ValueError as error:
        raise _usage_error(option, text, ValueError(f"no JSON: {error}")) from None
    return value


def _extract(geojson: dict[str, Any]) -> dict[str, Any]:
    """Return the geometry of a feature, or a collection of the geometries of several. Raises ValueError, also for
    another reference system.
    """
    check_crs(geojson)
    if geojson.get("type") == "Feature":
        return _object(geojson.get("geometry"))
    if geojson.get("type") != "FeatureCollection":
        return geojson
    features = geojson.get("features")
    if not isinstance(features, list):
        raise ValueError("features has to be a list")
    for each in features:
        check_crs(each)
    found = [_object(each, "each of the features").get("geometry") for each in features]
    return {"type": "GeometryCollection", "geometries": [_object(each) for each in found if each is not None]}


def _object(value: Any, what: str = "geometry") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} has to be an object, not {'null' if value is None else type(value).__name__}")
    return value


def _usage_error(option: str, text: str, error: Exception, value: Any = None) -> click.UsageError:
    """Return the error for an option whose value is no geometry; `text` is the option's value: a file, or well-known
    text. `value` is the geometry that was validated.
    """
    source = f"{option} {text}" if os.path.isfile(text) else option
    message = validation_message(error, value) if isinstance(error, ValidationError) else str(error)
    return click.UsageError(f"{source}: no geometry: {message}; pass {_EXPECTED}")

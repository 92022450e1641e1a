"""Geometries as people name them: a file with GeoJSON or well-known text, or the text itself.

Rules kept here:

* What is no geometry is wrong usage, told before anything is sent, and it says what would be one.
* Positions are longitude and latitude in degrees (EPSG:4326).
"""

import json
from pathlib import Path
from typing import Any

import click

_WANTED = "a file with GeoJSON or well-known text, or well-known text such as 'POINT(5.6 58.9)'"


def as_wkt(option: str, text: str) -> str:
    """The geometry as well-known text. Raises click.UsageError."""
    from pixel_core.models.geometry import wkt
    from pixel_transports.sandbox.geometry import from_wkt

    found = _read(option, text)
    try:
        written = found if isinstance(found, str) else wkt(_gathered(found))
        from_wkt(written)
    except (ValueError, TypeError) as error:
        raise _wrong(option, error) from None
    return written


def as_polygon(option: str, text: str) -> dict[str, Any]:
    """The geometry as a GeoJSON polygon. Raises click.UsageError."""
    from pixel_core.models.geometry import polygon
    from pixel_transports.sandbox.geometry import from_wkt

    found = _read(option, text)
    try:
        if isinstance(found, str):
            shape = from_wkt(found)
            if shape.lines or len(shape.areas) != 1:
                raise ValueError("one polygon is needed")
            return polygon({"type": "Polygon", "coordinates": shape.areas[0]})
        inner = _gathered(found)
        if inner.get("type") == "GeometryCollection" and len(inner.get("geometries") or ()) == 1:
            inner = inner["geometries"][0]
        if inner.get("type") != "Polygon":
            raise ValueError(f"one polygon is needed, not {inner.get('type')!r}")
        return polygon(inner)
    except (ValueError, TypeError) as error:
        raise _wrong(option, error) from None


def _read(option: str, text: str) -> str | dict[str, Any]:
    """What a file holds, or the text itself: GeoJSON as a mapping, anything else as text."""
    path = Path(text)
    if "(" not in text:
        if not path.is_file():
            raise click.UsageError(f"{option} {text}: there is no such file, and it is no geometry; give {_WANTED}")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{option} {path}: it cannot be read: {error}") from None
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _wrong(option, error) from None
    return found


def _gathered(found: dict[str, Any]) -> dict[str, Any]:
    """The geometry of a feature, or the geometries of several as a collection."""
    if found.get("type") == "Feature":
        return found.get("geometry") or {}
    if found.get("type") != "FeatureCollection":
        return found
    geometries = [each["geometry"] for each in found.get("features") or () if each.get("geometry")]
    return {"type": "GeometryCollection", "geometries": geometries}


def _wrong(option: str, error: Exception) -> click.UsageError:
    from pydantic import ValidationError

    from pixel_transports.cli.exits import in_words

    words = in_words(error) if isinstance(error, ValidationError) else str(error)
    return click.UsageError(f"{option}: no geometry: {words}; give {_WANTED}")

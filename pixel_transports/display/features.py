"""Images and projects as geographic features: GeoJSON, GeoPandas, and a table with a map in notebooks.

Rules kept here:

* `Features` wraps the dicts that operations return, and does not change them.
* GeoJSON follows RFC 7946: longitude first, in degrees, valid JSON only. Properties are the server's fields, unchanged.
* `location`, `heading` and `capture_date` are None if the field cannot be parsed.
* Only `to_geopandas` imports a third-party package.
* HTML contains its style, no script, and only escaped text.

>>> Features(client.get_images(7, 12))            # a table and a map in a notebook
>>> Features(client.get_images(7, 12)).to_geopandas()
>>> geopandas.GeoDataFrame.from_features(Features(client.list_projects()), crs="EPSG:4326")
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib import import_module
from math import isfinite
from typing import Any, TypeAlias, cast, overload

from pixel_core.values import value
from pixel_transports.display.maps import Shape, degrees, extent, positions, svg
from pixel_transports.runtime.extras import needs_extra

Result: TypeAlias = Mapping[str, object]
"""A dict that an operation returns: an image, a project, or another one with the same fields."""

TABLE_ROWS = 20
"""How many rows a table in a notebook has at most."""

_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:top"'
_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
_GEOMETRY_FIELDS = ("location", "area_of_interest")
_MIME_TYPE = "application/geo+json"
_MAX_AS_MIME = 1000
"""Above this number of features, a notebook file would grow by too much GeoJSON."""


@value
class Feature:
    """One result as a feature. `result` is the wrapped dict."""

    result: Result

    @property
    def id(self) -> int | str | None:
        """The id, None without one."""
        field = self.result.get("id")
        return field if isinstance(field, (int, str)) else None

    @property
    def name(self) -> str:
        """The name, or an empty string."""
        return str(self.result.get("name") or "")

    @property
    def geometry(self) -> dict[str, Any] | None:
        """The GeoJSON geometry: the point of an image, the polygon of a project. None without one."""
        geometries = (_geometry(self.result.get(name)) for name in _GEOMETRY_FIELDS)
        return next((geometry for geometry in geometries if geometry is not None), None)

    @property
    def location(self) -> tuple[float, float] | tuple[float, float, float] | None:
        """The point as (longitude, latitude) in degrees, and the height in metres if it is known."""
        geometry = self.geometry
        if geometry is None or geometry["type"] != "Point":
            return None
        longitude, latitude, *height = (float(number) for number in geometry["coordinates"])
        return (longitude, latitude, height[0]) if height else (longitude, latitude)

    @property
    def heading(self) -> float | None:
        """The direction of the camera, in degrees clockwise from north."""
        return _number(self.result.get("cam_heading"))

    @property
    def capture_date(self) -> datetime | None:
        """When the image was taken. It has a time zone only if the server's field has one."""
        field = self.result.get("capture_date")
        if isinstance(field, datetime):
            return field
        try:
            return datetime.fromisoformat(str(field))
        except ValueError:
            return None

    def to_geojson(self) -> dict[str, Any]:
        """Return a GeoJSON Feature."""
        properties = {name: _json_value(field) for name, field in self.result.items() if name not in _GEOMETRY_FIELDS}
        feature: dict[str, Any] = {"type": "Feature", "geometry": self.geometry, "properties": properties}
        return feature if self.id is None else {**feature, "id": self.id}

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return self.to_geojson()

    def shape(self) -> Shape | None:
        """Return the shape for a map, None without a geometry."""
        geometry = self.geometry
        return None if geometry is None else Shape(geometry, self.name, self.heading)


class Features(Sequence[Feature]):
    """A sequence of features. A notebook shows it as a table and a map."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._features = tuple(Feature(result) for result in results)

    @property
    def results(self) -> list[Result]:
        """The wrapped dicts."""
        return [feature.result for feature in self._features]

    @property
    def bbox(self) -> list[float] | None:
        """West, south, east, north in degrees; west is greater than east across the 180th meridian (RFC 7946, 5.2)."""
        points = [point for feature in self._features for point in positions(feature.geometry)]
        return extent(points).bbox() if points else None

    def to_geojson(self) -> dict[str, Any]:
        """Return a GeoJSON FeatureCollection. The geometry of a feature without a place is null."""
        features = [feature.to_geojson() for feature in self._features]
        collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
        bbox = self.bbox
        return collection if bbox is None else {**collection, "bbox": bbox}

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return self.to_geojson()

    def to_geopandas(self) -> Any:
        """Return a GeoDataFrame in EPSG:4326, with `capture_date` as a time and `cam_heading` as a float. Raises
        ModuleNotFoundError if GeoPandas is not installed (extra `gis`).
        """
        with needs_extra("gis", "to_geopandas"):
            geopandas = import_module("geopandas")
        rows = [feature.to_geojson()["properties"] for feature in self._features]
        geometries = [None if each.geometry is None else _shapely(each.geometry) for each in self._features]
        frame = geopandas.GeoDataFrame(rows, geometry=geometries, crs="EPSG:4326")
        if "capture_date" in frame.columns:
            frame["capture_date"] = self._capture_dates()
        if "cam_heading" in frame.columns:
            frame["cam_heading"] = [float("nan") if each.heading is None else each.heading for each in self._features]
        return frame

    def _capture_dates(self) -> Any:
        """Return a column of times: in UTC if all have a time zone, naive if none has."""
        times = [feature.capture_date for feature in self._features]
        pandas = import_module("pandas")
        aware = {time.tzinfo is not None for time in times if time is not None}
        # Aware and naive times cannot be compared, so such a column holds objects.
        return pandas.Series(times, dtype=object) if len(aware) > 1 else pandas.to_datetime(times, utc=True in aware)

    def shapes(self) -> list[Shape]:
        """Return the shapes for a map."""
        return [shape for shape in (feature.shape() for feature in self._features) if shape is not None]

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> "Features": ...
    def __getitem__(self, index: int | slice) -> "Feature | Features":
        return Features(self.results[index]) if isinstance(index, slice) else self._features[index]

    def __len__(self) -> int:
        return len(self._features)

    def __repr__(self) -> str:
        located = sum(feature.geometry is not None for feature in self._features)
        return f"<Features: {len(self)}, {located} with a geometry>"

    def _repr_html_(self) -> str:
        """Return a map of all features and a table of the first ones."""
        rows = self._features[:TABLE_ROWS]
        columns = {name: [text(feature) for feature in rows] for name, text in _COLUMNS.items()}
        used = {name: texts for name, texts in columns.items() if any(texts) or name in ("id", "name")}
        caption = f"{len(self):,} {'feature' if len(self) == 1 else 'features'}"
        if len(self) > len(rows):
            caption += f", the table shows the first {len(rows)}"
        table = html_table(used, zip(*used.values(), strict=True))
        return f'<div class="pixel-features">{svg(self.shapes())}{table}<p>{caption}</p></div>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return the representations for Jupyter: plain text, HTML, and GeoJSON for frontends with a map viewer."""
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if 0 < len(self) <= _MAX_AS_MIME:
            bundle[_MIME_TYPE] = self.to_geojson()
        return bundle


@overload
def to_geojson(results: Result) -> dict[str, Any]: ...
@overload
def to_geojson(results: Iterable[Result]) -> dict[str, Any]: ...
def to_geojson(results: Result | Iterable[Result]) -> dict[str, Any]:
    """Return GeoJSON: a Feature for one result, a FeatureCollection for several."""
    if isinstance(results, Mapping):
        return Feature(cast(Result, results)).to_geojson()
    return Features(results).to_geojson()


def _geometry(field: object) -> dict[str, Any] | None:
    """Return a geometry of a known type whose positions are numbers, else None."""
    if not isinstance(field, Mapping) or field.get("type") not in _DEPTHS:
        return None
    coordinates = _coordinates(field.get("coordinates"), _DEPTHS[field["type"]])
    return None if coordinates is None else {"type": field["type"], "coordinates": coordinates}


def _coordinates(field: object, depth: int) -> list[Any] | None:
    if not isinstance(field, (list, tuple)):
        return None
    if depth:
        inner = [_coordinates(each, depth - 1) for each in field]
        return None if not inner or None in inner else inner
    numbers = [_number(each) for each in field]
    return None if len(numbers) < 2 or None in numbers else list(field)


def _number(field: object) -> float | None:
    if isinstance(field, bool) or not isinstance(field, (int, float)):
        return None
    return float(field) if isfinite(field) else None


def _json_value(field: Any) -> Any:
    """Return the value in types that JSON has; NaN and infinity become None."""
    if isinstance(field, float):
        return field if isfinite(field) else None
    if isinstance(field, Mapping):
        return {str(name): _json_value(each) for name, each in field.items()}
    if isinstance(field, (list, tuple)):
        return [_json_value(each) for each in field]
    return field if field is None or isinstance(field, (bool, int, str)) else str(field)


def _shapely(geometry: dict[str, Any]) -> Any:
    return import_module("shapely.geometry").shape(geometry)


def html_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return an HTML table of these texts, escaped."""
    head = "".join(f"<th {_CELL}>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td {_CELL}>{escape(each)}</td>' for each in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def position_text(location: tuple[float, ...]) -> str:
    """Return a position as text, latitude first: 58.9° N, 5.7° W, 120 m."""
    text = f"{degrees(location[1], 'NS', 5)}, {degrees(location[0], 'EW', 5)}"
    return text if len(location) < 3 else f"{text}, {location[2]:.0f} m"


def _place_text(feature: Feature) -> str:
    """Return the position of a point, the type of another geometry."""
    if feature.location is not None:
        return position_text(feature.location)
    return "" if feature.geometry is None else str(feature.geometry["type"])


def _tags_text(feature: Feature) -> str:
    tags = feature.result.get("tags")
    return ", ".join(str(tag) for tag in tags) if isinstance(tags, (list, tuple)) else ""


_COLUMNS: dict[str, Callable[[Feature], str]] = {
    "id": lambda feature: "" if feature.id is None else str(feature.id),
    "name": lambda feature: feature.name,
    "description": lambda feature: str(feature.result.get("description") or ""),
    "capture date": lambda feature: "" if (time := feature.capture_date) is None else time.isoformat(" ", "seconds"),
    "location": _place_text,
    "heading": lambda feature: "" if feature.heading is None else f"{feature.heading:.1f}".removesuffix(".0") + "°",
    "tags": _tags_text,
}
"""The columns of a table in a notebook. Empty ones are left out, except `id` and `name`."""

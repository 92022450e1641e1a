"""Images and projects as geographic features: for GeoPandas, for other GIS tools, and for notebooks.

Rules kept here:

* Results of operations stay what they are, lists of plain dicts; `Features` looks at them and changes nothing.
* GeoJSON is that of RFC 7946: longitude first, in degrees, and nothing in it that JSON cannot say. Properties are the
  server's own fields, as they came.
* What is read as a type (`location`, `heading`, `capture_date`) is None where it cannot be read; nothing is made up.
* No third-party package is needed; only `to_geopandas` imports one.

>>> Features(client.get_images(7, 12))            # a table and a map in a notebook
>>> Features(client.get_images(7, 12)).to_geopandas()
>>> geopandas.GeoDataFrame.from_features(Features(client.list_projects()), crs="EPSG:4326")
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from math import isfinite
from typing import Any, TypeAlias, cast, overload

from pixel_core.values import value
from pixel_transports.display.maps import Shape, extent, positions

Result: TypeAlias = Mapping[str, object]
"""A result of an operation: an image, a project, or any other dict with the fields of one."""

_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
_PLACES = ("location", "area_of_interest")
_MIME_TYPE = "application/geo+json"
_MOST_AS_MIME = 1000
"""Above so many features a notebook would be saved with more GeoJSON than anybody looks at."""


@value
class Feature:
    """One result as a feature. `result` is the dict itself."""

    result: Result

    @property
    def id(self) -> int | str | None:
        """Its id."""
        found = self.result.get("id")
        return found if isinstance(found, (int, str)) else None

    @property
    def name(self) -> str:
        """Its name, or an empty text."""
        return str(self.result.get("name") or "")

    @property
    def geometry(self) -> dict[str, Any] | None:
        """Where it is, as GeoJSON: the point of an image, the polygon of a project."""
        for field in _PLACES:
            found = _geometry(self.result.get(field))
            if found is not None:
                return found
        return None

    @property
    def location(self) -> tuple[float, float] | tuple[float, float, float] | None:
        """The point as (longitude, latitude) in degrees, with the height in metres where it is known."""
        geometry = self.geometry
        if geometry is None or geometry["type"] != "Point":
            return None
        longitude, latitude, *height = (float(number) for number in geometry["coordinates"])
        return (longitude, latitude, height[0]) if height else (longitude, latitude)

    @property
    def heading(self) -> float | None:
        """Where the camera looked, in degrees."""
        return _number(self.result.get("cam_heading"))

    @property
    def capture_date(self) -> datetime | None:
        """When it was taken; with a zone only where the server tells one."""
        found = self.result.get("capture_date")
        if isinstance(found, datetime):
            return found
        try:
            return datetime.fromisoformat(str(found))
        except ValueError:
            return None

    def to_geojson(self) -> dict[str, Any]:
        """A GeoJSON Feature."""
        properties = {name: _plain(given) for name, given in self.result.items() if name not in _PLACES}
        feature: dict[str, Any] = {"type": "Feature", "geometry": self.geometry, "properties": properties}
        return feature if self.id is None else {**feature, "id": self.id}

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return self.to_geojson()

    def shape(self) -> Shape | None:
        """What a map draws of it."""
        geometry = self.geometry
        return None if geometry is None else Shape(geometry, self.name, self.heading)


class Features(Sequence[Feature]):
    """Results as a collection of features: a sequence that shows itself as a table and a map in a notebook."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._features = tuple(Feature(result) for result in results)

    @property
    def results(self) -> list[Result]:
        """The dicts themselves."""
        return [feature.result for feature in self._features]

    @property
    def bbox(self) -> list[float] | None:
        """West, south, east and north in degrees; where west is more than east, they meet across the 180th meridian."""
        points = [point for feature in self._features for point in positions(feature.geometry)]
        return extent(points).bbox() if points else None

    def to_geojson(self) -> dict[str, Any]:
        """A GeoJSON FeatureCollection. What has no place is in it, with the geometry null."""
        features = [feature.to_geojson() for feature in self._features]
        collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
        bbox = self.bbox
        return collection if bbox is None else {**collection, "bbox": bbox}

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return self.to_geojson()

    def to_geopandas(self) -> Any:
        """A GeoDataFrame in EPSG:4326, `capture_date` as a time and `cam_heading` as a float.

        Raises ModuleNotFoundError where GeoPandas is not installed (extra `gis`).
        """
        try:
            geopandas = import_module("geopandas")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("to_geopandas needs the extra: pip install 'pixel-client-sansio[gis]'") from error
        rows = [feature.to_geojson()["properties"] for feature in self._features]
        geometries = [None if each.geometry is None else _shapely(each.geometry) for each in self._features]
        frame = geopandas.GeoDataFrame(rows, geometry=geometries, crs="EPSG:4326")
        if "capture_date" in frame.columns:
            frame["capture_date"] = self._times()
        if "cam_heading" in frame.columns:
            frame["cam_heading"] = [float("nan") if each.heading is None else each.heading for each in self._features]
        return frame

    def _times(self) -> Any:
        """The times of capture as a column: in UTC where all have a zone, without one where none has."""
        times = [feature.capture_date for feature in self._features]
        pandas = import_module("pandas")
        zoned = {time.tzinfo is not None for time in times if time is not None}
        # Times with and without a zone cannot be compared: such a column keeps them one by one.
        return pandas.Series(times, dtype=object) if len(zoned) > 1 else pandas.to_datetime(times, utc=True in zoned)

    def shapes(self) -> list[Shape]:
        """What a map draws of them."""
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
        placed = sum(feature.geometry is not None for feature in self._features)
        return f"<Features: {len(self)}, of which {placed} have a place>"

    def _repr_html_(self) -> str:
        from pixel_transports.display.notebooks import features_html  # here, since hardly any program asks for it

        return features_html(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """A table and a map for every frontend, GeoJSON for those that have a viewer of their own for it."""
        shown: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if 0 < len(self) <= _MOST_AS_MIME:
            shown[_MIME_TYPE] = self.to_geojson()
        return shown


@overload
def to_geojson(results: Result) -> dict[str, Any]: ...
@overload
def to_geojson(results: Iterable[Result]) -> dict[str, Any]: ...
def to_geojson(results: Result | Iterable[Result]) -> dict[str, Any]:
    """GeoJSON: a Feature of one result, a FeatureCollection of several."""
    if isinstance(results, Mapping):
        return Feature(cast(Result, results)).to_geojson()
    return Features(results).to_geojson()


def _geometry(found: object) -> dict[str, Any] | None:
    """The geometry, if it is one that can be drawn: of a known kind, and with numbers for its positions."""
    if not isinstance(found, Mapping) or found.get("type") not in _DEPTHS:
        return None
    coordinates = _coordinates(found.get("coordinates"), _DEPTHS[found["type"]])
    return None if coordinates is None else {"type": found["type"], "coordinates": coordinates}


def _coordinates(found: object, depth: int) -> list[Any] | None:
    if not isinstance(found, (list, tuple)):
        return None
    if depth:
        inner = [_coordinates(each, depth - 1) for each in found]
        return None if not inner or None in inner else inner
    numbers = [_number(each) for each in found]
    return None if len(numbers) < 2 or None in numbers else list(found)


def _number(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return float(found) if isfinite(found) else None


def _plain(given: Any) -> Any:
    """The value as JSON can say it."""
    if isinstance(given, float):
        return given if isfinite(given) else None
    if isinstance(given, Mapping):
        return {str(name): _plain(each) for name, each in given.items()}
    if isinstance(given, (list, tuple)):
        return [_plain(each) for each in given]
    return given if given is None or isinstance(given, (bool, int, str)) else str(given)


def _shapely(geometry: dict[str, Any]) -> Any:
    return import_module("shapely.geometry").shape(geometry)

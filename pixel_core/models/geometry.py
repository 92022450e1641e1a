"""Geometry arguments: whatever people hold, as GeoJSON.

Rules kept here:

* A geometry is anything with `__geo_interface__` (shapely, geopandas, geojson-pydantic), a GeoJSON mapping, or a
  pydantic model of one. All become the same JSON: coordinates as floats, `bbox` only where it is set.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel

from pixel_core.models.inputs import Polygon


@runtime_checkable
class HasGeoInterface(Protocol):
    """Objects that know themselves as GeoJSON."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]: ...


Geometry: TypeAlias = HasGeoInterface | Mapping[str, Any] | BaseModel
"""What is accepted where a geometry is wanted."""


def polygon(geometry: Geometry) -> dict[str, Any]:
    """A polygon as GeoJSON. Raises ValidationError when it is none, TypeError when it is no geometry at all."""
    if isinstance(geometry, BaseModel):
        value: Any = geometry.model_dump(mode="json")
    elif isinstance(geometry, HasGeoInterface):
        value = geometry.__geo_interface__
    elif isinstance(geometry, Mapping):
        value = geometry
    else:
        raise TypeError(
            "a polygon is a GeoJSON mapping, a model of one, or an object with __geo_interface__, "
            f"not {type(geometry).__name__}"
        )
    return Polygon.model_validate(value).body()

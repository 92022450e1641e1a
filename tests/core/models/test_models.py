"""Inputs: metadata, files and polygons. The fields are in `test_model_fields.py`."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints, is_typeddict

import pytest
from pydantic import BaseModel, ValidationError

from pixel_core.models import (
    ImageMetadataFields,
    ImageUpdateInput,
    MetadataObject,
    PixelUploadFile,
    PointCloudMetadataFields,
    Polygon,
    RasterMetadataFields,
    results,
)
from pixel_core.models.base import PixelModel
from pixel_core.models.geometry import polygon
from pixel_core.models.search import SearchQuery

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
SQUARE: dict[str, Any] = {"type": "Polygon", "coordinates": [RING]}
SENT: dict[str, Any] = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}


@pytest.mark.parametrize("fields", [{}, {"add_tags": None}, {"unknown": 1}])
def test_an_update_without_a_change_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no change given"):
        ImageUpdateInput.model_validate(fields)


def test_free_metadata_keeps_the_types_of_its_values() -> None:
    metadata: dict[str, Any] = {
        "yes": True,
        "no": False,
        "one": 1,
        "half": 0.5,
        "whole": 1.0,
        "text": "1",
        "none": None,
    }
    body = MetadataObject(json_metadata=dict(metadata)).body()["json_metadata"]
    assert json.dumps(body) == json.dumps(metadata)


@pytest.mark.parametrize(
    ("kind", "model"),
    [("image", ImageMetadataFields), ("raster", RasterMetadataFields), ("point_cloud", PointCloudMetadataFields)],
)
def test_fields_type_selects_the_model_of_the_fields(kind: str, model: type[PixelModel]) -> None:
    read = MetadataObject.model_validate({"fields": {"fields_type": kind, "name": "n"}})
    assert type(read.fields) is model
    assert read.body() == {"fields": {"fields_type": kind, "name": "n"}}


def test_a_file_to_upload_takes_strings_and_paths() -> None:
    read = PixelUploadFile.model_validate({"file": "/p/a.jpg", "support_files": ["/p/a.wld", Path("/p/a.xml")]})
    assert (read.file, read.support_files) == (Path("/p/a.jpg"), [Path("/p/a.wld"), Path("/p/a.xml")])


class PolygonModel(BaseModel):
    """A model such as geojson-pydantic's."""

    type: str = "Polygon"
    coordinates: list[list[tuple[float, float]]]
    bbox: tuple[float, float, float, float] | None = None


class GeoMapping(dict[str, Any]):
    """A mapping with `__geo_interface__`, such as those of the package geojson."""

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        return self


HIGH = {"type": "Polygon", "coordinates": [[[0.0, 0.0, 5.0], [1.0, 0.0, 5.0], [1.0, 1.0, 5.0], [0.0, 0.0, 5.0]]]}


@pytest.mark.parametrize(
    ("geometry", "sent"),
    [
        (SQUARE, SENT),
        ({**SQUARE, "crs": "EPSG:4326", "bbox": None}, SENT),
        ({"type": "Polygon", "coordinates": (((0, 0), (1, 0), (1, 1), (0, 0)),)}, SENT),
        (PolygonModel.model_validate(SQUARE), SENT),
        (Polygon.model_validate(SQUARE), SENT),
        (SimpleNamespace(__geo_interface__=SQUARE), SENT),
        (GeoMapping(SQUARE), SENT),
        ({"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]}, HIGH),
        ({**SQUARE, "bbox": [0, 0, 1, 1]}, {**SENT, "bbox": [0.0, 0.0, 1.0, 1.0]}),
        ({**SQUARE, "coordinates": [RING, RING]}, {**SENT, "coordinates": SENT["coordinates"] * 2}),
    ],
)
def test_all_forms_of_a_polygon_become_the_same_geojson_whose_coordinates_are_floats(
    geometry: Any, sent: dict[str, Any]
) -> None:
    assert json.dumps(polygon(geometry)) == json.dumps(sent)


@pytest.mark.parametrize(
    "geometry",
    [
        {**SQUARE, "coordinates": [[[0, 0], [1, 0], [0, 0]]]},
        {**SQUARE, "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {**SQUARE, "coordinates": [RING, [[0, 0]]]},
        {**SQUARE, "coordinates": [[]]},
        {**SQUARE, "coordinates": [[[0], [1], [2], [0]]]},
        {**SQUARE, "coordinates": [[["a", 0], [1, 0], [1, 1], ["a", 0]]]},
        {**SQUARE, "coordinates": RING},
        {**SQUARE, "coordinates": None},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Feature"},
        {},
    ],
)
def test_invalid_rings_and_other_geometries_are_refused(geometry: Any) -> None:
    with pytest.raises(ValidationError):
        polygon(geometry)


def crs(name: Any) -> dict[str, Any]:
    return {"crs": {"type": "name", "properties": {"name": name}}}


UTM = {"type": "Polygon", "coordinates": [[[304e3, 6530e3], [305e3, 6530e3], [305e3, 6531e3], [304e3, 6530e3]]]}


@pytest.mark.parametrize(
    "geometry",
    [
        UTM,
        {**SQUARE, **crs("urn:ogc:def:crs:EPSG::25832")},
        {**SQUARE, **crs("EPSG:3857")},
        {**SQUARE, **crs("urn:ogc:def:crs:EPSG::43260")},
        {**SQUARE, "crs": {"type": "link", "properties": {"href": "http://example.com/crs/42"}}},
        {**SQUARE, "coordinates": [[[0, 0], [0, 91], [1, 91], [0, 0]]]},
        {**SQUARE, "coordinates": [[[0, 0], [-180.1, 0], [1, 1], [0, 0]]]},
    ],
)
def test_a_geometry_in_another_reference_system_is_refused_by_each_model_with_what_to_do(geometry: Any) -> None:
    feature = {"type": "Feature", "geometry": geometry}
    reads: list[Callable[[], object]] = [
        lambda: polygon(geometry),
        lambda: SearchQuery(on="images", intersects=geometry),
        lambda: SearchQuery.model_validate({"on": "images", "intersects": feature}),
        lambda: ImageMetadataFields(location=geometry),
    ]
    for read in reads:
        with pytest.raises(ValidationError, match="reproject to EPSG:4326"):
            read()


@pytest.mark.parametrize("text", ["POINT (304000 6530000)", "SRID=25832;POINT (5 58)", "LINESTRING (1 2, 3e1 -90.5)"])
def test_well_known_text_in_another_reference_system_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="reproject to EPSG:4326"):
        SearchQuery(on="images", intersects=text)


@pytest.mark.parametrize(
    "name",
    ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84", "EPSG:4326", "epsg:4326",
     "urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326"],
)  # fmt: skip
def test_names_of_longitude_and_latitude_are_accepted(name: str) -> None:
    assert polygon({**SQUARE, **crs(name)}) == SENT
    assert polygon({**SQUARE, "crs": None}) == SENT
    assert SearchQuery(on="images", intersects="SRID=4326;POINT (180 -90)").intersects == "SRID=4326;POINT (180 -90)"


@pytest.mark.parametrize("geometry", ["POLYGON ((0 0, 1 0, 1 1, 0 0))", None, [RING], 5])
def test_another_type_is_a_type_error(geometry: Any) -> None:
    with pytest.raises(TypeError, match="a geometry must be a GeoJSON mapping"):
        polygon(geometry)


def test_a_result_requires_no_key_except_id_and_name() -> None:
    shapes = [each for each in vars(results).values() if is_typeddict(each)]
    assert len(shapes) > 20
    for shape in shapes:
        assert shape.__required_keys__ <= {"id", "name"}
        assert get_type_hints(shape)

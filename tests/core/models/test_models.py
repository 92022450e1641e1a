"""Inputs: what they accept, what they refuse, and what becomes of them on the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel, ValidationError

from pixel_core import models
from pixel_core.models import (
    DataCollectionListParams,
    ImageMetadataFields,
    ImageUpdateInput,
    ListParams,
    MetadataObject,
    PixelUploadFile,
    PointCloudMetadataFields,
    Polygon,
    RasterInfo,
    RasterMetadataFields,
    results,
)
from pixel_core.models.base import PixelModel
from pixel_core.models.geometry import polygon

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
SQUARE: dict[str, Any] = {"type": "Polygon", "coordinates": [RING]}
SENT = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}

MODELS = [each for each in vars(models).values() if isinstance(each, type) and issubclass(each, PixelModel)]


# All models


def test_unknown_keywords_do_not_reach_a_body() -> None:
    assert ListParams.model_validate({"name": "a", "unknown": 1}).body() == {"name": "a"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_unknown_names_are_ignored(model: type[PixelModel]) -> None:
    assert model.model_config.get("extra") == "ignore"


@pytest.mark.parametrize("model", [ListParams, DataCollectionListParams, RasterInfo, MetadataObject])
def test_a_model_without_anything_set_is_an_empty_body(model: type[PixelModel]) -> None:
    assert model().body() == {}


def test_the_fields_of_lists_are_the_documented_ones() -> None:
    assert list(ListParams.model_fields) == ["extended", "name", "ids", "tags", "offset", "limit"]
    assert set(DataCollectionListParams.model_fields) - set(ListParams.model_fields) == {"data_collection_type"}


def test_strings_are_coerced() -> None:
    assert ListParams.model_validate({"ids": ["1"], "limit": "2", "extended": "false"}).body() == {
        "extended": False,
        "ids": [1],
        "limit": 2,
    }


@pytest.mark.parametrize(
    "values", [{"ids": 5}, {"ids": ["a"]}, {"limit": "x"}, {"limit": 1.5}, {"tags": "a"}, {"extended": "maybe"}]
)
def test_wrong_values_of_lists_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ListParams.model_validate(values)


@pytest.mark.parametrize("name", get_args(results.DataCollectionType))
def test_every_type_of_data_collection_can_be_asked_for(name: Any) -> None:
    assert DataCollectionListParams(data_collection_type=name).body() == {"data_collection_type": name}


# Updates


@pytest.mark.parametrize("given", [{}, {"add_tags": None}, {"unknown": 1}])
def test_an_update_without_a_change_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no change given"):
        ImageUpdateInput.model_validate(given)


@pytest.mark.parametrize("given", [{"add_tags": []}, {"remove_tags": ["a"]}, {"json_metadata": {}}])
def test_empty_lists_and_mappings_are_changes(given: dict[str, Any]) -> None:
    assert ImageUpdateInput.model_validate(given).body() == given


def test_fields_of_an_update_always_say_of_what_they_are() -> None:
    assert ImageUpdateInput.model_validate({"fields": {}}).body() == {"fields": {"fields_type": "image"}}


# Metadata


def test_true_stays_true_in_free_metadata_and_numbers_stay_what_they_are() -> None:
    given: dict[str, Any] = {"yes": True, "no": False, "one": 1, "half": 0.5, "whole": 1.0, "text": "1", "none": None}
    body = MetadataObject(json_metadata=dict(given)).body()["json_metadata"]
    assert json.dumps(body) == json.dumps(given)


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_free_metadata_holds_single_values_only(value: Any) -> None:
    with pytest.raises(ValidationError):
        MetadataObject.model_validate({"json_metadata": {"a": value}})


@pytest.mark.parametrize(
    ("kind", "model"),
    [("image", ImageMetadataFields), ("raster", RasterMetadataFields), ("point_cloud", PointCloudMetadataFields)],
)
def test_the_fields_of_metadata_are_told_apart_by_fields_type(kind: str, model: type[PixelModel]) -> None:
    read = MetadataObject.model_validate({"fields": {"fields_type": kind, "name": "n"}})
    assert type(read.fields) is model
    assert read.body() == {"fields": {"fields_type": kind, "name": "n"}}


def test_fields_without_fields_type_are_refused() -> None:
    with pytest.raises(ValidationError):
        MetadataObject.model_validate({"fields": {"name": "n"}})


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 5, 17, 8, 30, tzinfo=UTC), "2024-05-17T08:30:00Z"),
        (datetime(2024, 5, 17, 8, 30, tzinfo=timezone(timedelta(hours=2))), "2024-05-17T08:30:00+02:00"),
        (datetime(2024, 5, 17, 8, 30), "2024-05-17T08:30:00"),
        (datetime(2024, 5, 17, 8, 30, 0, 1200), "2024-05-17T08:30:00.001200"),
    ],
)
def test_moments_are_iso_8601(moment: datetime, text: str) -> None:
    assert ImageMetadataFields(capture_date=moment).body()["capture_date"] == text


def test_a_file_to_upload_takes_strings_and_paths() -> None:
    read = PixelUploadFile.model_validate({"file": "/p/a.jpg", "support_files": ["/p/a.wld", Path("/p/a.xml")]})
    assert (read.file, read.support_files) == (Path("/p/a.jpg"), [Path("/p/a.wld"), Path("/p/a.xml")])


def test_a_file_to_upload_is_not_looked_at() -> None:
    assert PixelUploadFile(file=Path("/no/such/file")).metadata is None


def test_a_raster_info_has_a_pair_of_cell_sizes() -> None:
    assert RasterInfo.model_validate({"cell_size": ["1", 2]}).body() == {"cell_size": [1.0, 2.0]}
    with pytest.raises(ValidationError):
        RasterInfo.model_validate({"cell_size": [1]})


# Polygons


class PolygonModel(BaseModel):
    """A model such as geojson-pydantic's."""

    type: str = "Polygon"
    coordinates: list[list[tuple[float, float]]]
    bbox: tuple[float, float, float, float] | None = None


@dataclass
class Shape:
    """An object such as shapely's."""

    value: Mapping[str, Any]

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        return self.value


class GeoMapping(dict[str, Any]):
    """A mapping that knows itself as GeoJSON, such as the package geojson's."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        return self


@pytest.mark.parametrize(
    "geometry",
    [
        SQUARE,
        {**SQUARE, "crs": "EPSG:4326", "bbox": None},
        {"type": "Polygon", "coordinates": tuple(tuple(tuple(position) for position in ring) for ring in [RING])},
        PolygonModel.model_validate(SQUARE),
        Polygon.model_validate(SQUARE),
        Shape(SQUARE),
        Shape({"type": "Polygon", "coordinates": ((((0, 0), (1, 0), (1, 1), (0, 0)),))}),
        GeoMapping(SQUARE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_a_polygon_becomes_the_same_geojson(geometry: Any) -> None:
    assert polygon(geometry) == SENT


def test_coordinates_are_floats_and_heights_stay() -> None:
    ring = [[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]
    assert json.dumps(polygon({"type": "Polygon", "coordinates": [ring]})["coordinates"][0][0]) == "[0.0, 0.0, 5.0]"


def test_a_bbox_is_sent_where_it_is_set() -> None:
    assert polygon({**SQUARE, "bbox": [0, 0, 1, 1]})["bbox"] == [0.0, 0.0, 1.0, 1.0]


def test_a_polygon_may_have_holes() -> None:
    assert len(polygon({"type": "Polygon", "coordinates": [RING, RING]})["coordinates"]) == 2


@pytest.mark.parametrize(
    "coordinates",
    [
        [[[0, 0], [1, 0], [0, 0]]],
        [[[0, 0], [1, 0], [1, 1], [0, 1]]],
        [RING, [[0, 0]]],
        [[]],
        [[[0], [1], [2], [0]]],
        [[["a", 0], [1, 0], [1, 1], ["a", 0]]],
        RING,
        None,
    ],
)
def test_rings_that_are_none_are_refused(coordinates: Any) -> None:
    with pytest.raises(ValidationError):
        polygon({"type": "Polygon", "coordinates": coordinates})


@pytest.mark.parametrize("geometry", [{"type": "Point", "coordinates": [0, 0]}, {"type": "Feature"}, {}])
def test_another_geometry_is_refused(geometry: Any) -> None:
    with pytest.raises(ValidationError):
        polygon(geometry)


@pytest.mark.parametrize("geometry", ["POLYGON ((0 0, 1 0, 1 1, 0 0))", None, [RING], 5])
def test_what_is_no_geometry_at_all_is_a_type_error(geometry: Any) -> None:
    with pytest.raises(TypeError, match="a geometry is a GeoJSON mapping"):
        polygon(geometry)


# Results


@pytest.mark.parametrize(
    "name", ["DataCollection", "Image", "Job", "JobGroup", "Plugin", "Project", "UploadJob", "User"]
)
def test_a_result_promises_no_key_but_id_and_name_since_the_json_is_given_as_it_is(name: str) -> None:
    shape = getattr(models, name)
    assert shape.__required_keys__ <= {"id", "name"}
    assert get_type_hints(shape)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (models.OIDCUserCreateInput, {"first_name": 1, "password": "hemmelig", "email": "kari"}),
        (models.OIDCUserUpdateInput, {"password": ["hemmelig"]}),
        (
            models.HarvestServiceCreateInput,
            {
                "name": "x",
                "auth": {"credentials": {"username": "u", "password": "hemmelig"}, "api_key": {"k": "hemmelig"}},
            },
        ),
    ],
)
def test_the_errors_of_a_sensitive_input_hold_nothing_that_was_given(model: type[Any], values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        model(**values)
    error = caught.value
    assert "hemmelig" not in f"{error} {error!r} {error.errors()} {error.json()}"
    assert error.__context__ is None
    assert all(found["loc"] and found["type"] and found["msg"] for found in error.errors())

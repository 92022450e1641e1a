"""The forms of output: JSON and GeoJSON keep to a schema, CSV has a row a thing, pages are fetched as asked."""

import csv
import io
import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from pixel_transports.cli.exits import DONE, USAGE
from pixel_transports.cli.output import open_to_all
from tests.transports.cli.support import World


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Polygon(Strict):
    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]


class Point(Strict):
    type: Literal["Point"]
    coordinates: list[float]


class Project(Strict):
    id: int
    name: str
    description: str
    area_of_interest: Polygon
    parent_project_id: int | None
    tags: list[str]
    created_at: str
    updated_at: str


class Feature(Strict):
    type: Literal["Feature"]
    id: int
    geometry: Point | Polygon | None
    properties: dict[str, Any]


class FeatureCollection(Strict):
    type: Literal["FeatureCollection"]
    features: list[Feature]


def test_json_of_a_list_is_one_document_with_a_list(still: World) -> None:
    done = still.run("projects", "list", "--json")
    found = TypeAdapter(list[Project]).validate_json(done.stdout)
    assert [each.name for each in found] == ["Jæren", "Strange \x1b[31mname [bold]"]
    assert done.stderr == ""


def test_json_of_one_thing_is_an_object(still: World) -> None:
    assert (
        Project.model_validate_json(still.run("projects", "show", still.project, "--json").stdout).id == still.project
    )


def test_json_of_nothing_is_an_empty_list(still: World) -> None:
    done = still.run("projects", "list", "--deleted", "--json")
    assert (done.exit_code, done.stdout, done.stderr) == (DONE, "[]\n", "")


@pytest.mark.parametrize(
    ("arguments", "kind", "count"),
    [
        (("projects", "list"), Polygon, 2),
        (("projects", "show", "1"), Polygon, 1),
        (("search", "--on", "images"), Point, 3),
        (("search", "--on", "images", "--out-fields", "id,name"), Point, 3),
    ],
)
def test_geojson_is_a_feature_collection_with_the_geometries(
    still: World, arguments: tuple[str, ...], kind: type, count: int
) -> None:
    found = FeatureCollection.model_validate_json(still.run(*arguments, "--geojson").stdout)
    assert [type(each.geometry) for each in found.features] == [kind] * count
    assert all("name" in each.properties for each in found.features)


def test_geojson_of_what_has_no_geometry_is_wrong_usage(still: World) -> None:
    done = still.run("search", "--on", "rasters", "--geojson")
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert "have no geometry" in done.stderr


def test_csv_has_a_header_and_a_row_a_thing(still: World) -> None:
    done = still.run("images", "list", *still.of("images"), "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [each["name"] for each in rows] == ["photo_0.jpg", "photo_1.jpg", "photo_2.jpg"]
    assert json.loads(rows[0]["location"]) == {"type": "Point", "coordinates": [5.6, 58.9]}


def test_csv_of_nothing_is_a_header_alone(still: World) -> None:
    assert still.run("projects", "list", "--deleted", "--csv").stdout.startswith("id,name,")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--limit", "1"], ["photo_0.jpg"]),
        (["--limit", "2", "--offset", "1", "--page-size", "1"], ["photo_1.jpg", "photo_2.jpg"]),
        (["--page-size", "2"], ["photo_0.jpg", "photo_1.jpg", "photo_2.jpg"]),
        (["--name", "photo_1.jpg"], ["photo_1.jpg"]),
    ],
)
def test_a_list_is_fetched_in_pages_up_to_the_limit(still: World, options: list[str], names: list[str]) -> None:
    done = still.run("images", "list", *still.of("images"), "--json", *options)
    assert [each["name"] for each in json.loads(done.stdout)] == names
    found = still.run("search", "--on", "images", "--json", *(each for each in options if "--name" not in options))
    if "--name" not in options:
        assert [each["name"] for each in json.loads(found.stdout)] == names


def test_what_is_named_like_a_secret_is_not_shown_at_any_depth() -> None:
    value = {
        "auth": {"credentials": {"username": "kari"}, "api_key": {"api_key": "k"}, "token_url": "https://t.invalid"},
        "upload_file_params": {"fields": {"signature": "s"}},
        "config": [{"db_password": "p", "accessToken": "t", "client_secret": None}],
    }
    assert open_to_all(value) == {
        "auth": {"credentials": "***", "api_key": "***", "token_url": "https://t.invalid"},
        "upload_file_params": "***",
        "config": [{"db_password": "***", "accessToken": "***", "client_secret": None}],
    }

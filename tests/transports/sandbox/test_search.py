"""Search finds by filters, full text and location, and returns pages."""

import itertools
from typing import Any

import pytest

from pixel_transports.sandbox import SAMPLE_AREA
from tests.transports.sandbox.support import JPEG, PNG, TIFF, Caller, las

AREA = {"type": "Polygon", "coordinates": [[[10, 60], [11, 60], [11, 61], [10, 61], [10, 60]]]}


def image(name: str, date: str | None = None, height: float | None = None, *at: float, **free: Any) -> dict[str, Any]:
    """Return the metadata of an image; `at` is its position."""
    location = {"type": "Point", "coordinates": at} if at else None
    fields = {"name": name, "capture_date": date, "cam_height": height, "location": location}
    values = {key: value for key, value in fields.items() if value is not None}
    return {"fields": {"fields_type": "image", **values}, "json_metadata": free or None}


IMAGES: list[dict[str, Any]] = [
    image("North 100%", "2024-05-14T10:00:00Z", 120, 5.7, 58.9, 120, weather="Windy", clouds=3),
    image("south_1", "2024-05-14T13:30:00+02:00", 80.5, 10.7, 60.5, weather="calm", clouds=0, checked=True),
    image("South 2", "2024-06-01"),
    {
        "fields": {"fields_type": "image", "name": "none", "location": {"type": "nowhere"}},
        "json_metadata": {"clouds": "many"},
    },
]


@pytest.fixture(scope="module")
def caller() -> Caller:
    """Two projects, one with four images, the other with rasters and point clouds; all else hidden."""
    made = Caller()
    both = {"type": "Polygon", "coordinates": [[[5, 58], [11, 58], [11, 61], [5, 61], [5, 58]]]}
    coast = made.project("Coast", tags=["blue"], area_of_interest=both)
    place = f"/projects/{coast}/data_collections/{made.collection(coast, name='Photos', tags=['p'])}"
    for number, metadata in enumerate(IMAGES):
        made.resource(place, JPEG, f"{number}.jpg", metadata=metadata)
        made.clock.advance(60)
    made.ok("PUT", f"/projects/{coast}", {"area_of_interest": SAMPLE_AREA})
    (first, *_) = made.ok("GET", f"{place}/images/")
    made.ok("PUT", f"{place}/images/{first['id']}", {"add_tags": ["x", "y"]})
    inland = made.project("Inland", area_of_interest=AREA)
    for kind, files in (
        ("raster", {"a.tif": TIFF, "b.png": PNG}),
        ("point_cloud", {"c.laz": las(), "d.las": las(1, 2)}),
    ):
        below = f"/projects/{inland}/data_collections/{made.collection(inland, kind, name=kind)}"
        for name, content in files.items():
            made.resource(below, content, name)
    gone = made.place()
    made.resource(gone)
    made.ok("DELETE", gone)
    made.ok("DELETE", "/".join(gone.split("/")[:3]))
    return made


def search(caller: Caller, on: str = "images", **query: Any) -> list[Any]:
    answer = caller.ok("POST", "/search/", {"on": on, **query})
    assert answer["count"] == len(answer["results"]) <= answer["total_count"]
    return list(answer["results"])


def found(caller: Caller, on: str = "images", **query: Any) -> list[str]:
    return [result["name"] for result in search(caller, on, **query)]


NAMES = ["North 100%", "south_1", "South 2", "none"]
N, S1, S2, X = NAMES
FILTERS: list[tuple[str, str, Any, list[str]]] = [
    ("name", "==", "South 2", [S2]),
    ("name", "==", "south 2", []),
    ("name", "!=", "South 2", [N, S1, X]),
    ("name", "~", "south%", [S1, S2]),
    ("name", "~", "%OUTH_1", [S1]),
    ("name", "~", "south", []),
    ("name", "~", "%o%h%", [N, S1, S2]),
    ("name", "~", "n%n%n%n%n%n%n%n%n%n%e", []),
    ("name", "~", "no%ne", [X]),
    ("name", "~", "none%none", []),
    ("name", "!~", "south%", [N, X]),
    ("name", "contains", "TH", [N, S1, S2]),
    ("name", "contains", ["s", "1"], [S1]),
    ("name", "!contains", "th", [X]),
    ("capture_date", "!=", "2024-06-01", [N, S1]),
    ("image_type", "!=", "x", []),
    ("image_type", "!~", "x", []),
    ("image_type", "!contains", "x", []),
    ("image_type", "!in", ["x"], []),
    ("image_type", "!in", ["x", None], []),
    ("cam_height", "!in", [120, None], [S1]),
    ("cam_height", "!in", [120], [S1]),
    ("json_metadata.clouds", "!=", 3, [S1, X]),
    ("name", "in", ["none", "South 2"], [S2, X]),
    ("name", "!in", ["none", "South 2"], [N, S1]),
    ("name", "<", "a", [N, S2]),
    ("cam_height", ">", 80, [N, S1]),
    ("cam_height", ">=", 120, [N]),
    ("cam_height", "<", 120.0, [S1]),
    ("cam_height", "<=", 120, [N, S1]),
    ("cam_height", "==", None, [S2, X]),
    ("cam_height", "!=", None, [N, S1]),
    ("cam_height", "!=", 120, [S1]),
    ("cam_height", "in", [120, None], [N]),
    ("cam_height", ">", None, []),
    ("capture_date", "==", "2024-05-14T12:00:00+02:00", [N]),
    ("capture_date", ">", "2024-05-14T11:00:00Z", [S1, S2]),
    ("capture_date", ">=", "2024-06-01", [S2]),
    ("capture_date", "<", "2024-05-14T11:00:00", [N]),
    ("created_at", ">", "2025-01-01T00:01:30Z", [S2, X]),
    ("tags", "contains", "x", [N]),
    ("tags", "contains", ["x", "y"], [N]),
    ("tags", "contains", ["x", "z"], []),
    ("tags", "!contains", "x", [S1, S2, X]),
    ("tags", "==", ["y", "x"], [N]),
    ("location", "==", None, [S2]),
    ("json_metadata", "!=", None, [N, S1, X]),
    ("json_metadata.weather", "==", "calm", [S1]),
    ("json_metadata.weather", "~", "w%", [N]),
    ("json_metadata.clouds", ">=", 0, [N, S1]),
    ("json_metadata.clouds", "==", "many", [X]),
    ("json_metadata.checked", "==", True, [S1]),
    ("json_metadata.checked", "==", 1, []),
    ("json_metadata.nothing", "==", None, NAMES),
    ("project_id", "==", 1, NAMES),
]


@pytest.mark.parametrize(("variable", "operator", "value", "names"), FILTERS)
def test_an_operator_compares_a_field_with_a_value(
    caller: Caller, variable: str, operator: str, value: Any, names: list[str]
) -> None:
    assert found(caller, filter={operator: [{"var": variable}, value]}) == names


def test_filters_nest(caller: Caller) -> None:
    high, south = {">": [{"var": "cam_height"}, 100]}, {"~": [{"var": "name"}, "south%"]}
    assert found(caller, filter={"or": [high, south]}) == [N, S1, S2]
    assert found(caller, filter={"and": [south, {"or": [high, {"==": [{"var": "cam_height"}, None]}]}]}) == [S2]
    assert found(caller, filter={**south, "<": [{"var": "cam_height"}, 100]}) == [S1]
    assert found(caller, filter={"and": []}) == found(caller, filter={}) == found(caller, filter=None) == NAMES
    assert found(caller, filter={"or": []}) == []


WRONG: list[tuple[Any, list[Any]]] = [
    ({"?": [{"var": "name"}, "x"]}, ["?"]),
    ({"==": [{"var": "nothing"}, "x"]}, ["==", 0, "var"]),
    ({"==": [{"var": "name"}]}, ["=="]),
    ({"==": ["name", "x"]}, ["=="]),
    ({"==": [{"var": 1}, "x"]}, ["=="]),
    ({"==": {"var": "name"}}, ["=="]),
    ({"==": [{"var": "name"}, 1]}, ["==", 1]),
    ({"==": [{"var": "name"}, ["a"]]}, ["==", 1]),
    ({"==": [{"var": "name"}, {}]}, ["==", 1]),
    ({"<": [{"var": "cam_height"}, "high"]}, ["<", 1]),
    ({"<": [{"var": "cam_height"}, True]}, ["<", 1]),
    ({"<": [{"var": "capture_date"}, "yesterday"]}, ["<", 1]),
    ({"<": [{"var": "capture_date"}, 5]}, ["<", 1]),
    ({"<": [{"var": "tags"}, "x"]}, ["<", 1]),
    ({"==": [{"var": "location"}, "x"]}, ["==", 1]),
    ({"in": [{"var": "name"}, "x"]}, ["in", 1]),
    ({"in": [{"var": "name"}, ["x", 1]]}, ["in", 1, 1]),
    ({"~": [{"var": "cam_height"}, "x"]}, ["~", 1]),
    ({"~": [{"var": "name"}, None]}, ["~", 1]),
    ({"contains": [{"var": "cam_height"}, "x"]}, ["contains", 1]),
    ({"contains": [{"var": "tags"}, 1]}, ["contains", 1]),
    ({"and": {}}, ["and"]),
    ({"or": [{"and": [{}, 1]}]}, ["or", 0, "and", 1]),
    ([], []),
    ("x", []),
]


@pytest.mark.parametrize(("filter_", "place"), WRONG)
def test_an_invalid_filter_is_an_error_with_its_location(caller: Caller, filter_: Any, place: list[Any]) -> None:
    assert caller.error_loc("POST", "/search/", {"on": "images", "filter": filter_}) == ["body", "filter", *place]


def test_a_filter_that_is_too_deep_is_a_422(caller: Caller) -> None:
    for depth in (50, 150, 5000):
        body = b'{"on":"images","filter":' + b'{"and":[' * depth + b"{}" + b"]}" * depth + b"}"
        assert caller.call("POST", "/search/", body).status == (200 if depth == 50 else 422)
    assert not caller.sandbox.failures


DOWN = {"field": "cam_height", "direction": "desc"}


@pytest.mark.parametrize(
    ("on", "part", "value", "names"),
    [
        ("images", "search", "SOUTH", [S1, S2]),
        ("images", "search", "windy north", [N]),
        ("images", "search", "windy south", []),
        ("images", "search", "x", [N]),
        ("images", "search", "", NAMES),
        ("projects", "search", "blue", ["Coast"]),
        ("data_collections", "search", "pho p", ["Photos"]),
        ("rasters", "search", ".png", ["b.png"]),
        ("images", "intersects", "POLYGON ((5 58, 6 58, 6 59, 5 59, 5 58))", [N]),
        ("images", "intersects", "MULTIPOLYGON (((5 58, 6 58, 6 59, 5 58)), ((10 60, 11 60, 11 61, 10 60)))", [S1]),
        ("images", "intersects", "POINT (10.7 60.5)", [S1]),
        ("projects", "intersects", "POLYGON ((10.5 60.5, 12 60.5, 12 62, 10.5 62, 10.5 60.5))", ["Inland"]),
        ("projects", "intersects", "LINESTRING (5.6 58.9, 10.5 60.5)", ["Coast", "Inland"]),
        ("projects", "intersects", "POINT (0 0)", []),
        ("data_collections", "intersects", "POINT (5.6 58.9)", ["Photos"]),
        ("rasters", "intersects", "POINT (10.5 60.5)", ["a.tif", "b.png"]),
        ("point_clouds", "intersects", "POINT (5.6 58.9)", []),
        ("images", "sort", [{"field": "cam_height"}], [S1, N, S2, X]),
        ("images", "sort", [DOWN], [N, S1, S2, X]),
        ("images", "sort", [DOWN, {"field": "name", "direction": "desc"}], [N, S1, X, S2]),
        ("images", "sort", [{"field": "json_metadata.clouds"}], [S1, N, X, S2]),
        ("images", "filter", None, NAMES),
        ("rasters", "filter", {"==": [{"var": "format"}, "PNG"]}, ["b.png"]),
        ("point_clouds", "filter", {">": [{"var": "version_minor"}, 2]}, ["c.laz"]),
        ("projects", "filter", None, ["Coast", "Inland"]),
        ("data_collections", "filter", None, ["Photos", "raster", "point_cloud"]),
    ],
)
def test_every_kind_is_searched_by_text_place_and_filter_and_sorted_with_null_last_without_hidden_records(
    caller: Caller, on: str, part: str, value: Any, names: list[str]
) -> None:
    assert found(caller, on, **{part: value}) == names


def test_results_come_in_pages(caller: Caller) -> None:
    pages = [caller.ok("POST", "/search/", {"on": "images", "limit": 3, "offset": offset}) for offset in (0, 3, 6)]
    assert [(page["count"], page["total_count"]) for page in pages] == [(3, 4), (1, 4), (0, 4)]
    assert [each["name"] for each in itertools.chain(*(page["results"] for page in pages))] == NAMES
    assert caller.ok("POST", "/search/", {"on": "images", "limit": 0})["results"] == []
    assert caller.ok("POST", "/search/", {"on": "images", "offset": 10**30})["count"] == 0


def test_out_fields_and_distinct_limit_the_results(caller: Caller) -> None:
    expected = ["name", "json_metadata.clouds"]
    assert search(caller, out_fields=expected)[0] == {"name": N, "json_metadata.clouds": 3}
    body = {"on": "images", "out_fields": ["data_collection_id"]}
    assert caller.ok("POST", "/search/", body)["total_count"] == 4
    assert caller.ok("POST", "/search/", {**body, "distinct": True})["total_count"] == 1
    assert len(search(caller, distinct=True)) == 4


@pytest.mark.parametrize("on", ["images", "rasters", "point_clouds", "projects", "data_collections"])
def test_the_fields_of_search_info_are_those_of_the_results(caller: Caller, on: str) -> None:
    info = caller.ok("GET", f"/search/info?on={on}")
    names = [field["name"] for field in info["fields"]]
    (first, *_) = search(caller, on, out_fields=names)
    assert sorted(first) == sorted(names)
    assert first == search(caller, on)[0]
    for name in names:
        assert search(caller, on, filter={"or": [{"==": [{"var": name}, None]}, {"!=": [{"var": name}, None]}]})
    assert caller.status("GET", "/search/info?on=x") == caller.status("GET", "/search/info") == 422

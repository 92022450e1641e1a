"""Results as geographic features: parsed fields, GeoJSON, maps and tables, for any answer of the server."""

import json
import math
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixel_core.models import Image, Project
from pixel_transports import PixelClient
from pixel_transports.display.features import Feature, Features, position_text, to_geojson
from pixel_transports.display.maps import Shape, extent, svg
from pixel_transports.sandbox import SAMPLE_AREA

FIELD: Image = {
    "id": 3,
    "name": "field.jpg",
    "tags": ["may"],
    "location": {"type": "Point", "coordinates": [5.7, 58.9, 120]},
    "capture_date": "2025-05-14T09:30:00+02:00",
    "cam_heading": 270,
}
BARE: Image = {"id": 4, "name": "bare.jpg", "location": None, "capture_date": None, "cam_heading": None}
JAEREN: Project = {"id": 1, "name": "Jæren", "description": "Coast", "area_of_interest": SAMPLE_AREA}  # type: ignore[typeddict-item]


def test_fields_are_parsed_and_none_if_unknown() -> None:
    feature = Feature(FIELD)
    assert feature.location == (5.7, 58.9, 120.0)
    assert feature.heading == 270.0
    assert feature.capture_date == datetime.fromisoformat("2025-05-14T07:30:00Z")
    assert (feature.id, feature.name) == (3, "field.jpg")
    assert feature.result is FIELD
    assert Feature({"location": {"type": "Point", "coordinates": [5, 58]}}).location == (5.0, 58.0)
    assert Feature({"capture_date": "2025-05-14T09:30:00"}).capture_date == datetime(2025, 5, 14, 9, 30)
    bare = Feature(BARE)
    assert (bare.location, bare.heading, bare.capture_date, bare.geometry) == (None, None, None, None)


def test_geojson_of_images_is_a_collection_with_all_fields_and_a_bbox() -> None:
    collection = to_geojson([FIELD, BARE])
    assert collection["type"] == "FeatureCollection"
    assert collection["bbox"] == [5.7, 58.9, 5.7, 58.9]
    first, second = collection["features"]
    assert first == {
        "type": "Feature",
        "id": 3,
        "geometry": {"type": "Point", "coordinates": [5.7, 58.9, 120]},
        "properties": {name: value for name, value in FIELD.items() if name != "location"},
    }
    assert second["geometry"] is None


def test_features_are_a_sequence_with_a_geo_interface_and_each_has_one() -> None:
    feature = to_geojson(JAEREN)
    assert feature["geometry"] == SAMPLE_AREA
    assert feature["properties"] == {"id": 1, "name": "Jæren", "description": "Coast"}
    features = Features([FIELD, BARE, JAEREN])
    assert len(features) == 3
    assert [each.result for each in features[1:]] == [BARE, JAEREN]
    assert features.results[0] is FIELD
    assert repr(features) == "<Features: 3, 2 with a geometry>"
    assert features.__geo_interface__ == features.to_geojson()
    assert features[2].__geo_interface__ == feature


def test_an_extent_can_cross_the_180th_meridian() -> None:
    sides: list[dict[str, Any]] = [
        {"location": {"type": "Point", "coordinates": [longitude, -17.0]}} for longitude in (179.0, -179.0)
    ]
    assert Features(sides).bbox == [179.0, -17.0, -179.0, -17.0]
    assert extent([(179.0, 0.0), (-179.0, 0.0)]).east == 181.0


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
GEOMETRY = st.fixed_dictionaries(
    {"type": st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "Circle", 7]) | PLAIN.filter(
        lambda value: not isinstance(value, (list, dict)))},
    optional={"coordinates": PLAIN | st.lists(st.floats(-180, 180) | st.integers(-90, 90), min_size=2, max_size=3)},
)  # fmt: skip
RESULT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "name", "tags", "description", "cam_heading", "capture_date", "json_metadata"), PLAIN),
        **dict.fromkeys(("location", "area_of_interest"), GEOMETRY | PLAIN),
    },
)


@given(st.lists(RESULT, max_size=4))
@example([{"area_of_interest": {"type": "Point", "coordinates": [0.0, 91.0]}}])
def test_any_answer_gives_valid_json_and_a_valid_drawing(results: list[dict[str, Any]]) -> None:
    features = Features(results)
    json.dumps(features.to_geojson(), allow_nan=False)
    bundle = features._repr_mimebundle_()
    ElementTree.fromstring(svg(features.shapes()) or "<none/>")
    assert isinstance(bundle["text/html"], str)
    for feature in features:
        assert feature.heading is None or math.isfinite(feature.heading)


def drawn(shapes: list[Shape]) -> ElementTree.Element:
    return ElementTree.fromstring(svg(shapes, 400, 300))


def circles(picture: ElementTree.Element) -> list[tuple[float, float]]:
    elements = picture.findall("{http://www.w3.org/2000/svg}circle")
    return [(float(each.get("cx", "")), float(each.get("cy", ""))) for each in elements]


def point(longitude: float, latitude: float, heading: float | None = None) -> Shape:
    return Shape({"type": "Point", "coordinates": [longitude, latitude]}, "here", heading)


def test_north_is_up_east_is_right_and_longitudes_are_narrowed_by_the_cosine_of_the_latitude() -> None:
    west, east, north = circles(drawn([point(10.0, 60.0), point(10.2, 60.0), point(10.0, 60.1)]))
    assert west[1] > north[1]
    assert (east[0] - west[0]) / (west[1] - north[1]) == pytest.approx(2 * math.cos(math.radians(60.05)), rel=0.01)


def test_a_single_point_is_in_the_middle_and_its_heading_is_drawn_clockwise_from_north() -> None:
    picture = drawn([point(5.0, 58.0, 90.0)])
    assert circles(picture) == [(200.0, 150.0)]
    (line,) = [each for each in picture if each.get("class") == "heading"]
    assert line.get("d") == "M200.0 150.0L213.0 150.0"


def test_every_point_is_inside_the_frame() -> None:
    for x, y in circles(drawn([point(longitude, latitude) for longitude in (-170, 3, 170) for latitude in (-89, 89)])):
        assert 0 <= x <= 400
        assert 0 <= y <= 300


def test_a_sample_of_very_many_places_is_drawn() -> None:
    features = Features([{"id": n, "location": {"type": "Point", "coordinates": [n / 1e4, 58]}} for n in range(9000)])
    assert 1000 < len(circles(ElementTree.fromstring(svg(features.shapes())))) <= 2000
    bundle = features._repr_mimebundle_()
    assert "application/geo+json" not in bundle
    assert "9,000 features, the table shows the first 20" in bundle["text/html"]


HOSTILE = "<script>alert(1)</script>&\"'"


def test_names_and_texts_are_escaped_in_tables_and_maps() -> None:
    result = {**FIELD, "name": HOSTILE, "description": HOSTILE, "tags": [HOSTILE]}
    html = Features([result])._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_a_position_as_text_begins_with_the_latitude() -> None:
    assert position_text((-5.7, 58.9, 119.6)) == "58.9° N, 5.7° W, 120 m"
    assert position_text((0.0, -33.12345678)) == "33.12346° S, 0°"


def test_a_client_shows_its_user_and_no_secret() -> None:
    place = ("http://p/api/x", "http://p/auth", "<Realm>", "frontend")
    password, token = PixelClient(*place, "me@example.com", "s3cret"), PixelClient(*place, "", "", token="s3cret")
    for client, text in ((password, "me@example.com, &lt;Realm&gt;"), (token, "a token")):
        html = client._repr_html_()
        assert text in html
        assert "http://p/api/x" in html
        assert "s3cret" not in html


def test_features_go_straight_into_a_geodataframe() -> None:
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoDataFrame.from_features(Features([FIELD, BARE]), crs="EPSG:4326")
    assert list(frame["name"]) == ["field.jpg", "bare.jpg"]
    assert (frame.geometry[0].x, frame.geometry[0].y, frame.geometry[0].z) == (5.7, 58.9, 120.0)


def test_to_geopandas_has_times_angles_and_a_reference_system() -> None:
    pytest.importorskip("geopandas")
    frame = Features([FIELD, BARE]).to_geopandas()
    assert frame.crs == "EPSG:4326"
    assert frame["capture_date"][0] == datetime(2025, 5, 14, 7, 30, tzinfo=UTC)
    assert frame["capture_date"].isna()[1]
    assert str(frame["capture_date"].dtype).startswith("datetime64[")
    assert frame["cam_heading"].dtype == float
    assert Features([JAEREN]).to_geopandas().geometry[0].contains(frame.geometry[0])
    assert len(Features([]).to_geopandas()) == 0
    aware_and_naive = Features([FIELD, {**FIELD, "capture_date": "2025-05-14T09:30:00"}]).to_geopandas()
    assert [time.tzinfo is None for time in aware_and_naive["capture_date"]] == [False, True]


def test_without_geopandas_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "geopandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pixel-client-sansio\[gis\]"):
        Features([]).to_geopandas()

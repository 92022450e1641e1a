"""Lists: parameters that are no model, iterables as ids, and pages. The queries are in the table of operations."""

from collections.abc import Callable
from typing import Any

import pytest

from pixel_core.errors import PixelProtocolError
from pixel_core.events import KeywordsIgnored
from pixel_core.models import ListParams
from tests.support.operations.core import call
from tests.support.operations.lists import PATHS
from tests.support.operations.table import all_cases
from tests.support.scripted_api import Expected, World, json_response

D = "/acme/projects/7/data_collections/8"
PASSING = pytest.mark.parametrize("kind", ["images", "rasters", "point_clouds"])


@pytest.mark.parametrize(
    "case",
    [each for each in all_cases() if each.label == "defaults" and (each.method in PATHS or "paginate" in each.method)],
    ids=lambda case: case.method,
)
def test_params_that_are_no_model_are_a_type_error(case: Any) -> None:
    world = World()
    with pytest.raises(TypeError, match="params must be a"):
        world.run(call(case.but(args=(*case.args, {"limit": 1})), world.api))


def test_keywords_beside_a_model_are_reported_as_ignored() -> None:
    world = World([Expected("GET", "/acme/projects/?limit=1", json_response([]))])
    world.finish(world.api.list_projects(ListParams(limit=1), name="x"))
    assert KeywordsIgnored("ListParams", ("name",)) in world.events


def test_a_keyword_that_no_model_knows_is_refused_with_those_that_exist() -> None:
    world = World()
    with pytest.raises(TypeError, match="unknown keyword: nme; those of a ListParams are extended, name, ids"):
        world.run(world.api.list_projects(nme="x"))
    assert world.requests == world.logins == []


def query(kind: str, *args: Any, **kwargs: Any) -> str:
    """Return the query of a list that passes keywords through."""
    world = World(lambda _: json_response([]))
    world.run(getattr(world.api, f"get_{kind}")(7, 8, *args, **kwargs))
    (request,) = world.requests
    return request.query


@PASSING
def test_keywords_that_are_passed_through_override_params_unchecked(kind: str) -> None:
    params = ListParams(limit=1, name="a")
    assert query(kind, params, limit="many", newer=[1, "x"], flag=True) == "name=a&limit=many&newer=1%2Cx&flag=true"
    assert query(kind, params, name=None) == "limit=1"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: (1, 2), "ids=1%2C2"),
        (lambda: {1: "a", 2: "b"}.keys(), "ids=1%2C2"),
        (lambda: (n for n in (1, 2)), "ids=1%2C2"),
        (lambda: 5, "ids=5"),
        (lambda: "5,6", "ids=5%2C6"),
    ],
)
@PASSING
def test_ids_may_be_any_iterable_or_a_single_value(kind: str, make: Callable[[], Any], expected: str) -> None:
    assert query(kind, ids=make()) == expected


@pytest.mark.parametrize("ids", [(), range(0), set(), iter(())])
def test_an_empty_iterable_of_ids_sends_nothing(ids: Any) -> None:
    world = World()
    assert world.run(world.api.get_images(7, 8, ids=ids)) == []


@pytest.mark.parametrize("size", [0, -1, 1.5, "2", True, None])
def test_a_page_size_below_one_is_a_value_error_before_anything_is_sent(size: Any) -> None:
    world = World()
    for pages in (
        lambda: world.api.paginate_images(7, 8, size),
        lambda: world.api.paginate_search({"on": "images"}, size),
    ):
        with pytest.raises(ValueError, match="page_size"):
            next(pages())
    assert world.requests == world.logins == []


@pytest.mark.parametrize("answer", [{"results": []}, None, "text"])
def test_a_page_that_is_no_list_is_a_protocol_error(answer: Any) -> None:
    world = World([Expected("GET", f"{D}/images/?offset=0&limit=2", json_response(answer))])
    error = world.fail(next(world.api.paginate_images(7, 8, 2)), PixelProtocolError)
    assert "has to be a list" in str(error)
    assert f"GET https://pixel.test{D}/images/" in str(error)


@PASSING
def test_a_listing_starts_at_the_keyword_offset_and_sends_other_keywords_with_every_page(kind: str) -> None:
    target = f"{D}/{kind}/?name=a&new=1&ids=3%2C4&offset="
    world = World(
        [
            Expected("GET", f"{target}4&limit=2", json_response([1, 2])),
            Expected("GET", f"{target}6&limit=2", json_response([3])),
        ]
    )
    params = ListParams(name="a", offset=5, limit=7)
    listing = getattr(world.api, f"paginate_{kind}")
    pages = listing(7, 8, 2, params, new=1, ids=iter([3, 4]), offset="4", limit=99)
    assert [world.run(next(pages)).items for _ in range(2)] == [[1, 2], [3]]

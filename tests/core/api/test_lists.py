"""Lists: parameters that are no model, iterables as ids, and pages. The queries are in the table of operations."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pixel_core import Flow, Page
from pixel_core.errors import PixelNotFoundError, PixelProtocolError
from pixel_core.events import KeywordsIgnored
from pixel_core.models import ListParams
from tests.support.operations.core import call
from tests.support.operations.lists import PATHS
from tests.support.operations.table import all_cases
from tests.support.scripted_api import Expected, World, json_response

D = "/acme/projects/7/data_collections/8"
IMAGES = f"{D}/images/"

PAGED: list[tuple[str, Callable[..., Iterator[Flow[Page[Any]]]]]] = [
    (IMAGES, lambda api, *args, **kwargs: api.paginate_images(7, 8, *args, **kwargs)),
    (f"{D}/rasters/", lambda api, *args, **kwargs: api.paginate_rasters(7, 8, *args, **kwargs)),
    (f"{D}/point_clouds/", lambda api, *args, **kwargs: api.paginate_point_clouds(7, 8, *args, **kwargs)),
]
ALL_PAGED = pytest.mark.parametrize(("path", "pages"), PAGED)
PASSING = {"get_images": "images", "get_rasters": "rasters", "get_point_clouds": "point_clouds"}


@pytest.mark.parametrize("case", [each for each in all_cases() if each.label == "defaults" and each.method in PATHS])
def test_params_that_are_no_model_are_a_type_error(case: Any) -> None:
    world = World()
    world.fail(call(case.but(args=(*case.args, {"limit": 1})), world.api), TypeError)


def test_keywords_beside_a_model_are_reported_as_ignored() -> None:
    world = World([Expected("GET", "/acme/projects/?limit=1", json_response([]))])
    world.finish(world.api.list_projects(ListParams(limit=1), name="x"))
    assert KeywordsIgnored("ListParams", ("name",)) in world.events


def query(method: str, *args: Any, **kwargs: Any) -> str:
    """Return the query of a list that passes keywords through."""
    world = World(lambda _: json_response([]))
    world.run(getattr(world.api, method)(7, 8, *args, **kwargs))
    (request,) = world.requests
    return request.query


@pytest.mark.parametrize("method", PASSING)
def test_keywords_that_are_passed_through_override_params_unchecked(method: str) -> None:
    params = ListParams(limit=1, name="a")
    assert query(method, params, limit="many", newer=[1, "x"], flag=True) == "name=a&limit=many&newer=1%2Cx&flag=true"
    assert query(method, params, name=None) == "limit=1"


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
@pytest.mark.parametrize("method", PASSING)
def test_ids_may_be_any_iterable_or_a_single_value(method: str, make: Callable[[], Any], expected: str) -> None:
    assert query(method, ids=make()) == expected


@pytest.mark.parametrize("ids", [(), range(0), set(), iter(())])
def test_an_empty_iterable_of_ids_sends_nothing(ids: Any) -> None:
    world = World()
    assert world.run(world.api.get_images(7, 8, ids=ids)) == []


# Pages


def items(world: World, pages: Iterator[Flow[Page[Any]]]) -> Iterator[Any]:
    """Iterate over a listing as the clients do: all items, up to the last page."""
    for flow in pages:
        page = world.run(flow)
        yield from page.items
        if page.last:
            return


def page(offset: int, answer: Any, limit: int = 2, before: str = "") -> Expected:
    return Expected("GET", f"{IMAGES}?{before}offset={offset}&limit={limit}", json_response(answer))


def collected(world: World, pages: Iterator[Flow[Page[Any]]]) -> list[Any]:
    collected_items = list(items(world, pages))
    assert world.finished
    return collected_items


def test_the_offset_may_be_a_string() -> None:
    world = World([page(10, [1, 2]), page(12, [])])
    assert collected(world, world.api.paginate_images(7, 8, 2, offset="10")) == [1, 2]


def test_keywords_are_sent_with_every_page() -> None:
    world = World([page(0, [1, 2], before="ids=1%2C2&tags=a&"), page(2, [], before="ids=1%2C2&tags=a&")])
    pages = world.api.paginate_images(7, 8, 2, ids=iter([1, 2]), tags=["a"])
    assert collected(world, pages) == [1, 2]


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
    world = World([page(0, answer)])
    error = world.fail(next(world.api.paginate_images(7, 8, 2)), PixelProtocolError)
    assert "has to be a list" in str(error)
    assert "GET https://pixel.test" + IMAGES in str(error)


def test_a_page_is_requested_when_its_first_item_is_needed() -> None:
    world = World([page(0, [1, 2]), page(2, [3])])
    listing = items(world, world.api.paginate_images(7, 8, 2))
    assert world.requests == []
    assert [next(listing), next(listing)] == [1, 2]
    assert len(world.requests) == 1
    assert next(listing) == 3
    assert len(world.requests) == 2


def test_an_error_is_raised_after_the_items_of_the_pages_before() -> None:
    world = World([page(0, [1, 2]), Expected("GET", f"{IMAGES}?offset=2&limit=2", json_response({}, 404))])
    listing = items(world, world.api.paginate_images(7, 8, 2))
    assert [next(listing), next(listing)] == [1, 2]
    with pytest.raises(PixelNotFoundError):
        next(listing)


def test_pages_can_be_fetched_in_any_order() -> None:
    world = World([page(2, [3]), page(0, [1, 2])])
    pages = world.api.paginate_images(7, 8, 2)
    first, second = next(pages), next(pages)
    assert world.run(second) == Page([3], last=True)
    assert world.run(first) == Page([1, 2], last=False)


@ALL_PAGED
def test_a_listing_starts_at_the_keyword_offset_and_ignores_other_offsets_and_limits(
    path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]]
) -> None:
    params = ListParams(name="a", offset=5, limit=7)
    world = World(
        [
            Expected("GET", f"{path}?name=a&new=1&offset=4&limit=2", json_response([1, 2])),
            Expected("GET", f"{path}?name=a&new=1&offset=6&limit=2", json_response([3])),
        ]
    )
    assert collected(world, pages(world.api, 2, params, new=1, offset=4, limit=99)) == [1, 2, 3]


@ALL_PAGED
def test_a_listing_of_empty_ids_sends_nothing(path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]]) -> None:
    world = World()
    assert collected(world, pages(world.api, 2, ids=[])) == []
    assert collected(world, pages(world.api, 2, ListParams(ids=[]))) == []
    assert world.requests == world.logins == []


@ALL_PAGED
def test_params_of_a_listing_that_are_no_model_are_a_type_error(
    path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]]
) -> None:
    with pytest.raises(TypeError, match="params must be a"):
        next(pages(World().api, 2, {"limit": 1}))

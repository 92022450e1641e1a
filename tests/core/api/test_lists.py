"""Lists: the two ways of taking parameters, the values in a query, and pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from pixel_core import Flow, Page, PixelApi, Response
from pixel_core.errors import PixelNotFoundError, PixelProtocolError
from pixel_core.models import DataCollectionListParams, ListParams
from tests.support.scripted_api import Expected, World, json_response

D = "/acme/projects/7/data_collections/8"
IMAGES = f"{D}/images/"

Call = Callable[..., Flow[Any]]
VALIDATED: list[tuple[str, Call]] = [
    ("/acme/projects/", lambda api, *args, **kwargs: api.list_projects(*args, **kwargs)),
    ("/acme/projects/deleted", lambda api, *args, **kwargs: api.list_deleted_projects(*args, **kwargs)),
    (
        "/acme/projects/7/data_collections/",
        lambda api, *args, **kwargs: api.list_data_collections(7, *args, **kwargs),
    ),
    (
        "/acme/projects/7/data_collections/deleted",
        lambda api, *args, **kwargs: api.list_deleted_data_collections(7, *args, **kwargs),
    ),
    (
        "/acme/projects/7/data_collections/8/upload_jobs/",
        lambda api, *args, **kwargs: api.get_upload_jobs(7, 8, *args, **kwargs),
    ),
    (f"{D}/rasters/optimized/", lambda api, *args, **kwargs: api.get_optimized_rasters(7, 8, *args, **kwargs)),
    (
        f"{D}/point_clouds/optimized/",
        lambda api, *args, **kwargs: api.get_optimized_point_clouds(7, 8, *args, **kwargs),
    ),
    ("/acme/arcgis_services/Image/", lambda api, *args, **kwargs: api.list_arcgis_services("Image", *args, **kwargs)),
    (f"{D}/harvest_services/", lambda api, *args, **kwargs: api.list_harvest_services(7, 8, *args, **kwargs)),
    (f"{D}/harvest_services/9/", lambda api, *args, **kwargs: api.get_harvest_service_tasks(7, 8, 9, *args, **kwargs)),
]
PASSED: list[tuple[str, Call]] = [
    (IMAGES, lambda api, *args, **kwargs: api.get_images(7, 8, *args, **kwargs)),
    (f"{D}/rasters/", lambda api, *args, **kwargs: api.get_rasters(7, 8, *args, **kwargs)),
    (f"{D}/point_clouds/", lambda api, *args, **kwargs: api.get_point_clouds(7, 8, *args, **kwargs)),
]
PAGED: list[tuple[str, Callable[..., Iterator[Flow[Page[Any]]]]]] = [
    (IMAGES, lambda api, *args, **kwargs: api.paginate_images(7, 8, *args, **kwargs)),
    (f"{D}/rasters/", lambda api, *args, **kwargs: api.paginate_rasters(7, 8, *args, **kwargs)),
    (f"{D}/point_clouds/", lambda api, *args, **kwargs: api.paginate_point_clouds(7, 8, *args, **kwargs)),
]
V = pytest.mark.parametrize(("path", "call"), VALIDATED)
BOTH = pytest.mark.parametrize(("path", "call"), [*VALIDATED, *PASSED])
ONLY_P = pytest.mark.parametrize(("path", "call"), PASSED)
ALL_PAGED = pytest.mark.parametrize(("path", "pages"), PAGED)


def query(call: Call, *args: Any, **kwargs: Any) -> str:
    """The query that comes of a call."""
    world = World(lambda _: json_response([]))
    world.run(call(world.api, *args, **kwargs))
    (request,) = world.requests
    return request.query


@V
def test_v_keywords_are_read_into_the_model_and_unknown_ones_dropped(path: str, call: Call) -> None:
    assert query(call, ids=["1", 2], limit="5", extended="true", shoes=1) == "extended=true&ids=1%2C2&limit=5"


@V
def test_v_wrong_keywords_are_a_validation_error_and_nothing_is_sent(path: str, call: Call) -> None:
    world = World()
    world.fail(call(world.api, limit="many"), ValidationError)


@V
def test_v_keywords_beside_params_are_ignored(path: str, call: Call) -> None:
    assert query(call, ListParams(limit=1), limit=2, name="x") == "limit=1"


@V
def test_v_params_may_be_none_beside_keywords(path: str, call: Call) -> None:
    assert query(call, None, limit=2) == "limit=2"
    assert query(call, params=None) == ""


@BOTH
def test_the_path_is_the_one_of_the_list(path: str, call: Call) -> None:
    world = World([Expected("GET", path, json_response([{"id": 1}]))])
    assert world.finish(call(world.api)) == [{"id": 1}]


@BOTH
def test_params_that_are_no_model_are_a_type_error(path: str, call: Call) -> None:
    world = World()
    world.fail(call(world.api, {"limit": 1}), TypeError)


@BOTH
def test_none_is_left_out_and_false_zero_and_empty_text_are_sent(path: str, call: Call) -> None:
    assert query(call, extended=False, name="", tags=None, offset=0) == "extended=false&name=&offset=0"


@BOTH
def test_ids_and_tags_are_one_value_with_commas(path: str, call: Call) -> None:
    assert query(call, ids=[1, 2, 3], tags=["a b", "c"]) == "ids=1%2C2%2C3&tags=a+b%2Cc"
    assert query(call, ListParams(ids=[1, 2], tags=["a"])) == "ids=1%2C2&tags=a"


@BOTH
def test_empty_ids_ask_for_nothing_and_nothing_is_sent(path: str, call: Call) -> None:
    for world, flow in [_flow(call, ids=[]), _flow(call, ListParams(ids=[]))]:
        assert world.run(flow) == []
        assert world.requests == world.logins == []


def _flow(call: Call, *args: Any, **kwargs: Any) -> tuple[World, Flow[Any]]:
    world = World()
    return world, call(world.api, *args, **kwargs)


@BOTH
def test_empty_tags_are_left_out(path: str, call: Call) -> None:
    assert query(call, tags=[], limit=1) == "limit=1"
    assert query(call, ListParams(tags=[], limit=1)) == "limit=1"


def test_v_data_collections_can_be_listed_by_type() -> None:
    world = World(lambda _: json_response([]))
    world.run(world.api.list_data_collections(7, DataCollectionListParams(data_collection_type="DSM")))
    assert world.requests[0].query == "data_collection_type=DSM"


# P: passed through


@ONLY_P
def test_p_keywords_win_over_params_and_are_not_checked(path: str, call: Call) -> None:
    assert query(call, ListParams(limit=1, name="a"), limit="many", newer=[1, "x"], flag=True) == (
        "name=a&limit=many&newer=1%2Cx&flag=true"
    )


@ONLY_P
def test_p_a_keyword_of_none_takes_the_value_of_params_away(path: str, call: Call) -> None:
    assert query(call, ListParams(limit=1, name="a"), name=None) == "limit=1"


@pytest.mark.parametrize(
    "made",
    [
        lambda: (1, 2),
        lambda: range(1, 3),
        lambda: {1: "a", 2: "b"}.keys(),
        lambda: iter([1, 2]),
        lambda: (n for n in (1, 2)),
    ],
)
@ONLY_P
def test_p_ids_may_be_anything_that_is_iterated(path: str, call: Call, made: Callable[[], Any]) -> None:
    assert query(call, ids=made()) == "ids=1%2C2"


@pytest.mark.parametrize("ids", [(), range(0), set(), iter(())])
@ONLY_P
def test_p_no_ids_of_any_kind_ask_for_nothing(path: str, call: Call, ids: Any) -> None:
    world = World()
    assert world.run(call(world.api, ids=ids)) == []


@ONLY_P
def test_p_a_single_id_is_an_id(path: str, call: Call) -> None:
    assert query(call, ids=5) == "ids=5"
    assert query(call, ids="5,6") == "ids=5%2C6"


# Pages


def items(world: World, pages: Iterator[Flow[Page[Any]]]) -> Iterator[Any]:
    """What the faces make of a listing: its items, until a page says it is the last."""
    for flow in pages:
        page = world.run(flow)
        yield from page.items
        if page.last:
            return


def page(offset: int, found: Any, limit: int = 2, before: str = "") -> Expected:
    return Expected("GET", f"{IMAGES}?{before}offset={offset}&limit={limit}", json_response(found))


def collected(world: World, pages: Iterator[Flow[Page[Any]]]) -> list[Any]:
    found = list(items(world, pages))
    assert world.finished
    return found


def test_a_page_shorter_than_asked_for_is_the_last() -> None:
    world = World([page(0, [1, 2]), page(2, [3])])
    assert collected(world, world.api.paginate_images(7, 8, 2)) == [1, 2, 3]


def test_a_full_last_page_costs_one_more_request() -> None:
    world = World([page(0, [1, 2]), page(2, [])])
    assert collected(world, world.api.paginate_images(7, 8, 2)) == [1, 2]


def test_an_empty_list_is_one_request() -> None:
    world = World([page(0, [])])
    assert collected(world, world.api.paginate_images(7, 8, 2)) == []


def test_paging_starts_at_the_keyword_offset() -> None:
    world = World([page(10, [1, 2]), page(12, [])])
    assert collected(world, world.api.paginate_images(7, 8, 2, offset=10)) == [1, 2]


def test_paging_reads_an_offset_of_text_as_the_number_it_is() -> None:
    world = World([page(10, [1, 2]), page(12, [])])
    assert collected(world, world.api.paginate_images(7, 8, 2, offset="10")) == [1, 2]


def test_offset_and_limit_of_params_are_ignored() -> None:
    world = World([page(0, [], before="name=a&")])
    params = ListParams(name="a", offset=5, limit=7)
    assert collected(world, world.api.paginate_images(7, 8, 2, params)) == []


def test_the_size_of_a_page_is_the_limit_whatever_the_keyword_says() -> None:
    world = World([Expected("GET", f"{IMAGES}?limit=2&offset=0", json_response([]))])
    assert collected(world, world.api.paginate_images(7, 8, page_size=2, limit=99)) == []


def test_keywords_go_with_every_page() -> None:
    world = World([page(0, [1, 2], before="ids=1%2C2&tags=a&"), page(2, [], before="ids=1%2C2&tags=a&")])
    pages = world.api.paginate_images(7, 8, 2, ids=iter([1, 2]), tags=["a"])
    assert collected(world, pages) == [1, 2]


def test_empty_ids_have_no_pages() -> None:
    world = World()
    assert collected(world, world.api.paginate_images(7, 8, 2, ids=[])) == []


@pytest.mark.parametrize("size", [0, -1, 1.5, "2", True, None])
def test_a_page_size_below_one_is_a_value_error_before_anything_is_sent(size: Any) -> None:
    world = World()
    with pytest.raises(ValueError, match="page_size"):
        next(world.api.paginate_images(7, 8, size))
    assert world.requests == world.logins == []


@pytest.mark.parametrize("answer", [{"results": []}, None, "text"])
def test_a_page_that_is_no_list_is_a_protocol_error(answer: Any) -> None:
    world = World([page(0, answer)])
    error = world.fail(next(world.api.paginate_images(7, 8, 2)), PixelProtocolError)
    assert "has to be a list" in str(error)
    assert "GET https://pixel.test" + IMAGES in str(error)


def test_nothing_is_sent_before_the_first_item_and_no_page_before_its_turn() -> None:
    world = World([page(0, [1, 2]), page(2, [3])])
    found = items(world, world.api.paginate_images(7, 8, 2))
    assert world.requests == []
    assert [next(found), next(found)] == [1, 2]
    assert len(world.requests) == 1
    assert next(found) == 3
    assert len(world.requests) == 2


def test_an_error_comes_up_at_its_page_after_the_items_before_it() -> None:
    world = World([page(0, [1, 2]), Expected("GET", f"{IMAGES}?offset=2&limit=2", json_response({}, 404))])
    found = items(world, world.api.paginate_images(7, 8, 2))
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(PixelNotFoundError):
        next(found)


def test_pages_can_be_fetched_ahead_and_in_any_order() -> None:
    world = World([page(2, [3]), page(0, [1, 2])])
    pages = world.api.paginate_images(7, 8, 2)
    first, second = next(pages), next(pages)
    assert world.run(second) == Page([3], last=True)
    assert world.run(first) == Page([1, 2], last=False)


def test_a_page_is_repeated_by_itself_when_the_server_fails_for_a_moment() -> None:
    world = World([page(0, [1, 2]), Expected("GET", f"{IMAGES}?offset=2&limit=2", Response(503)), page(2, [3])])
    assert collected(world, world.api.paginate_images(7, 8, 2)) == [1, 2, 3]


def test_the_pure_face_gives_the_flows_of_pages() -> None:
    api: PixelApi = World().api
    flow = next(api.paginate_images(7, 8, 2))
    assert type(flow).__name__ == "generator"


@ALL_PAGED
def test_every_listing_starts_at_the_keyword_offset_with_its_own_path_and_page_size(
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
def test_no_listing_of_empty_ids_sends_anything(path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]]) -> None:
    world = World()
    assert collected(world, pages(world.api, 2, ids=[])) == []
    assert collected(world, pages(world.api, 2, ListParams(ids=[]))) == []
    assert world.requests == world.logins == []


@ALL_PAGED
@pytest.mark.parametrize("size", [0, -1, True, None])
def test_no_listing_takes_a_page_size_below_one(
    path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]], size: Any
) -> None:
    with pytest.raises(ValueError, match="page_size"):
        next(pages(World().api, size))


@ALL_PAGED
def test_params_of_a_listing_that_are_no_model_are_a_type_error(
    path: str, pages: Callable[..., Iterator[Flow[Page[Any]]]]
) -> None:
    with pytest.raises(TypeError, match="params must be a"):
        next(pages(World().api, 2, {"limit": 1}))

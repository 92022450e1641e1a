"""One definition, several faces: what a method of each returns. `tests/transports/client/test_faces.py` has those of
the clients, `tests/package/typing/test_signatures.py` what `inspect` shows.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pixel_core import BlockingFace, Flow, Page, PixelApi, Response, Results
from pixel_core.api import Operations
from pixel_core.models import Project
from tests.support.scripted_api import Expected, World, json_response


class Maker:
    """Makes methods that run a flow and return its result."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
        return lambda face, *args, **kwargs: face.world.run(function(face.api, *args, **kwargs))

    def listing(self, function: Callable[..., Iterator[Flow[Page[Any]]]]) -> Callable[..., Any]:
        return lambda face, *args, **kwargs: [face.world.run(flow) for flow in function(face.api, *args, **kwargs)]

    def streaming(self, function: Callable[..., Results[Any]]) -> Callable[..., Any]:
        raise NotImplementedError

    def result_of(self, kind: str, item: Any) -> Any:
        return list[item]


class Blocking(BlockingFace, Operations):
    maker = Maker()

    def __init__(self, world: World) -> None:
        self.world, self.session, self.api = world, world.session, world.api


PROJECT: Project = {"id": 7, "name": "n"}


def test_the_pure_face_gives_the_flow() -> None:
    world = World(lambda _: json_response(PROJECT))
    flow = world.api.get_project(7)
    assert inspect.getgeneratorstate(flow) == inspect.GEN_CREATED
    assert world.requests == []
    assert world.run(flow) == PROJECT


def test_the_pure_face_of_a_listing_gives_a_flow_a_page_that_run_in_any_order() -> None:
    images = "/acme/projects/7/data_collections/8/images/?offset="
    world = World(
        [
            Expected("GET", f"{images}2&limit=2", json_response([3])),
            Expected("GET", f"{images}0&limit=2", json_response([1, 2])),
        ]
    )
    pages = world.api.paginate_images(7, 8, 2)
    first, second = next(pages), next(pages)
    assert world.run(second) == Page([3], last=True)
    assert world.run(first) == Page([1, 2], last=False)


def test_a_method_of_an_instance_or_a_class_gives_the_result_or_raises_the_error() -> None:
    world = World(lambda request: json_response(PROJECT) if "projects" in request.path else Response(404))
    assert Blocking(world).get_project(project_id=7) == PROJECT
    assert Blocking.get_project(Blocking(world), 7) == PROJECT
    assert world.run(PixelApi.get_project(world.api, 7)) == PROJECT
    assert list(Blocking(world).paginate_images(7, 8, 2, ids=[])) == []
    with pytest.raises(Exception, match="Bad request 404"):
        Blocking(world).me()


def test_a_definition_shows_its_name() -> None:
    assert repr(inspect.getattr_static(PixelApi, "me")) == "<operation Users.me>"
    assert repr(inspect.getattr_static(PixelApi, "paginate_images")) == "<listing Images.paginate_images>"


def test_a_method_is_made_once_for_a_face() -> None:
    faces: list[Any] = [Blocking, PixelApi]
    assert [face.me is face.me for face in faces] == [True] * 2
    assert faces[0].me is not faces[1].me


def test_each_maker_makes_its_own_method() -> None:
    """Also if it has the address of a maker that was freed."""

    class Numbered(Maker):
        def __init__(self, number: int) -> None:
            self.number = number

        def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
            number = self.number
            return lambda _: number

    for number in range(50):
        face: Any = type("Face", (BlockingFace, Operations), {"maker": Numbered(number)})
        assert face.me(None) == number

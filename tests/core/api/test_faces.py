"""One definition, three faces: what a method of each face returns.

The makers here are the smallest possible ones. `tests/package/typing/test_signatures.py` tests what `inspect` shows.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from pixel_core import AsyncFace, BlockingFace, Flow, Page, Pages, PixelApi, Resource, Response, listing, operation
from pixel_core.api import Operations
from pixel_core.models import Project
from tests.support.scripted_api import PixelServer, World, json_response

T = TypeVar("T")


class BlockingMaker:
    """Makes methods that run a flow and return its result."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
        def method(self: "Blocking", /, *args: Any, **kwargs: Any) -> Any:
            return self.world.run(function(self.api, *args, **kwargs))

        return method

    def listing(self, function: Callable[..., Iterator[Flow[Page[Any]]]]) -> Callable[..., Any]:
        def method(self: "Blocking", /, *args: Any, **kwargs: Any) -> Iterator[Any]:
            for flow in function(self.api, *args, **kwargs):
                page = self.world.run(flow)
                yield from page.items
                if page.last:
                    return

        return method

    def listing_of(self, item: Any) -> Any:
        return Iterator[item]


class AsyncMaker:
    """Makes coroutine methods that run a flow."""

    def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
        async def method(self: "Async", /, *args: Any, **kwargs: Any) -> Any:
            return self.world.run(function(self.api, *args, **kwargs))

        return method

    def listing(self, function: Callable[..., Iterator[Flow[Page[Any]]]]) -> Callable[..., Any]:
        async def method(self: "Async", /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            for flow in function(self.api, *args, **kwargs):
                page = self.world.run(flow)
                for item in page.items:
                    yield item
                if page.last:
                    return

        return method

    def listing_of(self, item: Any) -> Any:
        return AsyncIterator[item]


class Blocking(BlockingFace, Operations):
    maker = BlockingMaker()

    def __init__(self, world: World) -> None:
        self.world, self.session, self.api = world, world.session, world.api


class Async(AsyncFace, Operations):
    maker = AsyncMaker()

    def __init__(self, world: World) -> None:
        self.world, self.session, self.api = world, world.session, world.api


PROJECT: Project = {"id": 7, "name": "n"}


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    value: T = stopped.value.value
    return value


def all_of(items: AsyncIterator[T]) -> list[T]:
    async def collect() -> list[T]:
        return [item async for item in items]

    return finished(collect())


def pages_of(*pages: list[Any]) -> World:
    answers = iter(pages)
    return World(lambda _: json_response(next(answers)))


def answering(value: Any) -> World:
    return World(lambda _: json_response(value))


def test_the_pure_face_gives_the_flow() -> None:
    world = answering(PROJECT)
    flow = world.api.get_project(7)
    assert inspect.getgeneratorstate(flow) == inspect.GEN_CREATED
    assert world.requests == []
    assert world.run(flow) == PROJECT


def test_a_listing_of_the_blocking_and_the_async_face_stops_at_the_last_page() -> None:
    blocking, asynchronous = (pages_of([{"id": 1}, {"id": 2}], [{"id": 3}]) for _ in range(2))
    assert [each["id"] for each in Blocking(blocking).paginate_images(7, 8, 2)] == [1, 2, 3]
    assert [each["id"] for each in all_of(Async(asynchronous).paginate_images(7, 8, page_size=2))] == [1, 2, 3]


def test_the_pure_face_of_a_listing_gives_a_flow_a_page() -> None:
    world = pages_of([1, 2], [3])
    pages = world.api.paginate_images(7, 8, 2)
    assert [world.run(next(pages)) for _ in range(2)] == [Page([1, 2], False), Page([3], True)]


def test_errors_come_out_of_every_face() -> None:
    world = World(lambda _: Response(404))
    with pytest.raises(Exception, match="Bad request 404"):
        Blocking(world).me()
    with pytest.raises(Exception, match="Bad request 404"):
        Async(world).me().send(None)


def test_a_method_of_an_instance_or_a_class_gives_the_result_or_a_coroutine_of_it() -> None:
    world = answering(PROJECT)
    assert Blocking(world).get_project(7) == PROJECT
    assert finished(Async(world).get_project(project_id=7, extended=True)) == PROJECT
    assert Blocking.get_project(Blocking(world), 7) == PROJECT
    assert finished(Async.get_project(Async(world), 7)) == PROJECT
    assert world.run(PixelApi.get_project(world.api, 7)) == PROJECT


def test_operations_that_call_operations_do_so_on_the_pure_face() -> None:
    """`upload_image` waits for a job by the flow of `wait_for_job`."""
    client = Blocking(World(PixelServer(), files={"/p/a.jpg": b"x"}))
    assert client.upload_image(1, 2, "/p/a.jpg") == {"id": 1100, "name": "a.jpg"}


def test_a_definition_shows_its_name() -> None:
    assert repr(inspect.getattr_static(PixelApi, "me")) == "<operation Users.me>"
    assert repr(inspect.getattr_static(PixelApi, "paginate_images")) == "<listing Images.paginate_images>"


def test_a_method_is_made_once_for_a_face() -> None:
    faces: list[Any] = [Blocking, Async, PixelApi]
    assert [face.me is face.me for face in faces] == [True] * 3
    assert len({face.me for face in faces}) == 3


def test_each_maker_makes_its_own_method() -> None:
    """Also if it has the address of a maker that was freed."""

    class Numbered(BlockingMaker):
        def __init__(self, number: int) -> None:
            self.number = number

        def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
            number = self.number
            return lambda _: number

    for number in range(50):
        face: Any = type("Face", (BlockingFace, Operations), {"maker": Numbered(number)})
        assert face.me(None) == number


class Echoes(Resource):
    """A group of operations of a user."""

    @operation
    def echo(self, text: str) -> Flow[str]:
        """Return the text."""
        yield from ()
        return text

    @listing
    def numbers(self, upto: int, /) -> Pages[int]:
        """The numbers below `upto`."""

        def page(number: int) -> Flow[Page[int]]:
            yield from ()
            return Page([number], last=number == upto - 1)

        return Pages(page(number) for number in range(100))


class BlockingEchoes(BlockingFace, Echoes):
    maker = BlockingMaker()

    def __init__(self, world: World) -> None:
        self.world, self.session, self.api = world, world.session, Echoes(world.session)


def test_a_group_of_a_user_has_faces_too() -> None:
    client = BlockingEchoes(World())
    assert client.echo("hei") == "hei"
    assert list(client.numbers(3)) == [0, 1, 2]
    assert str(inspect.signature(client.echo)) == "(text: str) -> str"

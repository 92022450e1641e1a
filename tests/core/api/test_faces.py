"""One definition, three faces: what each gives, and how each looks to `help()` and `inspect`.

The makers here are as small as a driver's can be: enough to see that the core needs nothing else of them.
"""

import inspect
import pydoc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from pixel_core import (
    AsyncFace,
    BlockingFace,
    Flow,
    Page,
    Pages,
    PixelApi,
    Resource,
    Response,
    Session,
    listing,
    operation,
)
from pixel_core.api import Operations, operation_names
from pixel_core.models import Image, Project, User
from tests.support.scripted_api import PixelServer, World, json_response

T = TypeVar("T")


class BlockingMaker:
    """Methods that run a flow by hand and return its result."""

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
    """Coroutine methods that run a flow by hand."""

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
FACES: list[type[Any]] = [Blocking, Async, PixelApi]
EVERY_FACE = pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
EVERY_OPERATION = pytest.mark.parametrize("name", operation_names())


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
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


# What each face gives


def test_the_blocking_face_gives_the_result() -> None:
    assert Blocking(answering(PROJECT)).get_project(7) == PROJECT


def test_the_async_face_gives_a_coroutine_of_the_result() -> None:
    assert finished(Async(answering(PROJECT)).get_project(project_id=7, extended=True)) == PROJECT


def test_the_pure_face_gives_the_flow() -> None:
    world = answering(PROJECT)
    flow = world.api.get_project(7)
    assert inspect.getgeneratorstate(flow) == inspect.GEN_CREATED
    assert world.requests == []
    assert world.run(flow) == PROJECT


def test_the_blocking_face_of_a_listing_stops_at_the_last_page() -> None:
    world = pages_of([{"id": 1}, {"id": 2}], [{"id": 3}])
    assert [each["id"] for each in Blocking(world).paginate_images(7, 8, 2)] == [1, 2, 3]


def test_the_async_face_of_a_listing_stops_at_the_last_page() -> None:
    world = pages_of([{"id": 1}, {"id": 2}], [{"id": 3}])
    assert [each["id"] for each in all_of(Async(world).paginate_images(7, 8, page_size=2))] == [1, 2, 3]


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


def test_a_method_can_be_taken_from_the_class() -> None:
    world = answering(PROJECT)
    assert Blocking.get_project(Blocking(world), 7) == PROJECT
    assert finished(Async.get_project(Async(world), 7)) == PROJECT
    assert world.run(PixelApi.get_project(world.api, 7)) == PROJECT


def test_operations_that_call_operations_do_so_on_the_pure_face() -> None:
    """`upload_image` waits for a job by `wait_for_job`: as a flow, whatever the face."""
    client = Blocking(World(PixelServer(), files={"/p/a.jpg": b"x"}))
    assert client.upload_image(1, 2, "/p/a.jpg") == {"id": 1100, "name": "a.jpg"}


# How each face looks


@EVERY_FACE
@EVERY_OPERATION
def test_a_method_has_the_name_and_the_words_of_its_definition(face: type[Any], name: str) -> None:
    for method in (getattr(face(World()) if face is not PixelApi else World().api, name), getattr(face, name)):
        assert method.__name__ == name
        assert method.__qualname__.endswith(f".{name}")
        assert method.__module__.startswith("pixel_core.api.")
        assert method.__doc__
        assert inspect.getdoc(method)


def bound(face: type[Any], name: str) -> Any:
    return getattr(World().api if face is PixelApi else face(World()), name)


@EVERY_FACE
@EVERY_OPERATION
def test_a_method_has_the_arguments_of_its_definition_without_self(face: type[Any], name: str) -> None:
    signature = inspect.signature(bound(face, name))
    assert "self" not in signature.parameters
    assert signature.parameters == inspect.signature(bound(PixelApi, name)).parameters
    assert list(inspect.signature(getattr(face, name)).parameters) == ["self", *signature.parameters]


def test_the_return_annotation_is_the_one_of_the_face() -> None:
    def result(face: type[Any], name: str) -> Any:
        return inspect.signature(bound(face, name)).return_annotation

    assert result(Blocking, "me") is User
    assert result(Async, "me") is User
    assert result(PixelApi, "me") == Flow[User]
    assert result(Blocking, "get_images") == list[Image]
    assert result(Blocking, "paginate_images") == Iterator[Image]
    assert result(Async, "paginate_images") == AsyncIterator[Image]
    assert result(PixelApi, "paginate_images") == Pages[Image]


@EVERY_FACE
def test_annotations_and_signature_agree(face: type[Any]) -> None:
    for name in operation_names():
        method = bound(face, name)
        assert method.__annotations__["return"] == inspect.signature(method).return_annotation


@EVERY_OPERATION
def test_only_the_operations_of_the_async_face_are_coroutine_functions(name: str) -> None:
    is_listing = isinstance(inspect.getattr_static(PixelApi, name), listing)
    assert inspect.iscoroutinefunction(bound(Async, name)) is not is_listing
    assert not inspect.iscoroutinefunction(bound(Blocking, name))
    assert not inspect.iscoroutinefunction(bound(PixelApi, name))


@EVERY_FACE
def test_help_shows_signature_and_words(face: type[Any]) -> None:
    text = pydoc.plain(pydoc.render_doc(bound(face, "get_project")))
    assert "get_project(project_id: int, extended: bool = False) ->" in text
    assert "Return one project, with all fields if `extended`. Raises PixelNotFoundError" in text


@EVERY_FACE
def test_the_methods_are_listed_by_dir(face: type[Any]) -> None:
    assert set(operation_names()) <= set(dir(face))


def test_a_definition_shows_its_name() -> None:
    assert repr(inspect.getattr_static(PixelApi, "me")) == "<operation Users.me>"
    assert repr(inspect.getattr_static(PixelApi, "paginate_images")) == "<listing Images.paginate_images>"


def test_a_method_is_made_once_for_a_face() -> None:
    faces: list[Any] = [Blocking, Async, PixelApi]
    assert [face.me is face.me for face in faces] == [True] * 3
    assert len({face.me for face in faces}) == 3


def test_each_maker_makes_its_own_method_also_after_others_are_gone() -> None:
    """Makers are told apart by themselves, not by an address that another may have after them."""

    class Numbered(BlockingMaker):
        def __init__(self, number: int) -> None:
            self.number = number

        def operation(self, function: Callable[..., Flow[Any]]) -> Callable[..., Any]:
            number = self.number
            return lambda _: number

    for number in range(50):
        face: Any = type("Face", (BlockingFace, Operations), {"maker": Numbered(number)})
        assert face.me(None) == number


@EVERY_OPERATION
def test_every_operation_is_described_in_sentences(name: str) -> None:
    doc = inspect.getdoc(getattr(PixelApi, name)) or ""
    assert doc.split("\n\n")[0].endswith(".")


# Operations of one's own


class Echoes(Resource):
    """A group of operations that a user could write."""

    @operation
    def echo(self, text: str) -> Flow[str]:
        """Give the text back."""
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


def test_a_group_of_ones_own_has_faces_too() -> None:
    client = BlockingEchoes(World())
    assert client.echo("hei") == "hei"
    assert list(client.numbers(3)) == [0, 1, 2]
    assert str(inspect.signature(client.echo)) == "(text: str) -> str"


def test_a_resource_is_made_of_a_session() -> None:
    session: Session = World().session
    api = PixelApi(session)
    assert api.session is session
    assert api.api is api

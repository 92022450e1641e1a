"""Clients with operations of a library's own: `faces`, class statements, and `client.run`."""

import copy
import inspect
import pickle
from typing import Any

import anyio
import pytest

from pixel_core import Flow, Operations, Pages, PixelApi, Resource, listing, operation
from pixel_core.errors import PixelClosedError
from pixel_transports import PixelClient, PixelClientAsync, faces
from pixel_transports.client import cache
from pixel_transports.sandbox import Sandbox
from pixel_transports.testing import client as made
from pixel_transports.testing import settings_for


class Survey(Operations):
    """A group with an operation that calls another operation."""

    @operation
    def email(self, prefix: str = "") -> Flow[str]:
        """The address of the user."""
        user = yield from self.me()
        return f"{prefix}{user.get('email')}"

    @operation
    def shouted(self) -> Flow[str]:
        return (yield from self.email("to ")).upper()

    @listing
    def none(self) -> Pages[int]:
        return Pages(())


class Small(Resource):
    """A group that does not have the operations of the library."""

    @operation
    def seven(self) -> Flow[int]:
        yield from ()
        return 7


class SurveyClient(Survey, PixelClient):
    """A blocking client by a class statement."""


class SurveyClientAsync(Survey, PixelClientAsync):
    """An async client by a class statement."""


CLASSES = [
    pytest.param(faces(Survey).blocking, faces(Survey).asynchronous, id="faces"),
    pytest.param(SurveyClient, SurveyClientAsync, id="class statements"),
]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.mark.parametrize(("blocking", "asynchronous"), CLASSES)
def test_both_clients_have_the_operations_of_the_group_and_of_the_library(
    sandbox: Sandbox, blocking: Any, asynchronous: Any
) -> None:
    settings = settings_for(sandbox)
    client = blocking.from_settings(settings, transport=sandbox)
    assert (client.shouted(), client.list_projects(), list(client.none())) == ("TO DEMO@EXAMPLE.COM", [], [])

    async def main() -> tuple[str, list[Any], list[int]]:
        client = asynchronous.from_settings(settings, transport=sandbox)
        return await client.shouted(), await client.list_projects(), [item async for item in client.none()]

    assert anyio.run(main) == ("TO DEMO@EXAMPLE.COM", [], [])
    assert inspect.signature(client.email) == inspect.signature(lambda prefix="": "", eval_str=True).replace(
        parameters=[inspect.Parameter("prefix", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="", annotation=str)],
        return_annotation=str,
    )


def test_the_pure_face_gives_flows_that_a_client_runs_until_it_is_closed(sandbox: Sandbox) -> None:
    pure = faces(Survey).pure
    client = made(transport=sandbox)
    assert issubclass(pure, PixelApi)
    assert client.run(pure(client.session).email("a ")) == "a demo@example.com"
    assert client.run(client.api.list_projects()) == []

    async def main() -> str:
        asynchronous = made(True, transport=sandbox)
        return await asynchronous.run(pure(asynchronous.session).email())

    assert anyio.run(main) == "demo@example.com"
    client.close()
    with pytest.raises(PixelClosedError):
        client.run(client.api.me())


def test_a_group_may_be_without_the_operations_of_the_library(sandbox: Sandbox) -> None:
    client = faces(Small).blocking.from_settings(settings_for(sandbox), transport=sandbox)
    assert (client.seven(), client.me().get("email")) == (7, "demo@example.com")


def test_the_classes_of_a_group_are_made_once() -> None:
    assert faces(Survey).blocking is faces(Survey).blocking
    assert faces(Survey).blocking is not faces(Small).blocking


@pytest.mark.parametrize(("blocking", "asynchronous"), CLASSES)
def test_their_clients_can_be_pickled_and_copied(sandbox: Sandbox, blocking: Any, asynchronous: Any) -> None:
    for kind in (blocking, asynchronous):
        client = kind.from_settings(settings_for(sandbox))
        rebuilt = pickle.loads(pickle.dumps(client))
        assert type(rebuilt) is type(copy.copy(client)) is kind
        assert pickle.loads(pickle.dumps(client)) is rebuilt
        assert pickle.loads(pickle.dumps(client.auth))
    cache.clear()


@pytest.mark.parametrize("blocking", [SurveyClient, faces(Survey).blocking])
def test_a_copy_with_options_keeps_the_pure_face(sandbox: Sandbox, blocking: Any) -> None:
    copied = blocking.from_settings(settings_for(sandbox), transport=sandbox).with_options(retries=0)
    assert isinstance(copied.api, blocking.api_class)
    assert isinstance(copied.api.with_options(retries=1), Survey)


@pytest.mark.parametrize("group", [int, PixelClient, SurveyClientAsync, "Survey", Survey.email])
def test_other_things_than_groups_are_refused(group: Any) -> None:
    with pytest.raises(TypeError, match="faces takes a group of operations"):
        faces(group)

"""Logins that fail: how patient they are, and what a token is good for that could not be renewed."""

from typing import Any

import pytest

from pixel_core import Flow, Response, Session
from pixel_core.errors import PixelConnectionError, PixelLoginError
from tests.core.session.test_session import form, grants, header, login, me
from tests.core.session.test_tokens_stateful import LoginWorld
from tests.support.scripted_api import ACCOUNT, World, token
from tests.support.scripted_api import json_response as reply

DOWN: list[Any] = [Response(503), PixelConnectionError("reset", sent=True)]


def patient(world: World) -> Flow[Any]:
    """A call of an upload, which is tried eight times."""
    return world.session.call("GET", "/users/me", "extended=false", retries=world.session.upload_retries)


@pytest.mark.parametrize("outcome", DOWN)
def test_a_login_is_tried_as_often_as_the_call_that_needs_it(outcome: Any) -> None:
    world = World([*[login(outcome)] * 7, login(token("a")), me(reply(1))], login=False)
    assert world.finish(patient(world)).json(int) == 1
    world = World([login(outcome)] * 8, login=False)
    world.fail(patient(world), (PixelLoginError, PixelConnectionError))
    assert world.finished


def test_a_call_outlasts_the_login_of_a_less_patient_one() -> None:
    class Outage(LoginWorld):
        def _token(self, fields: dict[str, str]) -> Response:
            return super()._token(fields) if len(self.token_requests) > 6 else Response(503)

    world = Outage(60, [0.01], [], False, 400)
    impatient, answer = world.at_once([(0.0, world.api.me()), (0.005, patient(world))], {})
    assert isinstance(impatient, PixelLoginError)
    assert answer.json(dict) == {"id": 1}
    assert world.most_renewing == 1


def test_a_login_server_that_fails_has_refused_nothing() -> None:
    error = World([login(Response(503))] * 3, login=False)
    assert "Login failed for kari" in str(error.fail(error.api.me(), PixelLoginError))


@pytest.mark.parametrize("outcome", DOWN)
@pytest.mark.parametrize("refresh", [{}, {"refresh_token": "r", "refresh_expires_in": 1800}])
def test_a_token_that_cannot_be_renewed_is_used_until_it_expires(outcome: Any, refresh: dict[str, Any]) -> None:
    """It lives 300 s. It is to be renewed after 270 s, and again 5 s after that failed."""
    failed = [login(outcome), me(reply(1)), me(reply(2)), login(outcome), me(reply(3)), *[login(outcome)] * 3]
    world = World([login(token("a", expires_in=300, **refresh)), me(reply(0)), *failed], login=False)
    world.run(world.api.me())
    world.now = 1271
    assert [world.run(world.api.me()) for _ in range(2)] == [1, 2]
    world.now = 1299
    assert world.run(world.api.me()) == 3
    world.now = 1300
    world.fail(world.api.me(), (PixelLoginError, PixelConnectionError))
    assert world.finished
    assert header(world, "Authorization") == ["Bearer a"] * 4


def test_a_refused_refresh_token_leaves_the_token_for_the_password_that_cannot_be_checked() -> None:
    first = token("a", expires_in=300, refresh_token="r")
    script = [login(first), me(reply(0)), login(reply({"error": "invalid_grant"}, 400)), login(Response(503))]
    world = World([*script, me(reply(1))], login=False)
    world.run(world.api.me())
    world.now += 271
    assert world.finish(world.api.me()) == 1
    assert grants(world) == ["password", "refresh_token", "password"]
    assert "refresh_token" not in form(world.requests[-2])


def test_a_post_whose_login_failed_was_not_sent() -> None:
    world = World([login(PixelConnectionError("reset", sent=True))] * 3, login=False)
    assert world.fail(world.api.restore_project(1), PixelConnectionError).sent is False


def test_a_token_function_that_fails_leaves_its_token_until_it_expires() -> None:
    answers: list[Any] = [("abc", 100), OSError("no network"), OSError("no network")]

    def function() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    world = World([me(reply(0)), me(reply(1))], login=False)
    world.api.session = Session("https://pixel.test/acme", ACCOUNT, token=function)
    world.run(world.api.me())
    world.now += 95
    assert world.run(world.api.me()) == 1
    world.now += 5
    with pytest.raises(OSError, match="no network"):
        world.run(world.api.me())

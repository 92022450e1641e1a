"""The session: login, renewal, repeats, and the errors that come of an answer."""

import re
from typing import Any
from urllib.parse import parse_qs

import pytest

from pixel_core import Account, Flow, Headers, Options, PixelApi, Request, Response, Session, Timeouts
from pixel_core.effects import Effect, Exchange, Gather, SingleFlight
from pixel_core.errors import (
    BAD_REQUESTS,
    PixelAuthenticationError,
    PixelBadRequestError,
    PixelConnectionError,
    PixelError,
    PixelLoginError,
    PixelProtocolError,
    PixelServerError,
    PixelStatusError,
    PixelTimeoutError,
)
from pixel_core.messages import encode_json
from pixel_core.session.answers import Answer
from pixel_core.session.tokens import REFUSAL_SECONDS
from tests.support.scripted_api import ACCOUNT, TOKEN_TARGET, Expected, OffScriptError, World, token, told

ME = "/acme/users/me?extended=false"
FULL_JITTER = 0xFFFFFFFF
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
REFUSED = {"error": "invalid_grant", "error_description": "Invalid user credentials"}


def form(request: Request) -> dict[str, str]:
    assert isinstance(request.body, bytes)
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def bearers(world: World) -> list[str | None]:
    return [each.headers.get("Authorization") for each in world.requests if each.target != TOKEN_TARGET]


def ids(world: World) -> list[str | None]:
    return [each.headers.get("X-Request-ID") for each in world.requests if each.target != TOKEN_TARGET]


# Login


def test_the_login_comes_before_the_first_call_and_its_token_is_kept_for_the_next() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("abc")),
            Expected("GET", ME, told({"id": 1})),
            Expected("GET", "/acme/plugins/", told([])),
        ],
        login=False,
    )
    assert world.run(world.api.me()) == {"id": 1}
    assert world.finish(world.api.get_plugins()) == []
    assert bearers(world) == ["Bearer abc"] * 2
    assert form(world.requests[0]) == {
        "client_id": "frontend",
        "username": "kari@acme.test",
        "password": "hemmelig",
        "scope": "openid email profile",
        "grant_type": "password",
    }


def test_a_login_request_has_neither_token_nor_request_id_and_its_own_content_type() -> None:
    world = World(lambda _: told(None))
    world.run(world.api.me())
    (login,) = world.logins
    assert "Authorization" not in login.headers
    assert "X-Request-ID" not in login.headers
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert str(login.origin) == "https://keycloak.test"


def test_a_trailing_slash_of_either_address_does_not_matter() -> None:
    account = Account("https://keycloak.test/auth/", "Acme", "frontend", "kari", "p")
    world = World(
        [
            Expected("POST", "/auth" + TOKEN_TARGET, token()),
            Expected("GET", ME, told(None)),
        ],
        login=False,
        account=account,
        url="https://pixel.test/acme/",
    )
    assert world.finish(world.api.me()) is None


def test_an_address_without_a_path_puts_the_operations_at_the_root() -> None:
    world = World([Expected("GET", "/plugins/", told([]))], url="https://pixel.test")
    assert world.finish(world.api.get_plugins()) == []


def test_a_token_near_its_end_is_renewed_by_the_refresh_token() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("a", expires_in=300, refresh_token="r", refresh_expires_in=1800)),
            Expected("GET", ME, told(1)),
            Expected("GET", ME, told(2)),
            Expected("POST", TOKEN_TARGET, token("b", expires_in=300)),
            Expected("GET", ME, told(3)),
        ],
        login=False,
    )
    world.run(world.api.me())
    world.now += 269.9
    world.run(world.api.me())
    world.now += 0.2
    assert world.finish(world.api.me()) == 3
    assert bearers(world) == ["Bearer a", "Bearer a", "Bearer b"]
    assert form(world.requests[3]) == {"client_id": "frontend", "refresh_token": "r", "grant_type": "refresh_token"}


def test_a_refused_refresh_token_is_given_up_for_the_password() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("a", expires_in=300, refresh_token="r")),
            Expected("GET", ME, told(1)),
            Expected("POST", TOKEN_TARGET, told({"error": "invalid_grant"}, 400)),
            Expected("POST", TOKEN_TARGET, token("b")),
            Expected("GET", ME, told(2)),
        ],
        login=False,
    )
    world.run(world.api.me())
    world.now += 300
    assert world.finish(world.api.me()) == 2
    assert [form(world.requests[index])["grant_type"] for index in (2, 3)] == ["refresh_token", "password"]


def test_a_token_whose_life_was_over_before_it_came_is_used_and_not_asked_for_again_and_again() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("a", expires_in=1), takes=5.0),
            Expected("GET", ME, told(1)),
        ],
        login=False,
    )
    assert world.finish(world.api.me()) == 1


def test_a_refused_login_names_user_and_tenant_and_no_password() -> None:
    world = World([Expected("POST", TOKEN_TARGET, told(REFUSED, 401))], login=False)
    error = world.fail(world.api.me(), PixelLoginError)
    assert "kari@acme.test" in str(error)
    assert "Acme" in str(error)
    assert "Invalid user credentials" in str(error)
    assert "hemmelig" not in f"{error!s} {error!r} {error.__dict__}"
    assert (error.error, error.status_code) == ("invalid_grant", 401)


def test_a_refused_password_is_not_sent_again_at_once() -> None:
    world = World([Expected("POST", TOKEN_TARGET, told(REFUSED, 401))], login=False)
    first = world.fail(world.api.me(), PixelLoginError)
    second = world.fail(world.api.me(), PixelLoginError)
    assert str(first) == str(second)


def test_a_user_who_is_locked_out_while_logged_in_costs_two_requests_and_then_none_for_some_seconds() -> None:
    """The refresh token first, then the password, once: a program that goes on calling does not make it worse."""
    locked = told({"error": "invalid_grant", "error_description": "Account disabled"}, 400)
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("a", expires_in=300, refresh_token="r")),
            Expected("GET", ME, told(1)),
            Expected("POST", TOKEN_TARGET, locked),
            Expected("POST", TOKEN_TARGET, locked),
        ],
        login=False,
    )
    world.run(world.api.me())
    world.now += 300
    for _ in range(20):
        assert "Account disabled" in str(world.fail(world.api.me(), PixelLoginError))
        world.now += REFUSAL_SECONDS / 25
    world.script = [Expected("POST", TOKEN_TARGET, token("b")), Expected("GET", ME, told(2))]
    world.now += REFUSAL_SECONDS
    assert world.finish(world.api.me()) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_login_that_is_sent_elsewhere_is_refused_and_the_password_goes_nowhere_else(status: int) -> None:
    there = Response(status, Headers({"Location": f"https://elsewhere.test{TOKEN_TARGET}"}))
    world = World([Expected("POST", TOKEN_TARGET, there)], login=False)
    assert world.fail(world.api.me(), PixelLoginError).status_code == status
    assert {request.origin.host for request in world.requests} == {"keycloak.test"}


def test_a_token_endpoint_that_is_too_slow_is_a_time_out_that_names_it_after_three_tries() -> None:
    slow = PixelTimeoutError(f"POST https://keycloak.test{TOKEN_TARGET}: no answer within 10 seconds", sent=True)
    world = World([Expected("POST", TOKEN_TARGET, slow, takes=10.0)] * 3, login=False)
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert str(error).startswith(f"{slow} (after 3 tries")


def test_a_token_endpoint_that_answers_a_page_is_asked_once_and_the_error_says_what_to_check() -> None:
    world = World([Expected("POST", TOKEN_TARGET, Response(200, body=b"<html>Welcome</html>"))], login=False)
    error = world.fail(world.api.me(), PixelProtocolError)
    assert "is PIXEL_AUTH_SERVER_URL a Keycloak server?" in str(error)


def test_a_login_is_tried_again_where_the_token_endpoint_fails_for_a_while() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, PixelConnectionError("reset", sent=True)),
            Expected("POST", TOKEN_TARGET, Response(503)),
            Expected("POST", TOKEN_TARGET, token()),
            Expected("GET", ME, told(1)),
        ],
        login=False,
        bits=[1, FULL_JITTER, FULL_JITTER],
    )
    assert world.finish(world.api.me()) == 1
    assert world.sleeps == [0.5, 1.0]


def test_the_life_of_a_token_is_measured_from_the_try_that_brought_it() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, Response(503), takes=100.0),
            Expected("POST", TOKEN_TARGET, token("a", expires_in=100), takes=50.0),
            Expected("GET", ME, told(1)),
            Expected("GET", ME, told(2)),
        ],
        login=False,
    )
    world.run(world.api.me())
    world.now += 39.0
    assert world.finish(world.api.me()) == 2


def test_a_token_endpoint_that_is_never_reached_is_a_connection_error_and_no_login_error() -> None:
    world = World([Expected("POST", TOKEN_TARGET, PixelConnectionError("refused"))] * 3, login=False)
    error = world.fail(world.api.me(), PixelConnectionError)
    assert str(error) == "refused (after 3 tries)"


def test_all_who_wait_for_a_login_wait_for_the_same_one() -> None:
    first, second = World(), World()
    keys = [until_once(world).key for world in (first, first, second)]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2], "another session's login is another"


def until_once(world: World) -> SingleFlight[Any]:
    flow = world.api.me()
    effect = next(flow)
    while not isinstance(effect, SingleFlight):
        effect = flow.send(world.perform(effect))
    return effect


def test_flows_side_by_side_log_in_once() -> None:
    world = World(lambda _: told(7))

    def both() -> Flow[list[Any]]:
        return (yield from Gather([world.api.me(), world.api.me()], 2))

    assert world.run(both()) == [7, 7]
    assert len(world.logins) == 1


# 401


def test_a_401_renews_the_login_once_and_repeats_the_request_with_the_same_id() -> None:
    world = World([Expected("GET", ME, told({}, 401)), Expected("GET", ME, told({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}
    assert bearers(world) == ["Bearer t1", "Bearer t2"]
    assert len(set(ids(world))) == 1


def test_a_post_too_is_repeated_after_a_401() -> None:
    path = "/acme/projects/1/restore"
    world = World([Expected("POST", path, told({}, 401)), Expected("POST", path, told({"id": 1}))])
    assert world.finish(world.api.restore_project(1)) == {"id": 1}


def test_a_401_uses_the_refresh_token_where_there_is_one() -> None:
    world = World(
        [
            Expected("POST", TOKEN_TARGET, token("a", refresh_token="r")),
            Expected("GET", ME, told({}, 401)),
            Expected("POST", TOKEN_TARGET, token("b")),
            Expected("GET", ME, told(1)),
        ],
        login=False,
    )
    world.finish(world.api.me())
    assert form(world.requests[2])["grant_type"] == "refresh_token"


def test_a_second_401_goes_to_the_caller() -> None:
    world = World([Expected("GET", ME, told({"detail": "no"}, 401))] * 2)
    error = world.fail(world.api.me(), PixelAuthenticationError)
    assert error.status_code == 401
    assert "check PIXEL_TENANT" in str(error)
    assert len(world.logins) == 2


def test_a_401_during_repeats_is_renewed_and_does_not_use_up_a_try() -> None:
    outcomes = [Response(503), told({}, 401), Response(503), told(1)]
    world = World([Expected("GET", ME, outcome) for outcome in outcomes])
    assert world.finish(world.api.me()) == 1
    assert len(world.sleeps) == 2


def test_calls_side_by_side_that_meet_a_401_share_one_renewal() -> None:
    world = World(lambda request: told({}, 401) if request.headers["Authorization"] == "Bearer t1" else told(7))
    flows = [world.api.me(), world.api.me()]
    exchanges = [until_exchange(world, flow) for flow in flows]
    assert [world.resume(flow, exchange) for flow, exchange in zip(flows, exchanges, strict=True)] == [7, 7]
    assert len(world.logins) == 2, "the first login, and one renewal"


def until_exchange(world: World, flow: Flow[Any]) -> Exchange:
    effect = next(flow)
    while not isinstance(effect, Exchange):
        effect = flow.send(world.perform(effect))
    return effect


# Repeats


@pytest.mark.parametrize(
    "trouble",
    [Response(503), Response(500), Response(429), PixelConnectionError("reset", sent=True), PixelTimeoutError("slow")],
    ids=str,
)
def test_a_get_is_tried_three_times_with_growing_pauses(trouble: Response | Exception) -> None:
    world = World(
        [Expected("GET", ME, trouble), Expected("GET", ME, trouble), Expected("GET", ME, told(1))],
        bits=[1, FULL_JITTER, FULL_JITTER],
    )
    assert world.finish(world.api.me()) == 1
    assert world.sleeps == [0.5, 1.0]
    assert len(set(ids(world))) == 1


def test_the_pause_before_a_repeat_is_drawn_at_random() -> None:
    world = World([Expected("GET", ME, Response(503)), Expected("GET", ME, told(1))], bits=[1, FULL_JITTER // 2])
    world.finish(world.api.me())
    assert world.sleeps == [pytest.approx(0.25)]


def test_nothing_is_drawn_for_a_call_that_succeeds_but_its_request_id() -> None:
    world = World([Expected("GET", ME, told(1))], bits=[7])
    world.finish(world.api.me())
    assert ids(world) == ["00000000-0000-4000-8000-000000000007"]


def test_retry_after_is_waited_for() -> None:
    world = World([Expected("GET", ME, told({}, 429, Retry_After="12")), Expected("GET", ME, told(1))])
    world.finish(world.api.me())
    assert world.sleeps == [12.0]


def test_a_retry_after_that_is_too_long_ends_the_tries() -> None:
    world = World([Expected("GET", ME, told({}, 503, Retry_After="3600"))])
    world.fail(world.api.me(), PixelServerError)
    assert world.sleeps == []


def test_the_error_after_all_tries_says_how_many_there_were() -> None:
    world = World([Expected("GET", ME, Response(503))] * 3)
    error = world.fail(world.api.me(), PixelServerError)
    assert "after 3 tries" in str(error)


def test_the_connection_error_after_all_tries_has_the_last_one_as_its_cause() -> None:
    last = PixelTimeoutError("nothing read", sent=True)
    world = World([Expected("GET", ME, PixelConnectionError("refused"))] * 2 + [Expected("GET", ME, last)])
    error = world.fail(world.api.me(), PixelTimeoutError)
    (request_id,) = {request.headers["X-Request-ID"] for request in world.requests}
    assert str(error) == f"nothing read (after 3 tries, request ID: {request_id})"
    assert error.__cause__ is last
    assert error.sent


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_post_is_not_repeated_after_the_server_failed(status: int) -> None:
    world = World([Expected("POST", "/acme/projects/1/restore", Response(status))])
    error = world.fail(world.api.restore_project(1), PixelServerError)
    assert error.status_code == status


def test_a_post_is_not_repeated_after_the_connection_broke() -> None:
    broken = PixelConnectionError("reset", sent=True)
    world = World([Expected("POST", "/acme/projects/1/restore", broken)])
    assert world.fail(world.api.restore_project(1), PixelConnectionError).__cause__ is broken


def test_a_post_is_repeated_where_no_connection_could_be_made() -> None:
    path = "/acme/projects/1/restore"
    world = World([Expected("POST", path, PixelConnectionError("refused")), Expected("POST", path, told(1))])
    assert world.finish(world.api.restore_project(1)) == 1


def test_a_post_is_repeated_where_the_server_asks_for_patience() -> None:
    path = "/acme/projects/1/restore"
    world = World([Expected("POST", path, Response(429)), Expected("POST", path, told(1))])
    assert world.finish(world.api.restore_project(1)) == 1


def test_a_protocol_error_is_not_repeated() -> None:
    world = World([Expected("GET", ME, PixelProtocolError("not HTTP"))])
    world.fail(world.api.me(), PixelProtocolError)
    assert world.sleeps == []


# Errors by status


@pytest.mark.parametrize(
    ("status", "kind"), [*BAD_REQUESTS.items(), (400, PixelBadRequestError), (418, PixelBadRequestError)]
)
def test_each_status_of_a_refusal_has_its_error(status: int, kind: type[PixelBadRequestError]) -> None:
    world = World(lambda _: told({"detail": "no"}, status, X_Request_ID="from-server"))
    error = world.fail(world.api.get_project(7), PixelBadRequestError)
    assert type(error) is kind
    assert (error.status_code, error.method, error.request_id) == (status, "GET", "from-server")
    assert error.url == "https://pixel.test/acme/projects/7?extended=false"
    assert error.response_json == {"detail": "no"}
    assert error.body == ""


def test_a_refusal_shows_the_payload_that_was_sent() -> None:
    world = World(lambda _: told({"detail": "no"}, 400))
    error = world.fail(world.api.update_project(7, name="Ås"), PixelBadRequestError)
    assert error.body == '{"name":"Ås"}'
    assert '\nPayload:\n{"name":"Ås"}\nResponse: \n{\n    "detail": "no"\n}' in str(error)


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"<h1>No</h1>", "<h1>No</h1>"), (b"", ""), (b"\xff\xfe\xe5", "\ufffd\ufffd\ufffd"), (b"{", "{")],
)
def test_a_refusal_that_is_no_json_or_no_utf_8_is_still_the_error_of_its_status(body: bytes, text: str) -> None:
    world = World(lambda _: Response(404, Headers(), body))
    error = world.fail(world.api.me(), PixelBadRequestError)
    assert error.status_code == 404
    assert error.response_json == text


def test_of_a_long_page_only_the_beginning_stands_in_the_error() -> None:
    world = World(lambda _: Response(404, Headers(), b"x" * 100_000))
    assert len(str(world.fail(world.api.me(), PixelBadRequestError))) < 3000


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_a_redirect_to_another_origin_is_an_error_and_is_not_followed(status: int) -> None:
    world = World([Expected("GET", ME, Response(status, Headers({"Location": "https://elsewhere.test/"})))])
    error = world.fail(world.api.me(), PixelStatusError)
    assert type(error) is PixelStatusError
    assert error.status_code == status
    assert "GET https://pixel.test/acme/users/me" in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_a_get_on_the_same_origin_is_followed_with_the_token(status: int) -> None:
    there = Response(status, Headers({"Location": f"{ME}/"}))
    world = World([Expected("GET", ME, there), Expected("GET", f"{ME}/", told({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}
    assert all("Authorization" in request.headers for request in world.requests)


@pytest.mark.parametrize(("status", "followed"), [(301, False), (302, False), (303, False), (307, True), (308, True)])
def test_a_redirect_of_another_method_is_followed_where_it_keeps_the_method(status: int, followed: bool) -> None:
    path = "/acme/projects/1/restore"
    script = [Expected("POST", path, Response(status, Headers({"Location": f"https://pixel.test{path}/"})))]
    if followed:
        world = World([*script, Expected("POST", f"{path}/", told({"id": 1}))])
        assert world.finish(world.api.restore_project(1)) == {"id": 1}
    else:
        world = World(script)
        world.fail(world.api.restore_project(1), PixelStatusError)


@pytest.mark.parametrize(
    "location",
    [
        *("", "http://pixel.test/x", "https://pixel.test:444/x", "ftp://pixel.test/", "//[", ME),
        *("//elsewhere.test/x", "https://pixel.test@elsewhere.test/x", "https://pixel.test.elsewhere.test/x"),
        "https://elsewhere.test\\@pixel.test/x",
    ],
)
def test_a_redirect_that_leads_nowhere_safe_is_an_error(location: str) -> None:
    world = World([Expected("GET", ME, Response(307, Headers({"Location": location})))])
    assert world.fail(world.api.me(), PixelStatusError).status_code == 307


def test_redirects_without_an_end_are_an_error_after_five() -> None:
    def around(request: Request) -> Response:
        return Response(307, Headers({"Location": f"{ME}?{len(world.requests)}"}))

    world = World(around)
    assert world.fail(world.api.me(), PixelStatusError).status_code == 307
    assert len(world.requests) == 6


# The total limit of a call


class Slow(World):
    """A world in which each exchange takes four seconds, or as long as it may."""

    def perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Exchange):
            allowed = effect.request.timeouts.read or 4.0
            self.now += min(4.0, allowed)
            if allowed < 4.0:
                raise PixelTimeoutError("no answer", sent=True)
        return super().perform(effect)


def test_a_call_ends_at_its_total_limit_whatever_it_waits_for() -> None:
    options = Options(timeout_pixel=Timeouts(9, 9, 9, 9, total=10))
    answers = [Response(503), Response(429, Headers({"Retry-After": "8"})), PixelConnectionError("no", sent=False)]
    for answer in answers:

        def server(request: Request, answer: Any = answer) -> Any:
            return answer

        world = Slow(server, options=options)
        world.fail(world.api.me(), PixelError)
        assert world.now - 1000 <= 10.0
    world = Slow(lambda _: told({"id": 1}), options=options)
    assert world.run(world.api.me()) == {"id": 1}  # login and call: eight seconds
    assert [request.timeouts.read for request in (*world.logins, *world.requests)] == [9, 6]


def test_a_login_that_takes_the_whole_time_of_a_call_ends_it() -> None:
    world = Slow(lambda _: told({"id": 1}), options=Options(timeout_pixel=Timeouts(9, 9, 9, 9, total=3)))
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert world.now - 1000 <= 3.0
    assert "tries" not in str(error)


def test_a_call_says_when_no_time_was_left_for_it() -> None:
    world = Slow(lambda _: told({"id": 1}), options=Options(timeout_pixel=Timeouts(9, 9, 9, 9, total=4)))
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert "GET https://pixel.test/acme/users/me: the call was to take no more than 4 seconds" in str(error)


class OthersLogIn(World):
    """A world in which another call performs the login, and takes longer than it may."""

    def perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, SingleFlight):
            effect.flow.close()
            assert effect.timeout is not None
            self.now += effect.timeout
            raise TimeoutError
        return super().perform(effect)


def test_the_total_limit_of_a_call_covers_the_login_of_another_call() -> None:
    world = OthersLogIn(lambda _: told({"id": 1}), options=Options(timeout_pixel=Timeouts(total=4)))
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert world.now - 1000 == 4.0
    assert str(error) == (
        "https://pixel.test/acme: the login took too long: the call was to take no more than 4 seconds"
    )
    assert error.sent is False


def test_all_tries_of_a_storage_request_end_at_its_total_limit() -> None:
    options = Options(timeout_upload=Timeouts(9, 9, 9, 9, total=10))
    for answer in (Response(503), PixelConnectionError("no", sent=True)):

        def storage(request: Request, answer: Any = answer) -> Any:
            return answer

        world = Slow(storage, options=options)
        world.fail(world.session.store("PUT", "https://storage.test/a?signature=1", b"x"), PixelError)
        assert world.now - 1000 <= 10.0
        assert len(world.requests) > 1


def test_a_server_error_names_the_request_and_its_id_and_keeps_the_answer() -> None:
    world = World([Expected("POST", "/acme/projects/1/restore", told({"detail": "oops"}, 500))], bits=[3, 4])
    error = world.fail(world.api.restore_project(1), PixelServerError)
    assert str(error) == (
        "The server failed: status 500 for POST https://pixel.test/acme/projects/1/restore "
        "(request ID: 00000000-0000-4000-8000-000000000003), after 1 try"
    )
    assert error.response_json == {"detail": "oops"}


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    "answer",
    [
        b'{"detail":[{"type":"t","loc":["body","password"],"msg":"too short","input":"hunter2","ctx":["hunter2"]}]}',
        b'{"detail":[{"msg":"m","input":{"password":"hunter2"}}]}',
        b"you sent password=hunter2",
    ],
)
def test_a_sensitive_call_shows_neither_its_payload_nor_what_the_server_repeats_of_it(
    answer: bytes, status: int
) -> None:
    world = World(lambda _: Response(status, Headers(), answer))
    flow = world.session.call("POST", "/users/oidc/", json={"password": "hunter2"}, sensitive=True)
    error = world.fail(flow, PixelStatusError)
    assert "hunter2" not in f"{error} {error.__dict__}"
    assert getattr(error, "body", None) is None


@pytest.mark.parametrize(
    "content",
    [
        {"detail": "bad password hunter2"},
        {"detail": [{"msg": "not hunter2, please", "loc": ["body", "password"]}]},
        {"body": {"password": "hunter2", "hunter2": 1}},
        "hunter2",
    ],
)
def test_a_secret_is_hidden_wherever_the_answer_to_a_sensitive_call_quotes_it(content: Any) -> None:
    world = World(lambda _: told(content, 422))
    flow = world.session.call("POST", "/users/oidc/", json={"auth": [{"password": "hunter2"}]}, sensitive=True)
    error = world.fail(flow, PixelStatusError)
    assert "hunter2" not in f"{error} {error.__dict__}"
    assert "***" in str(error)


def test_a_sensitive_call_still_says_what_was_wrong() -> None:
    answer = told({"detail": [{"loc": ["body", "password"], "msg": "too short", "input": "hunter2"}]}, 422)
    world = World(lambda _: answer)
    flow = world.session.call("POST", "/users/oidc/", json={"password": "hunter2"}, sensitive=True)
    error = world.fail(flow, PixelBadRequestError)
    assert error.response_json == {"detail": [{"loc": ["body", "password"], "msg": "too short"}]}


def test_no_error_and_no_repr_shows_the_token() -> None:
    world = World(lambda _: told({}, 400))
    error = world.fail(world.api.update_project(7, name="a"), PixelBadRequestError)
    assert "t1" not in f"{error} {world.session!r} {world.requests[0]!r}"


# Answers


@pytest.mark.parametrize("status", [200, 201, 204])
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff"])
def test_a_success_without_json_is_a_protocol_error_that_names_the_request(status: int, body: bytes) -> None:
    world = World([Expected("GET", ME, Response(status, Headers(), body))])
    error = world.fail(world.api.me(), PixelProtocolError)
    assert "GET https://pixel.test/acme/users/me" in str(error)
    assert "is not JSON" in str(error)
    assert UUID4.search(str(error))


@pytest.mark.parametrize("value", [None, {"name": None, "more": [None]}, [None], 0, "text"])
def test_a_result_is_the_json_as_it_is_whatever_its_shape(value: Any) -> None:
    world = World([Expected("GET", ME, told(value))])
    assert world.finish(world.api.me()) == value


def test_the_content_type_of_an_answer_does_not_matter() -> None:
    world = World([Expected("GET", ME, told({"id": 1}, Content_Type="text/plain"))])
    assert world.finish(world.api.me()) == {"id": 1}


def test_the_time_limits_of_the_options_go_with_the_requests() -> None:
    options = Options(timeout_pixel=Timeouts(1, 2, 3, 4))
    world = World([Expected("GET", ME, told(1))], options=options)
    world.finish(world.api.me())
    assert world.requests[0].timeouts == Timeouts(1, 2, 3, 4)
    assert world.logins[0].timeouts == Timeouts(1, 2, 3, 4)


@pytest.mark.parametrize("name", ["upload_num_retries", "upload_max_concurrency"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3", None])
def test_options_take_whole_numbers_from_one(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Options(**{name: value})


def test_json_goes_out_compact_in_utf_8_without_escapes() -> None:
    assert encode_json({"name": "Ås ☃", "n": [1, 2.0, True, None]}) == (
        '{"name":"Ås ☃","n":[1,2.0,true,null]}'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_say_are_refused_before_anything_is_sent(value: float) -> None:
    world = World()
    world.fail(world.session.call("POST", "/x", json={"n": value}), ValueError)


def test_an_answer_shows_its_request_and_not_its_content() -> None:
    assert repr(Answer(told({"secret": 1}), "GET https://pixel.test/a", "id")) == (
        "<Answer 200 to GET https://pixel.test/a>"
    )


def test_the_hand_driver_ends_a_test_where_a_flow_leaves_the_script() -> None:
    world = World([Expected("GET", "/other", told(1))])
    with pytest.raises(OffScriptError):
        world.run(world.api.me())


def test_the_account_does_not_show_its_password() -> None:
    assert "hemmelig" not in repr(ACCOUNT)


# Tokens that are given in place of a password


def given_tokens(source: Any, server: Any) -> World:
    world = World(server)
    world.session = Session(world.session.url, ACCOUNT, token=source)
    world.api = PixelApi(world.session)
    return world


def test_a_token_that_is_given_is_sent_and_nobody_logs_in() -> None:
    world = given_tokens("given", [Expected("GET", ME, told({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}
    assert (bearers(world), world.logins) == (["Bearer given"], [])


def test_a_given_token_that_is_refused_is_an_authentication_error_at_once() -> None:
    world = given_tokens("given", [Expected("GET", ME, told({"detail": "expired"}, 401))])
    error = world.fail(world.api.me(), PixelAuthenticationError)
    assert "given" not in str(error).replace("the token given", "")


def test_a_function_that_gives_tokens_is_asked_once_and_again_when_its_token_is_refused() -> None:
    tokens = iter(["one", "two"])
    answers = [told({"id": 1}), told({}, 401), told({"id": 1})]
    world = given_tokens(lambda: next(tokens), [Expected("GET", ME, answer) for answer in answers])
    world.run(world.api.me())
    world.finish(world.api.me())
    assert bearers(world) == ["Bearer one", "Bearer one", "Bearer two"]


def test_a_function_is_asked_again_a_little_before_the_life_that_it_told_is_over() -> None:
    tokens = iter([("one", 100), ("two", 100)])
    world = given_tokens(lambda: next(tokens), lambda _: told({"id": 1}))
    for moment in (1000.0, 1089.0, 1091.0):
        world.now = moment
        world.run(world.api.me())
    assert bearers(world) == ["Bearer one", "Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    "given", [None, "", "two words", "tok\nen", b"bytes", ("one", "soon"), ("one", -1), ("a", 1, 2), 7]
)
def test_what_is_no_token_is_a_login_error_that_does_not_show_it(given: Any) -> None:
    world = given_tokens(lambda: given, [])
    error = world.fail(world.api.me(), PixelLoginError)
    assert not given or str(given) not in str(error)


def test_what_the_function_raises_is_raised_as_it_is() -> None:
    def broken() -> str:
        raise LookupError("no vault")

    world = given_tokens(broken, [])
    assert str(world.fail(world.api.me(), LookupError)) == "no vault"


def test_a_token_that_is_neither_text_nor_a_function_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="token is a string"):
        Session("https://pixel.test", ACCOUNT, token=7)  # type: ignore[arg-type]
    with pytest.raises(PixelLoginError):
        Session("https://pixel.test", ACCOUNT, token="two words")


def test_a_call_whose_tokens_end_on_their_way_is_repeated_with_the_next_ones() -> None:
    """Each life is over when the answer comes, so none of the refusals is one of the user."""

    class Fleeting(World):
        def _exchange(self, request: Request) -> Response:
            if request.target == TOKEN_TARGET:
                self.logins.append(request)
                return token(f"t{len(self.logins)}", expires_in=1)
            self.now += 2
            return super()._exchange(request)

    world = Fleeting([*[Expected("GET", ME, told({}, 401))] * 3, Expected("GET", ME, told({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}
    assert bearers(world) == ["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t4"]
    world = Fleeting(lambda _: told({}, 401))
    world.fail(world.api.me(), PixelAuthenticationError)
    assert len(world.requests) == 6

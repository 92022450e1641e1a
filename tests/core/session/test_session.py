"""The session: login, renewal, repeats, redirects, total limits, and the errors of responses."""

import re
from typing import Any
from urllib.parse import parse_qs

import pytest

from pixel_core import Account, Flow, Headers, Options, PixelApi, Request, Response, Session, Timeouts
from pixel_core.effects import Effect, Exchange, SingleFlight
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
from tests.support.scripted_api import ACCOUNT, TOKEN_TARGET, Expected, World, token
from tests.support.scripted_api import json_response as reply

ME = "/acme/users/me?extended=false"
RESTORE = "/acme/projects/1/restore"
FULL_JITTER = 0xFFFFFFFF
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def login(outcome: Any, takes: float = 0.0) -> Expected:
    return Expected("POST", TOKEN_TARGET, outcome, takes=takes)


def me(outcome: Any) -> Expected:
    return Expected("GET", ME, outcome)


def form(request: Request) -> dict[str, str]:
    assert isinstance(request.body, bytes)
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def grants(world: World) -> list[str]:
    return [form(each)["grant_type"] for each in world.requests if each.target == TOKEN_TARGET]


def header(world: World, name: str) -> list[str | None]:
    """The values of a header in the requests to the API."""
    return [each.headers.get(name) for each in world.requests if each.target != TOKEN_TARGET]


def test_the_login_precedes_the_first_call_and_its_token_is_kept() -> None:
    world = World(
        [login(token("abc")), me(reply({"id": 1})), Expected("GET", "/acme/plugins/", reply([]))], login=False
    )
    assert world.run(world.api.me()) == {"id": 1}
    assert world.finish(world.api.get_plugins()) == []
    assert header(world, "Authorization") == ["Bearer abc"] * 2
    request = world.requests[0]
    assert str(request.origin) == "https://keycloak.test"
    assert request.headers == Headers(
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    )


def test_a_trailing_slash_and_a_missing_path_of_an_address_do_not_matter() -> None:
    account = Account("https://keycloak.test/auth/", "Acme", "frontend", "kari", "p")
    script = [Expected("POST", "/auth" + TOKEN_TARGET, token()), me(reply(None))]
    world = World(script, login=False, account=account, url="https://pixel.test/acme/")
    assert world.finish(world.api.me()) is None
    world = World([Expected("GET", "/plugins/", reply([]))], url="https://pixel.test")
    assert world.finish(world.api.get_plugins()) == []


@pytest.mark.parametrize(
    ("script", "grant_types"),
    [
        ([login(token("b"))], ["password", "refresh_token"]),
        ([login(reply({"error": "invalid_grant"}, 400)), login(token("b"))], ["password", "refresh_token", "password"]),
    ],
    ids=["accepted", "refused"],
)
def test_an_expiring_token_is_renewed_by_the_refresh_token_or_else_by_the_password(
    script: list[Expected], grant_types: list[str]
) -> None:
    first = token("a", expires_in=300, refresh_token="r", refresh_expires_in=1800)
    world = World([login(first), me(reply(1)), me(reply(2)), *script, me(reply(3))], login=False)
    world.run(world.api.me())
    world.now += 269.9
    world.run(world.api.me())
    world.now += 0.2
    assert world.finish(world.api.me()) == 3
    assert header(world, "Authorization") == ["Bearer a", "Bearer a", "Bearer b"]
    assert grants(world) == grant_types


def test_a_token_that_expired_before_it_arrived_is_used() -> None:
    world = World([login(token("a", expires_in=1), takes=5.0), me(reply(1))], login=False)
    assert world.finish(world.api.me()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_login_is_refused_and_the_password_is_sent_nowhere_else(status: int) -> None:
    there = Response(status, Headers({"Location": f"https://elsewhere.test{TOKEN_TARGET}"}))
    world = World([login(there)], login=False)
    assert world.fail(world.api.me(), PixelLoginError).status_code == status
    assert {request.origin.host for request in world.requests} == {"keycloak.test"}


@pytest.mark.parametrize(
    ("outcome", "tries", "kind", "message"),
    [
        (PixelTimeoutError("POST https://keycloak.test/: slow", sent=True), 3, PixelTimeoutError, "slow (after 3"),
        (PixelConnectionError("refused"), 3, PixelConnectionError, "refused (after 3 tries)"),
        (Response(200, body=b"<html>Hi</html>"), 1, PixelProtocolError, "is PIXEL_AUTH_SERVER_URL a Keycloak server?"),
    ],
)
def test_a_login_that_fails_raises_the_error_of_its_last_try(
    outcome: Any, tries: int, kind: type[PixelError], message: str
) -> None:
    world = World([login(outcome)] * tries, login=False)
    error = world.fail(world.api.me(), kind)
    assert type(error) is kind
    assert message in str(error)


@pytest.mark.parametrize("target", [TOKEN_TARGET, ME, "/photo?signature=1"], ids=["login", "call", "storage"])
def test_a_refused_certificate_is_not_tried_again(target: str) -> None:
    refused = PixelConnectionError("its certificate is not accepted", lasting=True)
    world = World(lambda request: refused if request.target == target else token("abc"), login=False)
    storing = world.session.store("PUT", f"https://storage.test{target}", b"x")
    error = world.fail(storing if "photo" in target else world.api.me(), PixelConnectionError)
    assert "tries" not in str(error)
    assert [request.target for request in world.requests].count(target) == 1


def test_a_login_is_repeated_and_the_lifetime_is_measured_from_the_last_try() -> None:
    world = World(
        [
            login(PixelConnectionError("reset", sent=True)),
            login(Response(503), takes=100.0),
            login(token("a", expires_in=100), takes=50.0),
            me(reply(1)),
            me(reply(2)),
        ],
        login=False,
        bits=[1, FULL_JITTER, FULL_JITTER, 2],
    )
    world.run(world.api.me())
    assert world.sleeps == [0.5, 1.0]
    world.now += 39.0
    assert world.finish(world.api.me()) == 2


def test_calls_of_one_session_share_a_login_and_those_of_another_do_not() -> None:
    first, second = World(lambda _: reply({}, 401)), World(lambda _: reply(1))
    first.fail(first.api.me(), PixelAuthenticationError)
    second.run(second.api.me())
    assert first.keys == first.keys[:1] * 2
    assert first.keys[0] != second.keys[0]


@pytest.mark.parametrize("refresh", [{}, {"refresh_token": "r"}])
def test_a_401_renews_the_login_and_repeats_the_request_with_the_same_id(refresh: dict[str, str]) -> None:
    """Also of a POST."""
    script = [Expected("POST", RESTORE, reply({}, 401)), login(token("b")), Expected("POST", RESTORE, reply({"id": 1}))]
    world = World([login(token("a", **refresh)), *script], login=False)
    assert world.finish(world.api.restore_project(1)) == {"id": 1}
    assert header(world, "Authorization") == ["Bearer a", "Bearer b"]
    assert len(set(header(world, "X-Request-ID"))) == 1
    assert grants(world) == ["password", "refresh_token" if refresh else "password"]


def test_a_second_401_is_raised() -> None:
    world = World([me(reply({"detail": "no"}, 401))] * 2)
    assert "check PIXEL_TENANT" in str(world.fail(world.api.me(), PixelAuthenticationError))
    assert len(world.logins) == 2


def test_a_401_does_not_count_as_a_try() -> None:
    world = World([me(outcome) for outcome in (Response(503), reply({}, 401), Response(503), reply(1))])
    assert world.finish(world.api.me()) == 1
    assert len(world.sleeps) == 2


def test_calls_side_by_side_that_meet_a_401_share_one_renewal() -> None:
    world = World(lambda request: reply({}, 401) if request.headers["Authorization"] == "Bearer t1" else reply(7))
    flows = [world.api.me(), world.api.me()]
    effects = [next(flow) for flow in flows]
    for number, flow in enumerate(flows):
        while not isinstance(effects[number], Exchange):
            effects[number] = flow.send(world.perform(effects[number]))
    assert [world.resume(flow, effect) for flow, effect in zip(flows, effects, strict=True)] == [7, 7]
    assert len(world.logins) == 2, "the first login, and one renewal"


def test_a_call_whose_tokens_expire_on_the_way_is_repeated_five_times() -> None:
    class Fleeting(World):
        def _exchange(self, request: Request) -> Response:
            if request.target == TOKEN_TARGET:
                self.logins.append(request)
                return token(f"t{len(self.logins)}", expires_in=1)
            self.now += 2
            return super()._exchange(request)

    world = Fleeting([*[me(reply({}, 401))] * 3, me(reply({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}
    assert header(world, "Authorization") == ["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t4"]
    world = Fleeting(lambda _: reply({}, 401))
    world.fail(world.api.me(), PixelAuthenticationError)
    assert len(world.requests) == 6


def test_a_successful_call_draws_random_bits_for_its_request_id_only() -> None:
    world = World([me(reply(1))], bits=[7])
    world.finish(world.api.me())
    assert header(world, "X-Request-ID") == ["00000000-0000-4000-8000-000000000007"]


def test_retry_after_is_waited_for_unless_it_is_too_long() -> None:
    world = World([me(reply({}, 429, Retry_After="12")), me(reply({}, 503, Retry_After="3600"))])
    assert "after 2 tries" in str(world.fail(world.api.me(), PixelServerError))
    assert world.sleeps == [12.0]


def test_a_connection_error_after_all_tries_has_the_last_one_as_its_cause() -> None:
    last = PixelTimeoutError("nothing read", sent=True)
    script = [me(PixelConnectionError("refused")), me(Response(503)), me(last)]
    world = World(script, bits=[1, FULL_JITTER, FULL_JITTER, 4])
    error = world.fail(world.api.me(), PixelTimeoutError)
    (request_id,) = set(header(world, "X-Request-ID"))
    assert str(error) == f"nothing read (after 3 tries, request ID: {request_id})"
    assert error.__cause__ is last
    assert error.sent
    assert world.sleeps == [0.5, 1.0]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Response(503), PixelServerError),
        (PixelConnectionError("reset", sent=True), PixelConnectionError),
        (PixelProtocolError("not HTTP"), PixelProtocolError),
        (Response(429), None),
        (PixelConnectionError("refused"), None),
    ],
)
def test_a_post_is_repeated_only_if_it_had_no_effect(failure: Any, kind: type[PixelError] | None) -> None:
    world = World([Expected("POST", RESTORE, failure)])
    if kind is None:
        world.script.append(Expected("POST", RESTORE, reply(1)))
        assert world.finish(world.api.restore_project(1)) == 1
    else:
        world.fail(world.api.restore_project(1), kind)


@pytest.mark.parametrize(
    ("status", "kind"), [*BAD_REQUESTS.items(), (400, PixelBadRequestError), (418, PixelBadRequestError)]
)
def test_each_status_of_a_refusal_has_its_error(status: int, kind: type[PixelBadRequestError]) -> None:
    world = World(lambda _: reply({"detail": "no"}, status, X_Request_ID="from-server"))
    error = world.fail(world.api.get_project(7), PixelBadRequestError)
    assert type(error) is kind
    assert (error.status_code, error.method, error.request_id) == (status, "GET", "from-server")
    assert error.url == "https://pixel.test/acme/projects/7?extended=false"
    assert error.response_json == {"detail": "no"}
    assert error.body == ""


def test_a_refusal_shows_the_payload_and_no_token() -> None:
    world = World(lambda _: reply({"detail": "no"}, 400))
    error = world.fail(world.api.update_project(7, name="Ås"), PixelBadRequestError)
    assert error.body == '{"name":"Ås"}'
    assert '\nPayload:\n{"name":"Ås"}\nResponse: \n{\n    "detail": "no"\n}' in str(error)
    assert "t1" not in f"{error} {world.session!r} {world.requests[0]!r}"


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"<h1>", "<h1>"), (b"", ""), (b"\xff\xfe\xe5", "\ufffd\ufffd\ufffd"), (b"{", "{"), (b"x" * 100_000, "x" * 2000)],
)
def test_a_refusal_that_is_no_json_or_no_utf_8_is_still_the_error_of_its_status(body: bytes, text: str) -> None:
    world = World(lambda _: Response(404, Headers(), body))
    error = world.fail(world.api.me(), PixelBadRequestError)
    assert error.status_code == 404
    assert error.response_json == text


def test_a_server_error_names_the_request_and_its_id_and_has_the_response() -> None:
    world = World([Expected("POST", RESTORE, reply({"detail": "oops"}, 500))], bits=[3, 4])
    error = world.fail(world.api.restore_project(1), PixelServerError)
    assert str(error) == (
        "The server failed: status 500 for POST https://pixel.test/acme/projects/1/restore "
        "(request ID: 00000000-0000-4000-8000-000000000003), after 1 try"
    )
    assert error.response_json == {"detail": "oops"}


@pytest.mark.parametrize(
    ("method", "target", "status", "followed"),
    [
        *(("GET", ME, status, True) for status in (301, 302, 307, 308)),
        *(("POST", RESTORE, status, status > 303) for status in (301, 302, 303, 307, 308)),
    ],
)
def test_a_redirect_on_the_same_origin_is_followed_if_it_keeps_the_method(
    method: str, target: str, status: int, followed: bool
) -> None:
    redirect = Response(status, Headers({"Location": f"https://pixel.test{target}/"}))
    end = [Expected(method, f"{target}/", reply({"id": 1}))] if followed else []
    world = World([Expected(method, target, redirect), *end])
    flow: Flow[Any] = world.api.me() if method == "GET" else world.api.restore_project(1)
    if followed:
        assert world.finish(flow) == {"id": 1}
        assert header(world, "Authorization") == ["Bearer t1"] * 2
    else:
        world.fail(flow, PixelStatusError)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/caf\u00c3\u00a9", "/caf%C3%A9"),  # UTF-8, read as Latin-1
        ("/\u00e9?\u00e9=a b", "/%E9?%E9=a%20b"),
        ("/a b", "/a%20b"),
        ("/\x7f\x01", "/%7F%01"),
        ("/100%25%", "/100%25%"),
        ("https://pixel.test/[a]|", "/[a]%7C"),
    ],
)
def test_what_a_url_cannot_hold_is_encoded_in_a_redirect(location: str, target: str) -> None:
    world = World([me(Response(307, Headers({"Location": location}))), Expected("GET", target, reply({"id": 1}))])
    assert world.finish(world.api.me()) == {"id": 1}


@pytest.mark.parametrize(
    ("status", "location"),
    [
        *((status, "https://elsewhere.test/") for status in (301, 302, 304, 308)),
        *((307, f"https://{place}") for place in ("elsewhere.test/", "pixel.test:444/x", "pixel.test.elsewhere.test/")),
        *((307, f"https://{place}") for place in ("pixel.test@elsewhere.test/", "elsewhere.test\\@pixel.test/x")),
        *((307, place) for place in ("", "http://pixel.test/x", "ftp://pixel.test/", "//[", ME, "//elsewhere.test/x")),
    ],
)
def test_an_unsafe_redirect_is_an_error(status: int, location: str) -> None:
    world = World([me(Response(status, Headers({"Location": location})))])
    error = world.fail(world.api.me(), PixelStatusError)
    assert (type(error), error.status_code) == (PixelStatusError, status)
    assert "GET https://pixel.test/acme/users/me" in str(error)


def test_endless_redirects_are_an_error_after_five() -> None:
    world = World(lambda request: Response(307, Headers({"Location": f"{request.target}+"})))
    assert world.fail(world.api.me(), PixelStatusError).status_code == 307
    assert len(world.requests) == 6


class Slow(World):
    """A world in which each exchange takes four seconds, or as long as it may."""

    def perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Exchange):
            allowed = effect.request.timeouts.read or 4.0
            self.now += min(4.0, allowed)
            if allowed < 4.0:
                raise PixelTimeoutError(f"the total limit of {allowed:g} seconds is over", sent=True)
        return super().perform(effect)


def slow(outcome: Any, total: float) -> Slow:
    limits = Timeouts(9, 9, 9, 9, total=total)
    return Slow(lambda _: outcome, options=Options(timeout_pixel=limits, timeout_upload=limits))


@pytest.mark.parametrize(
    "outcome", [Response(503), Response(429, Headers({"Retry-After": "8"})), PixelConnectionError("no", sent=False)]
)
def test_all_tries_of_a_request_end_at_its_total_limit(outcome: Any) -> None:
    world = slow(outcome, 10)
    world.fail(world.api.me(), PixelError)
    assert world.now - 1000 <= 10.0
    world = slow(outcome, 10)
    world.fail(world.session.store("PUT", "https://storage.test/a?signature=1", b"x"), PixelError)
    assert world.now - 1000 <= 10.0


def test_the_login_takes_from_the_total_limit_of_a_call() -> None:
    world = slow(reply({"id": 1}), 10)
    assert world.run(world.api.me()) == {"id": 1}  # eight seconds
    assert [request.timeouts.read for request in (*world.logins, *world.requests)] == [9, 6]
    world = slow(reply({"id": 1}), 3)
    assert str(world.fail(world.api.me(), PixelTimeoutError)) == "the total limit of 3 seconds is over"
    world = slow(reply({"id": 1}), 7)  # three are left after the login
    assert str(world.fail(world.api.me(), PixelTimeoutError)).startswith("the total limit of 7 seconds is over")
    world = slow(reply({"id": 1}), 3)
    world.fail(world.api.me(), PixelTimeoutError)
    assert world.now - 1000 <= 3.0
    world = slow(reply({"id": 1}), 4)
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert str(error) == "GET https://pixel.test/acme/users/me: the total limit of 4 seconds is over"


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
    world = OthersLogIn(lambda _: reply({"id": 1}), options=Options(timeout_pixel=Timeouts(total=4)))
    error = world.fail(world.api.me(), PixelTimeoutError)
    assert world.now - 1000 == 4.0
    assert str(error) == ("https://pixel.test/acme: the login took too long: the total limit of 4 seconds is over")
    assert error.sent is False


@pytest.mark.parametrize(
    ("status", "kind"), [(400, PixelBadRequestError), (422, PixelBadRequestError), (500, PixelServerError)]
)
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            b'{"detail":[{"loc":["body","password"],"msg":"short","input":"hunter2","ctx":["hunter2"]}]}',
            {"detail": [{"loc": ["body", "password"], "msg": "short"}]},
        ),
        (b'{"detail":[{"msg":"m","input":{"password":"hunter2"}}]}', {"detail": [{"msg": "m"}]}),
        (b"you sent password=hunter2", "(not shown: it may repeat what was sent)"),
        (b'{"detail": [{"msg": "not hunter2, please"}]}', {"detail": [{"msg": "not ***, please"}]}),
        (b'{"body": {"password": "hunter2", "hunter2": 1}}', {"body": {"password": "***", "***": 1}}),
        (b'"hunter2"', "***"),
    ],
)
def test_a_secret_is_hidden_wherever_the_answer_to_a_sensitive_call_quotes_it(
    body: bytes, shown: Any, status: int, kind: type[PixelStatusError]
) -> None:
    """The error still says what was wrong."""
    world = World(lambda _: Response(status, Headers(), body))
    flow = world.session.call("POST", "/users/oidc/", json={"auth": [{"password": "hunter2"}]}, sensitive=True)
    error = world.fail(flow, kind)
    assert "hunter2" not in f"{error} {error.__dict__}"
    assert error.response_json == shown
    assert getattr(error, "body", None) is None


@pytest.mark.parametrize(("status", "body"), [(200, b""), (201, b"<html>"), (204, b"\xff")])
def test_a_success_without_json_is_a_protocol_error_that_names_the_request(status: int, body: bytes) -> None:
    world = World([me(Response(status, Headers(), body))])
    error = world.fail(world.api.me(), PixelProtocolError)
    assert "GET https://pixel.test/acme/users/me" in str(error)
    assert "is not JSON" in str(error)
    assert UUID4.search(str(error))


def test_requests_have_the_time_limits_of_the_options() -> None:
    options = Options(timeout_pixel=Timeouts(1, 2, 3, 4))
    world = World([me(reply(1))], options=options)
    world.finish(world.api.me())
    assert world.requests[0].timeouts == world.logins[0].timeouts == Timeouts(1, 2, 3, 4)


@pytest.mark.parametrize("name", ["upload_num_retries", "upload_max_concurrency"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3", None])
def test_options_take_whole_numbers_from_one(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Options(**{name: value})


def test_json_is_sent_compact_in_utf_8_and_without_nan() -> None:
    encoded = encode_json({"name": "Ås ☃", "n": [1, 2.0, True, None]})
    assert encoded == '{"name":"Ås ☃","n":[1,2.0,true,null]}'.encode()
    World().fail(World().session.call("POST", "/x", json={"n": float("nan")}), ValueError)


def with_token(source: Any, server: Any) -> World:
    world = World(server)
    world.session = Session(world.session.url, ACCOUNT, token=source)
    world.api = PixelApi(world.session)
    return world


def test_a_token_is_sent_without_a_login_and_its_refusal_is_raised_at_once() -> None:
    world = with_token("constant", [me(reply({"id": 1})), me(reply({"detail": "expired"}, 401))])
    assert world.run(world.api.me()) == {"id": 1}
    assert "constant" not in str(world.fail(world.api.me(), PixelAuthenticationError))
    assert (header(world, "Authorization"), world.logins) == (["Bearer constant"] * 2, [])


def test_a_token_function_is_called_once_and_again_when_its_token_is_refused() -> None:
    tokens = iter(["one", "two"])
    world = with_token(lambda: next(tokens), [me(outcome) for outcome in (reply(1), reply({}, 401), reply(1))])
    world.run(world.api.me())
    world.finish(world.api.me())
    assert header(world, "Authorization") == ["Bearer one", "Bearer one", "Bearer two"]


@pytest.mark.parametrize("result", [None, "", "two words", "tok\nen", b"bytes", ("one", "soon"), ("a", 1, 2)])
def test_a_function_without_a_token_is_a_login_error_and_its_exceptions_are_raised(result: Any) -> None:
    world = with_token(lambda: result, [])
    error = world.fail(world.api.me(), PixelLoginError)
    assert not result or str(result) not in str(error)
    world = with_token(lambda: dict[str, str]()["no vault"], [])
    world.fail(world.api.me(), KeyError)


@pytest.mark.parametrize(("source", "kind"), [(7, TypeError), ("two words", PixelLoginError)])
def test_an_invalid_token_source_is_refused(source: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Session("https://pixel.test", ACCOUNT, token=source)


# Text of a server


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ([me(Response(422, Headers({"X-Request-ID": "\x1b[31m"}), b"{}"))], r"\x1b[31m"),
        ([me(Response(500, Headers({"X-Request-ID": "\x1b[31m"})))] * 3, r"\x1b[31m"),
        ([login(reply({"error": "no\nerror", "error_description": "a\nb\x1b"}, 401))], r"no\nerror: a\nb\x1b"),
    ],
)
def test_control_characters_of_a_server_are_escaped_in_errors(script: list[Expected], shown: str) -> None:
    world = World(script, login=script[0].target != TOKEN_TARGET)
    error = world.fail(world.api.me(), PixelError)
    assert shown in str(error)
    assert "\x1b" not in str(error)

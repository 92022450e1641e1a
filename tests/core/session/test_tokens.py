"""Tokens: the requests to the token endpoint, each of its responses, and no secret in any message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.errors import PixelError, PixelLoginError, PixelProtocolError
from pixel_core.messages import Headers, Request, Response, Timeouts
from pixel_core.session.tokens import REFUSAL_SECONDS, Account, Tokens, TokenState

ACCOUNT = Account("https://auth.example", "acme", "pixel", "me@acme.example", "5ec2e7 pass&word")
PASSWORD_GRANT = (
    b"client_id=pixel&username=me%40acme.example&password=5ec2e7+pass%26word"
    b"&scope=openid+email+profile&grant_type=password"
)
REFRESH_GRANT = b"client_id=pixel&refresh_token=r-1&grant_type=refresh_token"


def answer(status: int = 200, **fields: Any) -> Response:
    return Response(status, Headers({"Content-Type": "application/json"}), json.dumps(fields).encode())


def granted(access: str = "a-1", refresh: str | None = "r-1", life: Any = 300, refresh_life: Any = 1800) -> Response:
    fields = {
        "access_token": access,
        "expires_in": life,
        "refresh_token": refresh,
        "refresh_expires_in": refresh_life,
        "token_type": "Bearer",
        "id_token": "i",
        "not-before-policy": 0,
        "session_state": "s",
        "scope": "openid email profile",
    }
    return answer(**{name: value for name, value in fields.items() if value is not None})


def refused(status: int, error: str, description: str | None = None) -> Response:
    return answer(status, error=error, **({} if description is None else {"error_description": description}))


def logged_in(at: float = 0.0, response: Response | None = None) -> Tokens:
    tokens = Tokens(ACCOUNT)
    tokens.receive(tokens.grant(at), response or granted(), at, at + 1)
    return tokens


def receive(tokens: Tokens, response: Response, now: float) -> None:
    tokens.receive(tokens.grant(now), response, now, now)


# Requests


def test_the_password_grant_is_exact() -> None:
    request = Tokens(ACCOUNT, Timeouts(1, 2, 3, 4)).grant(0)
    assert request.method == "POST"
    assert request.url == "https://auth.example/realms/acme/protocol/openid-connect/token"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body == PASSWORD_GRANT
    assert request.timeouts == Timeouts(1, 2, 3, 4)


def test_the_refresh_grant_is_exact() -> None:
    request = logged_in().grant(290)
    assert request.url == "https://auth.example/realms/acme/protocol/openid-connect/token"
    assert request.body == REFRESH_GRANT


@pytest.mark.parametrize(
    ("auth_url", "realm", "url"),
    [
        ("https://auth.example/", "acme", "https://auth.example/realms/acme/protocol/openid-connect/token"),
        ("https://auth.example//", "acme", "https://auth.example/realms/acme/protocol/openid-connect/token"),
        ("http://h:8080/auth/", "acme", "http://h:8080/auth/realms/acme/protocol/openid-connect/token"),
        ("https://h", "a/../b?c#d e", "https://h/realms/a%2F..%2Fb%3Fc%23d%20e/protocol/openid-connect/token"),
        ("https://h", "größe", "https://h/realms/gr%C3%B6%C3%9Fe/protocol/openid-connect/token"),
    ],
)
def test_the_url_has_no_double_slash_and_an_escaped_realm(auth_url: str, realm: str, url: str) -> None:
    request = Tokens(Account(auth_url, realm, "c", "u", "p")).grant(0)
    assert request.url == url


@pytest.mark.parametrize("auth_url", ["", "auth.example", "ftp://auth.example", "https://u:5ec2e7@auth.example"])
def test_an_invalid_url_is_a_value_error_without_a_secret(auth_url: str) -> None:
    with pytest.raises(ValueError) as caught:
        Tokens(Account(auth_url, "acme", "c", "u", "p"))
    assert "5ec2e7" not in str(caught.value)


# States


def test_a_login_goes_from_empty_through_fresh_to_expiring_and_back_to_fresh() -> None:
    tokens = Tokens(ACCOUNT)
    assert (tokens.state(0), tokens.bearer(0)) == (TokenState.EMPTY, None)
    receive(tokens, granted("a-1", life=300), 0)
    assert (tokens.state(1), tokens.bearer(1)) == (TokenState.FRESH, "a-1")
    assert (tokens.state(269.9), tokens.bearer(269.9)) == (TokenState.FRESH, "a-1")
    assert (tokens.state(270), tokens.bearer(270)) == (TokenState.EXPIRING, None)
    receive(tokens, granted("a-2"), 280)
    assert (tokens.state(281), tokens.bearer(281)) == (TokenState.FRESH, "a-2")


@pytest.mark.parametrize(
    ("life", "renewed_after"), [(300, 270), (3600, 3570), (60, 54), (10, 9), (1, 0.9), (0.5, 0.45), (59.5, 53.55)]
)
def test_a_token_is_renewed_thirty_seconds_or_a_tenth_of_its_lifetime_early(life: float, renewed_after: float) -> None:
    tokens = logged_in(1000.0, granted(life=life))
    assert tokens.state(1000 + renewed_after - 0.01) is TokenState.FRESH
    assert tokens.state(1000 + renewed_after + 0.01) is TokenState.EXPIRING


@pytest.mark.parametrize("life", [None, 0, -5, "soon", True, float("nan"), 10**400, float("inf")])
def test_a_token_without_a_valid_lifetime_is_used_until_the_api_refuses_it(life: Any) -> None:
    tokens = logged_in(response=granted(life=life))
    assert tokens.bearer(1e6) == "a-1"
    tokens.reject("a-1")
    assert tokens.bearer(1e6) is None


# Refresh tokens


@pytest.mark.parametrize("refresh", [None, "", 5])
def test_without_a_new_refresh_token_the_password_is_sent_next(refresh: Any) -> None:
    tokens = logged_in()
    receive(tokens, granted("a-2", refresh), 280)
    assert tokens.grant(600).body == PASSWORD_GRANT


@pytest.mark.parametrize(
    "description", ["Token is not active", "Session not active", "Maximum allowed refresh token reuse exceeded", None]
)
def test_after_a_refused_refresh_token_the_password_is_sent(description: str | None) -> None:
    tokens = logged_in()
    receive(tokens, refused(400, "invalid_grant", description), 280)
    assert tokens.state(280) is TokenState.EMPTY
    assert tokens.grant(280).body == PASSWORD_GRANT
    receive(tokens, granted("a-2"), 280)
    assert tokens.bearer(281) == "a-2"


# Refusals


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (refused(401, "invalid_grant", "Invalid user credentials"), "invalid_grant", "check PIXEL_USERNAME and"),
        (refused(400, "invalid_grant", "Invalid user credentials"), "invalid_grant", "check PIXEL_USERNAME and"),
        (refused(400, "invalid_grant", "Account disabled"), "invalid_grant", "400 invalid_grant: Account disabled;"),
        (refused(400, "invalid_grant", "Account is not fully set up"), "invalid_grant", "not fully set up"),
        (refused(401, "invalid_client", "Invalid client"), "invalid_client", "401 invalid_client: Invalid client;"),
        (refused(400, "unauthorized_client"), "unauthorized_client", "400 unauthorized_client; check PIXEL_TENANT"),
        (refused(400, "invalid_request", "Missing form parameter: grant_type"), "invalid_request", "Missing form"),
        (refused(400, "unsupported_grant_type"), "unsupported_grant_type", "400 unsupported_grant_type;"),
        (refused(404, "Realm does not exist"), "Realm does not exist", "there is no tenant 'acme': check PIXEL_TENANT"),
        (Response(404, body=b"<html>Not Found</html>"), "", "status 404; there is no tenant"),
        (Response(403, body=b"<html>Forbidden</html>"), "", "status 403; check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL"),
        (Response(302), "", "status 302; check"),
        (answer(400, error=["x"], error_description={}), "", "status 400; check"),
        (Response(400, body=b'["invalid_grant"]'), "", "status 400; check"),
    ],
)
def test_a_refused_login_names_user_tenant_reason_and_remedy(response: Response, error: str, words: str) -> None:
    tokens = Tokens(ACCOUNT)
    with pytest.raises(PixelLoginError) as caught:
        receive(tokens, response, 0)
    assert (caught.value.error, caught.value.status_code) == (error, response.status)
    assert str(caught.value).startswith(
        "Login refused for me@acme.example at tenant acme (https://auth.example/realms/"
    )
    assert words in str(caught.value)
    assert tokens.state(0) is TokenState.REFUSED


def test_a_refused_password_is_not_sent_for_some_seconds() -> None:
    tokens = Tokens(ACCOUNT)
    with pytest.raises(PixelLoginError) as first:
        receive(tokens, refused(401, "invalid_grant", "Invalid user credentials"), 10)
    for now in (10, 10 + REFUSAL_SECONDS - 0.01):
        assert tokens.state(now) is TokenState.REFUSED
        assert tokens.bearer(now) is None
        with pytest.raises(PixelLoginError) as again:
            tokens.grant(now)
        assert str(again.value) == str(first.value)
        assert (again.value.error, again.value.status_code) == ("invalid_grant", 401)
        assert again.value is not first.value
    assert tokens.state(10 + REFUSAL_SECONDS) is TokenState.EMPTY
    assert tokens.grant(10 + REFUSAL_SECONDS).body == PASSWORD_GRANT


def test_a_password_that_looks_like_a_refresh_grant_is_a_password() -> None:
    tokens = Tokens(Account("https://h", "r", "c", "u", "&grant_type=refresh_token"))
    with pytest.raises(PixelLoginError):
        receive(tokens, refused(400, "invalid_grant"), 0)


# Invalid responses


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html></html>", "is not JSON: is PIXEL_AUTH_SERVER_URL a Keycloak server?"),
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "has no usable field 'access_token'"),
        (b"null", "has no usable field 'access_token'"),
        (b"{}", "has no usable field 'access_token'"),
        (b'{"access_token": null}', "has no usable field 'access_token'"),
        (b'{"access_token": ""}', "has no usable field 'access_token'"),
        (b'{"access_token": 5}', "has no usable field 'access_token'"),
        (b'{"access_token": "5ec2e7\\r\\nX: y"}', "has no usable field 'access_token'"),
        (b'{"access_token": "5ec2e7 "}', "has no usable field 'access_token'"),
        (b'{"access_token": "5ec2e7\\u00e9"}', "has no usable field 'access_token'"),
    ],
)
def test_a_success_without_a_token_is_a_protocol_error(body: bytes, words: str) -> None:
    tokens = Tokens(ACCOUNT)
    with pytest.raises(PixelProtocolError) as caught:
        receive(tokens, Response(200, body=body), 0)
    assert words in str(caught.value)
    assert "https://auth.example/realms/acme/" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)
    assert tokens.state(0) is TokenState.EMPTY


def test_an_access_token_is_the_only_required_field() -> None:
    tokens = logged_in(response=answer(access_token="a-1"))
    assert tokens.bearer(1) == "a-1"
    tokens.reject("a-1")
    assert tokens.grant(1).body == PASSWORD_GRANT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
json_answers = st.fixed_dictionaries(
    {},
    optional={
        name: st.just(good) | json_values
        for name, good in {"access_token": "a", "expires_in": 9, "refresh_token": "r", "refresh_expires_in": 9}.items()
    }
    | {"error": st.sampled_from(["invalid_grant", "invalid_client"]) | json_values, "error_description": json_values},
).map(lambda fields: json.dumps(fields).encode())


@given(st.lists(st.tuples(st.integers(200, 599) | st.just(200), json_answers | st.binary(max_size=9)), max_size=5))
def test_any_responses_give_a_token_or_a_documented_error(responses: list[tuple[int, bytes]]) -> None:
    tokens, now = Tokens(ACCOUNT), 0.0
    for status, body in responses:
        now += REFUSAL_SECONDS
        try:
            receive(tokens, Response(status, body=body), now)
        except (PixelLoginError, PixelProtocolError):
            continue
        bearer = tokens.bearer(now)
        if status == 200:  # A life may be too short to be seen on the clock.
            assert tokens.state(now) is (TokenState.EXPIRING if bearer is None else TokenState.FRESH)
        else:
            assert bearer is None
            assert tokens.grant(now).body == PASSWORD_GRANT


# Secrets


def test_no_repr_and_no_error_shows_a_password_or_a_token() -> None:
    tokens = logged_in(response=granted("5ec2e7-access", "5ec2e7-refresh"))
    request: Request = tokens.grant(0)
    shown: list[object] = [ACCOUNT, tokens, request, request.headers]
    fresh = Tokens(ACCOUNT)
    shown += [fresh, fresh.grant(0)]
    for response in (refused(401, "invalid_grant", "Invalid user credentials"), Response(200, body=b'{"x": "5ec2e7"}')):
        with pytest.raises(PixelError) as caught:
            receive(Tokens(ACCOUNT), response, 0)
        shown += [caught.value, *caught.value.args]
    for thing in shown:
        assert "5ec2e7" not in repr(thing)
        assert "5ec2e7" not in str(thing)

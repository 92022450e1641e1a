"""Tokens: the requests to the token endpoint, and each of its responses. Secrets are in `test_tokens_stateful.py`."""

import json
from typing import Any

import pytest

from pixel_core.errors import PixelLoginError, PixelProtocolError
from pixel_core.messages import Headers, Response, Timeouts
from pixel_core.session.tokens import REFUSAL_SECONDS, Account, ProvidedToken, Tokens

ACCOUNT = Account("https://auth.example", "acme", "pixel", "me@acme.example", "5ec2e7 pass&word")
PASSWORD_GRANT = (
    b"client_id=pixel&username=me%40acme.example&password=5ec2e7+pass%26word"
    b"&scope=openid+email+profile&grant_type=password"
)
REFRESH_GRANT = b"client_id=pixel&refresh_token=r-1&grant_type=refresh_token"


def answer(status: int = 200, **fields: Any) -> Response:
    return Response(status, Headers({"Content-Type": "application/json"}), json.dumps(fields).encode())


def granted(access: str = "a-1", refresh: str | None = "r-1", life: Any = 300, refresh_life: Any = 1800) -> Response:
    fields = {"access_token": access, "expires_in": life, "refresh_token": refresh, "refresh_expires_in": refresh_life}
    fields |= {"token_type": "Bearer", "id_token": "i", "not-before-policy": 0, "session_state": "s", "scope": "openid"}
    return answer(**{name: value for name, value in fields.items() if value is not None})


def refused(status: int, error: str, description: str | None = None) -> Response:
    return answer(status, error=error, **({} if description is None else {"error_description": description}))


def logged_in(at: float = 0.0, response: Response | None = None) -> Tokens:
    tokens = Tokens(ACCOUNT)
    tokens.receive(tokens.grant(at), response or granted(), at, at + 1)
    return tokens


def receive(tokens: Tokens, response: Response, now: float) -> None:
    tokens.receive(tokens.grant(now), response, now, now)


def test_the_grants_are_exact() -> None:
    request = Tokens(ACCOUNT, Timeouts(1, 2, 3, 4)).grant(0)
    assert (request.method, request.timeouts) == ("POST", Timeouts(1, 2, 3, 4))
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body == PASSWORD_GRANT
    refresh = logged_in().grant(290)
    assert refresh.body == REFRESH_GRANT
    assert {request.url, refresh.url} == {"https://auth.example/realms/acme/protocol/openid-connect/token"}


@pytest.mark.parametrize(
    ("auth_url", "realm", "start"),
    [
        ("https://auth.example//", "acme", "https://auth.example/realms/acme"),
        ("http://h:8080/auth/", "acme", "http://h:8080/auth/realms/acme"),
        ("https://h", "a/../b?c#d größe", "https://h/realms/a%2F..%2Fb%3Fc%23d%20gr%C3%B6%C3%9Fe"),
    ],
)
def test_the_url_has_no_double_slash_and_an_escaped_realm(auth_url: str, realm: str, start: str) -> None:
    request = Tokens(Account(auth_url, realm, "c", "u", "p")).grant(0)
    assert request.url == f"{start}/protocol/openid-connect/token"


@pytest.mark.parametrize("auth_url", ["", "auth.example", "ftp://auth.example", "https://u:5ec2e7@auth.example"])
def test_an_invalid_url_is_a_value_error_without_a_secret(auth_url: str) -> None:
    with pytest.raises(ValueError) as caught:
        Tokens(Account(auth_url, "acme", "c", "u", "p"))
    assert "5ec2e7" not in str(caught.value)


@pytest.mark.parametrize(
    ("life", "renewed_after"), [(300, 270), (3600, 3570), (60, 54), (10, 9), (1, 0.9), (0.5, 0.45), (59.5, 53.55)]
)
def test_a_token_is_renewed_thirty_seconds_or_a_tenth_of_its_lifetime_early(life: float, renewed_after: float) -> None:
    tokens = logged_in(1000.0, granted(life=life))
    assert tokens.bearer(1000 + renewed_after - 0.01) == "a-1"
    assert tokens.bearer(1000 + renewed_after + 0.01) is None


@pytest.mark.parametrize("life", [None, 0, -5, "soon", True, float("nan"), 10**400, float("inf")])
def test_a_token_without_a_valid_lifetime_is_used_until_the_api_refuses_it(life: Any) -> None:
    tokens = logged_in(response=granted(life=life))
    assert tokens.bearer(1e6) == "a-1"
    tokens.reject("a-1")
    assert tokens.bearer(1e6) is None


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (refused(401, "invalid_grant", "Invalid user credentials"), "invalid_grant", "check PIXEL_USERNAME and"),
        (refused(400, "invalid_grant", "Account disabled"), "invalid_grant", "400 invalid_grant: Account disabled;"),
        (refused(401, "invalid_client", "Invalid client"), "invalid_client", "401 invalid_client: Invalid client;"),
        (refused(400, "unauthorized_client"), "unauthorized_client", "400 unauthorized_client; check PIXEL_TENANT"),
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
    with pytest.raises(PixelLoginError) as again:
        tokens.grant(REFUSAL_SECONDS - 0.01)
    assert str(again.value) == str(caught.value)
    assert again.value is not caught.value


def test_a_password_that_looks_like_a_refresh_grant_is_a_password() -> None:
    tokens = Tokens(Account("https://h", "r", "c", "u", "&grant_type=refresh_token"))
    with pytest.raises(PixelLoginError):
        receive(tokens, refused(400, "invalid_grant"), 0)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html></html>", "is not JSON: is PIXEL_AUTH_SERVER_URL a Keycloak server?"),
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        *(
            (body, "has no usable field 'access_token'")
            for body in (b"[]", b"null", b"{}", b'{"access_token": null}', b'{"access_token": ""}')
        ),
        *(
            (b'{"access_token": %b}' % token, "has no usable field 'access_token'")
            for token in (b"5", b'"5ec2e7\\r\\nX: y"', b'"5ec2e7 "', b'"5ec2e7\\u00e9"')
        ),
    ],
)
def test_a_success_without_a_token_is_a_protocol_error(body: bytes, words: str) -> None:
    tokens = Tokens(ACCOUNT)
    with pytest.raises(PixelProtocolError) as caught:
        receive(tokens, Response(200, body=body), 0)
    assert words in str(caught.value)
    assert "https://auth.example/realms/acme/" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)
    assert tokens.bearer(0) is None


def test_the_token_of_a_function_is_used_for_its_lifetime_or_until_it_is_refused() -> None:
    tokens = ProvidedToken(lambda: "never called here")
    assert tokens.bearer(0) is None
    assert tokens.accept(("a", 100), 1000) == "a"
    assert (tokens.bearer(1089), tokens.bearer(1091)) == ("a", None)
    assert tokens.accept("b", 1100) == "b"
    tokens.reject("a")
    assert tokens.bearer(1e9) == "b"
    tokens.reject("b")
    assert tokens.bearer(1e9) is None


def test_a_constant_token_is_used_always() -> None:
    tokens = ProvidedToken("a")
    tokens.reject("a")
    assert (tokens.bearer(1e9), tokens.renewable) == ("a", False)


@pytest.mark.parametrize("result", [("a",), ("a", -1), ("a", 0), ("a", "1"), "å", b"bytes", float("nan")])
def test_another_result_of_the_function_is_a_login_error(result: object) -> None:
    with pytest.raises(PixelLoginError, match="Invalid token"):
        ProvidedToken(lambda: None).accept(result, 0)

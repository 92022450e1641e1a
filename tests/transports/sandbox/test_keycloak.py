"""The token endpoint has Keycloak's responses and errors."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.transports.sandbox.support import LOGIN, Caller


def test_a_login_returns_tokens_and_their_lifetimes_and_the_realm_is_the_capitalised_tenant() -> None:
    caller = Caller(tenant="myTOWN", token_seconds=300, refresh_seconds=1800)
    response = caller.token_request(grant_type="password", **LOGIN)
    assert caller.sandbox.api_path == "/api/mytown"
    answer = response.json()
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (answer["expires_in"], answer["refresh_expires_in"], answer["token_type"]) == (300, 1800, "Bearer")
    assert answer["scope"] == "openid email profile"
    assert answer["not-before-policy"] == 0
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iss"] == "http://pixel.test/auth/realms/Mytown"
    assert claims["exp"] - claims["iat"] == 300


REFUSED: list[tuple[dict[str, str], int, str, str]] = [
    ({}, 400, "invalid_request", "Missing form parameter: grant_type"),
    ({"grant_type": "password", "client_id": "other"}, 401, "invalid_client", "Invalid client or Invalid"),
    ({**LOGIN, "grant_type": "implicit"}, 400, "unsupported_grant_type", "Unsupported grant_type"),
    ({**LOGIN, "grant_type": "password", "password": "no"}, 401, "invalid_grant", "Invalid user credentials"),
    ({**LOGIN, "grant_type": "password", "username": "no"}, 401, "invalid_grant", "Invalid user credentials"),
    ({"client_id": "frontend", "grant_type": "password"}, 400, "invalid_request", "Missing parameter: username"),
    ({"client_id": "frontend", "grant_type": "refresh_token"}, 400, "invalid_request", "No refresh token"),
    (
        {"client_id": "frontend", "grant_type": "refresh_token", "refresh_token": "a.b.c"},
        *(400, "invalid_grant", "Invalid refresh token"),
    ),
]


@pytest.mark.parametrize(("form", "status", "error", "description"), REFUSED)
def test_a_wrong_grant_is_refused_with_its_own_error(
    form: dict[str, str], status: int, error: str, description: str
) -> None:
    response = Caller().token_request(**form)
    assert response.status == status
    assert response.json()["error"] == error
    assert response.json()["error_description"].startswith(description)


def test_a_body_that_is_no_form_is_a_415_and_an_unknown_realm_a_404() -> None:
    path = "/auth/realms/{}/protocol/openid-connect/token"
    assert Caller().raw("POST", path.format("Sandbox"), {"Content-Type": "application/json"}, b"{}").status == 415
    response = Caller().raw("POST", path.format("Elsewhere"))
    assert (response.status, response.json()) == (404, {"error": "Realm does not exist"})


def refresh(caller: Caller, token: str) -> Any:
    return caller.token_request(grant_type="refresh_token", client_id="frontend", refresh_token=token)


def test_a_refresh_token_works_once() -> None:
    caller = Caller()
    first = caller.login()["refresh_token"]
    second = refresh(caller, first)
    assert second.status == 200
    assert refresh(caller, first).json() == {
        "error": "invalid_grant",
        "error_description": "Maximum allowed refresh token reuse exceeded",
    }
    caller.token = refresh(caller, second.json()["refresh_token"]).json()["access_token"]
    assert caller.call("GET", "/users/me").status == 200


@pytest.mark.parametrize(
    ("refresh_seconds", "wait", "status", "description"), [(10, 10, 400, "Token is not active"), (0, 10**9, 200, None)]
)
def test_a_refresh_token_is_valid_until_it_expires_or_for_ever_with_0(
    refresh_seconds: int, wait: int, status: int, description: str | None
) -> None:
    caller = Caller(refresh_seconds=refresh_seconds)
    login = caller.login()
    assert login["refresh_expires_in"] == refresh_seconds
    caller.clock.advance(wait)
    response = refresh(caller, login["refresh_token"])
    assert (response.status, response.json().get("error_description")) == (status, description)


@pytest.mark.parametrize("kept", [False, True])
def test_sessions_are_dropped_when_their_last_token_has_expired(kept: bool, tmp_path: Path) -> None:
    caller = Caller(token_seconds=10, refresh_seconds=100, data=tmp_path if kept else None)
    renewed, counts = caller.login()["refresh_token"], []
    sessions = caller.sandbox._keycloak.sessions
    for _ in range(30):
        caller.login()
        renewed = refresh(caller, renewed).json()["refresh_token"]
        counts.append(len(sessions))
        caller.clock.advance(10)
    assert counts == [*range(2, 12), *[11] * 20], "the one that is renewed, and those of the last 100 seconds"
    assert caller.call("GET", "/users/me").status == 401
    caller.clock.advance(100)
    assert refresh(caller, renewed).json()["error_description"] == "Token is not active"
    assert len(sessions) == 0
    if caller.sandbox._archive is not None:
        assert [row for row in caller.sandbox._archive.records() if row[0] == "session"] == []
    caller.sandbox.close()


def test_the_same_requests_give_the_same_tokens() -> None:
    assert Caller().login() == Caller().login()
    assert Caller(secret="other").login() != Caller().login()


@pytest.mark.parametrize("of_an_earlier_run", [False, True])
def test_revoked_tokens_and_those_of_an_earlier_run_are_refused(of_an_earlier_run: bool) -> None:
    earlier, caller = Caller(), Caller()
    earlier.login()
    answer = (earlier if of_an_earlier_run else caller).login()
    if not of_an_earlier_run:
        caller.sandbox.revoke_tokens()
    caller.token = answer["access_token"]
    assert caller.call("GET", "/users/me").json() == {"detail": "Could not validate credentials"}
    assert refresh(caller, answer["refresh_token"]).json()["error_description"] == "Session not active"
    caller.login()
    assert caller.call("GET", "/users/me").status == 200
    assert not caller.sandbox.failures

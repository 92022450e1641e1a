"""Users are made, changed, and log in while they are enabled."""

from typing import Any

import pytest

from tests.transports.sandbox.support import LOGIN, Caller

USER = {
    "first_name": "Kari",
    "last_name": "Nordmann",
    "email": "kari@example.com",
    "password": "fjord",
    "user_type": "viewer",
}


@pytest.fixture
def caller() -> Caller:
    return Caller()


def login(caller: Caller, password: str = "fjord") -> Any:
    return caller.token_request(
        grant_type="password", **{**LOGIN, "username": "Kari@example.com", "password": password}
    )


def test_a_new_user_logs_in_and_is_told_who_that_is(caller: Caller) -> None:
    """A user who was made logs in by e-mail address, and `me` is that user."""
    made = caller.ok("POST", "/users/oidc/", USER)
    assert made == {**{name: value for name, value in USER.items() if name != "password"}, "id": 2, "enabled": True}
    caller.token = login(caller).json()["access_token"]
    assert caller.ok("GET", "/users/me?extended=false") == made
    assert caller.ok("GET", "/users/me?extended=true") == {**made, "tenant": "Sandbox"}


def test_two_users_do_not_share_an_address(caller: Caller) -> None:
    """A second user with an e-mail address, in whatever case, is a 409; the demo user's is taken too."""
    caller.ok("POST", "/users/oidc/", USER)
    for email in ("kari@example.com", "KARI@example.com", "demo@example.com"):
        assert caller.status("POST", "/users/oidc/", {**USER, "email": email}) == 409


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"email": "no address"}, "email"),
        ({"user_type": "owner"}, "user_type"),
        ({"password": ""}, "password"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"first_name": None}, "first_name"),
    ],
)
def test_a_wrong_user_is_told(caller: Caller, change: dict[str, Any], place: str) -> None:
    """A wrong value of a user is a 422 that names it."""
    assert caller.wrong("POST", "/users/oidc/", {**USER, **change}) == ["body", place]


def test_a_refusal_repeats_what_was_sent_secrets_too(caller: Caller) -> None:
    """As with FastAPI, what is missing is told beside everything that was sent, passwords too."""
    response = caller.call("POST", "/users/oidc/", b'{"email": "kari@example.com", "password": "fjord"}')
    assert response.status == 422
    assert response.json()["detail"][0]["input"] == {"email": "kari@example.com", "password": "fjord"}


def test_a_changed_user_keeps_what_was_not_named(caller: Caller) -> None:
    """A change touches what it names; the new password counts, the old no longer."""
    user_id = caller.ok("POST", "/users/oidc/", USER)["id"]
    changed = caller.ok("PUT", f"/users/oidc/{user_id}/", {"last_name": "Hansen", "password": "vidde"})
    assert (changed["first_name"], changed["last_name"], changed["enabled"]) == ("Kari", "Hansen", True)
    assert login(caller).status == 401
    assert login(caller, "vidde").status == 200
    assert caller.ok("PUT", f"/users/oidc/{user_id}/", {}) == changed
    assert caller.status("PUT", "/users/oidc/99/", {}) == 404
    assert caller.call("PUT", f"/users/oidc/{user_id}", b"{}").status == 307


def test_a_disabled_user_neither_logs_in_nor_refreshes(caller: Caller) -> None:
    """For a disabled user Keycloak says so in a 400, whatever the password; enabled again, the user logs in."""
    user_id = caller.ok("POST", "/users/oidc/", USER)["id"]
    token = login(caller).json()["refresh_token"]
    caller.ok("PUT", f"/users/oidc/{user_id}/", {"enabled": False})
    for password in ("fjord", "wrong"):
        answer = login(caller, password)
        disabled = {"error": "invalid_grant", "error_description": "Account disabled"}
        assert (answer.status, answer.json()) == (400, disabled)
    refused = caller.token_request(grant_type="refresh_token", client_id="frontend", refresh_token=token)
    assert (refused.status, refused.json()["error_description"]) == (400, "User disabled")
    caller.ok("PUT", f"/users/oidc/{user_id}/", {"enabled": True})
    assert login(caller).status == 200

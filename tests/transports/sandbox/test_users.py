"""Users are created, updated, and log in while they are enabled."""

from typing import Any

from tests.transports.sandbox.support import LOGIN, Caller

USER = {
    "first_name": "Kari",
    "last_name": "Nordmann",
    "email": "kari@example.com",
    "password": "fjord",
    "user_type": "viewer",
}


def login(caller: Caller, password: str = "fjord") -> Any:
    return caller.token_request(
        grant_type="password", **{**LOGIN, "username": "Kari@example.com", "password": password}
    )


def test_a_new_user_logs_in_and_is_returned_by_me(caller: Caller) -> None:
    made = caller.ok("POST", "/users/oidc/", USER)
    assert made == {**{name: value for name, value in USER.items() if name != "password"}, "id": 2, "enabled": True}
    caller.token = login(caller).json()["access_token"]
    assert caller.ok("GET", "/users/me?extended=false") == made
    one, two = caller.project("One"), caller.project("Two")
    caller.project("Below", parent_project_id=one)
    caller.ok("DELETE", f"/projects/{one}")
    projects = [caller.ok("GET", f"/projects/{two}")]
    assert caller.ok("GET", "/users/me?extended=true") == {**made, "projects": projects}


def test_two_users_do_not_share_an_address(caller: Caller) -> None:
    caller.ok("POST", "/users/oidc/", USER)
    for email in ("kari@example.com", "KARI@example.com", "demo@example.com"):
        assert caller.status("POST", "/users/oidc/", {**USER, "email": email}) == 409


def test_an_update_of_a_user_changes_only_the_fields_of_its_body(caller: Caller) -> None:
    user_id = caller.ok("POST", "/users/oidc/", USER)["id"]
    changed = caller.ok("PUT", f"/users/oidc/{user_id}/", {"last_name": "Hansen", "password": "vidde"})
    assert (changed["first_name"], changed["last_name"], changed["enabled"]) == ("Kari", "Hansen", True)
    assert login(caller).status == 401
    assert login(caller, "vidde").status == 200
    assert caller.ok("PUT", f"/users/oidc/{user_id}/", {}) == changed
    assert caller.status("PUT", "/users/oidc/99/", {}) == 404
    assert caller.call("PUT", f"/users/oidc/{user_id}", b"{}").status == 307


def test_a_disabled_user_neither_logs_in_nor_refreshes(caller: Caller) -> None:
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

"""django-oauth-toolkit as the token endpoint: the password grant, rotating refresh tokens, refusals, and a whole call.

Rules kept here:

* The toolkit runs in a process and an environment of its own, and lists its token requests (`/requests`).
* It answers a wrong password with 400, Keycloak with 401; both end in the same error with the same advice.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pixel_core import Account, Origin, Request, Response
from pixel_core.errors import PixelLoginError
from pixel_core.session.tokens import Tokens
from pixel_transports import PixelClient, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import Sandbox
from tests.support.callers import client_of
from tests.support.environments import process, venv_with
from tests.support.peers import eventually

TOOLKIT = ("django==5.2.19", "django-oauth-toolkit==3.4.1")
TOKEN_SECONDS = 3600
PASSWORD = "hemmelig &=+"
KARI = {"id": 1, "email": "kari@acme.example"}


@dataclass
class Toolkit:
    origin: Origin
    transport: SocketTransport

    def ask(self, path: str) -> Response:
        return self.transport.send(Request("GET", self.origin, path))

    @property
    def requests(self) -> list[tuple[str, int]]:
        return [(grant, status) for grant, status in self.ask("/requests").json()]

    def account(self, **changes: str) -> Account:
        fields = {"realm": "Acme", "client_id": "frontend", "username": "kari@acme.example", "password": PASSWORD}
        return Account(f"{self.origin}/auth", **{**fields, **changes})

    def settings(self, password: str = PASSWORD) -> PixelApiSettings:
        return PixelApiSettings(
            PIXEL_USERNAME="kari@acme.example",
            PIXEL_PASSWORD=password,
            PIXEL_TENANT="Acme",
            PIXEL_API_URL=f"{self.origin}/api/acme",
            PIXEL_AUTH_SERVER_URL=f"{self.origin}/auth",
        )


@contextmanager
def served(folder: Path, token_seconds: int) -> Iterator[Toolkit]:
    """The toolkit in a process of its own; its tokens last this many seconds."""
    server, log = Path(__file__).with_name("oauth_server.py"), folder / "log"
    command: list[str | Path] = [venv_with(*TOOLKIT), server, folder, str(token_seconds)]
    transport = SocketTransport()
    with process(command, log) as running:
        eventually(
            lambda: log.read_text().endswith("\n") or running.poll() is not None,
            lambda: f"the toolkit to start: {log.read_text()}",
        )
        assert running.poll() is None, log.read_text()
        yield Toolkit(Origin("http", "127.0.0.1", int(log.read_text())), transport)
        transport.close()


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolkit]:
    """A toolkit whose tokens outlive the tests."""
    with served(tmp_path_factory.mktemp("oauth"), TOKEN_SECONDS) as running:
        yield running


def calls(face: str, settings: PixelApiSettings, *between: Any) -> list[Any]:
    """The results of `me` by a client of this face, and again after each call of `between`."""
    with client_of(face, settings) as call:
        answers = [call("me")]
        for each in between:
            each()
            answers.append(call("me"))
    return answers


FACES = pytest.mark.parametrize("face", ["blocking", "asyncio", "trio"])


@FACES
def test_a_whole_call_logs_in_by_password_and_passes_the_resource_check(face: str, toolkit: Toolkit) -> None:
    before = len(toolkit.requests)
    assert calls(face, toolkit.settings()) == [KARI]
    assert toolkit.requests[before:] == [("password", 200)]
    assert toolkit.ask("/api/acme/users/me").status == 401


@FACES
def test_a_token_that_was_revoked_is_renewed_by_the_refresh_token(face: str, toolkit: Toolkit) -> None:
    before = len(toolkit.requests)
    assert calls(face, toolkit.settings(), *[lambda: toolkit.ask("/revoke")] * 2) == [KARI] * 3
    assert toolkit.requests[before:] == [("password", 200), ("refresh_token", 200), ("refresh_token", 200)]


@FACES
def test_a_login_that_was_ended_costs_a_refused_refresh_and_the_password(face: str, toolkit: Toolkit) -> None:
    before = len(toolkit.requests)
    assert calls(face, toolkit.settings(), lambda: toolkit.ask("/end")) == [KARI] * 2
    assert toolkit.requests[before:] == [("password", 200), ("refresh_token", 400), ("password", 200)]


def test_a_token_is_renewed_each_time_that_it_has_expired(tmp_path: Path) -> None:
    with served(tmp_path, 1) as toolkit, PixelClient.from_settings(toolkit.settings()) as client:
        eventually(lambda: client.me() == KARI and len(toolkit.requests) >= 4)
        assert toolkit.requests[0] == ("password", 200)
        assert set(toolkit.requests[1:]) == {("refresh_token", 200)}


def test_many_threads_that_meet_a_revoked_token_share_one_renewal(toolkit: Toolkit) -> None:
    before = len(toolkit.requests)
    with PixelClient.from_settings(toolkit.settings()) as client, ThreadPoolExecutor(20) as threads:
        assert client.me() == KARI
        toolkit.ask("/revoke")
        answers = [each.result() for each in [threads.submit(client.me) for _ in range(20)]]
    assert answers == [KARI] * 20
    assert toolkit.requests[before:] == [("password", 200), ("refresh_token", 200)]


@FACES
def test_a_wrong_password_is_a_login_error_with_advice_and_is_not_sent_again_at_once(
    face: str, toolkit: Toolkit
) -> None:
    before = len(toolkit.requests)
    settings = toolkit.settings("5ec2e7")
    with pytest.raises(PixelLoginError) as caught:
        calls(face, settings)
    assert (caught.value.error, caught.value.status_code) == ("invalid_grant", 400)
    assert "Invalid credentials given." in str(caught.value)
    assert "check PIXEL_USERNAME and PIXEL_PASSWORD" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)
    with PixelClient.from_settings(settings) as client:
        for _ in range(3):
            with pytest.raises(PixelLoginError, match="check PIXEL_USERNAME"):
                client.me()
    assert toolkit.requests[before:] == [("password", 400)] * 2


def test_keycloak_and_the_toolkit_refuse_with_different_statuses_and_the_advice_is_the_same(toolkit: Toolkit) -> None:
    sandbox = Sandbox()
    account = Account("http://sandbox.invalid/auth", "Sandbox", "frontend", sandbox.username, "5ec2e7")
    errors = []
    for tokens, send in (
        (Tokens(toolkit.account(password="5ec2e7")), toolkit.transport.send),
        (Tokens(account), sandbox),
    ):
        request = tokens.grant(0)
        with pytest.raises(PixelLoginError) as caught:
            tokens.receive(request, send(request), 0, 0)
        errors.append((caught.value.status_code, caught.value.error, str(caught.value).rpartition("; ")[2]))
    advice = "check PIXEL_USERNAME and PIXEL_PASSWORD, or wait if there were many failed logins"
    assert errors == [(400, "invalid_grant", advice), (401, "invalid_grant", advice)]


def test_an_unknown_client_is_a_login_error_that_points_to_the_address(toolkit: Toolkit) -> None:
    tokens = Tokens(toolkit.account(client_id="unknown"))
    request = tokens.grant(0)
    with pytest.raises(PixelLoginError, match="check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL") as caught:
        tokens.receive(request, toolkit.transport.send(request), 0, 0)
    assert (caught.value.error, caught.value.status_code) == ("invalid_client", 401)


def test_a_refresh_token_is_good_once_and_a_second_use_takes_nothing_away(toolkit: Toolkit) -> None:
    tokens = Tokens(toolkit.account())

    def renewed(request: Request, now: float) -> int:
        response = toolkit.transport.send(request)
        tokens.receive(request, response, now, now)
        return response.status

    assert renewed(tokens.grant(0), 0) == 200
    first = tokens.bearer(0)
    assert tokens.bearer(TOKEN_SECONDS) is None
    later = TOKEN_SECONDS
    refresh = tokens.grant(later)
    assert renewed(refresh, later) == 200
    second = tokens.bearer(later)
    assert second not in (first, None)
    assert renewed(refresh, later) == 400
    assert tokens.bearer(later) == second
    assert tokens.grant(later).body != refresh.body
    assert renewed(tokens.grant(later), later) == 200

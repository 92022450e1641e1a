"""django-oauth-toolkit as the token endpoint: the password grant, rotating refresh tokens, refusals, and a whole call.

It lists its token requests (`/requests`), and answers a wrong password with 400, where Keycloak answers 401.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixel_core import Account, Origin, Request, Response
from pixel_core.errors import PixelLoginError
from pixel_core.session.tokens import Tokens
from pixel_transports import SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from tests.support.callers import client_of
from tests.support.environments import process, venv_with
from tests.support.peers import eventually

TOOLKIT = ("django==5.2.19", "django-oauth-toolkit==3.4.1")
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

    def settings(self, password: str = PASSWORD) -> PixelApiSettings:
        return PixelApiSettings(
            PIXEL_USERNAME="kari@acme.example",
            PIXEL_PASSWORD=password,
            PIXEL_TENANT="Acme",
            PIXEL_API_URL=f"{self.origin}/api/acme",
            PIXEL_AUTH_SERVER_URL=f"{self.origin}/auth",
        )


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolkit]:
    folder = tmp_path_factory.mktemp("oauth")
    log, transport = folder / "log", SocketTransport()
    with process([venv_with(*TOOLKIT), Path(__file__).with_name("oauth_server.py"), folder], log) as running:
        eventually(
            lambda: log.read_text().endswith("\n") or running.poll() is not None,
            lambda: f"the toolkit to start: {log.read_text()}",
        )
        assert running.poll() is None, log.read_text()
        yield Toolkit(Origin("http", "127.0.0.1", int(log.read_text())), transport)
        transport.close()


FACES = pytest.mark.parametrize("face", ["blocking", "asyncio", "trio"])


@FACES
@pytest.mark.parametrize(
    ("ends", "grants"),
    [
        (["/revoke", "/revoke"], [("password", 200), ("refresh_token", 200), ("refresh_token", 200)]),
        (["/end"], [("password", 200), ("refresh_token", 400), ("password", 200)]),
    ],
    ids=["a token that was revoked is renewed", "a login that was ended costs a refused refresh and the password"],
)
def test_a_call_passes_the_resource_check_after_a_login_and_after_each_end_of_its_token(
    face: str, toolkit: Toolkit, ends: list[str], grants: list[tuple[str, int]]
) -> None:
    before = len(toolkit.requests)
    with client_of(face, toolkit.settings()) as call:
        assert call("me") == KARI
        for end in ends:
            toolkit.ask(end)
            assert call("me") == KARI
    assert toolkit.requests[before:] == grants


@FACES
def test_a_wrong_password_is_a_login_error_with_advice_and_is_not_sent_again_at_once(
    face: str, toolkit: Toolkit
) -> None:
    before = len(toolkit.requests)
    settings = toolkit.settings("5ec2e7")
    with client_of(face, settings) as call:
        for _ in range(2):
            with pytest.raises(PixelLoginError):
                call("me")
        with pytest.raises(PixelLoginError) as caught:
            call("me")
    assert (caught.value.error, caught.value.status_code) == ("invalid_grant", 400)
    assert "Invalid credentials given." in str(caught.value)
    assert "check PIXEL_USERNAME and PIXEL_PASSWORD" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)
    assert toolkit.requests[before:] == [("password", 400)]


def test_a_second_use_of_a_refresh_token_is_refused_and_takes_nothing_away(toolkit: Toolkit) -> None:
    tokens = Tokens(Account(f"{toolkit.origin}/auth", "Acme", "frontend", "kari@acme.example", PASSWORD))

    def renewed(request: Request) -> int:
        response = toolkit.transport.send(request)
        tokens.receive(request, response, 0, 0)
        return response.status

    assert renewed(tokens.grant(0)) == 200
    first, refresh = tokens.bearer(0), tokens.grant(0)
    assert renewed(refresh) == 200
    second = tokens.bearer(0)
    assert second not in (first, None)
    assert renewed(refresh) == 400
    assert tokens.bearer(0) == second
    assert renewed(tokens.grant(0)) == 200

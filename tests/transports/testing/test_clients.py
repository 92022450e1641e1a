"""Settings and clients for tests, in one call."""

from typing import Any

import pytest

from pixel_core import Flow, Operations, operation
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync, faces
from pixel_transports.sandbox import Sandbox, SandboxServer
from pixel_transports.testing import Faults, ManualClock, MockTransport, client, settings_for
from tests.transports.testing.faces import Face

NOWHERE = "http://pixel.invalid"


@pytest.mark.parametrize(
    ("arguments", "api", "user"),
    [
        ((Sandbox(username="a@example.com"),), f"{NOWHERE}/api/sandbox", "a@example.com"),
        ((Faults(MockTransport()),), f"{NOWHERE}/api/mock", "mock@example.com"),
        ((MockTransport(), "http://127.0.0.1:8000/"), "http://127.0.0.1:8000/api/mock", "mock@example.com"),
        (("http://127.0.0.1:8000",), "http://127.0.0.1:8000/api/sandbox", "demo@example.com"),
        ((len,), f"{NOWHERE}/api/test", "user@example.com"),
        ((None, "http://127.0.0.1:8000/"), "http://127.0.0.1:8000/api/test", "user@example.com"),
    ],
)
def test_settings_are_those_of_a_transport_or_of_a_sandbox_at_an_address(
    arguments: tuple[Any, ...], api: str, user: str
) -> None:
    settings = settings_for(*arguments)
    assert (api, user) == (settings.PIXEL_API_URL, settings.PIXEL_USERNAME)
    assert settings.PIXEL_AUTH_SERVER_URL.startswith(api.partition("/api")[0])


def test_settings_of_a_server_lead_to_its_address_and_can_be_changed(server: SandboxServer) -> None:
    changed = settings_for(server, PIXEL_TENANT="Other")
    assert isinstance(changed, PixelApiSettings)
    assert changed.PIXEL_TENANT == "Other"
    with PixelClient.from_settings(settings_for(server), journal=None) as called:
        assert called.me().get("email") == server.sandbox.username


class Own(Operations):
    @operation
    def email(self) -> Flow[str]:
        return (yield from self.me()).get("email", "")


def test_a_class_of_ones_own_decides_about_the_face(face: Face) -> None:
    kind = faces(Own).asynchronous if face.async_ else faces(Own).blocking
    clock = ManualClock()
    made = client(transport=Sandbox(clock=clock), clock=clock, client_class=kind)
    assert isinstance(made, PixelClientAsync if face.async_ else PixelClient)

    async def email(called: Any) -> Any:
        return await called.email()

    assert face.run_with(made, email) == "demo@example.com"

"""What the environment says: read once as long as it says the same, and never mixed up."""

import os
from collections.abc import Mapping

import pytest

from pixel_transports.client.settings import PixelApiSettings, settings_now
from pixel_transports.net.network import Network
from pixel_transports.runtime.environment import CachedEnvironment


class Reading:
    """Reads a variable, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, environment: Mapping[str, str]) -> str:
        self.times += 1
        found = [value for name, value in environment.items() if name.upper() == "SHELF"]
        if not found:
            raise ValueError("SHELF is missing")
        return found[0]


def test_what_says_the_same_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading()
    shelf = CachedEnvironment(["shelf"], reading)
    monkeypatch.setenv("SHELF", "oak")
    monkeypatch.setenv("OTHER", "1")
    assert [shelf.get() for _ in range(3)] == ["oak"] * 3
    monkeypatch.setenv("OTHER", "2")
    assert shelf.get() == "oak"
    assert reading.times == 1


def test_every_change_is_noticed_in_any_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = CachedEnvironment(["SHELF"], Reading())
    monkeypatch.setenv("SHELF", "oak")
    assert shelf.get() == "oak"
    monkeypatch.setenv("SHELF", "ash")
    assert shelf.get() == "ash"
    monkeypatch.delenv("SHELF")
    monkeypatch.setenv("Shelf", "elm")
    assert shelf.get() == "elm"


def test_what_cannot_be_understood_is_an_error_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = CachedEnvironment(["SHELF"], Reading())
    monkeypatch.delenv("SHELF", raising=False)
    for _ in range(2):
        with pytest.raises(ValueError, match="missing"):
            shelf.get()
    monkeypatch.setenv("SHELF", "oak")
    assert shelf.get() == "oak"


def test_what_changes_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF", "oak")
    reading = Reading()

    def changing(environment: Mapping[str, str]) -> str:
        found = reading(environment)
        if reading.times == 1:
            os.environ["SHELF"] = "ash"
        return found

    shelf = CachedEnvironment(["SHELF"], changing)
    assert [shelf.get() for _ in range(3)] == ["oak", "ash", "ash"]
    assert reading.times == 2


@pytest.mark.parametrize("name", ["PIXEL_USERNAME", "pixel_username", "KEYCLOAK_USERNAME", "Pixel_Username"])
def test_settings_of_the_moment_are_those_that_are_read_anew(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for missing in ("PIXEL_USERNAME", "KEYCLOAK_USERNAME"):
        monkeypatch.delenv(missing, raising=False)
    monkeypatch.setenv("PIXEL_PASSWORD", "c")
    monkeypatch.setenv("PIXEL_TENANT", "d")
    for user in ("a@b.no", "e@f.no"):
        monkeypatch.setenv(name, user)
        assert settings_now() == PixelApiSettings()
        assert user == settings_now().PIXEL_USERNAME
        assert settings_now() is settings_now()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "no_proxy", "ALL_PROXY"])
def test_proxies_of_the_moment_follow_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = Network.of({})
    value = "pixel.test" if name == "no_proxy" else "http://proxy.test:3128"
    monkeypatch.setenv("https_proxy", "http://other.test:3128")
    between = Network.of({})
    monkeypatch.setenv(name, value)
    assert len({before, between, Network.of({})}) == 3

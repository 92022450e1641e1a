"""Parsed environment variables are cached until they change."""

import os
from collections.abc import Mapping

import pytest

from pixel_transports.client.settings import PixelApiSettings, settings_now
from pixel_transports.net.network import Network
from pixel_transports.runtime.environment import CachedEnvironment


class Parser:
    """Parses a variable, and counts the calls."""

    def __init__(self, changes: str | None = None) -> None:
        self.calls = 0
        self._changes = changes

    def __call__(self, environment: Mapping[str, str]) -> str:
        self.calls += 1
        values = [value for name, value in environment.items() if name.upper() == "COLOUR"]
        if not values:
            raise ValueError("COLOUR is missing")
        if self._changes is not None and self.calls == 1:
            os.environ["COLOUR"] = self._changes
        return values[0]


def test_variables_are_parsed_again_when_they_change_in_any_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = Parser()
    colour = CachedEnvironment(["colour"], parser)
    monkeypatch.delenv("COLOUR", raising=False)
    for _ in range(2):
        with pytest.raises(ValueError, match="missing"):
            colour.get()
    monkeypatch.setenv("COLOUR", "oak")
    assert [colour.get() for _ in range(3)] == ["oak"] * 3
    monkeypatch.setenv("OTHER", "2")
    assert (colour.get(), parser.calls) == ("oak", 3)
    monkeypatch.setenv("COLOUR", "ash")
    assert colour.get() == "ash"
    monkeypatch.delenv("COLOUR")
    monkeypatch.setenv("Colour", "elm")
    assert colour.get() == "elm"


def test_a_variable_that_changes_during_parsing_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "oak")
    parser = Parser(changes="ash")
    colour = CachedEnvironment(["COLOUR"], parser)
    assert [colour.get() for _ in range(3)] == ["oak", "ash", "ash"]
    assert parser.calls == 2


@pytest.mark.parametrize("name", ["PIXEL_USERNAME", "KEYCLOAK_USERNAME", "Pixel_Username"])
def test_settings_follow_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
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
def test_proxies_follow_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = Network.from_keywords({})
    value = "pixel.test" if name == "no_proxy" else "http://proxy.test:3128"
    monkeypatch.setenv("https_proxy", "http://other.test:3128")
    between = Network.from_keywords({})
    monkeypatch.setenv(name, value)
    assert len({before, between, Network.from_keywords({})}) == 3

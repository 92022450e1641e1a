"""Settings: names, precedence, what follows from them, and what never shows."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pixel_transports import PixelApiSettings

FULL = {"PIXEL_USERNAME": "me@example.com", "PIXEL_PASSWORD": "hush", "PIXEL_TENANT": "acme"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("KEYCLOAK_ENV", "PIXEL_ENV"),
        ("KEYCLOAK_USERNAME", "PIXEL_USERNAME"),
        ("KEYCLOAK_PASSWORD", "PIXEL_PASSWORD"),
        ("KEYCLOAK_REALM", "PIXEL_TENANT"),
    ],
)
def test_older_names_are_read_and_newer_ones_win(old: str, new: str) -> None:
    values = {**FULL, "PIXEL_ENV": "prod"}
    value = values.pop(new)
    assert PixelApiSettings(**values, **{old: value}) == PixelApiSettings(**values, **{new: value})
    assert PixelApiSettings(**values, **{new: value, old: "test"}) == PixelApiSettings(**values, **{new: value})


def test_the_environment_is_read_without_regard_to_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FULL.items():
        monkeypatch.setenv(name.lower(), value)
    assert PixelApiSettings() == PixelApiSettings(**FULL)


def test_keywords_beat_the_environment_and_that_beats_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("PIXEL_USERNAME=file\nPIXEL_PASSWORD=file\nPIXEL_TENANT=file\nUNKNOWN=1\n")
    monkeypatch.setenv("PIXEL_PASSWORD", "environment")
    monkeypatch.setenv("PIXEL_TENANT", "environment")
    settings = PixelApiSettings(_env_file=file, PIXEL_TENANT="keyword")
    assert settings.PIXEL_USERNAME == "file"
    assert settings.PIXEL_PASSWORD.get_secret_value() == "environment"
    assert settings.PIXEL_TENANT == "keyword"
    assert PixelApiSettings.from_env_file(file).PIXEL_USERNAME == "file"
    assert PixelApiSettings.from_env_file(str(file)).PIXEL_TENANT == "environment"


def test_no_file_is_read_unless_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in FULL.items()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError):
        PixelApiSettings()


def test_addresses_follow_from_environment_and_tenant() -> None:
    settings = PixelApiSettings(**{**FULL, "PIXEL_TENANT": "aCME", "PIXEL_ENV": "dev"})
    assert settings.PIXEL_REALM == "Acme"
    assert settings.PIXEL_CLIENT_ID == "frontend"
    assert settings.PIXEL_API_URL == "https://dev.api.geodatapixel.no/acme"
    assert settings.PIXEL_AUTH_SERVER_URL == "https://dev.keycloak.geodatapixel.no"
    assert PixelApiSettings(**FULL).PIXEL_API_URL == "https://prod.api.geodatapixel.no/acme"
    settings = PixelApiSettings(**{**FULL, "PIXEL_TENANT": "a/b?c"})
    assert settings.PIXEL_API_URL == "https://prod.api.geodatapixel.no/a%2Fb%3Fc"


def test_addresses_can_be_given_and_empty_ones_count_as_not_given() -> None:
    urls = PixelApiSettings(**FULL, PIXEL_API_URL="http://a/b", PIXEL_AUTH_SERVER_URL="http://c")
    assert (urls.PIXEL_API_URL, urls.PIXEL_AUTH_SERVER_URL) == ("http://a/b", "http://c")
    assert PixelApiSettings(**FULL, PIXEL_API_URL="").PIXEL_API_URL == PixelApiSettings(**FULL).PIXEL_API_URL


def test_settings_are_frozen_and_hash_by_value() -> None:
    one, other = PixelApiSettings(**FULL), PixelApiSettings(**FULL)
    assert one == other
    assert hash(one) == hash(other)
    assert one != PixelApiSettings(**{**FULL, "PIXEL_PASSWORD": "else"})
    with pytest.raises(ValidationError):
        one.PIXEL_TENANT = "other"


@pytest.mark.parametrize("missing", sorted(FULL))
def test_a_missing_setting_is_named_and_no_value_is_shown(missing: str) -> None:
    values: dict[str, Any] = {**FULL, "PIXEL_PASSWORD": "hush-hush-secret", "PIXEL_USERNAME": "the-user"}
    del values[missing]
    with pytest.raises(ValidationError, match=missing) as caught:
        PixelApiSettings(**values)
    assert "hush" not in str(caught.value)
    assert "the-user" not in str(caught.value)


def test_a_password_does_not_show() -> None:
    assert "hush" not in repr(PixelApiSettings(**FULL)) + str(PixelApiSettings(**FULL))

"""Settings: names, precedence, what follows from them, and what never shows."""

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pixel_core.errors import PixelSettingsError
from pixel_transports import PixelApiSettings, get_client

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
    alone = PixelApiSettings.from_env_file(file, environment=False)
    assert alone == PixelApiSettings(PIXEL_USERNAME="file", PIXEL_PASSWORD="file", PIXEL_TENANT="file")


def test_a_file_that_is_read_alone_has_to_be_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXEL_PASSWORD", "hush")
    file = tmp_path / "settings.env"
    file.write_text("PIXEL_USERNAME=file\nPIXEL_TENANT=file\n")
    with pytest.raises(PixelSettingsError) as caught:
        PixelApiSettings.from_env_file(file, environment=False)
    assert caught.value.missing == ("PIXEL_PASSWORD",)
    assert f"the file {file}: PIXEL_PASSWORD is missing" in str(caught.value)


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PIXEL_ENV", "PIXEL_USERNAME"):
        monkeypatch.setenv(name, "")
    file = tmp_path / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in FULL.items()) + "PIXEL_API_URL=\n")
    assert PixelApiSettings(_env_file=file) == PixelApiSettings(**FULL)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_text_in_utf_8_or_16_and_may_be_a_pipe(encoding: str, tmp_path: Path) -> None:
    text = "".join(f"{name}={value}\n" for name, value in {**FULL, "PIXEL_TENANT": "ås"}.items())
    file, pipe = tmp_path / "settings.env", tmp_path / "pipe"
    file.write_text(text, encoding=encoding)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(file.read_bytes(),))
    writer.start()
    read = [PixelApiSettings(_env_file=each) for each in (file, [file], pipe)]
    writer.join(60)
    assert read == [PixelApiSettings(**{**FULL, "PIXEL_TENANT": "ås"})] * 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [(None, "cannot be read: No such file"), (b"PIXEL_TENANT=\xff", "no text"), (b"\x7fELF\0\0hush", "no text")],
    ids=["missing", "Latin-1", "binary"],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(data: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    if data is not None:
        file.write_bytes(data)
    ways: list[Callable[[], object]] = [
        lambda: PixelApiSettings(_env_file=[file], **FULL),
        lambda: PixelApiSettings.from_env_file(file),
    ]
    for read in ways:
        with pytest.raises(PixelSettingsError, match=reason) as caught:
            read()
        assert str(file) in str(caught.value)
        assert "hush" not in str(caught.value)


def test_no_file_is_read_unless_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in FULL.items()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PixelSettingsError):
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
    assert one == pickle.loads(pickle.dumps(one)) == PixelApiSettings.model_validate(FULL)
    assert one != PixelApiSettings(**{**FULL, "PIXEL_PASSWORD": "else"})
    with pytest.raises(ValidationError):
        one.PIXEL_TENANT = "other"


@pytest.mark.parametrize("missing", sorted(FULL))
def test_a_missing_setting_is_named_and_no_value_is_shown(missing: str) -> None:
    values: dict[str, Any] = {**FULL, "PIXEL_PASSWORD": "hush-hush-secret", "PIXEL_USERNAME": "the-user"}
    del values[missing]
    ways: list[Callable[[], object]] = [
        lambda: PixelApiSettings(**values),
        lambda: PixelApiSettings.model_validate(values),
    ]
    for make in ways:
        with pytest.raises(PixelSettingsError, match=f"the environment: {missing} is missing. Set the") as caught:
            make()
        assert caught.value.missing == (missing,)
        assert "hush" not in str(caught.value)
        assert "the-user" not in str(caught.value)


URL = "has to be an http or https URL"


@pytest.mark.parametrize(
    ("wrong", "name", "rule"),
    [
        ({"PIXEL_ENV": "hush"}, "PIXEL_ENV", "has to be dev, test or prod"),
        ({"KEYCLOAK_ENV": "hush"}, "PIXEL_ENV", "has to be dev, test or prod"),
        ({"PIXEL_USERNAME": 7}, "PIXEL_USERNAME", "has to be text"),
        ({"PIXEL_TENANT": " "}, "PIXEL_TENANT", "has to be the name of a tenant"),
        ({"PIXEL_TENANT": ".."}, "PIXEL_TENANT", "has to be the name of a tenant"),
        ({"PIXEL_CLIENT_NO_VERSION_CHECK": "hush"}, "PIXEL_CLIENT_NO_VERSION_CHECK", "has to be true or false"),
        ({"PIXEL_API_URL": "https://prod.api.geodatapixel.no/"}, "PIXEL_API_URL", "lacks the tenant"),
        *(
            ({name: url}, name, URL)
            for name in ("PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL")
            for url in (
                *("hush", "ftp://hush/a", "https:///hush", "https://hush hush/a", "https://hush:port/a"),
                *(
                    "https://u:hush@a/b",
                    "https://hush..no/a",
                    "https://hush,no/a",
                    "https://hush/?a=b",
                    "https://[hush/a",
                ),
            )
        ),
        ({"pixel_tenant": "hush"}, "pixel_tenant", "the settings are PIXEL_ENV, PIXEL_USERNAME"),
    ],
)
def test_a_wrong_setting_or_keyword_is_named_with_what_it_has_to_be(
    wrong: dict[str, Any], name: str, rule: str
) -> None:
    with pytest.raises(PixelSettingsError) as caught:
        PixelApiSettings(**{**FULL, "PIXEL_PASSWORD": "hush", **wrong})
    assert (caught.value.missing, caught.value.wrong) == ((), (name,))
    assert f"{name} " in str(caught.value)
    assert rule in str(caught.value)
    assert "hush" not in str(caught.value)


def test_addresses_of_servers_of_your_own_need_no_tenant() -> None:
    for url in ("http://[::1]:8000", "http://pixel_api:8000/", "https://blåbær.no/a", "http://127.0.0.1"):
        assert url == PixelApiSettings(**FULL, PIXEL_API_URL=url).PIXEL_API_URL


def test_arguments_that_are_settings_are_refused_with_those_that_exist() -> None:
    keywords: Any = {"username": "me", "password": "hush"}
    with pytest.raises(TypeError, match=r"unknown keyword: password, username; known are driver, .*PixelApiSettings\("):
        get_client(**keywords)
    with pytest.raises(TypeError, match="settings has to be PixelApiSettings, not dict"):
        get_client(settings=FULL)  # type: ignore[call-overload]


def test_settings_of_a_subclass_have_fields_of_its_own() -> None:
    class Survey(PixelApiSettings):
        SURVEY: int

    values: Any = {**FULL, "SURVEY": "7"}
    assert Survey(**values).SURVEY == 7
    with pytest.raises(PixelSettingsError, match="SURVEY has a value that is not valid") as caught:
        Survey(**{**values, "SURVEY": "hush"})
    assert "hush" not in str(caught.value)


def test_a_password_does_not_show() -> None:
    assert "hush" not in repr(PixelApiSettings(**FULL)) + str(PixelApiSettings(**FULL))

"""`pixel config` shows the settings and their sources, and no password; one source is used as a whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pixel_transports.cli import profiles
from pixel_transports.cli.errors import DONE, USAGE
from pixel_transports.sandbox import Sandbox, SandboxServer
from tests.support.cli_runs import Place, make_photos, run
from tests.transports.cli.support import World

LOGIN = {"PIXEL_USERNAME": "u", "PIXEL_PASSWORD": "hush-hush", "PIXEL_TENANT": "t"}


def rows(done: Result) -> dict[str, Any]:
    return {each["setting"]: (each["value"], each["source"]) for each in json.loads(done.stdout)}


def write(path: Path, settings: dict[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


def test_each_value_is_shown_with_its_source(tmp_path: Path) -> None:
    file = write(
        tmp_path / "pixel.env",
        {"PIXEL_USERNAME": "file@example.com", "PIXEL_PASSWORD": "hush-hush", "KEYCLOAK_REALM": "acme"},
    )
    environment = {"KEYCLOAK_USERNAME": "me@example.com", "https_proxy": "http://u:hush-hush@proxy.test:3128"}
    done = run("config", "--json", "--env-file", str(file), environment=environment)
    assert done.exit_code == DONE, done.output
    assert "hush-hush" not in done.output
    settings = rows(done)
    assert settings["source"] == (f"the file {file}", "")
    assert settings["PIXEL_USERNAME"] == ("file@example.com", f"dotenv: {file}")
    assert settings["PIXEL_PASSWORD"] == ("(set, not shown)", f"dotenv: {file}")
    assert settings["PIXEL_TENANT"] == ("acme", f"dotenv: {file}")
    assert settings["PIXEL_ENV"] == ("prod", "default")
    assert settings["PIXEL_API_URL"] == (
        "https://prod.api.geodatapixel.no/acme",
        "default: of PIXEL_ENV and PIXEL_TENANT",
    )
    assert settings["PIXEL_JOURNAL"][1] == "environment: PIXEL_JOURNAL"
    assert settings["HTTPS_PROXY"] == ("http://proxy.test:3128", "environment: https_proxy")
    assert settings["HTTP_PROXY"] == settings["NO_PROXY"] == ("(none)", "default")
    assert rows(run("config", "--json", environment=environment))["PIXEL_USERNAME"] == (
        "me@example.com",
        "environment: KEYCLOAK_USERNAME",
    )


@pytest.mark.parametrize(
    ("settings", "shown", "advice"),
    [
        ({"PIXEL_PASSWORD": "hush-hush"}, {"PIXEL_TENANT": ("(missing)", "")}, ["PIXEL_TENANT", "--env-file"]),
        (
            {"PIXEL_PASSWORD": "hush-hush", "PIXEL_ENV": "test"},
            {
                "PIXEL_API_URL": ("https://test.api.geodatapixel.no/(PIXEL_TENANT)",),
                "PIXEL_AUTH_SERVER_URL": ("https://test.keycloak.geodatapixel.no", "default: of PIXEL_ENV"),
                "PIXEL_ENV": ("test", "environment: PIXEL_ENV"),
                "PIXEL_JOURNAL": (),
                "version": (),
            },
            ["PIXEL_USERNAME, PIXEL_TENANT are missing"],
        ),
        (
            {**LOGIN, "PIXEL_ENV": "hush-hush"},
            {
                "PIXEL_ENV": ("(wrong, not shown)", "environment: PIXEL_ENV"),
                "PIXEL_API_URL": ("https://(PIXEL_ENV).api.geodatapixel.no/t",),
                "PIXEL_USERNAME": ("u", "environment: PIXEL_USERNAME"),
            },
            ["has to be dev, test or prod"],
        ),
        (
            {**LOGIN, "PIXEL_API_URL": "hush-hush"},
            {"PIXEL_API_URL": ("(wrong, not shown)", "environment: PIXEL_API_URL"), "PIXEL_TENANT": ("t",)},
            ["http or https URL"],
        ),
        ({**LOGIN, "PIXEL_PROFILE": "x"}, {"source": ("(wrong)",), "PIXEL_JOURNAL": ()}, ["There is no profile x"]),
    ],
)
def test_what_is_missing_or_wrong_is_shown_with_advice_and_hides_no_other_setting(
    settings: dict[str, str], shown: dict[str, tuple[str, ...]], advice: list[str]
) -> None:
    done = run("config", "--json", environment=settings)
    assert done.exit_code == USAGE
    found = rows(done)
    assert {name: found[name][: len(row)] for name, row in shown.items()} == shown
    assert [text for text in advice if text not in done.stderr] == []
    assert "hush-hush" not in done.output


def test_without_json_the_output_is_a_table_of_three_columns() -> None:
    done = run("config", environment=LOGIN)
    assert done.stdout.splitlines()[0].split() == ["setting", "value", "source"]


@pytest.mark.parametrize(
    ("arguments", "profile_variable", "environment", "source"),
    [
        (["--env-file", "FILE"], "work", LOGIN, "the file FILE"),
        (["--profile", "work"], "other", LOGIN, "the profile work"),
        ([], "work", LOGIN, "the profile work"),
        ([], "", LOGIN, "the environment"),
        ([], "", {"PIXEL_CLIENT_NO_VERSION_CHECK": "1"}, "the profile default"),
    ],
)
def test_the_first_source_is_used(
    arguments: list[str],
    profile_variable: str,
    environment: dict[str, str],
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "FILE", {**LOGIN, "PIXEL_USERNAME": "the file FILE"})
    for name in ("work", "other", "default"):
        profiles.write(name, {"PIXEL_USERNAME": f"the profile {name}", "PIXEL_TENANT": "t"})
    environment = {**environment, "PIXEL_PROFILE": profile_variable}
    if "PIXEL_USERNAME" in environment:
        environment["PIXEL_USERNAME"] = "the environment"
    done = run(*arguments, "config", "--json", environment=environment)
    assert done.exit_code == DONE, done.output
    assert (rows(done)["source"][0], rows(done)["PIXEL_USERNAME"][0]) == (source, source)


def test_an_incomplete_environment_is_not_completed_by_the_default_profile() -> None:
    profiles.write("default", {"PIXEL_USERNAME": "u", "PIXEL_TENANT": "t"})
    done = run("projects", "list", environment={"PIXEL_ENV": "test"})
    assert done.exit_code == USAGE
    assert "PIXEL_USERNAME, PIXEL_PASSWORD, PIXEL_TENANT are missing" in done.stderr
    assert "used as a whole, before the profile `default`" in done.stderr


def test_an_upload_with_a_file_uses_nothing_of_the_environment(place: Place, tmp_path: Path) -> None:
    file = write(tmp_path / "pixel.env", place.environment)
    photos = make_photos(tmp_path / "photos", 2)
    with SandboxServer(Sandbox(password="exported")) as other:
        exported = other.sandbox.environment(other.url)
        done = run(*place.arguments(*photos), "--env-file", str(file), environment=exported)
        assert done.exit_code == DONE, done.output
        first = done.stderr.splitlines()[0]
        for shown in (place.environment["PIXEL_USERNAME"], "tenant Sandbox", place.environment["PIXEL_API_URL"]):
            assert shown in first
        assert f"(from the file {file})." in first
        before = len(place.server.sandbox.received)
        incomplete = {name: value for name, value in place.environment.items() if name != "PIXEL_PASSWORD"}
        done = run(*place.arguments(*photos), "--env-file", str(write(file, incomplete)), environment=exported)
        assert (done.exit_code, done.stdout) == (USAGE, "")
        assert f"the file {file}: PIXEL_PASSWORD is missing" in done.stderr
        assert (len(place.server.sandbox.received), list(other.sandbox.received)) == (before, [])
    assert len(place.names()) == 2


@pytest.mark.parametrize(
    "command",
    ["--env-file FILE -v projects list", "projects -v --env-file FILE list", "projects list --env-file FILE -v"],
)
def test_options_of_the_connection_stand_before_or_after_the_command(
    still: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "FILE", still.environment)
    done = run(*command.split())
    assert done.exit_code == DONE, done.output
    assert "GET" in done.stderr
    both = run("--profile", "work", *command.split())
    assert (both.exit_code, both.stdout) == (USAGE, "")
    assert "--env-file and --profile contradict each other" in both.stderr

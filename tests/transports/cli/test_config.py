"""`pixel config` shows the settings and their sources, and no password."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pixel_transports.cli.errors import DONE, USAGE
from tests.support.cli_runs import run


def rows(done: Result) -> dict[str, Any]:
    return {each["setting"]: (each["value"], each["source"]) for each in json.loads(done.stdout)}


def test_the_environment_overrides_the_file_and_both_override_the_default(tmp_path: Path) -> None:
    file = tmp_path / "pixel.env"
    file.write_text("PIXEL_USERNAME=file@example.com\nPIXEL_PASSWORD=hush-hush\nKEYCLOAK_REALM=acme\n")
    done = run("config", "--json", "--env-file", str(file), environment={"KEYCLOAK_USERNAME": "me@example.com"})
    assert done.exit_code == DONE, done.output
    assert "hush-hush" not in done.output
    settings = rows(done)
    assert settings["PIXEL_USERNAME"] == ("me@example.com", "environment: KEYCLOAK_USERNAME")
    assert settings["PIXEL_PASSWORD"] == ("(set, not shown)", f"dotenv: {file}")
    assert settings["PIXEL_TENANT"] == ("acme", f"dotenv: {file}")
    assert settings["PIXEL_ENV"] == ("prod", "default")
    assert settings["PIXEL_API_URL"][0] == "https://prod.api.geodatapixel.no/acme"
    assert settings["PIXEL_API_URL"][1].startswith("default")
    assert settings["PIXEL_JOURNAL"][1] == "environment: PIXEL_JOURNAL"


LOGIN = {"PIXEL_USERNAME": "u", "PIXEL_PASSWORD": "hush-hush", "PIXEL_TENANT": "t"}


@pytest.mark.parametrize(
    ("settings", "name", "row", "advice"),
    [
        ({"PIXEL_PASSWORD": "hush-hush"}, "PIXEL_TENANT", ("(missing)", ""), ["PIXEL_TENANT", "--env-file"]),
        (
            {**LOGIN, "PIXEL_API_URL": "hush-hush"},
            *("PIXEL_API_URL", ("(wrong, not shown)", "environment: PIXEL_API_URL"), ["http or https URL"]),
        ),
    ],
)
def test_a_missing_or_wrong_setting_is_shown_with_advice_and_without_its_value(
    settings: dict[str, str], name: str, row: tuple[str, str], advice: list[str]
) -> None:
    done = run("config", "--json", environment=settings)
    assert (done.exit_code, rows(done)[name]) == (USAGE, row)
    assert [text for text in advice if text not in done.stderr] == []
    assert "hush-hush" not in done.output


def test_without_json_the_output_is_a_table_of_three_columns() -> None:
    done = run("config", environment=LOGIN)
    assert done.stdout.splitlines()[0].split() == ["setting", "value", "source"]

"""The command `config`.

Rules kept here:

* It says what is in force and where that came from; it asks no server.
* A password is never shown, nor is a value that is wrong: it may be a password that got into the wrong line.
* A keyword of a program beats the environment, the environment a dotenv file, that the default. Here are no keywords.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import env_file_option
from pixel_transports.cli.exits import USAGE, missing_settings, tell
from pixel_transports.cli.output import formats, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.settings import PixelApiSettings

SET, MISSING, WRONG = "(set, not shown)", "(missing)", "(wrong, not shown)"


@click.command()
@env_file_option
@formats()
def config(env_file: str | None, form: str | None) -> None:
    """Show the settings in force, and their sources.

    Keywords of a program beat the environment, the environment beats a dotenv file, and that beats defaults. The
    exit code is 2 when a setting is missing or wrong.
    """
    from pydantic import ValidationError

    from pixel_transports.client.settings import PixelApiSettings

    settings, wrong, told = None, {}, ""
    try:
        settings = PixelApiSettings(_env_file=env_file)
    except ValidationError as error:
        wrong = {str(each["loc"][0]): str(each["msg"]) for each in error.errors()}
        told = missing_settings(error)
    rows = [_row(*each, settings, wrong) for each in _sources(env_file)]
    show_rows([*rows, _journal()], ("setting", "value", "source"), form)
    if wrong:
        tell(told)
        sys.exit(USAGE)


def _sources(env_file: str | None) -> Iterator[tuple[str, str, str]]:
    """Of each setting: its name, its field, and where it comes from."""
    from pydantic import AliasChoices
    from pydantic_settings import DotEnvSettingsSource

    from pixel_transports.client.settings import PixelApiSettings

    written = set(DotEnvSettingsSource(PixelApiSettings, env_file=env_file)()) if env_file else set()
    for field, info in PixelApiSettings.model_fields.items():
        alias = info.validation_alias
        known = [str(each) for each in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or field)]
        variable = next((each for name in known for each in os.environ if each.upper() == name), None)
        if variable is not None:
            yield known[0], field, f"environment: {variable}"
        elif written & {field, *known}:
            yield known[0], field, f"dotenv: {env_file}"
        else:
            yield known[0], field, "default"


def _row(
    name: str, field: str, source: str, settings: "PixelApiSettings | None", wrong: dict[str, str]
) -> dict[str, Any]:
    from pydantic import SecretStr

    if name in wrong or field in wrong:
        missing = source == "default"
        return {"setting": name, "value": MISSING if missing else WRONG, "source": "" if missing else source}
    if settings is None:
        # Without the others no settings are made; what is right is not known of this one, but where it comes from.
        return {"setting": name, "value": "" if source == "default" else SET, "source": source}
    value = getattr(settings, field)
    if isinstance(value, SecretStr):
        value = SET
    elif name in ("PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL"):
        source = source if value else "default: of PIXEL_ENV and PIXEL_TENANT"
        value = getattr(settings, name)
    return {"setting": name, "value": value, "source": source}


def _journal() -> dict[str, Any]:
    from pixel_transports.drivers.journal.listing import Journal

    source = "environment: PIXEL_JOURNAL" if os.environ.get("PIXEL_JOURNAL") else "default"
    return {"setting": "PIXEL_JOURNAL", "value": str(Path(Journal(None).path)), "source": source}

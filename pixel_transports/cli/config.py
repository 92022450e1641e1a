"""The command `config`.

Rules kept here:

* It shows the settings in use and their sources, and sends no request.
* Neither a password nor an invalid value is shown: an invalid value may be a password in the wrong line.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.errors import USAGE, print_message, settings_message
from pixel_transports.cli.options import env_file_option
from pixel_transports.cli.output import Output, output_options, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.settings import PixelApiSettings

SET, MISSING, WRONG = "(set, not shown)", "(missing)", "(wrong, not shown)"


@click.command()
@env_file_option
@output_options(listing=True)
def config(env_file: str | None, output: Output) -> None:
    """Show the settings in use, and their sources.

    Keywords in a program override the environment, the environment overrides a dotenv file, and that overrides the
    defaults. The exit code is 2 when a setting is missing or wrong.
    """
    from pixel_core.errors import PixelSettingsError
    from pixel_transports.client.settings import PixelApiSettings

    settings, wrong, message = None, {}, ""
    try:
        settings = PixelApiSettings(_env_file=env_file)
    except PixelSettingsError as error:
        wrong = dict.fromkeys((*error.missing, *error.wrong), "")
        message = settings_message(error)
    rows = [_row(*each, settings, wrong) for each in _sources(env_file)]
    show_rows([*rows, _journal_row()], ("setting", "value", "source"), output)
    if wrong:
        print_message(message)
        sys.exit(USAGE)


def _sources(env_file: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the field and the source of each setting."""
    from pydantic import AliasChoices
    from pydantic_settings import DotEnvSettingsSource

    from pixel_transports.client.settings import PixelApiSettings

    in_file = set(DotEnvSettingsSource(PixelApiSettings, env_file=env_file)()) if env_file else set()
    for field, info in PixelApiSettings.model_fields.items():
        alias = info.validation_alias
        names = [str(each) for each in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or field)]
        variable = next((each for name in names for each in os.environ if each.upper() == name), None)
        if variable is not None:
            yield names[0], field, f"environment: {variable}"
        elif in_file & {field, *names}:
            yield names[0], field, f"dotenv: {env_file}"
        else:
            yield names[0], field, "default"


def _row(
    name: str, field: str, source: str, settings: "PixelApiSettings | None", wrong: dict[str, str]
) -> dict[str, Any]:
    from pydantic import SecretStr

    if name in wrong or field in wrong:
        missing = source == "default"
        return {"setting": name, "value": MISSING if missing else WRONG, "source": "" if missing else source}
    if settings is None:
        # Another setting is missing or wrong, so there is no settings object with this one's value.
        return {"setting": name, "value": "" if source == "default" else SET, "source": source}
    value = getattr(settings, field)
    if isinstance(value, SecretStr):
        value = SET
    elif name in ("PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL"):
        source = source if value else "default: of PIXEL_ENV and PIXEL_TENANT"
        value = getattr(settings, name)
    return {"setting": name, "value": value, "source": source}


def _journal_row() -> dict[str, Any]:
    from pixel_transports.drivers.journal.listing import Journal

    source = "environment: PIXEL_JOURNAL" if os.environ.get("PIXEL_JOURNAL") else "default"
    return {"setting": "PIXEL_JOURNAL", "value": str(Path(Journal(None).path)), "source": source}

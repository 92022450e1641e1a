"""The command `config`.

Rules kept here:

* It shows the settings in use and their sources, and sends no request. One that is missing or wrong hides no other.
* Neither a password nor an invalid value is shown: an invalid value may be a password in the wrong line.
"""

import os
import platform
import sys
from collections.abc import Iterator, Set
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_core.errors import PixelSettingsError
from pixel_transports.cli.connection import Source, find_source, stored_password
from pixel_transports.cli.errors import USAGE, print_message
from pixel_transports.cli.options import connection_options
from pixel_transports.cli.output import Output, output_options, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.settings import PixelApiSettings

SET, MISSING, WRONG = "(set, not shown)", "(missing)", "(wrong, not shown)"
_PLACEHOLDERS = {"PIXEL_USERNAME": "-", "PIXEL_PASSWORD": "-", "PIXEL_TENANT": "tenant"}
"""Values in place of settings that are missing or wrong, so that the others can be shown."""


@click.command()
@connection_options
@output_options(listing=True)
def config(output: Output) -> None:
    """Show the settings in use, and their sources.

    One source is used as a whole: --env-file or --profile, PIXEL_PROFILE, the environment, or the profile `default`.
    The exit code is 2 when a setting is missing or wrong, also a proxy that would be used.
    """
    errors: list[PixelSettingsError] = []
    try:
        source = find_source()
    except PixelSettingsError as error:
        errors.append(error)
        source = Source("environment", "", {})
    settings, bad = _read(source, errors)
    rows = [{"setting": "source", "value": "(wrong)" if errors and not source.values else source.where, "source": ""}]
    rows += _settings_rows(source, settings, bad)
    rows += [_journal_row(), *_proxy_rows(settings, errors)]
    rows += [
        {"setting": "version", "value": version("pixel-client-sansio"), "source": "installed"},
        {"setting": "Python", "value": platform.python_version(), "source": "installed"},
    ]
    show_rows(rows, ("setting", "value", "source"), output)
    for each in errors:
        print_message(f"{each}.")
    if errors:
        sys.exit(USAGE)


def _read(source: Source, errors: list[PixelSettingsError]) -> tuple["PixelApiSettings", Set[str]]:
    """Return the settings, with placeholders for those that are missing or wrong, and the names of these."""
    values = {setting: source.values[variable] for setting, variable in source.found().items()}
    if source.kind == "profile":
        values["PIXEL_PASSWORD"] = _PLACEHOLDERS["PIXEL_PASSWORD"]
    bad: set[str] = set()
    try:
        return source.read(values), bad
    except PixelSettingsError as error:
        bad.update(error.missing, error.wrong)
        if not errors:  # otherwise there is no source
            errors.append(error)
    good = {setting: value for setting, value in values.items() if setting not in bad}
    placeholders = {setting: value for setting, value in _PLACEHOLDERS.items() if setting in bad}
    return source.read({**good, **placeholders}), bad


def _settings_rows(source: Source, settings: "PixelApiSettings", bad: Set[str]) -> Iterator[dict[str, Any]]:
    from pixel_transports.client.settings import SETTING_NAMES

    found = source.found()
    for setting in dict.fromkeys(SETTING_NAMES.values()):
        where = {"file": f"dotenv: {source.name}", "profile": f"profile: {source.name}"}.get(source.kind)
        where = where or f"environment: {found.get(setting)}"
        value: Any = getattr(settings, setting)
        if setting in bad:
            value, where = (WRONG, where) if setting in found else (MISSING, "")
        elif setting == "PIXEL_PASSWORD" and source.kind == "profile":
            is_stored = stored_password(settings).get() is not None
            value, where = (SET, "keyring") if is_stored else ("(asked for)", "terminal")
        elif setting == "PIXEL_PASSWORD":
            value = SET
        elif setting not in found:
            where = "default"
            if setting in ("PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL"):
                where = f"default: of PIXEL_ENV{' and PIXEL_TENANT' if setting == 'PIXEL_API_URL' else ''}"
                value = _default_url(value, bad)
        yield {"setting": setting, "value": value, "source": where}


def _default_url(url: str, bad: Set[str]) -> str:
    """A default address, with names in place of parts that are missing or wrong."""
    if "PIXEL_ENV" in bad:
        url = url.replace("//prod.", "//(PIXEL_ENV).")
    return url.removesuffix("/tenant") + "/(PIXEL_TENANT)" if "PIXEL_TENANT" in bad and url.endswith("/tenant") else url


def _journal_row() -> dict[str, Any]:
    from pixel_transports.drivers.journal.listing import Journal

    source = "environment: PIXEL_JOURNAL" if os.environ.get("PIXEL_JOURNAL") else "default"
    return {"setting": "PIXEL_JOURNAL", "value": str(Path(Journal(None).path)), "source": source}


def _proxy_rows(settings: "PixelApiSettings", errors: list[PixelSettingsError]) -> Iterator[dict[str, Any]]:
    """Yield the proxies of the environment, without credentials. One that would be used and cannot be is an error."""
    from pixel_core.http.proxies import Proxies, UnusableProxy, proxy_variable
    from pixel_core.messages import split_base_url

    proxies = Proxies.from_environment(os.environ)
    for name, proxy in (("https_proxy", proxies.https), ("http_proxy", proxies.http)):
        variable = proxy_variable(name, os.environ) or proxy_variable("all_proxy", os.environ)
        value = WRONG if isinstance(proxy, UnusableProxy) else str(proxy or "(none)")
        source = f"environment: {variable}" if variable else "default"
        yield {"setting": name.upper(), "value": value, "source": source}
    variable = proxy_variable("no_proxy", os.environ)
    value, source = (os.environ[variable], f"environment: {variable}") if variable else ("(none)", "default")
    yield {"setting": "NO_PROXY", "value": value, "source": source}
    try:
        for address in (settings.PIXEL_API_URL, settings.PIXEL_AUTH_SERVER_URL):
            proxies.for_origin(split_base_url(address)[0])
    except PixelSettingsError as error:
        errors.append(error)

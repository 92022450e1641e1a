"""The commands `login`, `logout` and `profiles`.

Rules kept here:

* Nothing is stored before a login with it succeeded.
* A profile is made of options and answers alone: the environment is not read. With any option it is made anew; without
  one, the settings of the profile are kept, and only the password is asked for.
"""

import logging
import os
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import click

from pixel_core.errors import PixelSettingsError
from pixel_transports.cli import profiles
from pixel_transports.cli.client import log_to_stderr
from pixel_transports.cli.connection import Source, ask_password, describe, environment_source, stored_password
from pixel_transports.cli.errors import FAILED, NOTHING, fail, print_message, report_errors
from pixel_transports.cli.options import connection, connection_options, profile_option
from pixel_transports.cli.output import Output, output_options, show_rows
from pixel_transports.cli.streams import is_terminal
from pixel_transports.runtime.extras import install_command

if TYPE_CHECKING:
    from pixel_transports.client.settings import PixelApiSettings


@click.command()
@click.option("--username", help="The user.")
@click.option("--tenant", help="The tenant.")
@click.option("--env", type=click.Choice(["prod", "test", "dev"]), help="The installation of the service; prod if new.")
@click.option("--api-url", help="The address of another API.")
@click.option("--auth-server-url", help="The address of another login server.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@connection_options
def login(password_stdin: bool, **options: Any) -> None:
    """Log in, and store the settings as a profile.

    Asks for what is missing. The profile is --profile, PIXEL_PROFILE, or `default`, which commands use if neither an
    option nor the environment has settings. The password is stored in the keyring of the system, with the extra
    `keyring`; otherwise commands ask for it.
    """
    name = _name()
    changes = {field: options[key] for key, field in _OPTIONS.items() if options[key]}
    verbose = connection().verbose
    with log_to_stderr(verbose, logging.DEBUG) if verbose else nullcontext(), report_errors():
        profiles.path_of(name)
        values = changes or profiles.read(name) or {}
        for field, option in (("PIXEL_USERNAME", "--username"), ("PIXEL_TENANT", "--tenant")):
            values.setdefault(field, "")
            values[field] = values[field] or _ask(option)
        source = Source("profile", name, values)
        settings = source.read({**values, "PIXEL_PASSWORD": "-"})
        print_message(f"{describe(settings)}, login server {settings.PIXEL_AUTH_SERVER_URL}.")
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ask_password(settings, name)
        settings = source.read({**values, "PIXEL_PASSWORD": password})
        from pixel_transports.client.factory import get_client

        with get_client(settings=settings) as client:
            client.me()
        is_stored = stored_password(settings).set(password)
        try:
            path = profiles.write(name, values)
        except OSError as error:
            fail(f"The profile {name} cannot be stored: {error}", FAILED)
    print_message(f"Logged in. The profile {name} is stored in {path}.")
    if environment_source() is not None and name == profiles.DEFAULT:
        print_message("The environment has settings: they are used before this profile, unless --profile names it.")
    if not is_stored:
        print_message(f"The password is not stored, and will be asked for. To store it: {install_command('keyring')}")


_OPTIONS = {
    "env": "PIXEL_ENV",
    "username": "PIXEL_USERNAME",
    "tenant": "PIXEL_TENANT",
    "api_url": "PIXEL_API_URL",
    "auth_server_url": "PIXEL_AUTH_SERVER_URL",
}


def _name() -> str:
    chosen = connection()
    if chosen.env_file is not None:
        raise click.UsageError("--env-file does not go with this command: it is about profiles")
    return chosen.profile or os.environ.get("PIXEL_PROFILE") or profiles.DEFAULT


def _ask(option: str) -> str:
    if not is_terminal(sys.stdin):
        raise click.UsageError(f"there is no terminal to ask at: pass {option}, and --password-stdin")
    answer: str = click.prompt(option.removeprefix("--").capitalize(), err=True)
    return answer


@click.command()
@profile_option
def logout() -> None:
    """Remove a profile, and its password from the keyring."""
    name = _name()
    with report_errors():
        profiles.path_of(name)
        with suppress(PixelSettingsError):  # a damaged profile has no user whose password could be removed
            stored_password(_read(name)).delete()
        if not profiles.remove(name):
            fail(f"There is no profile {name}.", NOTHING)
    print_message(f"The profile {name} was removed.")


@click.command("profiles")
@output_options(listing=True)
def list_profiles(output: Output) -> None:
    """List the profiles that `pixel login` stored."""
    with report_errors():
        rows = [{"profile": name, **_row(name)} for name in profiles.list_names()]
    show_rows(rows, ("profile", "user", "tenant", "env", "api"), output)


def _read(name: str) -> "PixelApiSettings":
    """The settings of a profile, without its password. Raises PixelSettingsError."""
    values = profiles.read(name) or {}
    return Source("profile", name, values).read({**values, "PIXEL_PASSWORD": "-"})


def _row(name: str) -> dict[str, str]:
    try:
        settings = _read(name)
    except PixelSettingsError:
        return {"user": "(damaged: `pixel logout` removes it)"}
    return {
        "user": settings.PIXEL_USERNAME,
        "tenant": settings.PIXEL_TENANT,
        "env": settings.PIXEL_ENV,
        "api": settings.PIXEL_API_URL,
    }

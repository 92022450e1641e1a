"""The command line `pixel`. Needs the extra `cli`. README.md lists the files.

Rules kept here:

* Data goes to stdout, progress and errors to stderr. Both take any text, whatever their encoding.
* An error is one sentence, not a traceback. The exit codes are those of `errors.EXIT_CODES`.
* A command imports clients and models when it runs, so that help is fast.
"""

import sys
from collections.abc import Iterable

from pixel_transports.runtime.extras import missing_extra

try:
    import click
except ModuleNotFoundError:
    sys.exit(missing_extra("cli", "The command line", "click"))

from pixel_transports.cli.analysis import analysis
from pixel_transports.cli.arcgis import arcgis
from pixel_transports.cli.attachments import attachments
from pixel_transports.cli.completion import completion
from pixel_transports.cli.config import config
from pixel_transports.cli.data_collections import collections
from pixel_transports.cli.demo import demo
from pixel_transports.cli.errors import (
    EXIT_CODES,
    FAILED,
    INTERRUPTED,
    TERMINATED,
    Terminated,
    fail,
    print_message,
    show_usage_error,
    signals_raise,
)
from pixel_transports.cli.harvest import harvest
from pixel_transports.cli.jobs import jobs
from pixel_transports.cli.journal import journal
from pixel_transports.cli.login import list_profiles, login, logout
from pixel_transports.cli.me import me
from pixel_transports.cli.optimise import optimise
from pixel_transports.cli.options import connection_options
from pixel_transports.cli.output import no_pager_option
from pixel_transports.cli.projects import projects
from pixel_transports.cli.resources import images, pointclouds, rasters
from pixel_transports.cli.sandbox import sandbox
from pixel_transports.cli.search import search
from pixel_transports.cli.streams import discard_output, make_streams_safe
from pixel_transports.cli.upload import upload


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixel-client-sansio", prog_name="pixel")
@connection_options
@no_pager_option
@click.pass_context
def cli(context: click.Context, no_pager: bool) -> None:
    """Work with Geodata Pixel from the command line.

    Settings come, as a whole, from --env-file or --profile, from PIXEL_PROFILE, from the environment (PIXEL_USERNAME,
    PIXEL_PASSWORD, PIXEL_TENANT, ...), or from the profile `default`. `pixel config` shows them.

    Output that is longer than the terminal is shown in a pager: that of PIXEL_PAGER, else of PAGER, else `less`.
    """
    context.meta["no_pager"] = no_pager


_COMMANDS: tuple[click.Command, ...] = (
    *(projects, collections, images, rasters, pointclouds, search),
    *(upload, journal, attachments, optimise, jobs),
    *(arcgis, harvest, analysis),
    *(login, logout, list_profiles),
    *(me, config, completion, demo, sandbox),
)


def _add(group: click.Group, commands: Iterable[click.Command]) -> None:
    """Add commands to a group. Groups below it take the options of the connection too."""
    for command in commands:
        group.add_command(command)
        if isinstance(command, click.Group):
            connection_options(command)
            _add(command, list(command.commands.values()))


_add(cli, _COMMANDS)


def main() -> None:
    """Run the command `pixel`, and exit with its code."""
    make_streams_safe()
    try:
        with signals_raise():
            cli(prog_name="pixel", standalone_mode=False)
    except click.exceptions.Abort as error:
        terminated = isinstance(error.__cause__, Terminated)
        print_message("Terminated." if terminated else "Interrupted.")
        sys.exit(TERMINATED if terminated else INTERRUPTED)
    except click.ClickException as error:
        show_usage_error(error)
        sys.exit(error.exit_code)
    except OSError as error:  # of stdout, which is full
        discard_output()
        fail(f"{error}.", FAILED)

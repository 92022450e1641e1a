"""The command line `pixel`. Needs the extra `cli`.

Rules kept here:

* Data goes to stdout, progress and errors to stderr.
* An error is one clear sentence, not a traceback. Exit codes are those of `exits.EXIT_CODES`.
* A command imports what it works with when it runs, so that help comes at once.
"""

import sys

try:
    import click
except ModuleNotFoundError:  # pragma: no cover - told by a test in an environment of its own
    sys.exit("The command line needs its extra: pip install 'pixel-client-sansio[cli]'")

from pixel_transports.cli.analysing import analysis
from pixel_transports.cli.arcgis import arcgis
from pixel_transports.cli.attaching import attachments
from pixel_transports.cli.basic import demo, me, sandbox
from pixel_transports.cli.completion import completion
from pixel_transports.cli.configuring import config
from pixel_transports.cli.data_collections import collections
from pixel_transports.cli.exits import EXIT_CODES, INTERRUPTED, tell
from pixel_transports.cli.harvesting import harvest
from pixel_transports.cli.jobs import jobs
from pixel_transports.cli.journals import journal
from pixel_transports.cli.optimising import optimise
from pixel_transports.cli.projects import projects
from pixel_transports.cli.resources import images, pointclouds, rasters
from pixel_transports.cli.searching import search
from pixel_transports.cli.upload import upload


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixel-client-sansio", prog_name="pixel")
def cli() -> None:
    """Work with Geodata Pixel from the command line.

    The settings come from the environment (PIXEL_USERNAME, PIXEL_PASSWORD, PIXEL_TENANT, ...) or from a dotenv file.
    """


_COMMANDS: tuple[click.Command, ...] = (
    *(projects, collections, images, rasters, pointclouds, search),
    *(upload, journal, attachments, optimise, jobs),
    *(arcgis, harvest, analysis),
    *(me, config, completion, demo, sandbox),
)

for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """The entry point of the command `pixel`."""
    try:
        cli(prog_name="pixel", standalone_mode=False)
    except click.exceptions.Abort:
        tell("Interrupted.")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)

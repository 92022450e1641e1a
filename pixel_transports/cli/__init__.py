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

from pixel_transports.cli.basic import demo, me, sandbox
from pixel_transports.cli.exits import EXIT_CODES, INTERRUPTED, tell
from pixel_transports.cli.journals import journal
from pixel_transports.cli.upload import upload


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixel-client-sansio", prog_name="pixel")
def cli() -> None:
    """Work with Geodata Pixel from the command line.

    The settings come from the environment (PIXEL_USERNAME, PIXEL_PASSWORD, PIXEL_TENANT, ...) or from a dotenv file.
    """


for _command in (demo, journal, me, sandbox, upload):
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

"""The command `me`."""

from typing import TYPE_CHECKING

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.output import print_json

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient


@click.command()
@click.option("--extended", is_flag=True, help="Show all fields of the user.")
@with_client
def me(client: "PixelClient", extended: bool) -> None:
    """Show the logged-in user, as JSON."""
    print_json(client.me(extended=extended))

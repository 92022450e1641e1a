"""The command `me`."""

import json
from typing import TYPE_CHECKING

import click

from pixel_transports.cli.client import with_client

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient


@click.command()
@click.option("--extended", is_flag=True, help="Show all fields of the user.")
@with_client
def me(client: "PixelClient", extended: bool) -> None:
    """Show the logged-in user, as JSON."""
    click.echo(json.dumps(client.me(extended=extended), indent=2, ensure_ascii=False))

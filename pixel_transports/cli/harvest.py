"""The command `harvest`.

Rules kept here:

* A service and its credentials are read from a JSON file or stdin, never from arguments, which other users can see.
  Credentials in a response are not shown.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.options import (
    collection_options,
    drop_unset,
    fetch_pages,
    file_argument,
    ids_argument,
    paging_options,
    read_input,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_service_argument = click.argument("service", type=int)


@click.group()
def harvest() -> None:
    """Fetch images into a data collection from other services."""


@harvest.command("list")
@collection_options
@paging_options
@output_options(listing=True)
@with_client
def list_services(client: "PixelClient", project: int, collection: int, output: Output, **paging: Any) -> None:
    """List the harvest services of a data collection."""
    rows = fetch_pages(lambda **page: client.list_harvest_services(project, collection, **page), **paging)
    show_rows(rows, ("id", "name", "description", "url"), output)


@harvest.command()
@_service_argument
@collection_options
@output_options()
@with_client
def show(client: "PixelClient", service: int, project: int, collection: int, output: Output) -> None:
    """Show a harvest service."""
    show_one(client.get_harvest_service(project, collection, service), output)


@harvest.command()
@file_argument
@collection_options
@output_options()
@with_client
def create(client: "PixelClient", file: TextIO, project: int, collection: int, output: Output) -> None:
    """Create a harvest service from a JSON FILE (- is stdin), and show it.

    The file has name, description, url, auth, and optionally field_mappings and where_clause. `start` starts it.

    \b
    Example:
      {"name": "Survey", "description": "", "url": "https://example.com/layer/0",
       "auth": {"api_key": {"api_key": "..."}}, "where_clause": "year = 2024"}
    """
    from pixel_core.models import HarvestServiceCreateInput

    body = read_input(file, HarvestServiceCreateInput)
    show_one(client.create_harvest_service(project, collection, body), output)


@harvest.command()
@_service_argument
@file_argument
@collection_options
@output_options()
@with_client
def update(client: "PixelClient", service: int, file: TextIO, project: int, collection: int, output: Output) -> None:
    """Change the fields in a JSON FILE (- is stdin), and show the service."""
    from pixel_core.models import HarvestServiceUpdateInput

    body = read_input(file, HarvestServiceUpdateInput)
    show_one(client.update_harvest_service(project, collection, service, body), output)


@harvest.command()
@ids_argument("services", "SERVICES...")
@collection_options
@yes_option
@with_client
def delete(client: "PixelClient", services: tuple[int, ...], project: int, collection: int, yes: bool) -> None:
    """Delete harvest services."""
    delete_each(
        "harvest service",
        services,
        yes,
        lambda each: client.get_harvest_service(project, collection, each)["name"],
        lambda each: client.delete_harvest_service(project, collection, each),
    )


@harvest.command()
@_service_argument
@collection_options
@output_options()
@with_client
def start(client: "PixelClient", service: int, project: int, collection: int, output: Output) -> None:
    """Start a harvest service; `tasks` lists its runs."""
    show_one(client.start_harvest_service(project, collection, service), output)


@harvest.command()
@_service_argument
@collection_options
@output_options()
@with_client
def stop(client: "PixelClient", service: int, project: int, collection: int, output: Output) -> None:
    """Stop a harvest service."""
    show_one(client.stop_harvest_service(project, collection, service), output)


@harvest.command()
@_service_argument
@collection_options
@click.option(
    "--status",
    type=click.Choice(["pending", "submitted", "in_progress", "completed", "failed"]),
    help="Only those with this status.",
)
@paging_options
@output_options(listing=True)
@with_client
def tasks(
    client: "PixelClient",
    service: int,
    project: int,
    collection: int,
    status: str | None,
    output: Output,
    **paging: Any,
) -> None:
    """List the runs of a harvest service."""

    def fetch(**page: int) -> list[Any]:
        filters: dict[str, Any] = {**drop_unset(status=status), **page}
        return list(client.get_harvest_service_tasks(project, collection, service, **filters))

    show_rows(fetch_pages(fetch, **paging), ("id", "status"), output)

"""The command `harvest`.

Rules kept here:

* What a service is made of, its login too, is read from a JSON file (or stdin), never from arguments, which others can
  see. What the server repeats of a login is not shown.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.common import (
    delete_each,
    file_argument,
    given,
    json_object,
    paged,
    paging,
    placed,
    refusing,
    with_client,
    yes_option,
)
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_service_argument = click.argument("service", type=int)


@click.group()
def harvest() -> None:
    """Fetch images into a data collection from other services."""


@harvest.command("list")
@placed
@paging
@formats()
@with_client
def list_services(client: "PixelClient", project: int, collection: int, form: str | None, **pages: Any) -> None:
    """List the harvest services of a data collection."""
    found = paged(lambda **page: client.list_harvest_services(project, collection, **page), **pages)
    show_rows(found, ("id", "name", "description", "url"), form)


@harvest.command()
@_service_argument
@placed
@formats()
@with_client
def show(client: "PixelClient", service: int, project: int, collection: int, form: str | None) -> None:
    """Show a harvest service."""
    show_one(client.get_harvest_service(project, collection, service), form)


@harvest.command()
@file_argument
@placed
@formats()
@with_client
def create(client: "PixelClient", file: TextIO, project: int, collection: int, form: str | None) -> None:
    """Create a harvest service from a JSON FILE (- is stdin), and show it.

    The file has name, description, url, auth, and maybe field_mappings and where_clause. `start` starts it.
    """
    from pixel_core.models import HarvestServiceCreateInput

    with refusing(file.name):
        wanted = HarvestServiceCreateInput.model_validate(json_object(file))
    show_one(client.create_harvest_service(project, collection, wanted), form)


@harvest.command()
@_service_argument
@file_argument
@placed
@formats()
@with_client
def update(client: "PixelClient", service: int, file: TextIO, project: int, collection: int, form: str | None) -> None:
    """Change what a JSON FILE (- is stdin) holds, and show the service."""
    from pixel_core.models import HarvestServiceUpdateInput

    with refusing(file.name):
        wanted = HarvestServiceUpdateInput.model_validate(json_object(file))
    show_one(client.update_harvest_service(project, collection, service, wanted), form)


@harvest.command()
@click.argument("services", metavar="SERVICES...", type=int, nargs=-1, required=True)
@placed
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
@placed
@formats()
@with_client
def start(client: "PixelClient", service: int, project: int, collection: int, form: str | None) -> None:
    """Start a harvest service; `tasks` shows its runs."""
    show_one(client.start_harvest_service(project, collection, service), form)


@harvest.command()
@_service_argument
@placed
@formats()
@with_client
def stop(client: "PixelClient", service: int, project: int, collection: int, form: str | None) -> None:
    """Stop a harvest service."""
    show_one(client.stop_harvest_service(project, collection, service), form)


@harvest.command()
@_service_argument
@placed
@click.option(
    "--status",
    type=click.Choice(["pending", "submitted", "in_progress", "completed", "failed"]),
    help="Only those with this status.",
)
@paging
@formats()
@with_client
def tasks(
    client: "PixelClient",
    service: int,
    project: int,
    collection: int,
    status: str | None,
    form: str | None,
    **pages: Any,
) -> None:
    """List the runs of a harvest service."""

    def fetch(**page: int) -> list[Any]:
        narrowed: dict[str, Any] = {**given(status=status), **page}
        return list(client.get_harvest_service_tasks(project, collection, service, **narrowed))

    show_rows(paged(fetch, **pages), ("id", "status"), form)

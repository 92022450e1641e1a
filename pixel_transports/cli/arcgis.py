"""The command `arcgis`.

Rules kept here:

* A service is identified by its type and its id. Services are read from JSON files and checked before they are sent.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.jobs import exit_if_failed
from pixel_transports.cli.options import (
    AnyCase,
    Command,
    fetch_pages,
    file_argument,
    ids_argument,
    paging_options,
    read_input,
    usage_errors,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_COLUMNS = ("id", "name", "description", "data_collection_ids", "status")

_type_argument = click.argument("service_type", metavar="Feature|Image", type=AnyCase(["Feature", "Image"]))
_wait_option = click.option("--wait/--no-wait", default=True, help="Wait for the server's job.  [default: wait]")


def _service_arguments(command: Command) -> Command:
    return _type_argument(click.argument("service", type=int)(command))


@click.group()
def arcgis() -> None:
    """Publish data collections as ArcGIS services."""


@arcgis.command("list")
@_type_argument
@paging_options
@output_options(listing=True)
@with_client
def list_services(client: "PixelClient", service_type: Any, output: Output, **paging: Any) -> None:
    """List the services of a type."""
    rows = fetch_pages(lambda **page: client.list_arcgis_services(service_type, **page), **paging)
    show_rows(rows, _COLUMNS, output)


@arcgis.command()
@_service_arguments
@output_options()
@with_client
def show(client: "PixelClient", service_type: Any, service: int, output: Output) -> None:
    """Show a service."""
    show_one(client.get_arcgis_service(service_type, service), output)


@arcgis.command()
@_type_argument
@file_argument
@output_options()
@with_client
def create(client: "PixelClient", service_type: Any, file: TextIO, output: Output) -> None:
    """Create a service from a JSON FILE (- is stdin), and show it.

    \b
    Example for Feature:
      {"name": "Photos", "description": "", "data_collection_ids": [12],
       "options": {"feature_service_options": {"image_layer": {}}}}
    Example for Image:
      {"name": "Map", "description": "", "data_collection_ids": [13],
       "options": {"image_service_options": {"default_service_srid": 25832}}}
    """
    from pixel_core.models import ArcgisServiceCreateInput

    body = read_input(file, ArcgisServiceCreateInput)
    with usage_errors(file.name):
        created = client.create_arcgis_service(service_type, body)
    show_one(created, output)


@arcgis.command()
@_service_arguments
@file_argument
@output_options()
@with_client
def update(client: "PixelClient", service_type: Any, service: int, file: TextIO, output: Output) -> None:
    """Change the fields in a JSON FILE (- is stdin), and show the service."""
    from pixel_core.models import ArcgisServiceUpdateInput

    body = read_input(file, ArcgisServiceUpdateInput)
    show_one(client.update_arcgis_service(service_type, service, body), output)


@arcgis.command()
@_type_argument
@ids_argument("services", "SERVICES...")
@yes_option
@with_client
def delete(client: "PixelClient", service_type: Any, services: tuple[int, ...], yes: bool) -> None:
    """Delete services."""
    delete_each(
        f"{service_type} service",
        services,
        yes,
        lambda each: client.get_arcgis_service(service_type, each)["name"],
        lambda each: client.delete_arcgis_service(service_type, each),
    )


@arcgis.command()
@_service_arguments
@_wait_option
@output_options()
@with_client
def start(client: "PixelClient", service_type: Any, service: int, wait: bool, output: Output) -> None:
    """Start a service."""
    _show_change(client.start_arcgis_service(service_type, service, wait), output)


@arcgis.command()
@_service_arguments
@_wait_option
@output_options()
@with_client
def stop(client: "PixelClient", service_type: Any, service: int, wait: bool, output: Output) -> None:
    """Stop a service."""
    _show_change(client.stop_arcgis_service(service_type, service, wait), output)


@arcgis.command()
@_service_arguments
@click.option("--data", is_flag=True, help="Refresh its data too.")
@_wait_option
@output_options()
@with_client
def refresh(client: "PixelClient", service_type: Any, service: int, data: bool, wait: bool, output: Output) -> None:
    """Bring a service up to date."""
    _show_change(client.refresh_arcgis_service(service_type, service, data, wait), output)


@arcgis.command()
@output_options(listing=True)
@with_client
def users(client: "PixelClient", output: Output) -> None:
    """List the portal users that a service can be shared with."""
    show_rows([{"name": each} for each in client.list_gdo_users()], ("name",), output)


def _show_change(change: Any, output: Output) -> None:
    show_one(change, output)
    exit_if_failed(change.get("job"))

"""The command `arcgis`.

Rules kept here:

* A service is named by its type and its id. What it is made of is read from a JSON file, and checked before it is sent.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.common import (
    Command,
    delete_each,
    file_argument,
    json_object,
    paged,
    paging,
    refusing,
    with_client,
    yes_option,
)
from pixel_transports.cli.jobs import ended
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_COLUMNS = ("id", "name", "description", "data_collection_ids", "status")

_type_argument = click.argument(
    "service_type", metavar="Feature|Image", type=click.Choice(["Feature", "Image"], case_sensitive=False)
)
_service_argument = click.argument("service", type=int)
_wait_option = click.option("--wait/--no-wait", default=True, help="Wait for the job that does it, or do not.")


def _one(command: Command) -> Command:
    return _type_argument(_service_argument(command))


@click.group()
def arcgis() -> None:
    """Publish data collections as ArcGIS services."""


@arcgis.command("list")
@_type_argument
@paging
@formats()
@with_client
def list_services(client: "PixelClient", service_type: Any, form: str | None, **pages: Any) -> None:
    """List the services of a type."""
    show_rows(paged(lambda **page: client.list_arcgis_services(service_type, **page), **pages), _COLUMNS, form)


@arcgis.command()
@_one
@formats()
@with_client
def show(client: "PixelClient", service_type: Any, service: int, form: str | None) -> None:
    """Show a service."""
    show_one(client.get_arcgis_service(service_type, service), form)


@arcgis.command()
@_type_argument
@file_argument
@formats()
@with_client
def create(client: "PixelClient", service_type: Any, file: TextIO, form: str | None) -> None:
    """Create a service from a JSON FILE (- is stdin), and show it.

    The file has name, description, data_collection_ids, and options with feature_service_options or
    image_service_options.
    """
    from pixel_core.models import ArcgisServiceCreateInput

    with refusing(file.name):
        wanted = ArcgisServiceCreateInput.model_validate(json_object(file))
        made = client.create_arcgis_service(service_type, wanted)
    show_one(made, form)


@arcgis.command()
@_one
@file_argument
@formats()
@with_client
def update(client: "PixelClient", service_type: Any, service: int, file: TextIO, form: str | None) -> None:
    """Change what a JSON FILE (- is stdin) holds, and show the service."""
    from pixel_core.models import ArcgisServiceUpdateInput

    with refusing(file.name):
        wanted = ArcgisServiceUpdateInput.model_validate(json_object(file))
    show_one(client.update_arcgis_service(service_type, service, wanted), form)


@arcgis.command()
@_type_argument
@click.argument("services", metavar="SERVICES...", type=int, nargs=-1, required=True)
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
@_one
@_wait_option
@formats()
@with_client
def start(client: "PixelClient", service_type: Any, service: int, wait: bool, form: str | None) -> None:
    """Start a service."""
    _changed(client.start_arcgis_service(service_type, service, wait), form)


@arcgis.command()
@_one
@_wait_option
@formats()
@with_client
def stop(client: "PixelClient", service_type: Any, service: int, wait: bool, form: str | None) -> None:
    """Stop a service."""
    _changed(client.stop_arcgis_service(service_type, service, wait), form)


@arcgis.command()
@_one
@click.option("--data", is_flag=True, help="Refresh its data too.")
@_wait_option
@formats()
@with_client
def refresh(client: "PixelClient", service_type: Any, service: int, data: bool, wait: bool, form: str | None) -> None:
    """Bring a service up to date."""
    _changed(client.refresh_arcgis_service(service_type, service, data, wait), form)


@arcgis.command()
@formats()
@with_client
def users(client: "PixelClient", form: str | None) -> None:
    """List the users that a service can be opened to."""
    show_rows([{"name": each} for each in client.list_gdo_users()], ("name",), form)


def _changed(change: Any, form: str | None) -> None:
    show_one(change, form)
    ended(change.get("job"))

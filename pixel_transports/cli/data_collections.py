"""The command `collections`.

Rules kept here:

* Deleting asks first. A deleted data collection can be restored, and the command for that is printed.
"""

from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.options import (
    drop_unset,
    fetch_pages,
    ids_argument,
    name_option,
    new_tags_option,
    paging_options,
    project_option,
    tags_option,
    update_options,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

COLUMNS = ("id", "name", "data_collection_type", "description", "tags", "created_at")

_TYPES = click.Choice(["image", "raster", "RGB", "DTM", "DSM", "point_cloud"])
_collection_argument = click.argument("collection", type=int)


@click.group()
def collections() -> None:
    """List, show and change data collections."""


@collections.command("list")
@project_option
@name_option
@tags_option
@click.option("--type", "data_collection_type", type=_TYPES, help="Only those of this type.")
@click.option("--deleted", is_flag=True, help="List deleted ones, which can be restored.")
@paging_options
@output_options(listing=True)
@with_client
def list_collections(
    client: "PixelClient",
    project: int,
    name: str | None,
    tags: tuple[str, ...],
    data_collection_type: str | None,
    deleted: bool,
    output: Output,
    **paging: Any,
) -> None:
    """List the data collections of a project."""
    fetch = client.list_deleted_data_collections if deleted else client.list_data_collections
    filters = drop_unset(name=name, tags=tags, data_collection_type=data_collection_type)
    show_rows(fetch_pages(lambda **page: fetch(project, **filters, **page), **paging), COLUMNS, output)


@collections.command()
@_collection_argument
@project_option
@output_options()
@with_client
def show(client: "PixelClient", collection: int, project: int, output: Output) -> None:
    """Show a data collection."""
    show_one(client.get_data_collection(project, collection), output)


@collections.command()
@click.argument("name")
@project_option
@click.option("--type", "data_collection_type", type=_TYPES, required=True, help="The type of its files.")
@click.option("--description", default="", help="The description.")
@new_tags_option
@output_options()
@with_client
def create(
    client: "PixelClient",
    name: str,
    project: int,
    data_collection_type: Any,
    description: str,
    tags: tuple[str, ...],
    output: Output,
) -> None:
    """Create a data collection, and show it."""
    show_one(client.create_data_collection(project, name, description, data_collection_type, tags), output)


@collections.command()
@_collection_argument
@project_option
@update_options
@output_options()
@with_client
def update(client: "PixelClient", collection: int, project: int, output: Output, **options: Any) -> None:
    """Change the given fields of a data collection, and show it."""
    changes = drop_unset(**options)
    if not changes:
        raise click.UsageError("nothing to change: pass --name, --description, --add-tag or --remove-tag")
    show_one(client.update_data_collection(project, collection, **changes), output)


@collections.command()
@_collection_argument
@project_option
@click.option("--to-project", type=int, required=True, help="The id of the new project.")
@output_options()
@with_client
def move(client: "PixelClient", collection: int, project: int, to_project: int, output: Output) -> None:
    """Move a data collection to another project."""
    show_one(client.move_data_collection(project, collection, to_project), output)


@collections.command()
@ids_argument("collection_ids", "COLLECTIONS...")
@project_option
@yes_option
@with_client
def delete(client: "PixelClient", collection_ids: tuple[int, ...], project: int, yes: bool) -> None:
    """Delete data collections; `restore` undoes it."""
    delete_each(
        "data collection",
        collection_ids,
        yes,
        lambda each: client.get_data_collection(project, each)["name"],
        lambda each: client.delete_data_collection(project, each),
    )
    print_message(f"To restore it: pixel collections restore {collection_ids[0]} --project {project}")


@collections.command()
@_collection_argument
@project_option
@output_options()
@with_client
def restore(client: "PixelClient", collection: int, project: int, output: Output) -> None:
    """Restore a deleted data collection."""
    show_one(client.restore_data_collection(project, collection), output)

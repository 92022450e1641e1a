"""The command `collections`.

Rules kept here:

* Deleting asks first. A data collection that was deleted can be restored, which is said when it is gone.
"""

from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import delete_each, given, paged, paging, project_option, with_client, yes_option
from pixel_transports.cli.exits import tell
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

COLUMNS = ("id", "name", "data_collection_type", "description", "tags", "created_at")

_TYPES = click.Choice(["image", "raster", "RGB", "DTM", "DSM", "point_cloud"])


@click.group()
def collections() -> None:
    """List, show and change data collections."""


@collections.command("list")
@project_option
@click.option("--name", help="Only those of this name, as the server compares names.")
@click.option("--tag", "tags", multiple=True, help="Only those with this tag; may be given several times.")
@click.option("--type", "data_collection_type", type=_TYPES, help="Only those of this type.")
@click.option("--deleted", is_flag=True, help="Those that were deleted, and can be restored.")
@paging
@formats()
@with_client
def list_collections(
    client: "PixelClient",
    project: int,
    name: str | None,
    tags: tuple[str, ...],
    data_collection_type: str | None,
    deleted: bool,
    form: str | None,
    **pages: Any,
) -> None:
    """List the data collections of a project."""
    fetch = client.list_deleted_data_collections if deleted else client.list_data_collections
    narrowed = given(name=name, tags=tags, data_collection_type=data_collection_type)
    show_rows(paged(lambda **page: fetch(project, **narrowed, **page), **pages), COLUMNS, form)


@collections.command()
@click.argument("collection", type=int)
@project_option
@formats()
@with_client
def show(client: "PixelClient", collection: int, project: int, form: str | None) -> None:
    """Show a data collection."""
    show_one(client.get_data_collection(project, collection), form)


@collections.command()
@click.argument("name")
@project_option
@click.option("--type", "data_collection_type", type=_TYPES, required=True, help="What it will hold.")
@click.option("--description", default="", help="What it is about.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@formats()
@with_client
def create(
    client: "PixelClient",
    name: str,
    project: int,
    data_collection_type: Any,
    description: str,
    tags: tuple[str, ...],
    form: str | None,
) -> None:
    """Create a data collection, and show it."""
    show_one(client.create_data_collection(project, name, description, data_collection_type, tags), form)


@collections.command()
@click.argument("collection", type=int)
@project_option
@click.option("--name", help="The new name.")
@click.option("--description", help="The new description.")
@click.option("--add-tag", "add_tags", multiple=True, help="A tag to add; may be given several times.")
@click.option("--remove-tag", "remove_tags", multiple=True, help="A tag to remove; may be given several times.")
@formats()
@with_client
def update(client: "PixelClient", collection: int, project: int, form: str | None, **options: Any) -> None:
    """Change what is given of a data collection, and show it."""
    changes = given(**options)
    if not changes:
        raise click.UsageError("nothing to change: give --name, --description, --add-tag or --remove-tag")
    show_one(client.update_data_collection(project, collection, **changes), form)


@collections.command()
@click.argument("collection", type=int)
@project_option
@click.option("--to-project", type=int, required=True, help="The id of the project to move it to.")
@formats()
@with_client
def move(client: "PixelClient", collection: int, project: int, to_project: int, form: str | None) -> None:
    """Move a data collection to another project."""
    show_one(client.move_data_collection(project, collection, to_project), form)


@collections.command()
@click.argument("collection_ids", metavar="COLLECTIONS...", type=int, nargs=-1, required=True)
@project_option
@yes_option
@with_client
def delete(client: "PixelClient", collection_ids: tuple[int, ...], project: int, yes: bool) -> None:
    """Delete data collections; `restore` brings them back."""
    delete_each(
        "data collection",
        collection_ids,
        yes,
        lambda each: client.get_data_collection(project, each)["name"],
        lambda each: client.delete_data_collection(project, each),
    )
    tell(f"To bring one back: pixel collections restore {collection_ids[0]} --project {project}")


@collections.command()
@click.argument("collection", type=int)
@project_option
@formats()
@with_client
def restore(client: "PixelClient", collection: int, project: int, form: str | None) -> None:
    """Bring a deleted data collection back."""
    show_one(client.restore_data_collection(project, collection), form)

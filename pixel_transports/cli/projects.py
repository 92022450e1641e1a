"""The command `projects`.

Rules kept here:

* Deleting asks first. A deleted project can be restored, and the command for that is printed.
"""

from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.options import (
    complete_files,
    drop_unset,
    fetch_pages,
    ids_argument,
    name_option,
    new_tags_option,
    paging_options,
    tags_option,
    update_options,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

COLUMNS = ("id", "name", "description", "parent_project_id", "tags", "created_at")

_project_argument = click.argument("project", type=int)


@click.group()
def projects() -> None:
    """List, show and change projects."""


@projects.command("list")
@name_option
@tags_option
@click.option("--deleted", is_flag=True, help="List deleted ones, which can be restored.")
@paging_options
@output_options(geometry=True, listing=True)
@with_client
def list_projects(
    client: "PixelClient",
    name: str | None,
    tags: tuple[str, ...],
    deleted: bool,
    output: Output,
    **paging: Any,
) -> None:
    """List projects."""
    fetch = client.list_deleted_projects if deleted else client.list_projects
    filters = drop_unset(name=name, tags=tags)
    show_rows(fetch_pages(lambda **page: fetch(**filters, **page), **paging), COLUMNS, output)


@projects.command()
@_project_argument
@output_options(geometry=True)
@with_client
def show(client: "PixelClient", project: int, output: Output) -> None:
    """Show a project."""
    show_one(client.get_project(project), output)


@projects.command()
@click.argument("name")
@click.option("--description", default="", help="The description.")
@click.option(
    "--area",
    required=True,
    shell_complete=complete_files,
    help="The polygon: a file with GeoJSON or WKT, or WKT itself.",
)
@click.option("--parent", type=int, help="The id of the parent project; by default, none.")
@new_tags_option
@output_options(geometry=True)
@with_client
def create(
    client: "PixelClient",
    name: str,
    description: str,
    area: str,
    parent: int | None,
    tags: tuple[str, ...],
    output: Output,
) -> None:
    """Create a project, and show it."""
    from pixel_transports.cli.geometries import parse_polygon

    show_one(client.create_project(name, description, parse_polygon("--area", area), parent, tags), output)


@projects.command()
@_project_argument
@update_options
@click.option(
    "--area", shell_complete=complete_files, help="The new polygon: a file with GeoJSON or WKT, or WKT itself."
)
@output_options(geometry=True)
@with_client
def update(client: "PixelClient", project: int, area: str | None, output: Output, **options: Any) -> None:
    """Change the given fields of a project, and show it."""
    from pixel_transports.cli.geometries import parse_polygon

    changes = drop_unset(**options)
    if area is not None:
        changes["area_of_interest"] = parse_polygon("--area", area)
    if not changes:
        raise click.UsageError("nothing to change: pass --name, --description, --area, --add-tag or --remove-tag")
    show_one(client.update_project(project, **changes), output)


@projects.command()
@_project_argument
@click.option("--to", "parent", type=int, help="The id of the new parent project.")
@click.option("--to-root", is_flag=True, help="Move it to the root, without a parent.")
@output_options(geometry=True)
@with_client
def move(client: "PixelClient", project: int, parent: int | None, to_root: bool, output: Output) -> None:
    """Move a project into another one, or to the root."""
    if (parent is None) != to_root:
        raise click.UsageError("pass either --to or --to-root")
    show_one(client.move_project(project, parent), output)


@projects.command()
@ids_argument("project_ids", "PROJECTS...")
@yes_option
@with_client
def delete(client: "PixelClient", project_ids: tuple[int, ...], yes: bool) -> None:
    """Delete projects; `restore` undoes it."""
    delete_each("project", project_ids, yes, lambda each: client.get_project(each)["name"], client.delete_project)
    print_message(f"To restore it: pixel projects restore {project_ids[0]}")


@projects.command()
@_project_argument
@output_options(geometry=True)
@with_client
def restore(client: "PixelClient", project: int, output: Output) -> None:
    """Restore a deleted project."""
    show_one(client.restore_project(project), output)

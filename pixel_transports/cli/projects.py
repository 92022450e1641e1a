"""The command `projects`.

Rules kept here:

* Deleting asks first. A project that was deleted can be restored, which is said when it is gone.
"""

from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import delete_each, given, paged, paging, with_client, yes_option
from pixel_transports.cli.exits import tell
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

COLUMNS = ("id", "name", "description", "parent_project_id", "tags", "created_at")


@click.group()
def projects() -> None:
    """List, show and change projects."""


@projects.command("list")
@click.option("--name", help="Only those of this name, as the server compares names.")
@click.option("--tag", "tags", multiple=True, help="Only those with this tag; may be given several times.")
@click.option("--deleted", is_flag=True, help="Those that were deleted, and can be restored.")
@paging
@formats(geometry=True)
@with_client
def list_projects(
    client: "PixelClient", name: str | None, tags: tuple[str, ...], deleted: bool, form: str | None, **pages: Any
) -> None:
    """List projects."""
    fetch = client.list_deleted_projects if deleted else client.list_projects
    show_rows(paged(lambda **page: fetch(**given(name=name, tags=tags), **page), **pages), COLUMNS, form)


@projects.command()
@click.argument("project", type=int)
@formats(geometry=True)
@with_client
def show(client: "PixelClient", project: int, form: str | None) -> None:
    """Show a project."""
    show_one(client.get_project(project), form)


@projects.command()
@click.argument("name")
@click.option("--description", default="", help="What it is about.")
@click.option("--area", required=True, help="Its polygon: a file with GeoJSON or WKT, or WKT itself.")
@click.option("--parent", type=int, help="The id of the project that it lies in; by default, none.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@formats(geometry=True)
@with_client
def create(
    client: "PixelClient",
    name: str,
    description: str,
    area: str,
    parent: int | None,
    tags: tuple[str, ...],
    form: str | None,
) -> None:
    """Create a project, and show it."""
    from pixel_transports.cli.shapes import as_polygon

    show_one(client.create_project(name, description, as_polygon("--area", area), parent, tags), form)


@projects.command()
@click.argument("project", type=int)
@click.option("--name", help="The new name.")
@click.option("--description", help="The new description.")
@click.option("--area", help="The new polygon: a file with GeoJSON or WKT, or WKT itself.")
@click.option("--add-tag", "add_tags", multiple=True, help="A tag to add; may be given several times.")
@click.option("--remove-tag", "remove_tags", multiple=True, help="A tag to remove; may be given several times.")
@formats(geometry=True)
@with_client
def update(client: "PixelClient", project: int, area: str | None, form: str | None, **options: Any) -> None:
    """Change what is given of a project, and show it."""
    from pixel_transports.cli.shapes import as_polygon

    changes = given(**options)
    if area is not None:
        changes["area_of_interest"] = as_polygon("--area", area)
    if not changes:
        raise click.UsageError("nothing to change: give --name, --description, --area, --add-tag or --remove-tag")
    show_one(client.update_project(project, **changes), form)


@projects.command()
@click.argument("project", type=int)
@click.option("--to", "parent", type=int, help="The id of the project to move it into.")
@click.option("--to-root", is_flag=True, help="Move it out of all projects.")
@formats(geometry=True)
@with_client
def move(client: "PixelClient", project: int, parent: int | None, to_root: bool, form: str | None) -> None:
    """Move a project into another one, or to the root."""
    if (parent is None) != to_root:
        raise click.UsageError("give either --to or --to-root")
    show_one(client.move_project(project, parent), form)


@projects.command()
@click.argument("project_ids", metavar="PROJECTS...", type=int, nargs=-1, required=True)
@yes_option
@with_client
def delete(client: "PixelClient", project_ids: tuple[int, ...], yes: bool) -> None:
    """Delete projects; `restore` brings them back."""
    delete_each("project", project_ids, yes, lambda each: client.get_project(each)["name"], client.delete_project)
    tell(f"To bring one back: pixel projects restore {project_ids[0]}")


@projects.command()
@click.argument("project", type=int)
@formats(geometry=True)
@with_client
def restore(client: "PixelClient", project: int, form: str | None) -> None:
    """Bring a deleted project back."""
    show_one(client.restore_project(project), form)

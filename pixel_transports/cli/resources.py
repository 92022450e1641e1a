"""The commands `images`, `rasters` and `pointclouds`.

Rules kept here:

* The three commands are made from one table. They differ in names, columns and what the API offers.
* Resources that are deleted here cannot be restored, and the help text says so.
* Point clouds move only within their project; images and rasters move to any project.
"""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.options import (
    Command,
    collection_options,
    drop_unset,
    ids_argument,
    name_option,
    paging_options,
    tags_option,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient


class _Kind(NamedTuple):
    """A kind of resource: its command, its nouns, and the name that the client's methods use."""

    command: str
    noun: str
    plural: str
    method: str
    columns: tuple[str, ...]
    formats: tuple[str, ...] = ()
    geometry: bool = False
    moves_between_projects: bool = True

    @property
    def a_noun(self) -> str:
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    @property
    def argument(self) -> Callable[[Command], Command]:
        return click.argument("resource", metavar=self.noun.replace(" ", "_").upper(), type=int)


_COLUMNS = ("id", "name", "format", "capture_date", "tags")
_KINDS = (
    _Kind("images", "image", "images", "image", ("id", "name", "capture_date", "location", "tags"), geometry=True),
    _Kind("rasters", "raster", "rasters", "raster", _COLUMNS, ("GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF")),
    _Kind(
        *("pointclouds", "point cloud", "point clouds", "point_cloud"),
        *(_COLUMNS, ("LAZ", "LAS")),
        moves_between_projects=False,
    ),
)


def _register(
    group: click.Group, name: str, help_text: str, *decorators: Callable[[Command], Command]
) -> Callable[[Command], None]:
    """Return a decorator that adds a command with a client, and with the options of `decorators`, to the group."""

    def register(command: Command) -> None:
        command = with_client(command)
        for decorator in reversed(decorators):
            command = decorator(command)
        group.add_command(click.command(name, help=help_text)(command))

    return register


def _add_list(group: click.Group, kind: _Kind) -> None:
    format_option = click.option("--format", type=click.Choice(kind.formats), help="Only those of this format.")

    @_register(
        group,
        "list",
        f"List the {kind.plural} of a data collection.",
        *(collection_options, name_option, tags_option),
        *([format_option] if kind.formats else ()),
        *(paging_options, output_options(kind.geometry, listing=True)),
    )
    def command(
        client: "PixelClient",
        project: int,
        collection: int,
        limit: int | None,
        offset: int,
        page_size: int,
        output: Output,
        **options: Any,
    ) -> None:
        size = page_size if limit is None else min(limit, page_size)
        paginate = getattr(client, f"paginate_{kind.method}s")
        rows = paginate(project, collection, page_size=size, offset=offset, **drop_unset(**options))
        show_rows(islice(rows, limit), kind.columns, output)


def _add_show(group: click.Group, kind: _Kind) -> None:
    outputs = output_options(kind.geometry)

    @_register(group, "show", f"Show {kind.a_noun}.", kind.argument, collection_options, outputs)
    def command(client: "PixelClient", resource: int, project: int, collection: int, output: Output) -> None:
        show_one(getattr(client, f"get_{kind.method}")(project, collection, resource), output)


def _add_move(group: click.Group, kind: _Kind) -> None:
    to_project_option = click.option("--to-project", type=int, help="The id of the new project; by default the same.")
    target = "data collection" if kind.moves_between_projects else "data collection of the same project"

    @_register(
        group,
        "move",
        f"Move {kind.a_noun} to another {target}.",
        *(kind.argument, collection_options),
        *([to_project_option] if kind.moves_between_projects else []),
        click.option("--to-collection", type=int, required=True, help="The id of the new data collection."),
        output_options(kind.geometry),
    )
    def command(
        client: "PixelClient",
        resource: int,
        project: int,
        collection: int,
        to_collection: int,
        output: Output,
        to_project: int | None = None,
    ) -> None:
        target_ids = [project if to_project is None else to_project] if kind.moves_between_projects else []
        move = getattr(client, f"move_{kind.method}")
        show_one(move(project, collection, resource, *target_ids, to_collection), output)


def _add_delete(group: click.Group, kind: _Kind) -> None:
    @_register(
        group,
        "delete",
        f"Delete {kind.plural}. They cannot be restored.",
        ids_argument("resources", f"{kind.plural.replace(' ', '_').upper()}..."),
        *(collection_options, yes_option),
    )
    def command(client: "PixelClient", resources: tuple[int, ...], project: int, collection: int, yes: bool) -> None:
        delete_each(
            kind.noun,
            resources,
            yes,
            lambda each: getattr(client, f"get_{kind.method}")(project, collection, each)["name"],
            lambda each: getattr(client, f"delete_{kind.method}")(project, collection, each),
        )


def _group(kind: _Kind) -> click.Group:
    group = click.Group(kind.command, help=f"List, show, move and delete {kind.plural}.")
    for add in (_add_list, _add_show, _add_move, _add_delete):
        add(group, kind)
    return group


images: click.Group
rasters: click.Group
pointclouds: click.Group
images, rasters, pointclouds = map(_group, _KINDS)

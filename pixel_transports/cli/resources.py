"""The commands `images`, `rasters` and `pointclouds`: the same for each, but for names and what the API lacks.

Rules kept here:

* What is deleted here cannot be restored, which is why the question says so.
* Point clouds move within their project alone; images and rasters to any.
"""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pixel_transports.cli.common import Command, delete_each, given, paging, placed, with_client, yes_option
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient


class _Kind(NamedTuple):
    """A kind of thing: the command, the words, and what the client's methods call it."""

    command: str
    one: str
    many: str
    method: str
    columns: tuple[str, ...]
    formats: tuple[str, ...] = ()
    geometry: bool = False
    anywhere: bool = True


_KINDS = (
    _Kind("images", "image", "images", "image", ("id", "name", "capture_date", "location", "tags"), geometry=True),
    _Kind(
        "rasters",
        "raster",
        "rasters",
        "raster",
        ("id", "name", "format", "capture_date", "tags"),
        ("GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF"),
    ),
    _Kind(
        "pointclouds",
        "point cloud",
        "point clouds",
        "point_cloud",
        ("id", "name", "format", "capture_date", "tags"),
        ("LAZ", "LAS"),
        anywhere=False,
    ),
)


def _group(kind: _Kind) -> click.Group:
    group = click.Group(kind.command, help=f"List, show, move and delete {kind.many}.")

    def add(name: str, text: str, *decorators: Callable[[Command], Command]) -> Callable[[Command], None]:
        def made(command: Command) -> None:
            command = with_client(command)
            for each in reversed(decorators):
                command = each(command)
            group.add_command(click.command(name, help=text)(command))

        return made

    outputs = formats(kind.geometry)
    article = "an" if kind.one[0] in "aeiou" else "a"
    narrowing = [click.option("--format", type=click.Choice(kind.formats), help="Only those of this format.")]

    @add(
        "list",
        f"List the {kind.many} of a data collection.",
        placed,
        click.option("--name", help="Only those of this name, as the server compares names."),
        click.option("--tag", "tags", multiple=True, help="Only those with this tag; may be given several times."),
        *(narrowing if kind.formats else ()),
        paging,
        outputs,
    )
    def _list(
        client: "PixelClient",
        project: int,
        collection: int,
        limit: int | None,
        offset: int,
        page_size: int,
        form: str | None,
        **options: Any,
    ) -> None:
        size = page_size if limit is None else min(limit, page_size)
        found = getattr(client, f"paginate_{kind.method}s")(
            project, collection, page_size=size, offset=offset, **given(**options)
        )
        show_rows(islice(found, limit), kind.columns, form)

    identified = click.argument("thing", metavar=kind.one.replace(" ", "_").upper(), type=int)

    @add("show", f"Show {article} {kind.one}.", identified, placed, outputs)
    def _show(client: "PixelClient", thing: int, project: int, collection: int, form: str | None) -> None:
        show_one(getattr(client, f"get_{kind.method}")(project, collection, thing), form)

    to_project = click.option(
        "--to-project", type=int, help="The id of the project to move it to; by default the same."
    )
    where = "data collection" if kind.anywhere else "data collection of the same project"

    @add(
        "move",
        f"Move {article} {kind.one} to another {where}.",
        identified,
        placed,
        *([to_project] if kind.anywhere else []),
        click.option("--to-collection", type=int, required=True, help="The id of the data collection to move it to."),
        outputs,
    )
    def _move(
        client: "PixelClient",
        thing: int,
        project: int,
        collection: int,
        to_collection: int,
        form: str | None,
        to_project: int | None = None,
    ) -> None:
        move = getattr(client, f"move_{kind.method}")
        to = (project if to_project is None else to_project, to_collection) if kind.anywhere else (to_collection,)
        show_one(move(project, collection, thing, *to), form)

    metavar = f"{kind.many.replace(' ', '_').upper()}..."

    @add(
        "delete",
        f"Delete {kind.many}. They cannot be restored.",
        click.argument("things", metavar=metavar, type=int, nargs=-1, required=True),
        placed,
        yes_option,
    )
    def _delete(client: "PixelClient", things: tuple[int, ...], project: int, collection: int, yes: bool) -> None:
        delete_each(
            kind.one,
            things,
            yes,
            lambda each: getattr(client, f"get_{kind.method}")(project, collection, each)["name"],
            lambda each: getattr(client, f"delete_{kind.method}")(project, collection, each),
        )

    return group


images: click.Group
rasters: click.Group
pointclouds: click.Group
images, rasters, pointclouds = map(_group, _KINDS)

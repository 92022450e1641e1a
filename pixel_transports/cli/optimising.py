"""The command `optimise`.

Rules kept here:

* Which ones are optimised is said: by their ids, or by --all; no ids are never everything.
* It waits for the server's jobs; where one failed, the exit code is 1.
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import agree, given, paged, placed, with_client, yes_option
from pixel_transports.cli.exits import FAILED, NOTHING, fail, tell
from pixel_transports.cli.output import formats, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_RASTERS = ("id", "raster_id", "profile", "status")
_CLOUDS = ("id", "point_cloud_id", "status")

_everything = click.option("--all", "everything", is_flag=True, help="All of the data collection.")
_list_only = click.option("--list", "list_only", is_flag=True, help="Only list what is there.")
_delete = click.option("--delete", is_flag=True, help="Delete the optimised forms of those given, after asking.")


@click.group()
def optimise() -> None:
    """Prepare rasters and point clouds for quick viewing."""


@optimise.command()
@click.argument("ids", metavar="[RASTERS]...", type=int, nargs=-1)
@placed
@_everything
@_list_only
@_delete
@yes_option
@click.option("--profile", help="The profile to optimise with, or to delete.")
@click.option(
    "--resampling",
    type=click.Choice(["nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "gauss", "rms"]),
    default="average",
    show_default=True,
    help="How overviews are made.",
)
@click.option("--clean-borders", type=click.Choice(["black", "white"]), help="Take away borders of nearly this colour.")
@formats()
@with_client
def rasters(
    client: "PixelClient",
    ids: tuple[int, ...],
    project: int,
    collection: int,
    profile: str | None,
    resampling: Any,
    clean_borders: Any,
    form: str | None,
    **what: Any,
) -> None:
    """Optimise rasters, wait for it, and list the optimised ones."""
    _one_thing(ids, **what)
    if what["list_only"]:
        show_rows(paged(lambda **page: client.get_optimized_rasters(project, collection, **page)), _RASTERS, form)
    elif what["delete"]:
        agree(what["yes"], f"Delete what was optimised of {_told(ids)}?", "Nothing was deleted.")
        for each in ids:
            client.delete_optimized_rasters(project, collection, each, profile)
        tell(f"Deleted: what was optimised of {_told(ids)}.")
    else:
        from pixel_core.models import NearblackOptions

        more = {} if clean_borders is None else {"nearblack": NearblackOptions(enabled=True, color=clean_borders)}
        wanted = list(ids) or None
        found = client.optimize_rasters(
            project, collection, wanted, profile=profile, overview_resampling=resampling, **given(**more)
        )
        _made(found, _RASTERS, form)


@optimise.command()
@click.argument("ids", metavar="[POINT_CLOUDS]...", type=int, nargs=-1)
@placed
@_everything
@_list_only
@_delete
@yes_option
@formats()
@with_client
def pointclouds(
    client: "PixelClient", ids: tuple[int, ...], project: int, collection: int, form: str | None, **what: Any
) -> None:
    """Optimise point clouds, wait for it, and list the optimised ones."""
    _one_thing(ids, **what)
    if what["list_only"]:
        show_rows(paged(lambda **page: client.get_optimized_point_clouds(project, collection, **page)), _CLOUDS, form)
    elif what["delete"]:
        agree(what["yes"], f"Delete what was optimised of {_told(ids)}?", "Nothing was deleted.")
        for each in ids:
            client.delete_optimized_point_cloud(project, collection, each)
        tell(f"Deleted: what was optimised of {_told(ids)}.")
    else:
        _made(client.optimize_point_clouds(project, collection, list(ids) or None), _CLOUDS, form)


def _one_thing(ids: tuple[int, ...], everything: bool, list_only: bool, delete: bool, yes: bool) -> None:
    """Raises click.UsageError unless one thing is wanted, of those that are named."""
    if list_only and (ids or everything or delete):
        raise click.UsageError("--list lists everything: it goes with no ids, nor with --all or --delete")
    if delete and (everything or not ids):
        raise click.UsageError("--delete needs the ids of what it is for")
    if not list_only and not delete and bool(ids) == everything:
        raise click.UsageError("give either ids or --all")


def _told(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))


def _made(found: Any, columns: tuple[str, ...], form: str | None) -> None:
    if not found:
        fail("There was nothing to optimise.", NOTHING)
    show_rows(found, columns, form)
    failed = sum(str(each.get("status")).lower() == "failed" for each in found)
    if failed:
        tell(f"{failed} of {len(found)} failed.")
        sys.exit(FAILED)

"""The command `optimise`.

Rules kept here:

* The resources are named by their ids or by --all; no ids never mean all of them.
* It waits for the server's jobs; when one failed, the exit code is 1.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import confirm
from pixel_transports.cli.errors import FAILED, NOTHING, fail, print_message
from pixel_transports.cli.options import Command, collection_options, drop_unset, fetch_pages, yes_option
from pixel_transports.cli.output import Output, output_options, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_RASTER_COLUMNS = ("id", "raster_id", "profile", "status")
_CLOUD_COLUMNS = ("id", "point_cloud_id", "status")


def _mode_options(command: Command) -> Command:
    """Add --all, --list, --delete and --yes."""
    command = yes_option(command)
    for option in (
        click.option("--delete", is_flag=True, help="Delete the optimised forms of the given ids, after asking."),
        click.option("--list", "list_only", is_flag=True, help="Only list the optimised forms."),
        click.option("--all", "everything", is_flag=True, help="Optimise all of the data collection."),
    ):
        command = option(command)
    return command


@click.group()
def optimise() -> None:
    """Prepare rasters and point clouds for fast viewing."""


@optimise.command()
@click.argument("ids", metavar="[RASTERS]...", type=int, nargs=-1)
@collection_options
@_mode_options
@click.option("--raster-profile", "profile", help="The profile to optimise with, or to delete.")
@click.option(
    "--resampling",
    type=click.Choice(["nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode", "gauss", "rms"]),
    default="average",
    show_default=True,
    help="The resampling of overviews.",
)
@click.option("--clean-borders", type=click.Choice(["black", "white"]), help="Remove borders of nearly this colour.")
@output_options(listing=True)
@with_client
def rasters(
    client: "PixelClient",
    ids: tuple[int, ...],
    project: int,
    collection: int,
    profile: str | None,
    resampling: Any,
    clean_borders: Any,
    output: Output,
    **mode: Any,
) -> None:
    """Optimise rasters, wait for the jobs, and list the optimised ones."""
    _check_mode(ids, **mode)
    if mode["list_only"]:
        rows = fetch_pages(lambda **page: client.get_optimized_rasters(project, collection, **page))
        show_rows(rows, _RASTER_COLUMNS, output)
    elif mode["delete"]:
        _delete(ids, mode["yes"], lambda each: client.delete_optimized_rasters(project, collection, each, profile))
    else:
        from pixel_core.models import NearblackOptions

        nearblack = None if clean_borders is None else NearblackOptions(enabled=True, color=clean_borders)
        optimised = client.optimize_rasters(
            project,
            collection,
            list(ids) or None,
            profile=profile,
            overview_resampling=resampling,
            **drop_unset(nearblack=nearblack),
        )
        _show_optimised(optimised, _RASTER_COLUMNS, output)


@optimise.command()
@click.argument("ids", metavar="[POINT_CLOUDS]...", type=int, nargs=-1)
@collection_options
@_mode_options
@output_options(listing=True)
@with_client
def pointclouds(
    client: "PixelClient", ids: tuple[int, ...], project: int, collection: int, output: Output, **mode: Any
) -> None:
    """Optimise point clouds, wait for the jobs, and list the optimised ones."""
    _check_mode(ids, **mode)
    if mode["list_only"]:
        rows = fetch_pages(lambda **page: client.get_optimized_point_clouds(project, collection, **page))
        show_rows(rows, _CLOUD_COLUMNS, output)
    elif mode["delete"]:
        _delete(ids, mode["yes"], lambda each: client.delete_optimized_point_cloud(project, collection, each))
    else:
        optimised = client.optimize_point_clouds(project, collection, list(ids) or None)
        _show_optimised(optimised, _CLOUD_COLUMNS, output)


def _check_mode(ids: tuple[int, ...], everything: bool, list_only: bool, delete: bool, yes: bool) -> None:
    """Raise click.UsageError for options that do not go together."""
    if list_only and (ids or everything or delete):
        raise click.UsageError("--list lists all of them: it takes no ids, and neither --all nor --delete")
    if delete and (everything or not ids):
        raise click.UsageError("--delete needs ids")
    if not list_only and not delete and bool(ids) == everything:
        raise click.UsageError("pass either ids or --all")


def _delete(ids: tuple[int, ...], yes: bool, delete: Callable[[int], Any]) -> None:
    numbers = ", ".join(map(str, ids))
    confirm(yes, f"Delete the optimised forms of {numbers}?", "Nothing was deleted.")
    for each in ids:
        delete(each)
    print_message(f"Deleted: the optimised forms of {numbers}.")


def _show_optimised(optimised: Any, columns: tuple[str, ...], output: Output) -> None:
    if not optimised:
        fail("There was nothing to optimise.", NOTHING)
    show_rows(optimised, columns, output)
    failed = sum(str(each.get("status")).lower() == "failed" for each in optimised)
    if failed:
        print_message(f"{failed} of {len(optimised)} failed.")
        sys.exit(FAILED)

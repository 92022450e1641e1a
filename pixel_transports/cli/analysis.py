"""The command `analysis`.

Rules kept here:

* Services and tasks are read from JSON files and checked before they are sent.
* The API has no endpoint for one service or one task, so they are looked up by id in the list.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.errors import FAILED, fail
from pixel_transports.cli.options import (
    AnyCase,
    drop_unset,
    fetch_pages,
    file_argument,
    ids_argument,
    name_option,
    paging_options,
    read_input,
    yes_option,
)
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_service_argument = click.argument("service", type=int)
_task_argument = click.argument("task", type=int)


@click.group()
def analysis() -> None:
    """Work with analysis services and their tasks."""


@analysis.command()
@output_options(listing=True)
@with_client
def modules(client: "PixelClient", output: Output) -> None:
    """List the modules that services can run."""
    show_rows(client.list_analysis_modules(), ("name", "description"), output)


@analysis.command("list")
@name_option
@click.option("--enabled/--disabled", default=None, help="Only those that are enabled, or disabled.")
@paging_options
@output_options(listing=True)
@with_client
def list_services(client: "PixelClient", name: str | None, enabled: bool | None, output: Output, **paging: Any) -> None:
    """List analysis services."""
    filters = drop_unset(name=name, enabled=enabled)
    rows = fetch_pages(lambda **page: client.list_analysis_services(**filters, **page), **paging)
    show_rows(rows, ("id", "name", "module_name", "enabled"), output)


@analysis.command()
@_service_argument
@output_options()
@with_client
def show(client: "PixelClient", service: int, output: Output) -> None:
    """Show an analysis service."""
    show_one(_find_service(client, service), output)


@analysis.command()
@file_argument
@output_options()
@with_client
def create(client: "PixelClient", file: TextIO, output: Output) -> None:
    """Create an analysis service from a JSON FILE (- is stdin), and show it.

    The file has name, module_name, config, and optionally enabled. `modules` lists the modules.

    \b
    Example:
      {"name": "Birds", "module_name": "count_objects", "config": {}}
    """
    from pixel_core.models import AnalysisServiceCreateUpdateInput

    body = read_input(file, AnalysisServiceCreateUpdateInput)
    show_one(client.create_analysis_service(body), output)


@analysis.command()
@_service_argument
@file_argument
@output_options()
@with_client
def update(client: "PixelClient", service: int, file: TextIO, output: Output) -> None:
    """Change the fields in a JSON FILE (- is stdin), and show the service."""
    from pixel_core.models import AnalysisServicePatchInput

    body = read_input(file, AnalysisServicePatchInput)
    show_one(client.patch_analysis_service(service, body), output)


@analysis.command()
@ids_argument("services", "SERVICES...")
@yes_option
@with_client
def delete(client: "PixelClient", services: tuple[int, ...], yes: bool) -> None:
    """Delete analysis services."""
    delete_each(
        "analysis service",
        services,
        yes,
        lambda each: _find_service(client, each)["name"],
        client.delete_analysis_service,
    )


@analysis.group()
def tasks() -> None:
    """List, create, run and stop the tasks of an analysis service."""


@tasks.command("list")
@_service_argument
@name_option
@click.option(
    "--status",
    type=AnyCase(["REVOKED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "FAILED"]),
    help="Only those with this status.",
)
@paging_options
@output_options(listing=True)
@with_client
def list_tasks(
    client: "PixelClient",
    service: int,
    name: str | None,
    status: str | None,
    output: Output,
    **paging: Any,
) -> None:
    """List the tasks of a service."""
    filters = drop_unset(name=name, status=status)
    rows = fetch_pages(lambda **page: client.list_analysis_tasks(service, **filters, **page), **paging)
    show_rows(rows, ("id", "name", "status"), output)


@tasks.command("show")
@_service_argument
@_task_argument
@output_options()
@with_client
def show_task(client: "PixelClient", service: int, task: int, output: Output) -> None:
    """Show a task."""
    show_one(_find_task(client, service, task), output)


@tasks.command("create")
@_service_argument
@file_argument
@output_options()
@with_client
def create_task(client: "PixelClient", service: int, file: TextIO, output: Output) -> None:
    """Create a task from a JSON FILE (- is stdin), and show it.

    The file has params for the module, and optionally name.

    \b
    Example:
      {"name": "May", "params": {}}
    """
    from pixel_core.models import AnalysisTaskCreateInput

    body = read_input(file, AnalysisTaskCreateInput)
    show_one(client.create_analysis_task(service, body), output)


@tasks.command()
@_service_argument
@_task_argument
@output_options()
@with_client
def run(client: "PixelClient", service: int, task: int, output: Output) -> None:
    """Run a task."""
    show_one(client.run_analysis_task(service, task), output)


@tasks.command()
@_service_argument
@_task_argument
@output_options()
@with_client
def revoke(client: "PixelClient", service: int, task: int, output: Output) -> None:
    """Stop a task, or prevent it from running."""
    show_one(client.revoke_analysis_task(service, task), output)


@tasks.command("delete")
@_service_argument
@ids_argument("task_ids", "TASKS...")
@yes_option
@with_client
def delete_tasks(client: "PixelClient", service: int, task_ids: tuple[int, ...], yes: bool) -> None:
    """Delete tasks."""
    delete_each(
        "task",
        task_ids,
        yes,
        lambda each: _find_task(client, service, each)["name"],
        lambda each: client.delete_analysis_task(service, each),
    )


def _find_service(client: "PixelClient", service: int) -> Any:
    return _find("analysis service", service, client.list_analysis_services(ids=[service]))


def _find_task(client: "PixelClient", service: int, task: int) -> Any:
    return _find("task", task, client.list_analysis_tasks(service, ids=[task]))


def _find(noun: str, row_id: int, rows: Any) -> Any:
    for row in rows:
        if row["id"] == row_id:
            return row
    return fail(f"There is no {noun} {row_id}. The `list` command shows the ones that exist.", FAILED)

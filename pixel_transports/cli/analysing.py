"""The command `analysis`.

Rules kept here:

* What a service or a task is made of is read from a JSON file, and checked before it is sent.
* The API has no way to ask for one service or task; it is found by its id in the list.
"""

from typing import TYPE_CHECKING, Any, TextIO

import click

from pixel_transports.cli.common import (
    delete_each,
    file_argument,
    given,
    json_object,
    paged,
    paging,
    refusing,
    with_client,
    yes_option,
)
from pixel_transports.cli.exits import FAILED, fail
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_service_argument = click.argument("service", type=int)
_task_argument = click.argument("task", type=int)


@click.group()
def analysis() -> None:
    """Work with analysis services and their tasks."""


@analysis.command()
@formats()
@with_client
def modules(client: "PixelClient", form: str | None) -> None:
    """List the modules that services can run."""
    show_rows(client.list_analysis_modules(), ("name", "description"), form)


@analysis.command("list")
@click.option("--name", help="Only those of this name, as the server compares names.")
@click.option("--enabled/--disabled", default=None, help="Only those that are switched on, or off.")
@paging
@formats()
@with_client
def list_services(
    client: "PixelClient", name: str | None, enabled: bool | None, form: str | None, **pages: Any
) -> None:
    """List analysis services."""
    narrowed = given(name=name, enabled=enabled)
    found = paged(lambda **page: client.list_analysis_services(**narrowed, **page), **pages)
    show_rows(found, ("id", "name", "module_name", "enabled"), form)


@analysis.command()
@_service_argument
@formats()
@with_client
def show(client: "PixelClient", service: int, form: str | None) -> None:
    """Show an analysis service."""
    show_one(_found("analysis service", service, client.list_analysis_services(ids=[service])), form)


@analysis.command()
@file_argument
@formats()
@with_client
def create(client: "PixelClient", file: TextIO, form: str | None) -> None:
    """Create an analysis service from a JSON FILE (- is stdin), and show it.

    The file has name, module_name, config, and maybe enabled.
    """
    from pixel_core.models import AnalysisServiceCreateUpdateInput

    with refusing(file.name):
        wanted = AnalysisServiceCreateUpdateInput.model_validate(json_object(file))
    show_one(client.create_analysis_service(wanted), form)


@analysis.command()
@_service_argument
@file_argument
@formats()
@with_client
def update(client: "PixelClient", service: int, file: TextIO, form: str | None) -> None:
    """Change what a JSON FILE (- is stdin) holds, and show the service."""
    from pixel_core.models import AnalysisServicePatchInput

    with refusing(file.name):
        wanted = AnalysisServicePatchInput.model_validate(json_object(file))
    show_one(client.patch_analysis_service(service, wanted), form)


@analysis.command()
@click.argument("services", metavar="SERVICES...", type=int, nargs=-1, required=True)
@yes_option
@with_client
def delete(client: "PixelClient", services: tuple[int, ...], yes: bool) -> None:
    """Delete analysis services."""
    delete_each(
        "analysis service",
        services,
        yes,
        lambda each: _found("analysis service", each, client.list_analysis_services(ids=[each]))["name"],
        client.delete_analysis_service,
    )


@analysis.group()
def tasks() -> None:
    """List, create, run and stop the tasks of an analysis service."""


@tasks.command("list")
@_service_argument
@click.option("--name", help="Only those of this name, as the server compares names.")
@click.option(
    "--status",
    type=click.Choice(["REVOKED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "FAILED"], case_sensitive=False),
    help="Only those with this status.",
)
@paging
@formats()
@with_client
def list_tasks(
    client: "PixelClient", service: int, name: str | None, status: str | None, form: str | None, **pages: Any
) -> None:
    """List the tasks of a service."""
    narrowed = given(name=name, status=status)
    found = paged(lambda **page: client.list_analysis_tasks(service, **narrowed, **page), **pages)
    show_rows(found, ("id", "name", "status"), form)


@tasks.command("show")
@_service_argument
@_task_argument
@formats()
@with_client
def show_task(client: "PixelClient", service: int, task: int, form: str | None) -> None:
    """Show a task."""
    show_one(_found("task", task, client.list_analysis_tasks(service, ids=[task])), form)


@tasks.command("create")
@_service_argument
@file_argument
@formats()
@with_client
def create_task(client: "PixelClient", service: int, file: TextIO, form: str | None) -> None:
    """Create a task from a JSON FILE (- is stdin), and show it.

    The file has params, which are the module's, and maybe name.
    """
    from pixel_core.models import AnalysisTaskCreateInput

    with refusing(file.name):
        wanted = AnalysisTaskCreateInput.model_validate(json_object(file))
    show_one(client.create_analysis_task(service, wanted), form)


@tasks.command()
@_service_argument
@_task_argument
@formats()
@with_client
def run(client: "PixelClient", service: int, task: int, form: str | None) -> None:
    """Run a task."""
    show_one(client.run_analysis_task(service, task), form)


@tasks.command()
@_service_argument
@_task_argument
@formats()
@with_client
def revoke(client: "PixelClient", service: int, task: int, form: str | None) -> None:
    """Stop a task, or keep it from running."""
    show_one(client.revoke_analysis_task(service, task), form)


@tasks.command("delete")
@_service_argument
@click.argument("task_ids", metavar="TASKS...", type=int, nargs=-1, required=True)
@yes_option
@with_client
def delete_tasks(client: "PixelClient", service: int, task_ids: tuple[int, ...], yes: bool) -> None:
    """Delete tasks."""
    delete_each(
        "task",
        task_ids,
        yes,
        lambda each: _found("task", each, client.list_analysis_tasks(service, ids=[each]))["name"],
        lambda each: client.delete_analysis_task(service, each),
    )


def _found(what: str, wanted: int, found: Any) -> Any:
    for each in found:
        if each["id"] == wanted:
            return each
    return fail(f"There is no {what} {wanted}. The `list` command shows those that there are.", FAILED)

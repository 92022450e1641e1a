"""The command `attachments`.

Rules kept here:

* An attachment belongs to a project, a data collection or an image, which is identified by its type and id.
* The API has no endpoint to download an attachment, so there is no command for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.confirm import delete_each
from pixel_transports.cli.options import Command, ids_argument, usage_errors, yes_option
from pixel_transports.cli.output import Output, output_options, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_COLUMNS = ("id", "name", "description", "status", "md5")
_TYPES = click.Choice(["project", "data_collection", "image"])


def _owner_arguments(command: Command) -> Command:
    """Add the type and the id of the resource that has the attachments."""
    command = click.argument("owner_id", metavar="ID", type=int)(command)
    return click.argument("owner", metavar="project|data_collection|image", type=_TYPES)(command)


@click.group()
def attachments() -> None:
    """List, add, move and delete attached files.

    They are attached to a project, a data collection or an image.
    """


@attachments.command("list")
@_owner_arguments
@click.option("--status", type=click.Choice(["Pending", "Completed"]), help="Only those with this status.")
@output_options(listing=True)
@with_client
def list_attachments(client: "PixelClient", owner: Any, owner_id: int, status: Any, output: Output) -> None:
    """List attachments."""
    show_rows(client.list_attachments(owner, owner_id, status), _COLUMNS, output)


@attachments.command()
@_owner_arguments
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--description", default="", help="A description for all of the files.")
@output_options(listing=True)
@with_client
def add(
    client: "PixelClient",
    owner: Any,
    owner_id: int,
    files: tuple[Path, ...],
    description: str,
    output: Output,
) -> None:
    """Attach FILES, and list the new attachments."""
    from pixel_core.models import PixelAttachmentUpload

    uploads = [PixelAttachmentUpload(file=each, description=description) for each in files]
    with usage_errors("FILES"):
        added = client.add_attachments(owner, owner_id, uploads)
    show_rows(added, _COLUMNS, output)


@attachments.command()
@_owner_arguments
@click.argument("attachment", type=int)
@click.option("--to", "new_owner", type=_TYPES, required=True, help="The type of the new owner.")
@click.option("--to-id", type=int, required=True, help="The id of the new owner.")
@output_options()
@with_client
def move(
    client: "PixelClient",
    owner: Any,
    owner_id: int,
    attachment: int,
    new_owner: Any,
    to_id: int,
    output: Output,
) -> None:
    """Move an attachment to another owner."""
    show_one(client.move_attachment(owner, owner_id, attachment, new_owner, to_id), output)


@attachments.command()
@_owner_arguments
@ids_argument("attachment_ids", "ATTACHMENTS...")
@yes_option
@with_client
def delete(client: "PixelClient", owner: Any, owner_id: int, attachment_ids: tuple[int, ...], yes: bool) -> None:
    """Delete attachments. They cannot be restored."""

    def get_name(attachment_id: int) -> str:
        rows = client.list_attachments(owner, owner_id)
        return next((row["name"] for row in rows if row["id"] == attachment_id), "not found")

    delete_each(
        "attachment", attachment_ids, yes, get_name, lambda each: client.delete_attachment(owner, owner_id, each)
    )

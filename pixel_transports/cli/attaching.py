"""The command `attachments`.

Rules kept here:

* An attachment belongs to a project, a data collection or an image, which is named by its type and id.
* The API has no way to download an attachment, so there is no command for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import Command, delete_each, refusing, with_client, yes_option
from pixel_transports.cli.output import formats, show_one, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_COLUMNS = ("id", "name", "description", "status", "md5")
_TYPES = click.Choice(["project", "data_collection", "image"])


def _owned(command: Command) -> Command:
    """Add the arguments that say what attachments belong to."""
    inner = click.argument("owner_id", metavar="ID", type=int)(command)
    return click.argument("owner", metavar="project|data_collection|image", type=_TYPES)(inner)


@click.group()
def attachments() -> None:
    """List, add, move and delete attached files.

    They are attached to a project, a data collection or an image.
    """


@attachments.command("list")
@_owned
@click.option("--status", type=click.Choice(["Pending", "Completed"]), help="Only those with this status.")
@formats()
@with_client
def list_attachments(client: "PixelClient", owner: Any, owner_id: int, status: Any, form: str | None) -> None:
    """List attachments."""
    show_rows(client.list_attachments(owner, owner_id, status), _COLUMNS, form)


@attachments.command()
@_owned
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--description", default="", help="A description, for all of the files.")
@formats()
@with_client
def add(
    client: "PixelClient", owner: Any, owner_id: int, files: tuple[Path, ...], description: str, form: str | None
) -> None:
    """Attach FILES, and list what was attached."""
    from pixel_core.models import PixelAttachmentUpload

    uploads = [PixelAttachmentUpload(file=each, description=description) for each in files]
    with refusing("FILES"):
        added = client.add_attachments(owner, owner_id, uploads)
    show_rows(added, _COLUMNS, form)


@attachments.command()
@_owned
@click.argument("attachment", type=int)
@click.option("--to", "new_owner", type=_TYPES, required=True, help="What to attach it to.")
@click.option("--to-id", type=int, required=True, help="The id of that.")
@formats()
@with_client
def move(
    client: "PixelClient", owner: Any, owner_id: int, attachment: int, new_owner: Any, to_id: int, form: str | None
) -> None:
    """Attach an attachment to something else."""
    show_one(client.move_attachment(owner, owner_id, attachment, new_owner, to_id), form)


@attachments.command()
@_owned
@click.argument("attachment_ids", metavar="ATTACHMENTS...", type=int, nargs=-1, required=True)
@yes_option
@with_client
def delete(client: "PixelClient", owner: Any, owner_id: int, attachment_ids: tuple[int, ...], yes: bool) -> None:
    """Delete attachments. They cannot be restored."""

    def name_of(wanted: int) -> str:
        found = client.list_attachments(owner, owner_id)
        return next((each["name"] for each in found if each["id"] == wanted), "not found")

    delete_each(
        "attachment", attachment_ids, yes, name_of, lambda each: client.delete_attachment(owner, owner_id, each)
    )

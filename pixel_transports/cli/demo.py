"""The command `demo`."""

import sys
from pathlib import Path

import click

from pixel_core.errors import printable
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_transports.cli.errors import FAILED, report_errors


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def demo(folder: Path | None) -> None:
    """Upload the photos of FOLDER to a local sandbox and list them back.

    Starts a sandbox, uploads the JPEG files of FOLDER (by default, six sample photos) with the blocking and the async
    client, waits for the server's jobs, lists the images page by page, and compares what is stored with the files.
    No tenant is needed and nothing leaves this machine.
    """
    from pixel_transports.cli.demo_run import find_photos, run_demo
    from pixel_transports.sandbox import sample_photos

    photos = find_photos(folder) if folder else sample_photos()
    if not photos:
        raise click.UsageError(f"there are no JPEG files in {folder}")
    with report_errors():
        matched = run_demo(photos, click.echo, _print_progress)
    sys.exit(0 if matched else FAILED)


def _print_progress(event: object) -> None:
    if isinstance(event, (FileHashed, FileSent, FileFinished)):
        step = {FileHashed: "read", FileSent: "sent"}.get(type(event)) or getattr(event, "status", "")
        click.echo(f"{printable(Path(event.path).name)}: {printable(str(step))}", err=True)

"""The commands `demo`, `sandbox` and `me`.

Rules kept here:

* Data goes to stdout, progress and errors to stderr.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_transports.cli.common import with_client
from pixel_transports.cli.exits import FAILED, UNREACHABLE, clear_errors, fail

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def demo(folder: Path | None) -> None:
    """Upload the photos of FOLDER to a local sandbox and list them back.

    Starts a sandbox, uploads the JPEG files of FOLDER (without it, six sample photos) with the blocking and the async
    client, waits for the server's jobs, lists the images page by page, and compares what is stored with the files.
    No tenant is needed and nothing leaves this machine.
    """
    from pixel_transports.cli.demo import find_photos, run_demo
    from pixel_transports.sandbox import sample_photos

    photos = find_photos(folder) if folder else sample_photos()
    if not photos:
        raise click.UsageError(f"there are no JPEG files in {folder}")
    with clear_errors():
        matched = run_demo(photos, click.echo, _show_progress)
    sys.exit(0 if matched else FAILED)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="The port to listen on; 0 takes a free one.")
@click.option("--beyond-loopback", is_flag=True, help="Allow an address that other machines can reach.")
@click.option(
    "--job-seconds",
    default=0.2,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long the server works on what was uploaded; with more, it can be watched.",
)
def sandbox(host: str, port: int, beyond_loopback: bool, job_seconds: float) -> None:
    """Serve a local Pixel until Ctrl-C.

    Prints the settings that lead to it, as lines for a dotenv file. It keeps everything in memory. A page at /_sandbox/
    shows projects and images on a map, upload jobs and requests as they come; /_sandbox/requests and /_sandbox/objects
    list what it received, as JSON.
    """
    from pixel_transports.sandbox import Sandbox, serve

    local = Sandbox(job_seconds=job_seconds)

    def ready(url: str) -> None:
        for name, value in local.environment(url).items():
            click.echo(f"{name}={value}")
        sys.stdout.flush()
        click.echo(f"Serving a sandbox at {url}; look at it at {url}/_sandbox/; stop it with Ctrl-C", err=True)

    try:
        serve(host, port, ready, sandbox=local, beyond_loopback=beyond_loopback)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {error.strerror or error}", UNREACHABLE)


@click.command()
@click.option("--extended", is_flag=True, help="All that is known of the user.")
@with_client
def me(client: "PixelClient", extended: bool) -> None:
    """Show who is logged in, as JSON."""
    click.echo(json.dumps(client.me(extended=extended), indent=2, ensure_ascii=False))


def _show_progress(event: object) -> None:
    told = {FileHashed: "read", FileSent: "sent"}.get(type(event))
    if isinstance(event, FileFinished):
        click.echo(f"{Path(event.path).name}: {event.status}", err=True)
    elif isinstance(event, (FileHashed, FileSent)):
        click.echo(f"{Path(event.path).name}: {told}", err=True)

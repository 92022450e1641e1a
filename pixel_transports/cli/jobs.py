"""The command `jobs`.

Rules kept here:

* A job that is completed may have failed: then the exit code is 1, and what the server says of it is shown.
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import with_client
from pixel_transports.cli.exits import FAILED, tell
from pixel_transports.cli.output import formats, show_one

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_group_option = click.option("--group", is_flag=True, help="It is the id of a group of jobs.")


@click.group()
def jobs() -> None:
    """Look at the server's jobs, or wait for them.

    Commands that start a job show its id; most of them can wait for it themselves.
    """


@jobs.command()
@click.argument("job")
@_group_option
@formats()
@with_client
def show(client: "PixelClient", job: str, group: bool, form: str | None) -> None:
    """Show a job, or a group of jobs, as it is now."""
    show_one(client.get_job_group(job) if group else client.get_job(job), form)


@jobs.command()
@click.argument("job")
@_group_option
@click.option("--timeout", type=click.FloatRange(0), default=600, show_default=True, help="Wait so many seconds.")
@formats()
@with_client
def wait(client: "PixelClient", job: str, group: bool, timeout: float, form: str | None) -> None:
    """Wait until a job, or a group of jobs, is completed; stderr shows how far it is.

    The exit code is 1 when it failed, and when it is not completed in time.
    """
    found: Any = client.wait_for_group_job(job, timeout) if group else client.wait_for_job(job, timeout)
    show_one(found, form)
    ended(found)


def ended(job: Any) -> None:
    """End with FAILED when a job, or one of a group, went wrong."""
    if not isinstance(job, dict):
        return
    if str(job.get("status", "")).lower() in ("failed", "failure", "error"):
        tell("The job failed; what the server says of it is shown above.")
        sys.exit(FAILED)
    if job.get("failed_count"):
        tell(f"{job['failed_count']} of {job.get('total_jobs')} jobs failed.")
        sys.exit(FAILED)

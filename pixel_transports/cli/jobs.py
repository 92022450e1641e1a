"""The command `jobs`.

Rules kept here:

* A completed job may have failed: the exit code is then 1, and the server's detail is shown.
"""

import sys
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.errors import FAILED, print_message
from pixel_transports.cli.output import Output, output_options, show_one

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_group_option = click.option("--group", is_flag=True, help="The id is that of a group of jobs.")


@click.group()
def jobs() -> None:
    """Show the server's jobs, or wait for them.

    Commands that start a job print its id; most of them can wait for it themselves.
    """


@jobs.command()
@click.argument("job")
@_group_option
@output_options()
@with_client
def show(client: "PixelClient", job: str, group: bool, output: Output) -> None:
    """Show the state of a job, or of a group of jobs."""
    show_one(client.get_job_group(job) if group else client.get_job(job), output)


@jobs.command()
@click.argument("job")
@_group_option
@click.option("--timeout", type=click.FloatRange(0), default=600, show_default=True, help="Seconds to wait.")
@output_options()
@with_client
def wait(client: "PixelClient", job: str, group: bool, timeout: float, output: Output) -> None:
    """Wait until a job, or a group of jobs, is completed; progress goes to stderr.

    The exit code is 1 when it failed, and when it is not completed in time.
    """
    state: Any = client.wait_for_group_job(job, timeout) if group else client.wait_for_job(job, timeout)
    show_one(state, output)
    exit_if_failed(state)


def exit_if_failed(job: Any) -> None:
    """Exit with FAILED when a job, or a job of a group, failed. Does nothing for None."""
    if not isinstance(job, dict):
        return
    if str(job.get("status", "")).lower() in ("failed", "failure", "error"):
        print_message("The job failed; the server's detail is shown above.")
        sys.exit(FAILED)
    if job.get("failed_count"):
        print_message(f"{job['failed_count']} of {job.get('total_jobs')} jobs failed.")
        sys.exit(FAILED)

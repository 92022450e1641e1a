"""The command `sandbox`."""

import sys
from pathlib import Path

import click

from pixel_transports.cli.errors import FAILED, UNREACHABLE, fail


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="The port to listen on; 0 takes a free one.")
@click.option("--beyond-loopback", is_flag=True, help="Allow an address that other machines can reach.")
@click.option("--allowed-host", metavar="NAME", multiple=True, help="Answer to this host name, too; can be repeated.")
@click.option(
    "--job-seconds",
    default=0.2,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long a job of the server takes; a longer time lets you watch it.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the state in this folder, also when the process is killed.",
)
def sandbox(
    host: str, port: int, beyond_loopback: bool, allowed_host: tuple[str, ...], job_seconds: float, data: Path | None
) -> None:
    """Serve a local Pixel until Ctrl-C.

    Prints the settings that connect to it, as lines of a dotenv file. Everything is gone when it ends, unless --data
    keeps it. A page at /_sandbox/ shows projects and images on a map, upload jobs and requests; /_sandbox/requests and
    /_sandbox/objects list what it received, as JSON. It answers to IP addresses, to localhost and to the names of
    --allowed-host, so that no page in a browser can read it under a name of its own.
    """
    from pixel_transports.sandbox import Sandbox, serve
    from pixel_transports.sandbox.hosts import require_loopback

    try:
        local = Sandbox.for_one_run(job_seconds=job_seconds, data=data)
    except OSError as error:
        fail(f"Cannot use {data}: {error.strerror or error}", FAILED)

    def ready(url: str) -> None:
        for name, value in local.environment(url).items():
            click.echo(f"{name}={value}")
        sys.stdout.flush()
        click.echo(f"Serving a sandbox at {url}; look at it at {url}/_sandbox/; stop it with Ctrl-C", err=True)

    try:
        if not beyond_loopback:
            require_loopback(host, "use --beyond-loopback")
        serve(host, port, ready, sandbox=local, beyond_loopback=beyond_loopback, allowed_hosts=allowed_host)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {error.strerror or error}", UNREACHABLE)
    finally:
        local.close()

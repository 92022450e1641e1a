"""The command `sandbox`."""

import errno
import re
import sys
from pathlib import Path
from typing import Any

import click

from pixel_transports.cli.errors import FAILED, UNREACHABLE, fail
from pixel_transports.cli.upload_options import parse_size

PORT = 7495
"""The same at each start, so that settings stay valid. Its keys are PIXL on a telephone."""


def parse_delay(context: click.Context, option: click.Parameter, value: str) -> float:
    """Return the seconds of a time such as 50ms or 1.5s. Raises click.BadParameter."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(m?)s", value.strip().lower())
    if match is None:
        raise click.BadParameter(f"{value!r} is no time, such as 50ms or 1.5s")
    return float(match[1]) / (1000 if match[2] else 1)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--allow-remote", is_flag=True, help="Allow an address that other machines can reach.")
@click.option("--allowed-host", metavar="NAME", multiple=True, help="Answer to this host name, too; can be repeated.")
@click.option(
    "--job-seconds",
    default=0.2,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long a job of the server takes; a longer time lets you watch it.",
)
@click.option(
    "--rate",
    metavar="SIZE",
    callback=parse_size,
    help="Bytes per second of all bodies together, such as 20M or 500K.  [default: no limit]",
)
@click.option(
    "--delay",
    metavar="TIME",
    default="0s",
    callback=parse_delay,
    help="The time before each response, such as 50ms or 1.5s.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the state in this folder, also when the process is killed.",
)
def sandbox(
    host: str, port: int, allow_remote: bool, job_seconds: float, rate: int | None, data: Path | None, **options: Any
) -> None:
    """Serve a local Pixel until Ctrl-C.

    Prints the settings that connect to it, as lines of a dotenv file. Everything is gone when it ends, unless --data
    keeps it. A page at /_sandbox/ shows projects and images on a map, upload jobs and requests; /_sandbox/requests and
    /_sandbox/objects list what it received, as JSON. --rate and --delay make it as slow as a network. It answers to IP
    addresses, to localhost and to the names of --allowed-host, so that no page in a browser can read it under a name of
    its own.
    """
    from pixel_transports.sandbox import Sandbox, serve
    from pixel_transports.sandbox.hosts import local_host, require_loopback

    try:
        local = Sandbox.for_one_run(job_seconds=job_seconds, data=data)
    except OSError as error:
        fail(f"Cannot use {data}: {error.strerror or error}", FAILED)

    def ready(url: str) -> None:
        for name, value in local.environment(url).items():
            click.echo(f"{name}={value}")
        sys.stdout.flush()
        click.echo(f"Serving a sandbox at {url}; look at it at {url}/_sandbox/; stop it with Ctrl-C", err=True)
        if local_host(host) != host:
            click.echo("Other machines use an address of this one, or a name of --allowed-host, in the URLs.", err=True)

    speed = {"bytes_per_second": rate, "delay_seconds": options["delay"]}
    try:
        if not allow_remote:
            require_loopback(host, "use --allow-remote")
        hosts = options["allowed_host"]
        serve(host, port, ready, sandbox=local, allow_remote=allow_remote, allowed_hosts=hosts, **speed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {_reason(error)}", UNREACHABLE)
    finally:
        local.close()


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken, perhaps by another sandbox. Stop that one, or use --port 0 for a free port"
    # Without the address, which Python repeats.
    return (error.strerror or str(error)).partition(" (while")[0]

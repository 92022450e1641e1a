"""`python -m pixel_transports.sandbox`: serves a sandbox until SIGINT or SIGTERM.

Rules kept here:

* The environment of a client is printed first, one NAME=VALUE a line. An empty line follows when the server is ready.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pixel_transports.sandbox.app import Sandbox
from pixel_transports.sandbox.hosts import require_loopback
from pixel_transports.sandbox.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Serve with the options of the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pixel_transports.sandbox", description="A local Pixel.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    parser.add_argument("--allow-remote", action="store_true", help="allow an address that others can reach")
    parser.add_argument("--allowed-host", action="append", default=[], help="answer to this host name (repeatable)")
    parser.add_argument("--data", type=Path, help="keep the state in this folder")
    options = parser.parse_args(arguments)

    def ready(url: str) -> None:
        for name, value in sandbox.environment(url).items():
            print(f"{name}={value}")
        print(flush=True)

    try:
        if not options.allow_remote:
            require_loopback(options.host, "use --allow-remote")
        with closing(Sandbox.for_one_run(data=options.data)) as sandbox:
            serve(
                options.host,
                options.port,
                ready,
                sandbox=sandbox,
                allow_remote=options.allow_remote,
                allowed_hosts=options.allowed_host,
            )
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

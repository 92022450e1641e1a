"""How a command gets its client, and where the library's log goes.

Rules kept here:

* A command that needs a client is decorated with `with_client`; the client is closed when the command ends.
* Without --verbose only warnings are printed, and none about failed calls and logins: the error itself reports those.
"""

import functools
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from pixel_transports.cli.errors import report_errors
from pixel_transports.cli.job_progress import JobProgressPrinter
from pixel_transports.cli.options import Command, connection, connection_options


def with_client(command: Command) -> Command:
    """Add the options of the connection, and call the command with a client. Errors become messages and exit codes."""

    @connection_options
    @functools.wraps(command)
    def connected(**options: Any) -> None:
        verbose = connection().verbose
        with log_to_stderr(verbose, logging.DEBUG) if verbose else nullcontext(), report_errors():
            from pixel_transports.cli.connection import get_settings
            from pixel_transports.client.factory import get_client

            settings = get_settings()
            with JobProgressPrinter(sys.stderr) as printer, get_client(settings=settings, listener=printer) as client:
                command(client, **options)

    return connected


@contextmanager
def log_to_stderr(verbose: bool, level: int | None = None) -> Iterator[None]:
    """Print the library's log on stderr: warnings, with `verbose` also failed calls, and all records from `level`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("pixel: %(message)s"))
    if not verbose:
        handler.addFilter(lambda record: record.name not in ("pixel_client.calls", "pixel_client.login"))
    logger = logging.getLogger("pixel_client")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    old_level = logger.level
    if verbose and level is not None:
        logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(old_level)
        logger.propagate = propagate
        logger.removeHandler(handler)

"""Exit codes, and errors as messages on stderr.

Rules kept here:

* An exit code means the same for every command.
* An error is one sentence on stderr that says what to do next, not a traceback.
"""

import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from pydantic import ValidationError

from pixel_core.errors import (
    PixelBadRequestError,
    PixelConnectionError,
    PixelError,
    PixelJobTimeoutError,
    PixelLoginError,
    PixelNotFoundError,
    PixelPermissionError,
    PixelSettingsError,
)

DONE, FAILED, USAGE, NOTHING, LOGIN, UNREACHABLE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 130, 143

EXIT_CODES = """\b
Exit codes:
  0    success; for `demo`: everything matched; for a dry run: no problems
  1    the server refused, a job or some files failed, or something did not match
  2    wrong usage, or settings that are missing or wrong
  3    nothing to do: no files, all of them uploaded before, or the answer to a
       question was no
  4    the login was refused
  5    no connection, or no answer in time
  130  interrupted
  143  terminated (SIGTERM)
"""


class Terminated(KeyboardInterrupt):
    """Raised in the main thread by SIGTERM: a command ends as after Ctrl-C, with another exit code."""


@contextmanager
def signals_raise() -> Iterator[None]:
    """Raise Terminated for SIGTERM."""

    def terminate(number: int, frame: object) -> NoReturn:
        raise Terminated

    with _handling({signal.SIGTERM: terminate}):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM while results are saved and printed."""
    with _handling(dict.fromkeys((signal.SIGINT, signal.SIGTERM), signal.SIG_IGN)):
        yield


@contextmanager
def _handling(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def fail(message: str, code: int) -> NoReturn:
    """Print a message on stderr and exit with a code."""
    print_message(message)
    sys.exit(code)


def print_message(message: str) -> None:
    """Print a message on stderr, after `pixel: `."""
    click.echo(f"pixel: {message}", err=True)


def printable(text: str) -> str:
    """Return the text with unprintable characters replaced, so that it cannot move the cursor or change colours."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn errors of the library into a message and the exit code that belongs to them."""
    try:
        yield
    except ValidationError as error:
        fail(f"{error.title}: {validation_message(error)}", USAGE)
    except PixelSettingsError as error:
        fail(settings_message(error), USAGE)
    except PixelConnectionError as error:
        fail(f"{error}. Check PIXEL_API_URL, PIXEL_AUTH_SERVER_URL and the network.", UNREACHABLE)
    except PixelLoginError as error:
        fail(str(error), LOGIN)
    except PixelNotFoundError as error:
        fail(f"{short_message(error)}. Check the ids; the `list` commands show the ones that exist.", FAILED)
    except PixelPermissionError as error:
        fail(f"{short_message(error)}. `pixel me` shows who is logged in.", FAILED)
    except PixelJobTimeoutError as error:
        fail(f"{short_message(error)}. `pixel jobs wait` waits for a job.", FAILED)
    except PixelError as error:
        fail(short_message(error), FAILED)


def settings_message(error: PixelSettingsError) -> str:
    """Return which settings are missing or wrong, and how to set them."""
    return (
        f"{error.problem}. Set them in the environment, or name a dotenv file with --env-file; "
        "`pixel config` shows the settings in use."
    )


def short_message(error: PixelError) -> str:
    """Return an error in one line: the server's detail, without the request's body, which may be long."""
    if not isinstance(error, PixelBadRequestError):
        return " ".join(str(error).split())
    body = error.response_json
    detail = body.get("detail", body) if isinstance(body, dict) else body
    text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    return f"{str(error).splitlines()[0]}: {text}"


def validation_message(error: ValidationError) -> str:
    """Return which fields are wrong and why, without their values."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())

"""How the command line ends: exit codes, and errors as sentences.

Rules kept here:

* A code means the same for every command.
* An error is one clear sentence on stderr, not a traceback; it says what to do next.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

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
)

DONE, FAILED, USAGE, NOTHING, LOGIN, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

EXIT_CODES = """\b
Exit codes:
  0    done; for `demo`: and everything matched; for a dry run: and all is well
  1    the server refused, a job or some files failed, or something did not match
  2    wrong usage, or settings that are missing or wrong
  3    nothing to do: there are no files, all of them were uploaded before, or
       the answer to a question was no
  4    the login was refused
  5    no connection, or no answer in time
  130  interrupted
"""


def fail(message: str, code: int) -> NoReturn:
    """Say why, and end."""
    tell(message)
    sys.exit(code)


def tell(message: str) -> None:
    """A message to the person, on stderr."""
    click.echo(f"pixel: {message}", err=True)


@contextmanager
def clear_errors() -> Iterator[None]:
    """End with a sentence and the code for what went wrong."""
    try:
        yield
    except ValidationError as error:
        if error.title != "PixelApiSettings":
            fail(f"{error.title}: {in_words(error)}", USAGE)
        fail(missing_settings(error), USAGE)
    except PixelConnectionError as error:
        fail(f"{error}. Check PIXEL_API_URL, PIXEL_AUTH_SERVER_URL and the network.", UNREACHABLE)
    except PixelLoginError as error:
        fail(str(error), LOGIN)
    except PixelNotFoundError as error:
        fail(f"{in_short(error)}. Check the ids; the `list` commands show those that there are.", FAILED)
    except PixelPermissionError as error:
        fail(f"{in_short(error)}. `pixel me` shows who is logged in.", FAILED)
    except PixelJobTimeoutError as error:
        fail(f"{in_short(error)}. `pixel jobs wait` waits for a job.", FAILED)
    except PixelError as error:
        fail(in_short(error), FAILED)


def missing_settings(error: ValidationError) -> str:
    """Which settings are missing or wrong, and what to do about it."""
    return (
        f"Settings: {in_words(error)}. Set them in the environment, or name a dotenv file with --env-file; "
        "`pixel config` shows which ones are in force."
    )


def in_short(error: PixelError) -> str:
    """The error in one line: without what was sent, which may be long, and with what the server says of it."""
    if not isinstance(error, PixelBadRequestError):
        return " ".join(str(error).split())
    answer = error.response_json
    said = answer.get("detail", answer) if isinstance(answer, dict) else answer
    words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return f"{str(error).splitlines()[0]}: {words}"


def in_words(error: ValidationError) -> str:
    """What is wrong with which values, which are not shown themselves."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())

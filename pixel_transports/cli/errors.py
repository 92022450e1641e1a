"""Exit codes, and errors as messages on stderr.

Rules kept here:

* An exit code means the same for every command.
* An error is one sentence on stderr that says what to do next, not a traceback: the server's reason, or for wrong input
  the field and what is expected there. Names in it have no control characters.
* "Again" is advice only where that can help, and the ids are doubted only if there are some.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
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
    PixelStatusError,
    PixelStorageError,
    printable,
)

DONE, FAILED, USAGE, NOTHING, LOGIN, UNREACHABLE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 5, 130, 143

EXIT_CODES = """\b
Exit codes:
  0    success; for `demo`: everything matched; for a dry run: no problems
  1    the server refused, a job or some files failed, or something did not match
  2    wrong usage, or settings that are missing or wrong
  3    nothing to do: no files, or the answer to a question was no; with
       `upload --fail-if-nothing`: all files were uploaded before
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
def interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C while another program has the terminal."""
    with _handling({signal.SIGINT: signal.SIG_IGN}):
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
    click.echo(f"pixel: {printable(message)}", err=True)


def show_usage_error(error: click.ClickException) -> None:
    """Print wrong usage on stderr, after the usage of the command."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)
    lists_choices = isinstance(error, click.MissingParameter)
    click.echo(f"Error: {printable(error.format_message(), lines=lists_choices)}", err=True)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn errors of the library into a message and the exit code that belongs to them."""
    try:
        yield
    except ValidationError as error:
        fail(validation_message(error), USAGE)
    except PixelSettingsError as error:
        fail(f"{error}.", USAGE)
    except UnicodeEncodeError as error:
        what = error.object[error.start : error.end]
        fail(f"An argument or a file has {what}, which is no text in this locale: use one of UTF-8.", USAGE)
    except PixelConnectionError as error:
        fail(f"{error}. Check PIXEL_API_URL, PIXEL_AUTH_SERVER_URL and the network.", UNREACHABLE)
    except PixelLoginError as error:
        fail(str(error), LOGIN)
    except PixelError as error:
        fail(f"{short_message(error)}{_hint(error)}", FAILED)
    except ValueError as error:
        fail(f"{str(error).removesuffix('.')}.", USAGE)
    except OSError as error:
        fail(f"{error}.", FAILED)


def _hint(error: PixelError) -> str:
    """Return what to do about an error, as a further sentence."""
    if isinstance(error, PixelNotFoundError):
        if _has_parameter(lambda each: each.name == "job"):
            return ". Check the id: the command that started the job printed it."
        if _has_parameter(lambda each: each.type is click.INT):
            return ". Check the ids; the `list` commands show the ones that exist."
        return ". Check PIXEL_API_URL and PIXEL_TENANT; `pixel config` shows them."
    if isinstance(error, PixelPermissionError):
        return ". `pixel me` shows who is logged in."
    return ". `pixel jobs wait` waits for a job." if isinstance(error, PixelJobTimeoutError) else ""


def _has_parameter(condition: Callable[[click.Parameter], bool]) -> bool:
    """True if the command that runs was given a parameter for which a condition holds: ids are plain whole numbers."""
    context = click.get_current_context(silent=True)
    if context is None:
        return False
    names = [each.name or "" for each in context.command.params if condition(each)]
    return any(context.params.get(name) not in (None, ()) for name in names)


def can_help_again(error: BaseException | None) -> bool:
    """False if the same request would be refused again: a refusal of the API or the storage, or of the login."""
    if isinstance(error, PixelStorageError):
        return error.renewable or error.status_code >= 500
    if isinstance(error, (PixelStatusError, PixelLoginError)):
        return error.status_code in (408, 425, 429) or (error.status_code or 0) >= 500
    return True


def short_message(error: PixelError) -> str:
    """Return an error in one line: what was refused and the server's reason, without the bodies, which may be long."""
    if isinstance(error, PixelBadRequestError):
        return str(error).splitlines()[0]
    return " ".join(str(error).split())


_EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "an object"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"),
        "a time such as 2024-05-14T10:00:00Z",
    ),
    "none_required": "null",
    "path_type": "a path",
    "finite_number": "a finite number",
}
"""What is expected where pydantic reports an error of this type."""


def validation_message(error: ValidationError, value: Any = None) -> str:
    """Return which fields are wrong and what is expected there, without their values. `value` is what was validated: if
    it is given, the path of a field has no names of models.
    """
    expected: dict[str, list[str]] = {}
    problems: dict[str, list[str]] = {}
    for each in error.errors(include_url=False):
        path = _field_path(each["loc"], value, each["type"] == "missing")
        words = _words(dict(each))
        (expected if each["type"] in _EXPECTED else problems).setdefault(path, []).append(words)
    for path, choices in expected.items():
        problems.setdefault(path, []).append(f"has to be {_alternatives(list(dict.fromkeys(choices)))}")
    return "; ".join(
        f"{path or 'it'} {words}" if words.startswith(("has ", "is ")) else f"{path}: {words}".removeprefix(": ")
        for path, found in problems.items()
        for words in dict.fromkeys(found)
    )


def _alternatives(choices: list[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _words(problem: dict[str, Any]) -> str:
    """Return one problem in words that need no knowledge of pydantic."""
    kind, message = str(problem["type"]), str(problem["msg"])
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known"
    if kind.endswith("too_short"):
        return "has too few items"
    if kind.endswith("too_long"):
        return "has too many items"
    if message.startswith("Input should "):
        return f"has to {message.removeprefix('Input should ')}"
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _field_path(loc: tuple[int | str, ...], value: Any, is_missing: bool) -> str:
    """Return the path of a field ("maps[0].model"), without the names that pydantic adds for models and unions."""
    parts: list[int | str] = []
    is_known = value is not None
    for each in loc:
        key: Any = each
        in_list = isinstance(value, (list, tuple)) and isinstance(key, int) and key < len(value)
        if not is_known:
            parts.append(each)
        elif in_list or (isinstance(value, Mapping) and key in value):
            parts.append(each)
            value = value[key]
    if is_missing and is_known:
        parts.append(loc[-1])
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in parts).removeprefix(".")

"""What the commands share: how they reach the server, what they ask before they change things, what they read.

Rules kept here:

* Options that mean the same have one name and one text, and are written here once.
* What cannot be undone, and what takes things away, needs a word of agreement: at a terminal, or `--yes`.
* What is wrong with an input is told before anything is sent.
"""

import functools
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TextIO, TypeVar

import click

from pixel_core.errors import PixelError
from pixel_transports.cli.exits import NOTHING, clear_errors, fail, tell

Command = Callable[..., Any]
Option = Callable[[Command], Command]
T = TypeVar("T")

env_file_option: Option = click.option(
    "--env-file", type=click.Path(exists=True, dir_okay=False), help="A dotenv file with settings."
)
verbose_option: Option = click.option("-v", "--verbose", is_flag=True, help="Tell of each request, on stderr.")
project_option: Option = click.option("--project", type=int, required=True, help="The id of the project.")
collection_option: Option = click.option("--collection", type=int, required=True, help="The id of the data collection.")
yes_option: Option = click.option("--yes", is_flag=True, help="Do not ask.")
file_argument: Option = click.argument("file", type=click.File("r", encoding="utf-8"))


def placed(command: Command) -> Command:
    """Add --project and --collection."""
    return project_option(collection_option(command))


def paging(command: Command) -> Command:
    """Add --limit, --offset and --page-size."""
    for option in (
        click.option(
            "--page-size", type=click.IntRange(1), default=100, show_default=True, help="Fetch so many at once."
        ),
        click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many at the start."),
        click.option("--limit", type=click.IntRange(1), help="Show no more than so many; by default, all."),
    ):
        command = option(command)
    return command


def with_client(command: Command) -> Command:
    """Add --env-file and --verbose, and call the command with a client; errors end it with a sentence and a code."""

    @env_file_option
    @verbose_option
    @functools.wraps(command)
    def connected(*, env_file: str | None, verbose: bool, **options: Any) -> None:
        # What goes wrong is told as the error: warnings of the tries before it would say the same.
        with messages(verbose, logging.DEBUG) if verbose else nullcontext(), clear_errors():
            from pixel_transports.cli.waiting import JobWatch
            from pixel_transports.client.factory import get_client
            from pixel_transports.client.settings import PixelApiSettings

            settings = PixelApiSettings(_env_file=env_file)
            with JobWatch(sys.stderr) as watch, get_client(settings=settings, listener=watch) as client:
                command(client, **options)

    return connected


@contextmanager
def messages(verbose: bool, level: int | None = None) -> Iterator[None]:
    """Show what the library logs as messages on stderr: warnings, and failed calls where they are asked for, or
    everything from `level` on.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("pixel: %(message)s"))
    if not verbose:
        handler.addFilter(lambda record: record.name != "pixel_client.calls")
    logger = logging.getLogger("pixel_client")
    logger.addHandler(handler)
    spread, logger.propagate = logger.propagate, False
    before = logger.level
    if verbose and level is not None:
        logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.propagate = spread
        logger.removeHandler(handler)


def agree(yes: bool, question: str, otherwise: str = "Nothing was changed.") -> None:
    """Go on only when the person agrees. Ends with NOTHING when not; raises click.UsageError without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("without a terminal to ask at, say --yes")
    if not click.confirm(question, err=True):
        fail(otherwise, NOTHING)


def delete_each(
    what: str, ids: Sequence[int], yes: bool, name_of: Callable[[int], Any], delete: Callable[[int], Any]
) -> None:
    """Ask, delete one after the other, and tell; when one fails, tell which were deleted before."""
    numbers = ", ".join(map(str, ids))
    question = f"Delete {what} {numbers}?"
    if not yes and sys.stdin.isatty() and len(ids) == 1:
        question = f"Delete {what} {numbers} ({printable(str(name_of(ids[0])))})?"
    agree(yes, question, "Nothing was deleted.")
    done: list[str] = []
    try:
        for each in ids:
            delete(each)
            done.append(str(each))
    except PixelError:
        if done:
            tell(f"Deleted before this: {', '.join(done)}.")
        raise
    tell(f"Deleted: {what} {numbers}.")


def paged(
    fetch: Callable[..., Sequence[T]], limit: int | None = None, offset: int = 0, page_size: int = 100
) -> Iterator[T]:
    """What `fetch(offset=..., limit=...)` gives, page by page, up to `limit` items."""
    left = limit
    while left is None or left > 0:
        size = page_size if left is None else min(page_size, left)
        page = fetch(offset=offset, limit=size)
        yield from page
        if len(page) < size:
            return
        offset += len(page)
        left = None if left is None else left - len(page)


def json_object(file: TextIO) -> dict[str, Any]:
    """The JSON object that a file holds. Raises click.UsageError."""
    try:
        found = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"{file.name}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"{file.name}: a JSON object is needed")
    return found


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """A value that the library refuses before anything is sent is wrong usage: of the file or option `what`."""
    from pydantic import ValidationError

    from pixel_transports.cli.exits import in_words

    try:
        yield
    except ValidationError as error:
        raise click.UsageError(f"{what}: {in_words(error)}") from None
    except ValueError as error:
        raise click.UsageError(f"{what}: {error}") from None


def names(text: str | None) -> list[str] | None:
    """Names with commas between them."""
    return None if text is None else [name for each in text.split(",") if (name := each.strip())]


def given(**values: Any) -> dict[str, Any]:
    """Those that were given: neither None nor an empty tuple."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def printable(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours: others wrote the names."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)

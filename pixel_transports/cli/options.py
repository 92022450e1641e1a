"""Options and arguments that several commands share, and what reads their values.

Rules kept here:

* Options with the same meaning have one name and one help text.
* A wrong value is reported before anything is sent.
* Options of the connection may stand before or after the names of commands; the last of equal ones counts.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias, TypeVar

import click
from click.shell_completion import CompletionItem

from pixel_transports.cli.errors import validation_message

if TYPE_CHECKING:
    from pixel_core.models.base import PixelModel

    _Choice: TypeAlias = click.Choice[str]
else:  # In click 8.1 it has no parameter.
    _Choice = click.Choice

Command = Callable[..., Any]
Option = Callable[[Command], Command]
T = TypeVar("T")
Model = TypeVar("Model", bound="PixelModel")


class AnyCase(_Choice):
    """One of several words, in any case; completed as it is written here."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__(choices, case_sensitive=False)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(each) for each in self.choices if each.lower().startswith(incomplete.lower())]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete files, for a parameter that takes a file or something else."""
    return [CompletionItem(incomplete, type="file")]


@dataclass(slots=True)
class Connection:
    """The options of the connection, wherever they stand."""

    env_file: str | None = None
    profile: str | None = None
    verbose: bool = False


def connection() -> Connection:
    """The options of the connection of the running command."""
    found: Connection = click.get_current_context().meta.setdefault(__name__, Connection())
    return found


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and option.name is not None:
        setattr(context.meta.setdefault(__name__, Connection()), option.name, value)


def _complete_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from pixel_transports.cli.profiles import list_names

    return [CompletionItem(name) for name in list_names() if name.startswith(incomplete)]


env_file_option: Option = click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False),
    expose_value=False,
    callback=_keep,
    help="A dotenv file with all settings; the environment is not read beside it.",
)
profile_option: Option = click.option(
    "--profile",
    metavar="NAME",
    expose_value=False,
    callback=_keep,
    shell_complete=_complete_profiles,
    help="A profile that `pixel login` stored.",
)
verbose_option: Option = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, callback=_keep, help="Log each request to stderr."
)


def connection_options(command: Command) -> Command:
    """Add --env-file, --profile and --verbose, whose values `connection` returns."""
    return env_file_option(profile_option(verbose_option(command)))


project_option: Option = click.option("--project", type=int, required=True, help="The id of the project.")
collection_option: Option = click.option("--collection", type=int, required=True, help="The id of the data collection.")
name_option: Option = click.option("--name", help="Only those with this name, as the server compares names.")
tags_option: Option = click.option("--tag", "tags", multiple=True, help="Only those with this tag; repeatable.")
new_tags_option: Option = click.option("--tag", "tags", multiple=True, help="A tag; repeatable.")
yes_option: Option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
file_argument: Option = click.argument("file", type=click.File("r", encoding="utf-8"))


def collection_options(command: Command) -> Command:
    """Add --project and --collection."""
    return project_option(collection_option(command))


def update_options(command: Command) -> Command:
    """Add --name, --description, --add-tag and --remove-tag."""
    for option in (
        click.option("--remove-tag", "remove_tags", multiple=True, help="A tag to remove; repeatable."),
        click.option("--add-tag", "add_tags", multiple=True, help="A tag to add; repeatable."),
        click.option("--description", help="The new description."),
        click.option("--name", help="The new name."),
    ):
        command = option(command)
    return command


def ids_argument(name: str, metavar: str) -> Option:
    """Return an argument of one or more ids."""
    return click.argument(name, metavar=metavar, type=int, nargs=-1, required=True)


def paging_options(command: Command) -> Command:
    """Add --limit, --offset and --page-size."""
    for option in (
        click.option(
            "--page-size", type=click.IntRange(1), default=100, show_default=True, help="Items to fetch per request."
        ),
        click.option("--offset", type=click.IntRange(0), default=0, help="Skip this many items at the start."),
        click.option("--limit", type=click.IntRange(1), help="Show at most this many items; by default, all."),
    ):
        command = option(command)
    return command


def fetch_pages(
    fetch: Callable[..., Sequence[T]], limit: int | None = None, offset: int = 0, page_size: int = 100
) -> Iterator[T]:
    """Yield the items of `fetch(offset=..., limit=...)`, page by page, up to `limit` items."""
    remaining = limit
    while remaining is None or remaining > 0:
        size = page_size if remaining is None else min(page_size, remaining)
        page = fetch(offset=offset, limit=size)
        yield from page
        if len(page) < size:
            return
        offset += len(page)
        remaining = None if remaining is None else remaining - len(page)


def drop_unset(**values: Any) -> dict[str, Any]:
    """Return the options that were set: neither None nor an empty tuple. Tuples become lists."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != ()
    }


def split_names(text: str | None) -> list[str] | None:
    """Return the names of a comma-separated list."""
    return None if text is None else [name for each in text.split(",") if (name := each.strip())]


def read_input(file: TextIO, model: "type[Model]") -> "Model":
    """Return the JSON object in a file as a model. Raises click.UsageError with the file, the field, and what is
    expected.
    """
    try:
        value = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"{file.name}: no JSON: {error}") from None
    if not isinstance(value, dict):
        raise click.UsageError(f"{file.name}: a JSON object is needed")
    with usage_errors(file.name, value):
        return model.model_validate(value)


@contextmanager
def usage_errors(source: str, value: Any = None) -> Iterator[None]:
    """Turn a ValueError of the block into click.UsageError. `source` is the file or option with the wrong value, which
    is `value`.
    """
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        raise click.UsageError(f"{source}: {validation_message(error, value)}") from None
    except ValueError as error:
        raise click.UsageError(f"{source}: {error}") from None

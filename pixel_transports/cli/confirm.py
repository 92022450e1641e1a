"""Confirmation before something is deleted.

Rules kept here:

* What cannot be undone asks first: at a terminal, or `--yes` answers.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from pixel_core.errors import PixelError, printable
from pixel_transports.cli.errors import NOTHING, fail, print_message


def confirm(yes: bool, question: str, refused: str = "Nothing was changed.") -> None:
    """Ask the user, unless `yes`. Exits with NOTHING after a no; raises click.UsageError without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal for a confirmation: pass --yes")
    if not click.confirm(question, err=True):
        fail(refused, NOTHING)


def delete_each(
    noun: str, ids: Sequence[int], yes: bool, get_name: Callable[[int], Any], delete: Callable[[int], Any]
) -> None:
    """Ask, then delete one after the other. After an error, the ids that were deleted before it are printed."""
    numbers = ", ".join(map(str, ids))
    question = f"Delete {noun} {numbers}?"
    if not yes and sys.stdin.isatty() and len(ids) == 1:
        question = f"Delete {noun} {numbers} ({printable(str(get_name(ids[0])))})?"
    confirm(yes, question, "Nothing was deleted.")
    deleted: list[str] = []
    try:
        for each in ids:
            delete(each)
            deleted.append(str(each))
    except PixelError:
        if deleted:
            print_message(f"Deleted before this: {', '.join(deleted)}.")
        raise
    print_message(f"Deleted: {noun} {numbers}.")

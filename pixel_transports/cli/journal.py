"""The command `journal`: the files that uploads have recorded.

Rules kept here:

* Nothing is dropped without confirmation: at a terminal, or `--yes`.
* Files that a running process is uploading are not dropped; the journal sees to that.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from pixel_core.errors import printable
from pixel_transports.cli.confirm import confirm
from pixel_transports.cli.errors import FAILED, NOTHING, fail, print_message
from pixel_transports.cli.options import yes_option
from pixel_transports.cli.output import dump_json

_journal_option = click.option(
    "--journal",
    "journal_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The journal; by default the user's own (see `pixel journal path`).",
)


@click.group()
def journal() -> None:
    """Show the journal of uploads, or remove files from it.

    `pixel upload` records the progress of each file, so that the same command can resume an interrupted upload. The
    journal is the file that PIXEL_JOURNAL names, or one in the user's data folder.
    """


@journal.command("list")
@click.option("--all", "include_finished", is_flag=True, help="Also list the files of finished uploads.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: destination, path, size, state, ...")
@_journal_option
def list_files(include_finished: bool, as_json: bool, journal_path: Path | None) -> None:
    """List the files of unfinished uploads."""
    from pixel_transports.drivers.journal.listing import Journal

    with _journal_errors(journal_path):
        files = Journal(journal_path).files(finished=include_finished)
    if as_json:
        for each in files:
            click.echo(dump_json(asdict(each)))
        return
    for destination, group in groupby(files, lambda each: each.destination):
        click.echo(printable(destination))
        for each in group:
            state = "finished" if each.finished else each.state
            click.echo(f"  {state:<10} {each.size:>16,} bytes  {each.updated} UTC  {printable(each.path)}")
    if not files:
        print_message(
            "The journal is empty." if include_finished else "No upload is unfinished (--all lists finished ones)."
        )


@journal.command()
@click.option("--destination", help="Only files with this destination, as `pixel journal list` prints it.")
@click.option("--file", "path", help="Only the file at this path.")
@yes_option
@_journal_option
def drop(destination: str | None, path: str | None, yes: bool, journal_path: Path | None) -> None:
    """Remove files from the journal; nothing changes on the server.

    A file that was removed is uploaded from the start the next time, also if it was uploaded before.
    """
    from pixel_transports.drivers.journal.listing import Journal
    from pixel_transports.drivers.journal.paths import stored_path

    opened, key = Journal(journal_path), None if path is None else stored_path(path)
    with _journal_errors(journal_path):
        count = sum(
            destination in (None, each.destination) and key in (None, os.fsencode(each.path)) for each in opened.files()
        )
    if not count:
        fail("There is nothing to drop.", NOTHING)
    confirm(yes, f"Drop {count} files from {opened.path}?", "Nothing was dropped.")
    with _journal_errors(journal_path):
        dropped = opened.drop(destination, path)
    print_message(f"{dropped} files were dropped.")
    if dropped < count:
        print_message(f"{count - dropped} files are being uploaded, and were kept.")


@journal.command()
@_journal_option
def path(journal_path: Path | None) -> None:
    """Show the path of the journal."""
    from pixel_transports.drivers.journal.listing import Journal

    click.echo(printable(str(Journal(journal_path).path)))


@contextmanager
def _journal_errors(journal_path: Path | None) -> Iterator[None]:
    import sqlite3

    try:
        yield
    except (OSError, sqlite3.Error) as error:
        where = "" if journal_path is None else f" {journal_path}"
        fail(f"The journal{where} cannot be read: {error}. If it is damaged, delete the file.", FAILED)

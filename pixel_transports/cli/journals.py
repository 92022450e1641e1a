"""The command `journal`: what is written down of uploads.

Rules kept here:

* Nothing is forgotten without a word of agreement: at a terminal, or `--yes`.
* What a run that is alive is at work on is not dropped; that is the journal's own rule.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from pixel_transports.cli.common import agree, yes_option
from pixel_transports.cli.exits import FAILED, NOTHING, fail, tell

_AT = click.option(
    "--journal",
    "at",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The journal; by default the user's own (see `pixel journal path`).",
)


@click.group()
def journal() -> None:
    """Look at the journal of uploads, or make it forget.

    `pixel upload` writes down how far each file is, so that the same command can go on after it was broken off. The
    journal is the file that PIXEL_JOURNAL names, or one in the user's folder for such files.
    """


@journal.command("list")
@click.option("--all", "everything", is_flag=True, help="Also the files of uploads that came to their end.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: destination, path, size, state, ...")
@_AT
def list_files(everything: bool, as_json: bool, at: Path | None) -> None:
    """List the files of uploads that were broken off."""
    from pixel_transports.drivers.journal.listing import Journal

    with _readable(at):
        files = Journal(at).files(finished=everything)
    if as_json:
        for each in files:
            click.echo(json.dumps(asdict(each), ensure_ascii=False))
        return
    for destination, group in groupby(files, lambda each: each.destination):
        click.echo(destination)
        for each in group:
            state = "finished" if each.finished else each.state
            click.echo(f"  {state:<10} {each.size:>16,} bytes  {each.updated} UTC  {each.path}")
    if not files:
        tell("The journal holds no files." if everything else "No upload was broken off (--all lists finished ones).")


@journal.command()
@click.option("--destination", help="Only what went there: a line that `pixel journal list` shows above its files.")
@yes_option
@_AT
def drop(destination: str | None, yes: bool, at: Path | None) -> None:
    """Forget what is written down; on the server, nothing changes.

    Files that were forgotten are uploaded from the start if they are uploaded again, also those that were uploaded.
    """
    from pixel_transports.drivers.journal.listing import Journal

    book = Journal(at)
    with _readable(at):
        count = sum(destination in (None, each.destination) for each in book.files())
    if not count:
        fail("There is nothing to forget.", NOTHING)
    agree(yes, f"Forget {count} files in {book.path}?", "Nothing was forgotten.")
    with _readable(at):
        dropped = book.drop(destination)
    tell(f"{dropped} files were forgotten.")
    if dropped < count:
        tell(f"{count - dropped} are being uploaded at this moment, and were kept.")


@journal.command()
@_AT
def path(at: Path | None) -> None:
    """Show where the journal is."""
    from pixel_transports.drivers.journal.listing import Journal

    click.echo(str(Journal(at).path))


@contextmanager
def _readable(at: Path | None) -> Iterator[None]:
    import sqlite3

    try:
        yield
    except (OSError, sqlite3.Error) as error:
        where = "" if at is None else f" {at}"
        fail(f"The journal{where} cannot be read: {error}. If it is beyond repair, delete the file.", FAILED)

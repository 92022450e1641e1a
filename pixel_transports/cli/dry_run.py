"""Runs `pixel upload --dry-run`: checks all files and prints a table, and sends nothing."""

from collections import Counter
from collections.abc import Sequence

import click

from pixel_core.session.options import Options
from pixel_core.uploads import PartSizing
from pixel_transports.cli.check_progress import check_progress
from pixel_transports.cli.connection import get_settings
from pixel_transports.cli.errors import DONE, FAILED, INTERRUPTED, TERMINATED, Terminated, fail, print_message
from pixel_transports.cli.file_checks import CheckedFile, Checker
from pixel_transports.cli.file_types import FILE_TYPES
from pixel_transports.cli.output import dump_json
from pixel_transports.cli.streams import shown
from pixel_transports.cli.upload_inputs import get_candidates, get_file_type, save_report
from pixel_transports.cli.upload_options import UploadOptions
from pixel_transports.client.factory import get_client
from pixel_transports.sandbox.geometry import from_geojson


def run_dry(options: UploadOptions) -> int:
    """Check the files, print the result and return the exit code."""
    area = None
    if options.server:
        with get_client(settings=get_settings(announce=True)) as client:
            file_type = get_file_type(client, options)
            project, _ = options.collection_path
            area = from_geojson(client.get_project(project).get("area_of_interest"))
    else:
        file_type = FILE_TYPES[options.file_type or ""]
    candidates, common_metadata = get_candidates(options, file_type)
    sizing = PartSizing.from_keywords(Options().multipart_threshold, options.part_size is not None, options.part_size)
    try:
        with check_progress(len(candidates)) as progress:
            checker = Checker(file_type, common_metadata, area, sizing, options.exif)
            files = checker.check(candidates, progress)
    except Terminated:
        fail("Terminated. Nothing was sent.", TERMINATED)
    except KeyboardInterrupt:
        fail("Interrupted. Nothing was sent.", INTERRUPTED)
    _print_files(files, options.as_json)
    print_message(_summary(files))
    for line in _advice(files):
        print_message(line)
    saved = save_report(options, file_type, [each.as_json() for each in files], dry_run=True)
    return FAILED if not saved or any(each.problems for each in files) else DONE


def _print_files(files: Sequence[CheckedFile], as_json: bool) -> None:
    """Print a table on stdout, or a JSON object for each file."""
    if as_json:
        for each in files:
            click.echo(dump_json(each.as_json()))
        return
    rows = [("FILE", "BYTES", "POSITION", "CAPTURED", "PROBLEMS"), *(_row(each) for each in files)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].ljust(widths[3])]
        click.echo("  ".join([*cells, row[4]]).rstrip())


def _row(checked: CheckedFile) -> tuple[str, str, str, str, str]:
    return (
        shown(checked.file),
        "-" if checked.size is None else f"{checked.size:,}",
        "-" if checked.position is None else " ".join(f"{number:.5f}" for number in checked.position[:2]),
        checked.captured or "-",
        shown("; ".join(map(str, checked.problems))) or "ok",
    )


def _summary(files: Sequence[CheckedFile]) -> str:
    size = sum(each.size or 0 for each in files)
    wrong = [each for each in files if each.problems]
    text = f"{len(files):,} files with {size:,} bytes: {len(files) - len(wrong):,} are ok, {len(wrong):,} are not"
    if wrong:
        codes = Counter(problem.code for each in wrong for problem in each.problems)
        text += f" ({', '.join(f'{code}: {number:,}' for code, number in sorted(codes.items()))})"
    return f"{text}. Nothing was sent."


def _advice(files: Sequence[CheckedFile]) -> list[str]:
    """Return the advice for each code, once."""
    advice = {problem.code: problem.advice for each in files for problem in each.problems}
    return [f"{code}: {advice[code]}." for code in sorted(advice)]

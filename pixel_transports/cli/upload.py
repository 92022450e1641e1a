"""The command `upload`.

Rules kept here:

* Errors that can be found beforehand are reported before anything is sent: options, paths, equal names, the type of
  the data collection, a report that cannot be written.
* stdout gets only data, also after an interrupt; progress and messages go to stderr.
* A file that cannot be sent does not stop the others.
"""

import sys
from pathlib import Path
from typing import Any

import click

from pixel_transports.cli.client import log_to_stderr
from pixel_transports.cli.errors import USAGE, fail, report_errors
from pixel_transports.cli.options import complete_files, connection, env_file_option, profile_option
from pixel_transports.cli.upload_options import UploadOptions, parse_size
from pixel_transports.runtime.extras import missing_extra

_DETAILS = """\b
Exit codes:
  0    every file is uploaded, now or before (with --dry-run: none has a problem)
  1    some or all files failed (with --dry-run: some files have problems)
  2    wrong usage, or settings that are missing or wrong; nothing was sent
  3    there are no files; with --fail-if-nothing also: all were uploaded before
  4    the login was refused
  5    no connection, or no answer in time
  130  interrupted; the same command continues from there
  143  terminated (SIGTERM); likewise

\b
stdout has a line for each file: name, id and status, separated by tabs. With
--json it is a JSON object:
  file    the path as it was given
  name    the name in Pixel
  id      of the image, raster or point cloud; null without one
  status  uploaded, skipped (an earlier run uploaded it), failed, interrupted
  reason, detail, advice   why it failed, as a code and in words, and what to do
  size    in bytes
With --dry-run: file, name, size, md5, position ([longitude, latitude, height]),
captured, status (ok, problem), problems (a list of code, detail, advice).

\b
JSON lines for `-`, one for each file; only "file" is required:
  {"file": "a.tif", "name": "b.tif", "support_files": ["a.tfw"],
   "metadata": {"fields": {...}}}
"""


@click.command(epilog=_DETAILS)
@click.argument("paths", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--project", type=int, help="The id of the project.")
@click.option("--collection", type=int, help="The id of the data collection.")
@click.option(
    "--type",
    "file_type",
    type=click.Choice(["image", "raster", "point-cloud"]),
    help="The type of the files; by default that of the data collection.",
)
@click.option("--include", metavar="PATTERN", multiple=True, help="Only files of such a name: '*_D.jpg', 'day1/**'.")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="No files and folders of such a name.")
@click.option(
    "--name-from",
    type=click.Choice(["path", "parent", "counter"]),
    help="Make equal names differ: by the folders they are in (path: day1_a.jpg), by the nearest one (parent), or by a "
    "number (counter: a-2.jpg).",
)
@click.option(
    "--metadata",
    metavar="JSON|FILE",
    shell_complete=complete_files,
    help="Metadata of all files: fields and json_metadata.",
)
@click.option("--support-files", is_flag=True, help="Also send support files beside a picture: world files, .prj, ...")
@click.option("--exif/--no-exif", default=True, help="Send EXIF metadata of images.  [default: exif]")
@click.option("--workers", type=click.IntRange(1, 200), help="Concurrent requests to the storage.  [default: 10]")
@click.option(
    "--part-size",
    metavar="SIZE",
    callback=parse_size,
    help="Send all files in parts of this size, such as 16MiB; for S3 5MiB or more.",
)
@click.option("--dry-run", is_flag=True, help="Read and check all files, and send nothing.")
@click.option("--server/--no-server", default=True, help="Whether a dry run reads the project and the data collection.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line on stdout.")
@click.option("--resume/--no-resume", default=True, help="Continue an earlier run.  [default: resume]")
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the user's own.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a report: FILE.json or FILE.csv."
)
@click.option("--fail-if-nothing", is_flag=True, help="Exit with 3 if all files were uploaded before.")
@env_file_option
@profile_option
@click.option("-v", "--verbose", is_flag=True, help="Print each step of each file, and each failed call.")
def upload(**values: Any) -> None:
    """Upload files to a data collection.

    PATHS are files, folders (searched for files of the type, without hidden ones), globs in quotation marks, or `-`
    for JSON lines from stdin. Upper and lower case are the same in suffixes and patterns.

    Uploaded files are recorded in a journal: the same command, run again, sends only the missing ones. A dry run
    checks positions of photos, and of all files that names and contents differ and that none is truncated.
    """
    options = UploadOptions(**{**values, "verbose": values["verbose"] or connection().verbose})
    options.check()
    with log_to_stderr(options.verbose), report_errors():
        sys.exit(_run_dry(options) if options.dry_run else _run(options))


def _run(options: UploadOptions) -> int:
    from pixel_transports.cli.upload_run import run_upload

    return run_upload(options)


def _run_dry(options: UploadOptions) -> int:
    try:
        from pixel_transports.cli.dry_run import run_dry
    except ModuleNotFoundError as error:
        fail(missing_extra("cli", "A dry run", error.name), USAGE)
    return run_dry(options)

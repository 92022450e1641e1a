"""What an upload and a dry run share: the type of the files, the files, and the report."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from pixel_core.uploads.folders import Selection
from pixel_transports.cli.errors import NOTHING, fail, print_message
from pixel_transports.cli.file_results import write_report
from pixel_transports.cli.file_search import STDIN, Candidate, FileSearch
from pixel_transports.cli.file_types import FILE_TYPES, FileType, type_of_collection
from pixel_transports.cli.metadata import read_metadata_option
from pixel_transports.cli.upload_options import UploadOptions
from pixel_transports.client.blocking import PixelClient


def get_file_type(client: PixelClient, options: UploadOptions) -> FileType:
    """Return the type of files that the data collection takes. Raises click.UsageError if --type is another one."""
    collection_type = client.get_data_collection(*options.collection_path).get("data_collection_type")
    file_type = type_of_collection(collection_type) if options.file_type is None else FILE_TYPES[options.file_type]
    if file_type is None:
        raise click.UsageError(f"the data collection has the unknown type {collection_type!r}: pass --type")
    if collection_type not in file_type.kind.collection_types:
        raise click.UsageError(f"--type {file_type.name}: the data collection is of the type {collection_type!r}")
    return file_type


def get_candidates(options: UploadOptions, file_type: FileType) -> tuple[list[Candidate], dict[str, Any]]:
    """Return the files, and the metadata of all of them. Raises click.UsageError; exits if there are no files."""
    if options.support_files and file_type.name == "point-cloud":
        raise click.UsageError("--support-files: point clouds have no support files")
    common_metadata = read_metadata_option(options.metadata, file_type)
    selection = Selection(file_type.suffixes, options.include, options.exclude)
    search = FileSearch(file_type, selection, options.support_files)
    candidates = search.find(options.paths, sys.stdin if STDIN in options.paths else ())
    if not candidates:
        suffixes = ", ".join(sorted(file_type.suffixes))
        fail(f"There is nothing to do: no files were found (a folder is searched for {suffixes}).", NOTHING)
    return search.name(candidates, options.name_from, may_be_equal=options.dry_run), common_metadata


def save_report(options: UploadOptions, file_type: FileType, rows: Sequence[dict[str, Any]], **about: Any) -> bool:
    """Write the report of --report, if there is one. Returns False, with a message, if it cannot be written."""
    if options.report is None:
        return True
    about = {"project": options.project, "collection": options.collection, "type": file_type.name, **about}
    try:
        write_report(options.report, about, rows)
    except OSError as error:
        print_message(f"The report {options.report} cannot be written: {error.strerror}")
        return False
    return True

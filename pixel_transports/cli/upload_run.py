"""Runs an upload: sends the files, and prints a result for each.

Rules kept here:

* Every file has a result, also after an interrupt and after an error that stopped the upload.
* The journal's error is not a file's: nothing was sent then.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from pixel_core.errors import PixelError, PixelUploadJobError
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_core.models import PixelUploadFile
from pixel_transports.cli.errors import (
    DONE,
    FAILED,
    INTERRUPTED,
    NOTHING,
    TERMINATED,
    USAGE,
    Terminated,
    fail,
    print_message,
    short_message,
    signals_ignored,
)
from pixel_transports.cli.file_problems import Problem, file_size, find_problem
from pixel_transports.cli.file_results import FileResult, FileStatus, count_by_status, print_results
from pixel_transports.cli.file_search import Candidate
from pixel_transports.cli.file_types import FileType
from pixel_transports.cli.metadata import merge_metadata
from pixel_transports.cli.upload_inputs import get_candidates, get_file_type, read_settings, save_report
from pixel_transports.cli.upload_options import UploadOptions
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.factory import get_client
from pixel_transports.display.progress import LogLines, ProgressListener, progress_listener

_STORED = "validated_and_moved"
"""The last state of an upload job that went well."""


class _Listener:
    """Passes events on to the progress display, and collects the final states of files."""

    def __init__(self, progress: ProgressListener, verbose: bool) -> None:
        self._progress = progress
        self._verbose = verbose
        self.final_states: dict[str, str] = {}

    def __call__(self, event: object) -> None:
        if isinstance(event, FileFinished):
            self.final_states[event.path] = event.status
        if self._verbose and isinstance(event, (FileHashed, FileSent, FileFinished)):
            step = {FileHashed: "read", FileSent: "sent"}.get(type(event)) or getattr(event, "status", "")
            print_message(f"{event.path}: {step}")
        self._progress(event)


def run_upload(options: UploadOptions) -> int:
    """Upload the files and return the exit code. Raises the PixelError that stopped it, after printing the results."""
    # Log lines would break a progress bar.
    with LogLines(sys.stderr) if options.verbose else progress_listener(sys.stderr) as progress:
        listener = _Listener(progress, options.verbose)
        keywords: PixelClientKwargs = {"listener": listener, "skip_uploaded": options.resume}
        if not options.resume:
            keywords["journal"] = None
        elif options.journal is not None:
            keywords["journal"] = options.journal
        if options.workers is not None:
            keywords["upload_max_concurrency"] = options.workers
        with get_client(settings=read_settings(options), **keywords) as client:
            file_type = get_file_type(client, options)
            candidates, common_metadata = get_candidates(options, file_type)
            _check_names(candidates)
            run = _UploadRun(options, file_type, candidates, listener.final_states)
            try:
                run.send(client, common_metadata)
            except KeyboardInterrupt as interrupt:
                run.interrupt = interrupt
            except PixelError as error:
                run.error = error
    with signals_ignored():
        return run.finish()


def _check_names(candidates: Sequence[Candidate]) -> None:
    """Raise click.UsageError if two files have the same name."""
    first: dict[str, Path] = {}
    equal = [
        f"{first[each.path.name]} and {each.path}"
        for each in candidates
        if first.setdefault(each.path.name, each.path) is not each.path
    ]
    if equal:
        more = f", and {len(equal) - 5} more" if len(equal) > 5 else ""
        raise click.UsageError(
            f"equal names: {', '.join(equal[:5])}{more}. In one upload all names have to differ: rename some, or "
            "upload them in several calls. --dry-run lists all of them"
        )


class _UploadRun:
    """One upload: its files, and the result of each."""

    def __init__(
        self,
        options: UploadOptions,
        file_type: FileType,
        candidates: Sequence[Candidate],
        final_states: dict[str, str],
    ) -> None:
        self._options = options
        self._file_type = file_type
        self._candidates = candidates
        self._final_states = final_states
        self._resources: dict[str, Any] = {}
        self._errors: dict[str, PixelUploadJobError] = {}
        self._problems: dict[str, Problem] = {}
        self.interrupt: KeyboardInterrupt | None = None
        self.error: PixelError | None = None

    def send(self, client: PixelClient, common_metadata: dict[str, Any]) -> None:
        """Send the files that have no problem. Raises PixelError, KeyboardInterrupt, click.UsageError."""
        files = self._upload_files(common_metadata)
        if not files:
            return
        part_size = self._options.part_size
        multipart = {} if part_size is None else {"multipart": True, "multipart_part_size": part_size}
        send = partial(getattr(client, self._file_type.method), *self._options.collection_path)
        try:
            resources, errors = send(files, **multipart)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        except OSError as error:
            if isinstance(error, PixelError):
                raise
            # An error without a number is the journal's, not a file's.
            fail(f"Nothing was sent: {error}", USAGE if error.errno is None else FAILED)
        self._errors = {str(error.file): error for error in errors}
        sent = [str(each.file) for each in files if str(each.file) not in self._errors]
        self._resources = dict(zip(sent, resources, strict=True))

    def _upload_files(self, common_metadata: dict[str, Any]) -> list[PixelUploadFile]:
        read_exif = _exif_reader(self._options, self._file_type)
        files = []
        for each in self._candidates:
            problem = find_problem(each)
            if problem is not None:
                self._problems[str(each.path)] = problem
                continue
            metadata = merge_metadata(read_exif(each.path), common_metadata, each.metadata)
            files.append(PixelUploadFile(file=each.path, support_files=list(each.support_files), metadata=metadata))
        return files

    def finish(self) -> int:
        """Save and print the results, and return the exit code. Raises the error that stopped the upload."""
        results = [self._result(each) for each in self._candidates]
        counts = count_by_status(results)
        code = self._exit_code(counts)
        rows = [asdict(each) for each in results]
        interrupted = self.interrupt is not None
        if not save_report(self._options, self._file_type, rows, interrupted=interrupted, counts=counts):
            code = code or FAILED
        if not print_results(results, self._options.as_json):
            code = code or FAILED
        for each in results:
            if each.status == FileStatus.FAILED and each.reason != "stopped":
                print_message(each.message(self._options.verbose))
        if self.error is not None:
            raise self.error
        print_message(self._summary(counts))
        return code

    def _exit_code(self, counts: dict[str, int]) -> int:
        if self.interrupt is not None:
            return TERMINATED if isinstance(self.interrupt, Terminated) else INTERRUPTED
        if counts["failed"]:
            return FAILED
        return DONE if counts["uploaded"] else NOTHING

    def _summary(self, counts: dict[str, int]) -> str:
        parts = ", ".join(f"{number:,} {status}" for status, number in counts.items() if number)
        total = f"Of {len(self._candidates):,} files: {parts}."
        if self.interrupt is None:
            return total
        what = "Terminated" if isinstance(self.interrupt, Terminated) else "Interrupted"
        if self._options.resume:
            return f"{what}. {total} Run the same command again: it continues from here."
        return f"{what}. {total} With --no-resume there is no journal: another run starts from the beginning."

    def _result(self, candidate: Candidate) -> FileResult:
        path, size = candidate.path, file_size(candidate)
        key = str(path)
        if key in self._problems:
            return FileResult.from_problem(path, self._problems[key], size)
        if key in self._resources:
            # Files that an earlier run finished have no event in this one.
            status = FileStatus.UPLOADED if key in self._final_states else FileStatus.SKIPPED
            return FileResult(key, path.name, self._resources[key]["id"], status, size=size)
        if key in self._errors:
            error = self._errors[key]
            problem = Problem(error.status, _detail(error))
            return FileResult.from_problem(path, problem, size, cause=error.__cause__)
        if self.error is not None:
            return FileResult.from_problem(path, Problem("stopped", short_message(self.error)), size, cause=self.error)
        # After an interrupt only the events are known.
        if self._final_states.get(key) == _STORED:
            return FileResult(key, path.name, None, FileStatus.UPLOADED, size=size)
        if key in self._final_states:
            detail = "the next run reports the reason"
            return FileResult.from_problem(path, Problem(self._final_states[key], detail), size)
        problem = Problem("interrupted", "the upload was interrupted before its end")
        return FileResult.from_problem(path, problem, size, FileStatus.INTERRUPTED)


def _detail(error: PixelUploadJobError) -> str:
    """Return why a file failed: what the server or its job says, or the error that it met."""
    cause = error.__cause__
    return short_message(cause) if isinstance(cause, PixelError) else str(error.detail)


def _exif_reader(options: UploadOptions, file_type: FileType) -> Callable[[Path], dict[str, Any] | None]:
    """Return a function that reads EXIF metadata, or one that returns None without --exif or Pillow."""
    if file_type.name != "image" or not options.exif:
        return lambda path: None
    try:
        from pixel_transports.cli.photos import read_metadata
    except ModuleNotFoundError:
        print_message("Pillow is not installed: EXIF metadata are not sent.")
        return lambda path: None

    def read(path: Path) -> dict[str, Any] | None:
        metadata = read_metadata(path)
        return metadata.body() if metadata else None

    return read

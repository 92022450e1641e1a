"""Runs an upload: sends the files, and prints a result for each.

Rules kept here:

* Every file has a result, also after an interrupt and after an error that stopped the upload.
* The journal's error is not a file's: nothing was sent then.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import click

from pixel_core.api.folder_flows import read_metadata
from pixel_core.api.upload_flows import UploadCall, UploadFlows
from pixel_core.api.upload_service import IMAGE
from pixel_core.effects import Flow
from pixel_core.errors import PixelError, PixelUploadJobError
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_core.models.files import merge_metadata
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, Transfer
from pixel_transports.cli.connection import get_settings
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
from pixel_transports.cli.upload_inputs import get_candidates, get_file_type, save_report
from pixel_transports.cli.upload_options import UploadOptions
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.factory import get_client
from pixel_transports.display.progress import LogLines, ProgressListener, progress_listener
from pixel_transports.sandbox.upload_validation import MIN_PART_BYTES

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
        with get_client(settings=get_settings(announce=True), **keywords) as client:
            file_type = get_file_type(client, options)
            candidates, common_metadata = get_candidates(options, file_type)
            _warn_of_small_parts(options)
            run = _UploadRun(options, file_type, candidates, listener.final_states)
            try:
                run.send(client, common_metadata)
            except KeyboardInterrupt as interrupt:
                run.interrupt = interrupt
            except PixelError as error:
                run.error = error
    with signals_ignored():
        return run.finish()


def _warn_of_small_parts(options: UploadOptions) -> None:
    if options.part_size is not None and options.part_size < MIN_PART_BYTES:
        print_message(
            f"--part-size {options.part_size}: S3 refuses a file with parts below {MIN_PART_BYTES} bytes (5 MiB), "
            "except for the last part (EntityTooSmall)."
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
        self._transfers: dict[str, Transfer] = {}
        self._problems: dict[str, Problem] = {}
        self.interrupt: KeyboardInterrupt | None = None
        self.error: PixelError | None = None

    def send(self, client: PixelClient, common_metadata: dict[str, Any]) -> None:
        """Send the files that have no problem. Raises PixelError, KeyboardInterrupt, click.UsageError."""
        sendable = self._without_problem()
        if not sendable:
            return
        options = self._options
        call = UploadCall()

        def lead(session: Session) -> Flow[list[Transfer]]:
            flows = UploadFlows(session, self._file_type.kind, *options.collection_path, call)
            sizing = flows.sizing(options.part_size is not None, options.part_size)
            return flows.all(specs, sizing, options.name_from, checked=True)

        try:
            specs = self._specs(client, sendable, common_metadata)
            transfers = client.run(call.run(client.session, lead))
        except (ValueError, ModuleNotFoundError) as error:
            raise click.UsageError(str(error)) from error
        except OSError as error:
            if isinstance(error, PixelError):
                raise
            # An error without a number is the journal's, not a file's.
            fail(f"Nothing was sent: {error}", USAGE if error.errno is None else FAILED)
        self._transfers = {each.file.path: each for each in transfers}

    def _without_problem(self) -> list[Candidate]:
        self._problems = {
            str(each.path): problem for each in self._candidates if (problem := find_problem(each)) is not None
        }
        return [each for each in self._candidates if str(each.path) not in self._problems]

    def _specs(
        self, client: PixelClient, candidates: Sequence[Candidate], common_metadata: dict[str, Any]
    ) -> list[FileSpec]:
        exif: Sequence[dict[str, Any] | None] = [None] * len(candidates)
        if self._file_type.kind is IMAGE and self._options.exif:
            exif = client.run(read_metadata([str(each.path) for each in candidates]))
        merged = [
            merge_metadata(own, common_metadata, each.metadata) for each, own in zip(candidates, exif, strict=True)
        ]
        return [
            each.spec(metadata.body() if metadata else None) for each, metadata in zip(candidates, merged, strict=True)
        ]

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
        return NOTHING if self._options.fail_if_nothing and not counts["uploaded"] else DONE

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
        key, size = str(candidate.path), file_size(candidate)
        if key in self._problems:
            return FileResult.from_problem(candidate, self._problems[key], size)
        transfer = self._transfers.get(key)
        if transfer is not None:
            candidate = replace(candidate, upload_name=transfer.file.name)  # that of the journal
            if transfer.error is not None:
                error = transfer.error
                problem = Problem(error.status, _detail(error))
                return FileResult.from_problem(candidate, problem, size, cause=error.__cause__)
            # Files that an earlier run finished have no event in this one.
            status = FileStatus.UPLOADED if key in self._final_states else FileStatus.SKIPPED
            return FileResult(key, candidate.name, transfer.resource["id"], status, size=size)
        if self.error is not None:
            problem = Problem("stopped", short_message(self.error))
            return FileResult.from_problem(candidate, problem, size, cause=self.error)
        # After an interrupt only the events are known.
        if self._final_states.get(key) == _STORED:
            return FileResult(key, candidate.name, None, FileStatus.UPLOADED, size=size)
        if key in self._final_states:
            detail = "the next run reports the reason"
            return FileResult.from_problem(candidate, Problem(self._final_states[key], detail), size)
        problem = Problem("interrupted", "the upload was interrupted before its end")
        return FileResult.from_problem(candidate, problem, size, FileStatus.INTERRUPTED)


def _detail(error: PixelUploadJobError) -> str:
    """Return why a file failed: what the server or its job says, or the error that it met."""
    cause = error.__cause__
    return short_message(cause) if isinstance(cause, PixelError) else str(error.detail)

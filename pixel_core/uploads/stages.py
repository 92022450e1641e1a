"""What the stages of an upload have in common: their four methods, the service, and the context that they share.

Rules kept here:

* A transfer's state says which stage has it: `Context.move` changes the state and queues the transfer in its stage.
* Journal records and events are collected, and written before the next outcomes are awaited.
* One failed file does not affect others. An error that concerns all files starts nothing new.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pixel_core.effects import FileFacts, Flow, Report, Spawn, TaskGroup, WriteJournal
from pixel_core.errors import PixelConnectionError, PixelFileChangedError, PixelProtocolError
from pixel_core.events import FileFinished
from pixel_core.journal import JournalState
from pixel_core.session.answers import Field
from pixel_core.uploads.plans import HashedFile, PlannedFile
from pixel_core.uploads.progress import Progress
from pixel_core.uploads.requests import StorageRequest
from pixel_core.uploads.transfers import NOT_CONFIRMED, NOT_LISTED, NOT_UPLOADED, UNDER_WAY, Transfer, TransferState

FILES_PER_REQUEST = 200
"""The most files in one request for upload jobs, or to finish them, by the service's manual."""

BEGIN_AFTER = 0.25
"""Seconds that the first files wait for others, so that their upload jobs are requested together."""

HORIZON = 120.0
"""Upload jobs are requested for so many seconds of sending."""


class Stage(Protocol):
    """One stage of an upload: a queue of transfers, and the work on them that runs. Stages are subclasses of it."""

    def add(self, transfer: Transfer) -> None:
        """Queue a transfer."""

    def start(self) -> Flow[None]:
        """Spawn the work that may begin now."""
        ...

    def done(self, key: Any, outcome: Any) -> None:
        """Take the outcome of spawned work, an Exception if it failed, and move its transfers on."""

    def next_time(self) -> float:
        """The time at which `start` is to be called though no work has ended: infinity if there is none."""
        return float("inf")


class UploadService(Protocol):
    """The requests of one kind of upload."""

    def declare(self, files: Sequence[HashedFile]) -> Flow[list[Field | Exception]]:
        """Request upload jobs: one per file, or the error of that file. Errors that concern all files are raised."""
        ...

    def requests(self, file: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        """The requests to the object storage, without the parts in `stored`. Raises PixelProtocolError."""
        ...

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Report files as stored, and wait for the server: afterwards each has its `resource` or its `error`."""
        ...


class Context:
    """What the stages of one upload share. `broken` is the error that stopped all files that had not begun."""

    def __init__(self, progress: Progress, limit: int, run: Any, now: float) -> None:
        self.progress = progress
        self.active: dict[Transfer, None] = {}
        """Transfers that are not at their end, in their order."""
        self.job_ids: set[int | str] = set()
        """The ids of their upload jobs."""
        self.ended: list[Transfer] = []
        """Transfers that came to their end since `take_ended`."""
        self.no_more: bool = True
        """True if no more files will be added."""
        self.limit = limit
        self.time = now
        self.broken: Exception | None = None
        self.stages: dict[TransferState, Stage] = {}
        self.running: int = 0
        self.kept: int = 0
        """Bytes of small files in memory."""
        self.horizon = HORIZON
        self._added = 0
        self._run = run
        self._group: TaskGroup[Any, Any] | None = None
        self._records: dict[Transfer, JournalState] = {}
        self._events: list[object] = []

    def enter(self, group: TaskGroup[Any, Any]) -> None:
        """Use a task group for the work of the stages."""
        self._group = group

    def spawn(self, stage: Stage, key: Any, flow: Flow[Any]) -> Flow[None]:
        """Start work of a stage: its outcome is passed to `stage.done` with the key."""
        if self._group is None:
            raise RuntimeError("work of a stage is spawned before the engine runs")
        self.running += 1
        yield from Spawn(self._group, (stage, key), flow)

    def add(self, transfer: Transfer) -> None:
        """Add a file, in any state: its stage takes it."""
        transfer.number = self._added
        self._added += 1
        self.active[transfer] = None
        self.progress.add(transfer)
        if transfer.state is TransferState.DONE:
            self.record(transfer, JournalState.DONE)
        if transfer.over:
            self._leave(transfer)
            return
        try:
            self.stages[transfer.state].add(transfer)
        except PixelProtocolError:  # Its upload job cannot be used: it gets another.
            self.progress.stored(transfer, -transfer.sent)
            transfer.parts = set()
            self.move(transfer, TransferState.HASHED)

    def move(self, transfer: Transfer, state: TransferState) -> None:
        """Change the state of a transfer, and queue it in the stage of that state, if there is one. Raises
        PixelProtocolError for SENDING, if the upload job cannot be used.
        """
        self.progress.move(transfer, state)
        if self.broken is not None and state is TransferState.HASHED:
            self.fail(transfer, NOT_UPLOADED, self.broken)
        elif state in self.stages:
            self.stages[state].add(transfer)

    def record(self, transfer: Transfer, state: JournalState) -> None:
        """Write a state to the journal, with the next `flush`."""
        if self._run is not None:
            self._records[transfer] = state

    def report(self, event: object) -> None:
        """Report an event, with the next `flush`."""
        self._events.append(event)

    def flush(self) -> Flow[None]:
        """Write the records to the journal, and report the events."""
        if self._records:
            records, self._records = self._records, {}
            yield from WriteJournal(self._run, [transfer.entry(state) for transfer, state in records.items()])
        events, self._events = self._events, []
        for event in events:
            yield from Report(event)

    def release(self, transfer: Transfer) -> None:
        """Free what was needed to send a file."""
        self.kept -= transfer.kept
        transfer.kept = 0
        transfer.hashed = transfer.job = None

    def end(self, transfer: Transfer) -> None:
        """Move a transfer with a resource or an error to its end."""
        if transfer.over:
            return
        error = transfer.error
        self.release(transfer)
        self.progress.move(transfer, TransferState.DONE if error is None else TransferState.FAILED)
        status = "validated_and_moved" if error is None else error.status
        self.report(FileFinished(transfer.file.path, status, self.progress.upload_id, transfer.job_id))
        if error is None:
            self.record(transfer, JournalState.DONE)
        elif transfer.job_id is not None and not _may_continue(transfer):
            self.record(transfer, JournalState.DROPPED)
        self._leave(transfer)

    def _leave(self, transfer: Transfer) -> None:
        self.active.pop(transfer, None)
        if transfer.job_id is not None:
            self.job_ids.discard(transfer.job_id)
        self.ended.append(transfer)

    def take_ended(self) -> list[Transfer]:
        """Return the transfers that came to their end since the last time."""
        ended, self.ended = self.ended, []
        return ended

    def fail(self, transfer: Transfer, status: str, error: Exception) -> None:
        """End a transfer with an error."""
        transfer.fail(status, str(error), error)
        self.end(transfer)

    def stop(self, error: Exception, batch: Sequence[Transfer]) -> None:
        """Fail a batch with an error that concerns all files, and all files that wait for reading or for a job."""
        self.broken = self.broken or error
        waiting = (TransferState.WAITING, TransferState.HASHED)
        for transfer in (*batch, *[each for each in self.active if each.state in waiting]):
            self.fail(transfer, NOT_UPLOADED, error)


def _may_continue(transfer: Transfer) -> bool:
    """True if a later run may continue a failed file: it was not refused."""
    error = transfer.error
    if error is None or isinstance(error.__cause__, (PixelConnectionError, TimeoutError)):
        return True
    return transfer.handed_over and error.status in (NOT_CONFIRMED, NOT_LISTED, *UNDER_WAY)


def file_changed(file: PlannedFile, facts: FileFacts, when: str) -> PixelFileChangedError:
    """The error for a file that was written to while it was read or sent."""
    change = "it was written to" if facts.size == file.size else f"it had {file.size} bytes, and has {facts.size}"
    return PixelFileChangedError(f"{file.path} changed while it was {when}: {change}")

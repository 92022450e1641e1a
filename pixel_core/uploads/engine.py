"""The upload engine: uploads many files at once, as one flow.

Rules kept here:

* One flow alone changes transfers. What takes time (reading, sending, requests to the server) runs in a task group.
* The next files are read while the present ones are sent and earlier ones are validated. Later stages start first.
* Files, bytes and requests in flight are bounded over all files.
"""

from collections.abc import Sequence
from typing import Any

from pixel_core.effects import Clock, Flow, NextDone, OpenTaskGroup, Report, TaskGroup
from pixel_core.errors import PixelProtocolError
from pixel_core.journal import JournalState
from pixel_core.session.session import Session
from pixel_core.uploads.checking import Checking
from pixel_core.uploads.declaring import Declaring
from pixel_core.uploads.finishing import Finishing
from pixel_core.uploads.progress import Progress
from pixel_core.uploads.reading import Reading
from pixel_core.uploads.sending import Sending
from pixel_core.uploads.stages import Context, Stage, UploadService
from pixel_core.uploads.transfers import BEFORE_SENT, Transfer, TransferState


def upload(
    service: UploadService, session: Session, transfers: Sequence[Transfer], what: str, run: Any = None
) -> Flow[Exception | None]:
    """Upload files: afterwards each transfer has its resource or its error. Returns the error that stopped all files
    that had not begun, if there is one. Raises only what a driver raises.

    `what` names the upload in its progress. `run` is a run of the journal. Transfers may begin in any state: files of
    an earlier run continue where they were.
    """
    now = yield from Clock()
    engine = Engine(service, session, transfers, what, run, now)
    yield from OpenTaskGroup(engine.run)
    yield from engine.close()
    return engine.context.broken


class Engine:
    """The loop over the stages of one upload."""

    def __init__(
        self, service: UploadService, session: Session, transfers: Sequence[Transfer], what: str, run: Any, now: float
    ) -> None:
        self._transfers = transfers
        self._seconds = session.options.upload_deadline
        self._deadline = float("inf") if self._seconds is None else now + self._seconds
        progress = Progress(what, transfers, now, session.upload_id)
        self.context: Context = Context(progress, transfers, session.options.upload_max_concurrency, run, now)
        context = self.context
        finishing, checking = Finishing(context, service), Checking(context)
        sending, reading = Sending(context, service), Reading(context)
        declaring = Declaring(context, service, reading, sending)
        self._stages: tuple[Stage, ...] = (finishing, declaring, sending, checking, reading)
        context.stages = {
            TransferState.WAITING: reading,
            TransferState.HASHED: declaring,
            TransferState.SENDING: sending,
            TransferState.STORED: checking,
            TransferState.SENT: finishing,
        }
        for number, transfer in enumerate(transfers):
            transfer.number = number
            self._begin(transfer)
        progress.begin(now)

    def _begin(self, transfer: Transfer) -> None:
        """Queue a transfer in the stage of its state; count what an earlier run did."""
        context, progress, file = self.context, self.context.progress, transfer.file
        if transfer.state is TransferState.DONE:
            progress.confirmed += file.total
            context.record(transfer, JournalState.DONE)
        if transfer.state not in BEFORE_SENT:
            progress.hashed += file.total
            progress.stored(transfer, file.total)
        elif transfer.state is TransferState.SENDING:
            progress.hashed += file.total
            parts = [piece.length for number, piece in enumerate(file.slices, 1) if number in transfer.parts]
            progress.stored(transfer, sum(parts))
        try:
            if transfer.state in context.stages:
                context.stages[transfer.state].add(transfer)
        except PixelProtocolError:  # Its upload job cannot be used: it gets another.
            progress.stored(transfer, -transfer.sent)
            transfer.parts = set()
            context.move(transfer, TransferState.HASHED)

    def run(self, group: TaskGroup[tuple[Stage, Any], Any]) -> Flow[None]:
        """Run the stages until all transfers are at their end."""
        context = self.context
        context.enter(group)
        while context.time < self._deadline:
            for stage in self._stages:
                yield from stage.start()
            yield from self._report_progress()
            if not context.running:
                self._give_up(RuntimeError("the upload came to a stand"))  # a mistake, unless all are at their end
                return
            outcomes = yield from NextDone(group, self._timeout())
            context.time = yield from Clock()
            for (stage, key), outcome in outcomes:
                context.running -= 1
                stage.done(key, outcome)
            yield from context.flush()
        self._give_up(TimeoutError(f"the upload was not over within {self._seconds:g} seconds"))

    def close(self) -> Flow[None]:
        """Write and report what remains."""
        self.context.time = yield from Clock()
        yield from self.context.flush()
        yield from self._report_progress(last=True)

    def _timeout(self) -> float:
        """Seconds until progress is reported or a stage may begin something, if no work ends before."""
        now, progress = self.context.time, self.context.progress
        times = [now + (0.1 if progress.meters else 1.0), self._deadline, *(each.next_time() for each in self._stages)]
        return max(0.001, min(times) - now)

    def _report_progress(self, last: bool = False) -> Flow[None]:
        if last or self.context.progress.due(self.context.time):
            yield from Report(self.context.progress.event(self.context.time, last))

    def _give_up(self, error: Exception) -> None:
        for transfer in self._transfers:
            if not transfer.over:
                self.context.fail(transfer, transfer.trouble, error)

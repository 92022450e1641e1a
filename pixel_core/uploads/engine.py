"""The upload engine: uploads many files at once, as one flow.

Rules kept here:

* One flow alone changes transfers. What takes time (reading, sending, requests to the server) runs in a task group.
* The next files are read while the present ones are sent and earlier ones are validated. Later stages start first.
* Files, bytes and requests in flight are bounded over all files.
"""

from collections.abc import Sequence
from typing import Any

from pixel_core.effects import Clock, Flow, NextDone, OpenTaskGroup, Report, TaskGroup
from pixel_core.session.session import Session
from pixel_core.uploads.checking import Checking
from pixel_core.uploads.declaring import Declaring
from pixel_core.uploads.finishing import Finishing
from pixel_core.uploads.planning import FileStream, Planning
from pixel_core.uploads.progress import Progress
from pixel_core.uploads.reading import Reading
from pixel_core.uploads.sending import Sending
from pixel_core.uploads.stages import Context, Stage, UploadService
from pixel_core.uploads.transfers import Transfer, TransferState


def upload(
    service: UploadService,
    session: Session,
    transfers: Sequence[Transfer],
    what: str,
    run: Any = None,
    stream: FileStream | None = None,
) -> Flow[Exception | None]:
    """Upload files, and those of a stream: afterwards each transfer has its resource or its error. Returns the error
    that stopped all files that had not begun, if there is one. Raises only what a driver, or the stream, raises.

    `what` names the upload in its progress. `run` is a run of the journal. Transfers may begin in any state: files of
    an earlier run continue where they were.
    """
    now = yield from Clock()
    engine = Engine(service, session, what, run, now, stream)
    for transfer in transfers:
        engine.context.add(transfer)
    yield from OpenTaskGroup(engine.run)
    yield from engine.close()
    return engine.context.broken


class Engine:
    """The loop over the stages of one upload."""

    def __init__(
        self, service: UploadService, session: Session, what: str, run: Any, now: float, stream: FileStream | None
    ) -> None:
        self._stream = stream
        self._seconds = session.options.upload_deadline
        self._deadline = float("inf") if self._seconds is None else now + self._seconds
        progress = Progress(what, now, session.upload_id)
        self.context: Context = Context(progress, session.options.upload_max_concurrency, run, now)
        context = self.context
        finishing, checking = Finishing(context, service), Checking(context)
        sending, reading = Sending(context, service), Reading(context)
        declaring = Declaring(context, service, reading, sending, is_list=stream is None)
        self._stages: tuple[Stage, ...] = (finishing, declaring, sending, checking, reading)
        if stream is not None:
            self._stages += (Planning(context, stream),)
            context.no_more = False
        context.stages = {
            TransferState.WAITING: reading,
            TransferState.HASHED: declaring,
            TransferState.SENDING: sending,
            TransferState.STORED: checking,
            TransferState.SENT: finishing,
        }

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
            yield from self._flush()
        error = TimeoutError(f"the upload was not over within {self._seconds:g} seconds")
        if not context.no_more:
            context.broken = context.broken or error
        self._give_up(error)

    def close(self) -> Flow[None]:
        """Write and report what remains."""
        self.context.time = yield from Clock()
        yield from self._flush()
        yield from self._report_progress(last=True)

    def _flush(self) -> Flow[None]:
        """Write and report what changed, and pass on what is at its end."""
        yield from self.context.flush()
        ended = self.context.take_ended()
        if ended and self._stream is not None:
            yield from self._stream.deliver(ended)

    def _timeout(self) -> float:
        """Seconds until progress is reported or a stage may begin something, if no work ends before."""
        now, progress = self.context.time, self.context.progress
        times = [now + (0.1 if progress.meters else 1.0), self._deadline, *(each.next_time() for each in self._stages)]
        return max(0.001, min(times) - now)

    def _report_progress(self, last: bool = False) -> Flow[None]:
        if last or self.context.progress.due(self.context.time):
            yield from Report(self.context.progress.event(self.context.time, last))

    def _give_up(self, error: Exception) -> None:
        for transfer in list(self.context.active):
            self.context.fail(transfer, transfer.trouble, error)

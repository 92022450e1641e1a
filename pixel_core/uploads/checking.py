"""Checking: a file whose bytes were read again to be sent must be as it was when it was hashed."""

from collections import deque

from pixel_core.effects import FileFacts, Flow, Stat
from pixel_core.events import FileSent
from pixel_core.journal import JournalState
from pixel_core.uploads.stages import Context, Stage, file_changed
from pixel_core.uploads.transfers import Transfer, TransferState


class Checking(Stage):
    """Looks at files after they were sent."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._queue: deque[Transfer] = deque()

    def add(self, transfer: Transfer) -> None:
        if transfer.hashed is not None and transfer.hashed.content is not None:
            self.done(transfer, [transfer.file.facts])  # The bytes that were hashed were sent.
        else:
            self._queue.append(transfer)

    def start(self) -> Flow[None]:
        while self._queue:
            transfer = self._queue.popleft()
            yield from self._context.spawn(self, transfer, iter(Stat([transfer.file.path])))

    def done(self, key: Transfer, outcome: list[FileFacts] | Exception) -> None:
        file = key.file
        if not isinstance(outcome, Exception) and outcome[0] != file.facts:
            outcome = file_changed(file, outcome[0], "sent")
        if isinstance(outcome, Exception):
            self._context.fail(key, "not_stored", outcome)
            return
        self._context.report(FileSent(file.path, file.size, self._context.progress.upload_id, key.job_id))
        self._context.record(key, JournalState.SENT)
        self._context.release(key)
        self._context.move(key, TransferState.SENT)

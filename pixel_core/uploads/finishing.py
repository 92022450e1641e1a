"""Finishing: files are reported to the server as stored, and their outcome is awaited.

The journal is written before the server is asked to finish files. Files wait a moment for others, to be finished
together. A slow job of the server delays its own files only.
"""

from collections import deque

from pixel_core.effects import Flow
from pixel_core.journal import JournalState
from pixel_core.uploads.stages import FILES_PER_REQUEST, Context, Stage, UploadService
from pixel_core.uploads.transfers import BEFORE_SENT, Transfer, TransferState

FINISH_AFTER = 2.0
"""Seconds that a file waits for others."""

MOST_FINISHING = 16
"""How many batches may be in validation at once."""


class Finishing(Stage):
    """Finishes files, several batches at a time."""

    def __init__(self, context: Context, service: UploadService) -> None:
        self._context = context
        self._service = service
        self._queue: deque[Transfer] = deque()
        self._since = 0.0
        self._running = 0

    def add(self, transfer: Transfer) -> None:
        if not self._queue:
            self._since = self._context.time
        self._queue.append(transfer)

    def start(self) -> Flow[None]:
        while self._may_begin():
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), FILES_PER_REQUEST))]
            batch.sort(key=lambda transfer: transfer.number)
            for transfer in batch:
                self._context.record(transfer, JournalState.FINISHING)
                self._context.move(transfer, TransferState.FINISHING)
            yield from self._context.flush()
            self._running += 1
            yield from self._context.spawn(self, batch, self._service.finish(batch))

    def next_time(self) -> float:
        return self._since + FINISH_AFTER if self._queue and self._running < MOST_FINISHING else float("inf")

    def _may_begin(self) -> bool:
        if not self._queue or self._running >= MOST_FINISHING:
            return False
        no_more = self._context.no_more and not any(self._context.progress.files[state] for state in BEFORE_SENT)
        waited = self._context.time >= self._since + FINISH_AFTER
        return no_more or waited or len(self._queue) >= FILES_PER_REQUEST

    def done(self, key: list[Transfer], outcome: Exception | None) -> None:
        self._running -= 1
        if isinstance(outcome, Exception):
            if not any(each.handed_over for each in key):
                self._context.stop(outcome, key)
                return
            for transfer in key:
                transfer.fail(transfer.trouble, str(outcome), outcome)
        for transfer in key:
            self._context.end(transfer)

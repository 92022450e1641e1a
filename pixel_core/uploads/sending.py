"""Sending: the bytes of files are sent to the object storage.

Requests at a time are bounded over all files. A file whose signature expired, or whose multipart upload is gone, gets
another upload job. The outcomes of requests of the former job are then ignored.
"""

from collections import deque

from pixel_core.effects import Flow
from pixel_core.errors import PixelStorageError
from pixel_core.journal import JournalState
from pixel_core.uploads.requests import StorageRequest
from pixel_core.uploads.stages import Context, Stage, UploadService
from pixel_core.uploads.transfers import Transfer, TransferState

MOST_RENEWALS = 10
"""How many further upload jobs one file gets."""

_Key = tuple[Transfer, int, StorageRequest]
"""A request of a transfer, and the number of its renewals when it was made."""


class Sending(Stage):
    """Sends requests to the object storage."""

    def __init__(self, context: Context, service: UploadService) -> None:
        self._context = context
        self._service = service
        self._queue: deque[_Key] = deque()
        self._missing: dict[Transfer, int] = {}
        self._running = 0

    def add(self, transfer: Transfer) -> None:
        """Queue the requests of a transfer. Raises PixelProtocolError for an upload job that cannot be used."""
        if transfer.hashed is None or transfer.job is None:
            raise RuntimeError(f"{transfer.file.path} is sent before it has a job")
        requests = self._service.requests(transfer.hashed, transfer.job, transfer.parts)
        self._missing[transfer] = len(requests)
        self._queue.extend((transfer, transfer.renewals, request) for request in requests)
        if not requests:
            self._context.move(transfer, TransferState.STORED)

    def start(self) -> Flow[None]:
        while self._queue and self._running < self._context.limit:
            key = self._queue.popleft()
            if not _is_stale(key):
                self._running += 1
                self._context.progress.follow(key[2].meter)
                yield from self._context.spawn(self, key, key[2].send())

    @property
    def is_idle(self) -> bool:
        """True if no request is being sent, and none is queued."""
        return not (self._running or self._queue)

    @property
    def backlog(self) -> int:
        """The number of queued requests."""
        while self._queue and _is_stale(self._queue[0]):
            self._queue.popleft()
        return len(self._queue)

    def done(self, key: _Key, outcome: Exception | None) -> None:
        transfer, _, request = key
        self._running -= 1
        self._context.progress.leave(request.meter)
        if _is_stale(key):
            return
        if isinstance(outcome, PixelStorageError) and outcome.renewable and self._may_renew(transfer, outcome):
            self._renew(transfer, outcome)
        elif isinstance(outcome, Exception):
            self._context.fail(transfer, "not_stored", outcome)
        else:
            self._stored(transfer, request)

    def _stored(self, transfer: Transfer, request: StorageRequest) -> None:
        self._context.progress.stored(transfer, request.size)
        if request.number:
            transfer.parts.add(request.number)
            transfer.fresh.append(request.number)
        self._missing[transfer] -= 1
        if not self._missing[transfer]:
            del self._missing[transfer]
            self._context.move(transfer, TransferState.STORED)
        elif request.number:
            self._context.record(transfer, JournalState.STORING)

    @staticmethod
    def _may_renew(transfer: Transfer, error: PixelStorageError) -> bool:
        # One renewal for clocks that differ: they will go on differing.
        most = MOST_RENEWALS if error.expired or error.code == "NoSuchUpload" else 1
        return transfer.renewals < most and transfer.hashed is not None

    def _renew(self, transfer: Transfer, error: PixelStorageError) -> None:
        """Request another upload job for a file; fewer at a time from now on if a signature expired."""
        if error.expired:
            self._context.horizon = max(1.0, self._context.horizon / 4)
        transfer.renewals += 1
        transfer.parts = set()
        self._context.progress.stored(transfer, -transfer.sent)
        self._context.move(transfer, TransferState.HASHED)


def _is_stale(key: _Key) -> bool:
    """True for a request of a transfer at its end, or of an upload job that was replaced."""
    transfer, renewals, _ = key
    return transfer.over or transfer.renewals != renewals

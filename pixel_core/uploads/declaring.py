"""Declaring: upload jobs are requested for files that were read.

Rules kept here:

* Upload jobs are requested only for what can be sent soon, since their signatures age.
* Files wait a moment for others, so that their jobs are requested together: whole files and files in parts apart.
* A file whose signature expired is first in the queue.
* A refused file fails alone, but a list is stopped if the whole of its first batch is refused: all of it may be wrong.
"""

from collections import deque
from dataclasses import dataclass, field

from pixel_core.effects import Flow
from pixel_core.errors import PixelBadRequestError, PixelProtocolError
from pixel_core.journal import JournalState
from pixel_core.session.answers import Field
from pixel_core.uploads.plans import MIB
from pixel_core.uploads.reading import Reading
from pixel_core.uploads.sending import Sending
from pixel_core.uploads.stages import BEGIN_AFTER, FILES_PER_REQUEST, Context, Stage, UploadService
from pixel_core.uploads.transfers import NOT_UPLOADED, Transfer, TransferState

BYTES_PER_REQUEST = 64 * MIB
FIRST_REQUEST = 16 * MIB
LEAST_PER_REQUEST = 8 * MIB
"""For how many bytes jobs are requested at once: at most the first; the second while the rate is unknown; at least the
third, which is also enough to begin with while nothing is being sent.
"""


@dataclass(slots=True)
class _Queue:
    """Files that wait for upload jobs. `since` is when the first of them began to wait."""

    waiting: deque[Transfer] = field(default_factory=deque)
    size: int = 0
    since: float = 0.0

    def add(self, transfer: Transfer, now: float, first: bool) -> None:
        if not self.waiting:
            self.since = now
        (self.waiting.appendleft if first else self.waiting.append)(transfer)
        self.size += transfer.file.total

    def take(self, most: int) -> list[Transfer]:
        """Remove the next files, up to so many bytes, and at least one. Their names differ."""
        batch: list[Transfer] = []
        names: set[str] = set()
        size = 0
        while self.waiting and len(batch) < FILES_PER_REQUEST:
            file = self.waiting[0].file
            if batch and (size + file.total > most or file.name in names):
                break
            batch.append(self.waiting.popleft())
            names.add(file.name)
            size += file.total
        self.size -= size
        return sorted(batch, key=lambda transfer: transfer.number)


class Declaring(Stage):
    """Requests upload jobs, one batch at a time."""

    def __init__(
        self, context: Context, service: UploadService, reading: Reading, sending: Sending, is_list: bool
    ) -> None:
        self._context = context
        self._service = service
        self._reading, self._sending = reading, sending
        self._whole, self._parted = _Queue(), _Queue()
        self._running = False
        self._stops_if_refused = is_list

    def add(self, transfer: Transfer) -> None:
        queue = self._parted if transfer.file.multipart else self._whole
        renewed = transfer.renewals > 0
        queue.add(transfer, self._context.time - (BEGIN_AFTER if renewed else 0.0), first=renewed)

    def start(self) -> Flow[None]:
        queue = self._ready()
        if queue is not None:
            batch = queue.take(self._most_bytes())
            for transfer in batch:
                self._context.move(transfer, TransferState.DECLARING)
            files = [each.hashed for each in batch if each.hashed is not None]
            self._running = True
            yield from self._context.spawn(self, batch, self._service.declare(files))

    def next_time(self) -> float:
        if self._running or self._context.broken is not None or not self._sending.is_idle:
            return float("inf")
        queues = (self._whole, self._parted)
        return min((each.since + BEGIN_AFTER for each in queues if each.waiting), default=float("inf"))

    def _ready(self) -> _Queue | None:
        """The queue for which jobs are to be requested now."""
        if self._running or self._context.broken is not None or self._sending.backlog >= self._context.limit:
            return None
        for queue in (self._whole, self._parted):
            if not queue.waiting:
                continue
            waited = self._context.time >= queue.since + BEGIN_AFTER
            if (
                len(queue.waiting) >= FILES_PER_REQUEST
                or queue.size >= self._most_bytes()
                or self._reading.is_idle
                or (self._sending.is_idle and (queue.size >= LEAST_PER_REQUEST or waited))
            ):
                return queue
        return None

    def _most_bytes(self) -> int:
        """How many bytes can be sent before signatures expire, at the present rate."""
        rate = self._context.progress.rate(self._context.time)
        size = rate * self._context.horizon if rate else FIRST_REQUEST
        return int(min(BYTES_PER_REQUEST, max(LEAST_PER_REQUEST, size)))

    def done(self, key: list[Transfer], outcome: list[Field | Exception] | Exception) -> None:
        self._running = False
        if isinstance(outcome, Exception):
            self._context.stop(outcome, key)
            return
        refusals = [each for each in outcome if isinstance(each, PixelBadRequestError)]
        if self._stops_if_refused and len(refusals) == len(outcome):
            self._context.stop(refusals[0], key)
            return
        self._stops_if_refused = False
        for transfer, job in zip(key, outcome, strict=True):
            if isinstance(job, Exception):
                status = "not_created" if isinstance(job, PixelProtocolError) else NOT_UPLOADED
                self._context.fail(transfer, status, job)
                continue
            try:
                self._take_job(transfer, job)
            except PixelProtocolError as error:
                self._context.fail(transfer, "not_stored", error)

    def _take_job(self, transfer: Transfer, job: Field) -> None:
        """Raises PixelProtocolError for a job that cannot be used."""
        transfer.job_id = job_id = job.field("id").identifier()
        if job_id in self._context.job_ids:
            raise job.field("id").wrong("an id of its own", f"is {job_id}, which another file has")
        self._context.job_ids.add(job_id)
        transfer.job = job
        self._context.record(transfer, JournalState.DECLARED)
        self._context.move(transfer, TransferState.SENDING)

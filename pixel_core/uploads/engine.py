"""The upload engine: many files on their way at once, as one flow.

Rules kept here:

* One flow leads and alone changes what is known of a transfer; what takes time (reading, sending, asking the server)
  runs alongside it, in a crew, and comes back as an ending.
* The next files are read while the present ones are sent and earlier ones are validated. Files, bytes and requests in
  flight are bounded over all of them; a slow server job holds up nothing but its own files.
* Upload jobs are made only for what can be sent soon, since their signatures age. A signature that did get too old
  costs its file another job, and makes the batches smaller.
* One file's trouble is its own. What is no file's fault (a login that is refused, say) lets nothing new begin.
* The journal is written before the server is told that files are finished, and after each other step.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pixel_core.effects import (
    Clock,
    Digest,
    Digested,
    FileFacts,
    Flow,
    NextDone,
    OpenTaskGroup,
    Report,
    Spawn,
    Stat,
    WriteJournal,
)
from pixel_core.errors import (
    PixelConnectionError,
    PixelFileChangedError,
    PixelProtocolError,
    PixelStorageError,
)
from pixel_core.events import FileFinished, FileHashed, FileSent
from pixel_core.session.answers import Field
from pixel_core.session.session import Session
from pixel_core.uploads.plans import MIB, Hashed, Planned, in_base64
from pixel_core.uploads.requests import StorageRequest
from pixel_core.uploads.transfers import (
    BEFORE_SENT,
    NOT_CONFIRMED,
    NOT_LISTED,
    NOT_UPLOADED,
    UNDER_WAY,
    Progress,
    Stage,
    Transfer,
)

FILES_PER_REQUEST = 200
"""How many files go into one request for upload jobs, by the service's manual."""

BYTES_PER_REQUEST = 64 * MIB
FIRST_REQUEST = 16 * MIB
LEAST_PER_REQUEST = 8 * MIB
"""For how many bytes jobs are asked for at once: less than the first where a slow line would let signatures age, the
second while it is not known how fast the line is, and no less than the third, which is also enough to begin with while
nothing is being sent.
"""

HORIZON = 120.0
"""For how many seconds of sending jobs are made at a time."""

HASHED_AT_ONCE = 4
"""How many files, or chunks of one, are read side by side."""

CHUNK = 32 * MIB
"""How much of a file in parts is read in one go."""

KEPT = 256 * 1024
KEPT_AHEAD = 16 * MIB
"""Files up to the first size are read once, and their bytes kept until they are sent: so much at the most."""

FILES_AHEAD = 400
BYTES_AHEAD = 256 * MIB
"""How far reading may be ahead of sending."""

FINISH_AFTER = 2.0
"""How many seconds a file that is sent waits for others, so that the server is told of them together."""

BEGIN_AFTER = 0.25
"""How many seconds the first files wait for others, so that jobs are made for them together."""

MOST_FINISHING = 16
"""How many times 200 files may be in validation at once."""

MOST_RENEWALS = 10
"""How many upload jobs one file gets when signatures get too old, or its multipart upload is gone."""


class UploadService(Protocol):
    """Where files are handed in: what the engine leaves to those who know the service."""

    def declare(self, files: Sequence[Hashed]) -> Flow[list[Field | Exception]]:
        """Ask for upload jobs. What is wrong with one file stands in its place, what is wrong with all is raised."""
        ...

    def requests(self, hashed: Hashed, job: Field, stored: Collection[int]) -> list[StorageRequest]:
        """The requests to the object storage. Raises PixelProtocolError."""
        ...

    def finish(self, sent: Sequence[Transfer]) -> Flow[None]:
        """Tell the server that these are stored, and wait: each then has its `resource`, or its `error`."""
        ...


@dataclass(slots=True)
class _Batches:
    """The files that wait for upload jobs, of one way to be sent (whole, or in parts)."""

    waiting: deque[Transfer]
    size: int = 0
    since: float = 0.0

    def add(self, transfer: Transfer, now: float, first: bool = False) -> None:
        if not self.waiting:
            self.since = now
        (self.waiting.appendleft if first else self.waiting.append)(transfer)
        self.size += transfer.file.total

    def take(self, most: int) -> list[Transfer]:
        """The next files, up to so many bytes, and at least one."""
        taken: list[Transfer] = []
        size = 0
        while self.waiting and len(taken) < FILES_PER_REQUEST:
            if taken and size + self.waiting[0].file.total > most:
                break
            taken.append(self.waiting.popleft())
            size += taken[-1].file.total
        self.size -= size
        return sorted(taken, key=lambda transfer: transfer.number)


class Pipeline:
    """Uploads the files of `transfers`: afterwards each has its resource or its error.

    `broken` is what stopped all that had not begun, if anything did. Transfers may begin in any stage: those that a
    journal knew go on where they were.
    """

    def __init__(
        self, service: UploadService, session: Session, transfers: Sequence[Transfer], what: str, run: Any = None
    ) -> None:
        self.broken: Exception | None = None
        self._service = service
        self._limit = session.options.upload_max_concurrency
        self._lasting = session.options.upload_deadline
        self._transfers = list(transfers)
        for number, each in enumerate(self._transfers):
            each.number = number
        self._what = what
        self._run = run
        self._waiting = deque(each for each in transfers if each.stage is Stage.WAITING)
        self._chunks: deque[tuple[Transfer, int, Flow[Digested]]] = deque()
        self._whole, self._parted = _Batches(deque()), _Batches(deque())
        self._pieces: deque[tuple[Transfer, int, StorageRequest]] = deque()
        self._checks: deque[Transfer] = deque()
        self._sent: deque[Transfer] = deque()
        self._sent_since = 0.0
        self._hashing = self._declaring = self._sending = self._finishing = self._running = 0
        self._kept = self._ahead = 0
        self._horizon = HORIZON
        self._notes: dict[Transfer, str] = {}
        self._ids: set[int | str] = set()
        self._news: list[object] = []

    def flow(self) -> Flow[None]:
        """Upload everything. Raises nothing but what a driver raises: see `broken`."""
        self._now = yield from Clock()
        self._progress = Progress(self._what, self._transfers, self._now)
        self._until = None if self._lasting is None else self._now + self._lasting
        for each in self._transfers:
            if each.stage is Stage.SENDING:
                self._resume(each)
            elif each.stage is Stage.SENT:
                self._queue_sent(each)
            elif each.stage is Stage.DONE:
                self._progress.confirmed += each.file.total
                self._note(each, "done")
            if each.stage not in BEFORE_SENT:
                self._count_as_sent(each)
        self._progress.begin(self._now)
        yield from OpenTaskGroup(self._lead)
        self._now = yield from Clock()
        yield from self._write()
        yield from self._tell(last=True)

    def _lead(self, group: Any) -> Flow[None]:
        self._group = group
        while True:
            if self._until is not None and self._now >= self._until:
                self._give_up(TimeoutError(f"the upload was not over within {self._lasting:g} seconds"))
                return
            yield from self._advance()
            yield from self._tell()
            if not self._running:
                self._give_up(RuntimeError("the upload came to a stand"))  # no file is left, unless that is a mistake
                return
            endings = yield from NextDone(self._group, self._patience())
            self._now = yield from Clock()
            for taken, outcome in endings:
                self._running -= 1
                taken(outcome)
            yield from self._write()

    # What can begin

    def _advance(self) -> Flow[None]:
        """Begin whatever can begin."""
        while self._pieces and self._is_stale(*self._pieces[0]):
            self._pieces.popleft()  # before jobs are asked for, which waits while many pieces do
        while self._may_finish():
            yield from self._finish()
        while (batches := self._may_declare()) is not None:
            yield from self._declare(batches)
        while self._pieces and self._sending < self._limit:
            transfer, number, piece = self._pieces.popleft()
            if not self._is_stale(transfer, number, piece):
                yield from self._send(transfer, number, piece)
        while self._checks:
            yield from self._check(self._checks.popleft())
        while self._hashing < HASHED_AT_ONCE and (self._chunks or self._may_hash()):
            yield from self._hash()

    @staticmethod
    def _is_stale(transfer: Transfer, number: int, piece: StorageRequest) -> bool:
        """Whether a piece belongs to a file that is over, or to a job that was replaced."""
        return transfer.over or transfer.renewals != number

    def _start(self, taken: Callable[[Any], None], flow: Flow[Any]) -> Flow[None]:
        self._running += 1
        yield from Spawn(self._group, taken, flow)

    def _patience(self) -> float:
        """How long to wait for an ending before looking, and telling how far things are, again."""
        moments = [self._now + 1.0]
        if self._sent and self._finishing < MOST_FINISHING:
            moments.append(self._sent_since + FINISH_AFTER)
        if self._idle:
            moments += [each.since + BEGIN_AFTER for each in (self._whole, self._parted) if each.waiting]
        if self._progress.meters:
            moments.append(self._now + 0.1)
        if self._until is not None:
            moments.append(self._until)
        return max(0.001, min(moments) - self._now)

    @property
    def _idle(self) -> bool:
        return not (self._sending or self._declaring or self._pieces)

    # Reading

    def _may_hash(self) -> bool:
        if not self._waiting or self.broken is not None or self._kept >= KEPT_AHEAD:
            return False
        stages = self._progress.stages
        ahead = stages[Stage.HASHING] + stages[Stage.HASHED] + stages[Stage.SENDING]
        return ahead < 2 or (ahead < FILES_AHEAD and self._ahead < BYTES_AHEAD)

    def _hash(self) -> Flow[None]:
        if not self._chunks:
            self._cut_up(self._waiting.popleft())
        transfer, number, flow = self._chunks.popleft()
        if transfer.over:
            return
        self._hashing += 1
        yield from self._start(lambda outcome: self._digested(transfer, number, outcome), flow)

    def _cut_up(self, transfer: Transfer) -> None:
        """Into chunks to be read: of the file (numbered from 0), and the support files (from -1 downwards)."""
        file = transfer.file
        self._ahead += file.total
        self._progress.move(transfer, Stage.HASHING)
        chunks = _chunks(file)
        for number, slices in enumerate(chunks):
            self._chunks.append((transfer, number, iter(Digest(slices, keep=_is_kept(file)))))
        for number, each in enumerate(file.support_files):
            self._chunks.append((transfer, -1 - number, iter(Digest(each.slices, keep=_is_kept(each)))))
        transfer.unhashed = len(chunks) + len(file.support_files)

    def _digested(self, transfer: Transfer, number: int, outcome: Digested | Exception) -> None:
        self._hashing -= 1
        transfer.unhashed -= 1
        file = transfer.file if number >= 0 else transfer.file.support_files[-1 - number]
        if not isinstance(outcome, Exception) and outcome.facts != file.facts:
            outcome = _changed(file, outcome.facts, "read")
        if isinstance(outcome, Exception):
            self._fail(transfer, "not_read", outcome)
            return
        if transfer.over:
            return
        kept = len(outcome.content or b"")
        transfer.kept += kept
        self._kept += kept
        digests = in_base64(outcome.digests)
        if number < 0:
            transfer.supports[-1 - number] = Hashed(file, digests, (), outcome.content)
        else:
            transfer.digests[number] = digests
            transfer.content = outcome.content
        if not transfer.unhashed:
            self._all_hashed(transfer)

    def _all_hashed(self, transfer: Transfer) -> None:
        file = transfer.file
        digests = tuple(digest for number in sorted(transfer.digests) for digest in transfer.digests[number])
        supports = tuple(transfer.supports[number] for number in sorted(transfer.supports))
        transfer.hashed = Hashed(file, digests, supports, transfer.content)
        transfer.digests, transfer.supports, transfer.content = {}, {}, None
        self._progress.hashed += file.total
        self._progress.move(transfer, Stage.HASHED)
        self._news.append(FileHashed(file.path, file.size))
        self._batches_of(transfer).add(transfer, self._now)

    def _batches_of(self, transfer: Transfer) -> _Batches:
        return self._parted if transfer.file.multipart else self._whole

    # Upload jobs

    def _may_declare(self) -> _Batches | None:
        """The batches from which jobs should be asked for now."""
        if self._declaring or self.broken is not None or len(self._pieces) >= self._limit:
            return None
        for batches in (self._whole, self._parted):
            if not batches.waiting:
                continue
            full = len(batches.waiting) >= FILES_PER_REQUEST or batches.size >= self._most_bytes()
            no_more = not self._hashing and not self._chunks and not self._may_hash()
            begin = self._idle and (batches.size >= LEAST_PER_REQUEST or self._now >= batches.since + BEGIN_AFTER)
            if full or no_more or begin:
                return batches
        return None

    def _most_bytes(self) -> int:
        """How many bytes can be sent while a signature is good, as far as is known."""
        rate = self._progress.rate(self._now)
        wanted = rate * self._horizon if rate else FIRST_REQUEST
        return int(min(BYTES_PER_REQUEST, max(LEAST_PER_REQUEST, wanted)))

    def _declare(self, batches: _Batches) -> Flow[None]:
        batch = batches.take(self._most_bytes())
        files = [each.hashed for each in batch if each.hashed is not None]
        self._declaring += 1
        yield from self._start(lambda outcome: self._declared(batch, outcome), self._service.declare(files))

    def _declared(self, batch: list[Transfer], outcome: list[Field | Exception] | Exception) -> None:
        self._declaring -= 1
        if isinstance(outcome, Exception):
            self._break(outcome, batch)
            return
        for transfer, job in zip(batch, outcome, strict=True):
            if isinstance(job, Exception):
                status = "not_created" if isinstance(job, PixelProtocolError) else NOT_UPLOADED
                self._fail(transfer, status, job)
            else:
                self._take_job(transfer, job)

    def _take_job(self, transfer: Transfer, job: Field) -> None:
        try:
            transfer.job_id = job_id = job.field("id").identifier()
            if job_id in self._ids:
                raise job.field("id").wrong("an id of its own", f"is {job_id}, which another file has")
            self._ids.add(job_id)
            transfer.job = job
            self._note(transfer, "declared")
            self._queue_pieces(transfer)
        except PixelProtocolError as error:
            self._fail(transfer, "not_stored", error)

    def _queue_pieces(self, transfer: Transfer) -> None:
        if transfer.hashed is None or transfer.job is None:
            raise RuntimeError(f"{transfer.file.path} is sent before it has a job")
        made = self._service.requests(transfer.hashed, transfer.job, transfer.parts)
        transfer.under_way = len(made)
        self._progress.move(transfer, Stage.SENDING)
        self._pieces.extend((transfer, transfer.renewals, piece) for piece in made)
        if not made:
            self._stored_all(transfer)

    # Sending

    def _send(self, transfer: Transfer, number: int, piece: StorageRequest) -> Flow[None]:
        self._sending += 1
        self._progress.follow(piece.meter)
        yield from self._start(lambda outcome: self._stored(transfer, number, piece, outcome), piece.send())

    def _stored(self, transfer: Transfer, number: int, piece: StorageRequest, outcome: Exception | None) -> None:
        self._sending -= 1
        self._progress.leave(piece.meter)
        if transfer.over or transfer.renewals != number:
            return
        if isinstance(outcome, PixelStorageError) and outcome.renewable and self._renew(transfer, outcome):
            return
        if isinstance(outcome, Exception):
            self._fail(transfer, "not_stored", outcome)
            return
        self._progress.stored(transfer, piece.size)
        if piece.number:
            transfer.parts = transfer.parts if isinstance(transfer.parts, set) else set(transfer.parts)
            transfer.parts.add(piece.number)
            transfer.fresh.append(piece.number)
        transfer.under_way -= 1
        if not transfer.under_way:
            self._stored_all(transfer)
        elif piece.number:
            self._note(transfer, "storing")

    def _renew(self, transfer: Transfer, error: PixelStorageError) -> bool:
        """Whether the file gets another upload job: it goes to the head of those that wait for one."""
        most = MOST_RENEWALS if error.expired or error.code == "NoSuchUpload" else 1  # clocks will go on differing
        if transfer.renewals >= most or transfer.hashed is None:
            return False
        if error.expired:
            self._horizon = max(1.0, self._horizon / 4)
        transfer.renewals += 1
        transfer.parts = frozenset()
        self._progress.stored(transfer, -transfer.sent)
        self._progress.move(transfer, Stage.HASHED)
        self._batches_of(transfer).add(transfer, self._now - BEGIN_AFTER, first=True)
        return True

    def _stored_all(self, transfer: Transfer) -> None:
        """All is sent. Where the bytes were read again for that, the file has to be as it was when it was hashed."""
        if transfer.hashed is not None and transfer.hashed.content is not None:
            self._unchanged(transfer, [transfer.file.facts])
        else:
            self._checks.append(transfer)

    def _check(self, transfer: Transfer) -> Flow[None]:
        look = iter(Stat([transfer.file.path]))
        yield from self._start(lambda outcome: self._unchanged(transfer, outcome), look)

    def _unchanged(self, transfer: Transfer, outcome: list[FileFacts] | Exception) -> None:
        file = transfer.file
        if not isinstance(outcome, Exception) and outcome[0] != file.facts:
            outcome = _changed(file, outcome[0], "sent")
        if isinstance(outcome, Exception):
            self._fail(transfer, "not_stored", outcome)
            return
        self._news.append(FileSent(file.path, file.size))
        self._note(transfer, "sent")
        self._let_go(transfer)
        self._queue_sent(transfer)

    def _let_go(self, transfer: Transfer) -> None:
        """Forget what was needed for sending."""
        self._kept -= transfer.kept
        transfer.kept = 0
        if transfer.stage in (Stage.HASHING, Stage.HASHED, Stage.SENDING):
            self._ahead -= transfer.file.total
        transfer.hashed = transfer.job = transfer.content = None

    # Finishing

    def _queue_sent(self, transfer: Transfer) -> None:
        if not self._sent:
            self._sent_since = self._now
        self._sent.append(transfer)
        if transfer.stage is not Stage.SENT:
            self._progress.move(transfer, Stage.SENT)

    def _may_finish(self) -> bool:
        if not self._sent or self._finishing >= MOST_FINISHING:
            return False
        nothing_else = not any(self._progress.stages[stage] for stage in BEFORE_SENT)
        return nothing_else or len(self._sent) >= FILES_PER_REQUEST or self._now >= self._sent_since + FINISH_AFTER

    def _finish(self) -> Flow[None]:
        batch = [self._sent.popleft() for _ in range(min(len(self._sent), FILES_PER_REQUEST))]
        batch.sort(key=lambda transfer: transfer.number)
        for each in batch:
            self._note(each, "finishing")
            self._progress.move(each, Stage.FINISHING)
        yield from self._write()
        self._finishing += 1
        yield from self._start(lambda outcome: self._finished(batch, outcome), self._service.finish(batch))

    def _finished(self, batch: list[Transfer], outcome: Exception | None) -> None:
        self._finishing -= 1
        if isinstance(outcome, Exception):
            if not any(each.handed_over for each in batch):
                self._break(outcome, batch)
                return
            for each in batch:
                each.fail(each.trouble, str(outcome), outcome)
        for each in batch:
            self._end(each)

    # Ends

    def _end(self, transfer: Transfer) -> None:
        """A file has its resource or its error."""
        if transfer.over:
            return
        failed = transfer.error is not None
        self._let_go(transfer)
        self._progress.move(transfer, Stage.FAILED if failed else Stage.DONE)
        status = transfer.error.status if transfer.error is not None else "validated_and_moved"
        self._news.append(FileFinished(transfer.file.path, status))
        if not failed:
            self._note(transfer, "done")
        elif transfer.job_id is not None and not _may_go_on(transfer):
            self._note(transfer, "")

    def _fail(self, transfer: Transfer, status: str, error: Exception) -> None:
        transfer.fail(status, str(error), error)
        self._end(transfer)

    def _break(self, error: Exception, batch: Sequence[Transfer]) -> None:
        """No file is at fault: nothing new begins, and all that did not begin fails with this."""
        self.broken = self.broken or error
        for each in (*batch, *self._waiting, *self._whole.waiting, *self._parted.waiting):
            self._fail(each, NOT_UPLOADED, error)
        self._waiting.clear()
        self._whole.waiting.clear()
        self._parted.waiting.clear()

    def _give_up(self, error: Exception) -> None:
        for each in self._transfers:
            if not each.over:
                self._fail(each, each.trouble, error)

    # Telling

    def _note(self, transfer: Transfer, state: str) -> None:
        if self._run is not None:
            self._notes[transfer] = state

    def _write(self) -> Flow[None]:
        if self._notes:
            notes, self._notes = self._notes, {}
            yield from WriteJournal(self._run, [transfer.entry(state) for transfer, state in notes.items()])
        news, self._news = self._news, []
        for event in news:
            yield from Report(event)

    def _tell(self, last: bool = False) -> Flow[None]:
        if last or self._progress.due(self._now):
            yield from Report(self._progress.progress(self._now, last))

    # Going on

    def _resume(self, transfer: Transfer) -> None:
        """A file whose job is known: what is not stored of it is sent."""
        self._ahead += transfer.file.total
        self._progress.hashed += transfer.file.total
        stored = [piece.length for number, piece in enumerate(transfer.file.slices, 1) if number in transfer.parts]
        self._progress.stored(transfer, sum(stored))
        try:
            self._queue_pieces(transfer)
        except PixelProtocolError:
            self._progress.stored(transfer, -transfer.sent)
            transfer.parts = frozenset()
            self._progress.move(transfer, Stage.HASHED)
            self._batches_of(transfer).add(transfer, self._now)

    def _count_as_sent(self, transfer: Transfer) -> None:
        self._progress.hashed += transfer.file.total
        self._progress.stored(transfer, transfer.file.total)


def _may_go_on(transfer: Transfer) -> bool:
    """Whether a file that failed may be taken up by another run where it was: nobody said no to it."""
    error = transfer.error
    if error is None or isinstance(error.__cause__, (PixelConnectionError, TimeoutError)):
        return True
    return transfer.handed_over and error.status in (NOT_CONFIRMED, NOT_LISTED, *UNDER_WAY)


def _chunks(file: Planned) -> list[Sequence[Any]]:
    """The slices of a file in runs that are read in one go."""
    if not file.multipart:
        return [file.slices]
    each = max(1, CHUNK // file.slices[0].length) if file.slices[0].length else 1
    return [file.slices[start : start + each] for start in range(0, len(file.slices), each)]


def _is_kept(file: Planned) -> bool:
    return not file.multipart and file.size <= KEPT


def _changed(file: Planned, found: FileFacts, done: str) -> PixelFileChangedError:
    told = "it was written to" if found.size == file.size else f"it had {file.size} bytes, and has {found.size}"
    return PixelFileChangedError(f"{file.path} changed while it was {done}: {told}")

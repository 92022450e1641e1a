"""Reading: files are read, and their MD5s calculated.

Files are read ahead of sending, up to a number of files and of bytes. The bytes of small files are kept until they are
sent, so that they are read once.
"""

from collections import deque
from dataclasses import dataclass, field

from pixel_core.effects import Digest, Digested, Flow
from pixel_core.events import FileHashed
from pixel_core.messages import FileSlice
from pixel_core.uploads.plans import MIB, HashedFile, PlannedFile, in_base64
from pixel_core.uploads.stages import Context, Stage, file_changed
from pixel_core.uploads.transfers import BEFORE_SENT, Transfer, TransferState

READ_AT_ONCE = 4
"""How many files, or chunks of one, are read side by side."""

CHUNK = 32 * MIB
"""How much of a file in parts is read in one go."""

KEPT = 256 * 1024
KEPT_AHEAD = 16 * MIB
"""Files up to the first size are kept in memory until they are sent, as long as they are less than the second."""

FILES_AHEAD = 400
BYTES_AHEAD = 256 * MIB
"""How far reading may be ahead of sending."""

_AHEAD = BEFORE_SENT[1:]
"""The states of files that were read, or are being read, and are not sent."""

_Key = tuple[Transfer, int]
"""A transfer and the number of a chunk: of the file from 0, of its support files from -1 downwards."""


@dataclass(slots=True)
class _Partial:
    """A transfer of which `missing` chunks are not read yet."""

    missing: int
    digests: dict[int, tuple[str, ...]] = field(default_factory=dict)
    supports: dict[int, HashedFile] = field(default_factory=dict)
    content: bytes | None = None


class Reading(Stage):
    """Reads files."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._queue: deque[Transfer] = deque()
        self._chunks: deque[tuple[_Key, Digest]] = deque()
        self._partial: dict[Transfer, _Partial] = {}
        self._running = 0

    def add(self, transfer: Transfer) -> None:
        self._queue.append(transfer)

    def start(self) -> Flow[None]:
        while self._running < READ_AT_ONCE and (self._chunks or self._may_begin()):
            if not self._chunks:
                self._split(self._queue.popleft())
            key, digest = self._chunks.popleft()
            if not key[0].over:
                self._running += 1
                yield from self._context.spawn(self, key, iter(digest))

    @property
    def is_idle(self) -> bool:
        """True if no file is being read, and none may be now."""
        return not (self._running or self._chunks or self._may_begin())

    def _may_begin(self) -> bool:
        if not self._queue or self._context.broken is not None or self._context.kept >= KEPT_AHEAD:
            return False
        progress = self._context.progress
        files = sum(progress.files[state] for state in _AHEAD)
        return files < 2 or (files < FILES_AHEAD and sum(progress.bytes[state] for state in _AHEAD) < BYTES_AHEAD)

    def _split(self, transfer: Transfer) -> None:
        file = transfer.file
        self._context.move(transfer, TransferState.HASHING)
        chunks = _chunks(file)
        for number, slices in enumerate(chunks):
            self._chunks.append(((transfer, number), Digest(slices, keep=_is_kept(file))))
        for number, support in enumerate(file.support_files):
            self._chunks.append(((transfer, -1 - number), Digest(support.slices, keep=_is_kept(support))))
        self._partial[transfer] = _Partial(len(chunks) + len(file.support_files))

    def done(self, key: _Key, outcome: Digested | Exception) -> None:
        self._running -= 1
        transfer, number = key
        file = transfer.file if number >= 0 else transfer.file.support_files[-1 - number]
        if not isinstance(outcome, Exception) and outcome.facts != file.facts:
            outcome = file_changed(file, outcome.facts, "read")
        if isinstance(outcome, Exception):
            self._partial.pop(transfer, None)
            self._context.fail(transfer, "not_read", outcome)
            return
        if transfer.over:
            return
        kept = len(outcome.content or b"")
        transfer.kept += kept
        self._context.kept += kept
        digests = in_base64(outcome.digests)
        partial = self._partial[transfer]
        if number < 0:
            partial.supports[-1 - number] = HashedFile(file, digests, (), outcome.content)
        else:
            partial.digests[number], partial.content = digests, outcome.content
        partial.missing -= 1
        if not partial.missing:
            self._complete(transfer, self._partial.pop(transfer))

    def _complete(self, transfer: Transfer, partial: _Partial) -> None:
        digests = tuple(digest for number in sorted(partial.digests) for digest in partial.digests[number])
        supports = tuple(partial.supports[number] for number in sorted(partial.supports))
        transfer.hashed = HashedFile(transfer.file, digests, supports, partial.content)
        progress = self._context.progress
        progress.hashed += transfer.file.total
        self._context.report(FileHashed(transfer.file.path, transfer.file.size, progress.upload_id, transfer.job_id))
        self._context.move(transfer, TransferState.HASHED)


def _chunks(file: PlannedFile) -> list[tuple[FileSlice, ...]]:
    """The slices of a file, grouped by what is read in one go."""
    if not file.multipart:
        return [file.slices]
    count = max(1, CHUNK // file.slices[0].length) if file.slices[0].length else 1
    return [file.slices[start : start + count] for start in range(0, len(file.slices), count)]


def _is_kept(file: PlannedFile) -> bool:
    return not file.multipart and file.size <= KEPT

"""Progress: the counts of files and bytes of an upload.

Counts change when a file is added and when a state changes; nothing walks over all files. The number of sent bytes
never falls, though bytes may have to be sent again. Bytes that an earlier run sent are no part of the rate.
"""

from collections import Counter, deque

from pixel_core.events import UploadProgress
from pixel_core.messages import Meter
from pixel_core.uploads.transfers import BEFORE_SENT, Transfer, TransferState

_REPORTED_AS = {TransferState.DECLARING: TransferState.HASHED, TransferState.STORED: TransferState.SENDING}
"""States of a moment, and the states that events have for them."""

_HASHED = frozenset(TransferState) - set(BEFORE_SENT) | {TransferState.SENDING}
"""The states in which a file that an earlier run left behind is not hashed again."""


class Progress:
    """Files and bytes by state, and the rate of sending."""

    def __init__(self, what: str, now: float, upload_id: str = "") -> None:
        self._what = what
        self.upload_id = upload_id
        self.files: Counter[TransferState] = Counter()
        self.bytes: Counter[TransferState] = Counter()
        self._total = 0
        self.hashed: int = 0
        self.confirmed: int = 0
        self.meters: set[Meter] = set()
        """Of requests that are being sent."""
        self._stored = 0
        self._shown = 0
        self._retries = 0
        self._began = now
        self._reported = float("-inf")
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def add(self, transfer: Transfer) -> None:
        """Count a file, and what an earlier run did of it."""
        file, state = transfer.file, transfer.state
        self.files[state] += 1
        self.bytes[state] += file.total
        self._total += file.total
        sent = 0
        if state is TransferState.DONE:
            self.confirmed += file.total
        if state not in BEFORE_SENT:
            sent = file.total
        elif state is TransferState.SENDING:
            sent = sum(piece.length for number, piece in enumerate(file.slices, 1) if number in transfer.parts)
        self.hashed += file.total if state in _HASHED else 0
        self.stored(transfer, sent)
        self._samples = deque((time, before + sent) for time, before in self._samples)

    def move(self, transfer: Transfer, state: TransferState) -> None:
        """Change the state of a transfer."""
        size, before = transfer.file.total, transfer.state
        self.files[before] -= 1
        self.bytes[before] -= size
        self.files[state] += 1
        self.bytes[state] += size
        transfer.state = state
        if state is TransferState.DONE:
            self.confirmed += size

    def stored(self, transfer: Transfer, size: int) -> None:
        """Count bytes of a file as stored; below 0, as to be sent again."""
        transfer.sent += size
        self._stored += size

    def follow(self, meter: Meter) -> None:
        """Count the bytes of a request while it is sent."""
        self.meters.add(meter)

    def leave(self, meter: Meter) -> None:
        self.meters.discard(meter)
        self._retries += meter.retries

    @property
    def sent(self) -> int:
        """The bytes that were sent, those of requests in flight too."""
        sent = self._stored + sum(meter.bytes for meter in self.meters)
        self._shown = max(self._shown, min(sent, self._total))
        return self._shown

    def rate(self, now: float) -> float:
        """Bytes a second over the last ten seconds or so."""
        begin, sent = self._samples[0]
        return (self.sent - sent) / (now - begin) if now > begin else 0.0

    def due(self, now: float) -> bool:
        """True if the last event is a tenth of a second ago."""
        return now - self._reported >= 0.1

    def event(self, now: float, last: bool = False) -> UploadProgress:
        """The event that reports the progress."""
        sent, rate = self.sent, self.rate(now)
        self._reported = now
        self._samples.append((now, sent))
        while len(self._samples) > 2 and now - self._samples[0][0] > 10.0:
            self._samples.popleft()
        left = self._total - sent
        files: Counter[str] = Counter()
        for state, count in self.files.items():
            files[_REPORTED_AS.get(state, state).value] += count
        return UploadProgress(
            self._what,
            self._total,
            self.hashed,
            sent,
            self.confirmed,
            {state: count for state, count in files.items() if count},
            self._retries + sum(meter.retries for meter in self.meters),
            rate,
            now - self._began,
            0.0 if not left else left / rate if rate > 0 else None,
            last,
            self.upload_id,
        )

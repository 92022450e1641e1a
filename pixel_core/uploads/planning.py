"""Planning: the next files are taken from their source, planned, and looked up in the journal.

The source is asked for more when few files wait to be read, so that no more is kept than is needed soon.
"""

from collections.abc import Sequence
from typing import Protocol

from pixel_core.effects import Flow
from pixel_core.uploads.stages import FILES_PER_REQUEST, Context, Stage
from pixel_core.uploads.transfers import Transfer, TransferState


class FileStream(Protocol):
    """Where the files of an upload come from one after another, and where they go at their end."""

    def next_files(self, most: int) -> Flow[Sequence[Transfer]]:
        """Return the next transfers, at most `most`, in any state; none at the end."""
        ...

    def deliver(self, ended: Sequence[Transfer]) -> Flow[None]:
        """Take transfers with their resource or error. Waits while its user is behind."""
        ...


class Planning(Stage):
    """Takes files from the source, one window at a time."""

    def __init__(self, context: Context, stream: FileStream) -> None:
        self._context = context
        self._stream = stream
        self._running = False

    def add(self, transfer: Transfer) -> None:
        raise RuntimeError("no transfer goes back to planning")

    def start(self) -> Flow[None]:
        context = self._context
        if self._running or context.no_more or context.progress.files[TransferState.WAITING] >= FILES_PER_REQUEST:
            return
        if context.broken is not None:
            context.no_more = True
            return
        self._running = True
        yield from context.spawn(self, None, self._stream.next_files(FILES_PER_REQUEST))

    def done(self, key: None, outcome: Sequence[Transfer] | Exception) -> None:
        self._running = False
        if isinstance(outcome, Exception):
            self._context.stop(outcome, ())
            return
        self._context.no_more = not outcome
        for transfer in outcome:
            self._context.add(transfer)

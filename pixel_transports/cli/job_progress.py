"""Prints the progress of server jobs on stderr.

Rules kept here:

* A terminal gets one line that is rewritten, and removed at the end. A pipe gets a line for each change.
* Nothing is printed unless a command waits for a job.
"""

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from pixel_core.errors import printable
from pixel_core.events import JobProgress

if TYPE_CHECKING:
    from rich.status import Status


class JobProgressPrinter:
    """A listener that prints `JobProgress` events."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._status: Status | None = None
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def __call__(self, event: object) -> None:
        if not isinstance(event, JobProgress):
            return
        text = printable(f"{event.what}: {event.detail or ('completed' if event.completed else 'in progress')}")
        if not self._live:
            if text != self._last:
                print(f"pixel: {text}", file=self._stream, flush=True)
        elif event.completed:
            self._stop()
        else:
            self._update(text)
        self._last = text

    def _update(self, text: str) -> None:
        from rich.console import Console
        from rich.text import Text

        if self._status is None:
            console = Console(file=self._stream)
            spinner = "dots" if console.encoding.startswith("utf") else "line"
            self._status = console.status(Text(text), spinner=spinner)
            self._status.start()
        else:
            self._status.update(Text(text))

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

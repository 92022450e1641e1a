"""Waiting: what shows on stderr how far the server's jobs are.

Rules kept here:

* At a terminal there is one line that is written anew, and gone at the end; elsewhere a line for each change.
* Nothing is shown unless a job is waited for.
"""

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from pixel_core.events import JobProgress

if TYPE_CHECKING:
    from rich.status import Status


class JobWatch:
    """A listener that shows the progress of jobs."""

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
        self._end()

    def __call__(self, event: object) -> None:
        if not isinstance(event, JobProgress):
            return
        text = f"{event.what}: {event.detail or ('completed' if event.completed else 'under way')}"
        if not self._live:
            if text != self._last:
                print(f"pixel: {text}", file=self._stream, flush=True)
        elif event.completed:
            self._end()
        else:
            self._show(text)
        self._last = text

    def _show(self, text: str) -> None:
        from rich.console import Console
        from rich.text import Text

        if self._status is None:
            self._status = Console(file=self._stream).status(Text(text))
            self._status.start()
        else:
            self._status.update(Text(text))

    def _end(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

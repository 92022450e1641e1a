"""Progress of uploads: a bar in a terminal or a notebook, otherwise a line at intervals.

Rules kept here:

* These are listeners: callables that get every event, in any thread, and send nothing.
* Everything shown is derived from events. The last line of an upload is exact: bytes, files, retries, duration.
* Output that is not a terminal is plain text, without colours and cursor movement.
* The bar in a terminal needs `rich` (extra `cli`), which is imported when the bar is made. The bar in a notebook needs
  no package.

>>> with get_client(listener=LogLines()) as client: ...

A function that takes an event is a listener too.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TextIO

from pixel_core.events import UploadProgress
from pixel_transports.display.notebooks import BarView, NotebookBar, in_notebook
from pixel_transports.observability.logs import UPLOADS, write
from pixel_transports.runtime.extras import needs_extra

if TYPE_CHECKING:
    from rich.progress import TaskID


LINE_SECONDS = 30.0
"""The interval between two lines, in seconds."""


class ProgressListener:
    """Base class of listeners that show progress until their `with` block ends."""

    def __call__(self, event: object) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Stop showing progress."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def progress_listener(stream: TextIO) -> ProgressListener:
    """Return a bar for a notebook, or for a terminal if `rich` is installed; otherwise lines."""
    if stream in (sys.stdout, sys.stderr) and in_notebook():
        return Bar()
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        try:
            return Bar(stream)
        except ModuleNotFoundError:
            pass
    return LogLines(stream)


class LogLines(ProgressListener):
    """Writes a line at the start of an upload, every `interval` seconds, and at its end. The lines go to `stream`, or
    without one to the logger `pixel_client.uploads`.
    """

    def __init__(
        self, stream: TextIO | None = None, interval: float = LINE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._lock = threading.Lock()
        self._first: UploadProgress | None = None
        self._latest: UploadProgress | None = None
        self._latest_at = self._written_at = 0.0

    def __call__(self, event: object) -> None:
        with self._lock:
            now = self._clock()
            if isinstance(event, UploadProgress):
                self._latest, self._latest_at = event, now
                if self._first is None:
                    self._first, self._written_at = event, float("-inf")
            if self._latest is None or self._first is None:
                return
            # While the server works, only job events arrive. The duration continues.
            progress = replace(self._latest, seconds=self._latest.seconds + now - self._latest_at)
            if progress.last or now - self._written_at >= self._interval:
                self._written_at = now
                self._write(progress_line(progress, self._first.sent))
            if progress.last:
                self._first = self._latest = None

    def _write(self, line: str) -> None:
        if self._stream is None:
            write(UPLOADS, logging.INFO, "", "%s", line)
        else:
            print(line, file=self._stream, flush=True)


class Bar(ProgressListener):
    """A bar that ends as an exact line: below the cell in a notebook, otherwise in a terminal (stderr by default)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._new_view: Callable[[], BarView] = (
            NotebookBar if stream is None and in_notebook() else terminal_bars(stream)
        )
        self._lock = threading.Lock()
        self._view: BarView | None = None
        self._sent_before = 0

    def __call__(self, event: object) -> None:
        if not isinstance(event, UploadProgress):
            return
        with self._lock:
            if self._view is None:
                self._view = self._new_view()
                self._sent_before = event.sent
            # An upload of empty files only is complete from the start.
            total, sent = (event.total, event.sent) if event.total else (1, 1)
            self._view.update(event.what, total, sent, _short_line(event))
            if event.last:
                self._view.finish(progress_line(event, self._sent_before))
                self._view = None

    def close(self) -> None:
        """Release the terminal, also after an interrupted upload."""
        with self._lock:
            if self._view is not None:
                self._view.stop()
                self._view = None


def terminal_bars(stream: TextIO | None) -> Callable[[], BarView]:
    """Return a function that makes a bar in a terminal. Raises ModuleNotFoundError if `rich` is not installed."""
    with needs_extra("cli", "A bar in a terminal"):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=stream, stderr=True)

    def new_bar() -> BarView:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[text]}"),
        )
        # stdout is for data. Messages on stderr appear above the bar.
        return _TerminalBar(console, Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=True))

    return new_bar


class _TerminalBar:
    """One bar in a terminal, drawn by `rich`."""

    def __init__(self, console: Any, progress: Any) -> None:
        self._console = console
        self._progress = progress
        self._task: TaskID | None = None

    def update(self, title: str, total: int, sent: int, text: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(title, total=total, text="")
        self._progress.update(self._task, total=total, completed=sent, text=text)
        self._progress.start()  # does nothing if it is started

    def finish(self, line: str) -> None:
        self._progress.stop()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        self._progress.stop()


def progress_line(progress: UploadProgress, sent_before: int = 0) -> str:
    """Return the complete progress as one line.

    The rate covers the last seconds; at the end it covers the whole upload, without the `sent_before` bytes that were
    sent by an earlier run.
    """
    parts = [
        f"{progress.files.get('done', 0):,} of {sum(progress.files.values()):,} files done",
        f"{progress.files.get('failed', 0):,} failed",
        f"{progress.sent:,} of {progress.total:,} bytes sent",
        f"{progress.retries:,} {'retry' if progress.retries == 1 else 'retries'}",
    ]
    if progress.last:
        rate = (progress.sent - sent_before) / progress.seconds if progress.seconds else 0.0
        parts += [speed(rate), f"in {duration(progress.seconds)}"]
    else:
        parts += [speed(progress.rate), _time_left(progress)]
    return f"{progress.what}: {', '.join(parts)}"


def _short_line(progress: UploadProgress) -> str:
    done, failed = progress.files.get("done", 0), progress.files.get("failed", 0)
    parts = [f"{done}/{sum(progress.files.values())} files"]
    if failed:
        parts.append(f"{failed} failed")
    if progress.retries:
        parts.append(f"{progress.retries} retries")
    parts += [speed(progress.rate), duration(progress.seconds) if progress.last else _time_left(progress)]
    return ", ".join(parts)


def _time_left(progress: UploadProgress) -> str:
    if progress.sent == progress.total:
        return "waiting for the server"
    if progress.seconds_left is None:
        return "time left unknown"
    return f"{duration(progress.seconds_left)} left"


def speed(rate: float) -> str:
    """Return a rate in bytes per second as text, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if rate < 999.5:
            return f"{rate:.0f} {unit}/s" if unit == "B" else f"{rate:.1f} {unit}/s"
        rate /= 1000
    return f"{rate:.1f} GB/s"


def duration(seconds: float) -> str:
    """Return a duration in seconds as text."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {left:02} s" if minutes else f"{left} s"

"""Progress of uploads for people: a bar where there is a terminal or a notebook, else a plain line now and then.

Rules kept here:

* Both are listeners: they are called with every event, from whatever thread, and ask for nothing.
* What they show comes from the events alone. The last line of an upload is exact: bytes, files, retries, time.
* A stream that is no terminal gets plain text, without colours and without going back in a line.
* The bar at a terminal needs `rich` (extra `cli`), which is imported when the bar is made. That in a notebook needs
  nothing.

>>> with get_client(listener=LogLines()) as client: ...

A callback of one's own is a listener too: a function that takes an event.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from pixel_core.events import UploadProgress
from pixel_transports.display.notebooks import Face, NotebookFace, in_a_kernel
from pixel_transports.observability.logs import UPLOADS, write

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


EVERY = 30.0
"""How many seconds are between two lines."""


class Watcher(Protocol):
    """A listener that shows progress until its `with` block ends."""

    def __call__(self, event: object) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def watcher_for(stream: TextIO) -> Watcher:
    """The bar for a notebook, and for a terminal where `rich` is installed; lines for anything else."""
    if stream in (sys.stdout, sys.stderr) and in_a_kernel():
        return Bar()
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        try:
            return Bar(stream)
        except ModuleNotFoundError:
            pass
    return LogLines(stream)


class LogLines:
    """A line to a stream, or to the logger `pixel_client.uploads`: at the beginning of an upload, after each `every`
    seconds, and at its end.
    """

    def __init__(
        self, stream: TextIO | None = None, every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._first: UploadProgress | None = None
        self._latest: UploadProgress | None = None
        self._came = self._told = 0.0

    def __call__(self, event: object) -> None:
        with self._lock:
            now = self._clock()
            if isinstance(event, UploadProgress):
                self._latest, self._came = event, now
                if self._first is None:
                    self._first, self._told = event, float("-inf")
            if self._latest is None or self._first is None:
                return
            # While the server is waited for, nothing but looks at its jobs comes: time goes on all the same.
            shown = replace(self._latest, seconds=self._latest.seconds + now - self._came)
            if shown.last or now - self._told >= self._every:
                self._told = now
                self._write(sentence(shown, self._first.sent))
            if shown.last:
                self._first = self._latest = None

    def _write(self, line: str) -> None:
        if self._stream is None:
            write(UPLOADS, logging.INFO, "", "%s", line)
        else:
            print(line, file=self._stream, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left behind."""


class Bar:
    """A bar, and the exact line once an upload is over: below the cell in a notebook, else on a terminal (stderr
    without a stream).
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._new: Callable[[], Face] = (
            NotebookFace if stream is None and in_a_kernel() else TerminalFaces(stream).new_face
        )
        self._lock = threading.Lock()
        self._shown: Face | None = None
        self._sent_before = 0

    def __call__(self, event: object) -> None:
        if not isinstance(event, UploadProgress):
            return
        with self._lock:
            if self._shown is None:
                self._shown = self._new()
                self._sent_before = event.sent
            # An upload of nothing but empty files is complete from the start.
            total, sent = (event.total, event.sent) if event.total else (1, 1)
            self._shown.show(event.what, total, sent, _in_short(event))
            if event.last:
                self._shown.end(sentence(event, self._sent_before))
                self._shown = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the hands off the terminal: also after an upload that did not come to its end."""
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
                self._shown = None


class TerminalFaces:
    """Makes what a bar is shown on at a terminal, with `rich`."""

    def __init__(self, stream: TextIO | None) -> None:
        from rich import progress
        from rich.console import Console

        self.console: Any = Console(file=stream, stderr=True)
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=16),
            progress.TextColumn("{task.percentage:>3.0f}%"),
            progress.TextColumn("{task.fields[told]}"),
        )
        # What goes to stdout is data: it is left alone. Messages on stderr appear above the bar.
        self.new_progress: Callable[[], Progress] = lambda: progress.Progress(
            *columns, console=self.console, redirect_stdout=False, redirect_stderr=True
        )

    def new_face(self) -> Face:
        return _TerminalFace(self)


class _TerminalFace:
    """One bar at a terminal."""

    def __init__(self, made_by: TerminalFaces) -> None:
        self._console = made_by.console
        self._progress = made_by.new_progress()
        self._task: TaskID | None = None

    def show(self, what: str, total: int, sent: int, told: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(what, total=total, told="")
        self._progress.update(self._task, total=total, completed=sent, told=told)
        self._progress.start()  # Which does nothing where it was started before.

    def end(self, line: str) -> None:
        self._progress.stop()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        self._progress.stop()


def sentence(progress: UploadProgress, sent_before: int = 0) -> str:
    """All that is known, in one line. The rate is that of the last seconds, at the end that of the whole upload,
    without the `sent_before` bytes that were there when it began.
    """
    told = [
        f"{progress.files.get('done', 0):,} of {sum(progress.files.values()):,} files done",
        f"{progress.files.get('failed', 0):,} failed",
        f"{progress.sent:,} of {progress.total:,} bytes sent",
        f"{progress.retries:,} {'retry' if progress.retries == 1 else 'retries'}",
    ]
    if progress.last:
        rate = (progress.sent - sent_before) / progress.seconds if progress.seconds else 0.0
        told += [speed(rate), f"in {duration(progress.seconds)}"]
    else:
        told += [speed(progress.rate), _time_left(progress)]
    return f"{progress.what}: {', '.join(told)}"


def _in_short(progress: UploadProgress) -> str:
    done, failed = progress.files.get("done", 0), progress.files.get("failed", 0)
    told = [f"{done}/{sum(progress.files.values())} files"]
    if failed:
        told.append(f"{failed} failed")
    if progress.retries:
        told.append(f"{progress.retries} retries")
    told += [speed(progress.rate), duration(progress.seconds) if progress.last else _time_left(progress)]
    return " · ".join(told)


def _time_left(progress: UploadProgress) -> str:
    if progress.sent == progress.total:
        return "waiting for the server"
    if progress.seconds_left is None:
        return "time left not known"
    return f"{duration(progress.seconds_left)} left"


def speed(rate: float) -> str:
    """Bytes a second, for people (powers of 1000)."""
    for unit in ("B", "kB", "MB"):
        if rate < 999.5:
            return f"{rate:.0f} {unit}/s" if unit == "B" else f"{rate:.1f} {unit}/s"
        rate /= 1000
    return f"{rate:.1f} GB/s"


def duration(seconds: float) -> str:
    """Seconds, for people."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {left:02} s" if minutes else f"{left} s"

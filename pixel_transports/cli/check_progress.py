"""Progress of a dry run on stderr: a bar in a terminal, otherwise a line every half minute."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixel_transports.cli.errors import print_message
from pixel_transports.display.notebooks import BarView
from pixel_transports.display.progress import LINE_SECONDS, terminal_bars

if TYPE_CHECKING:
    from pixel_transports.cli.file_checks import CheckedFile


class CheckProgress:
    """Counts checked files. `bar` is None where there is no terminal."""

    def __init__(self, total: int, bar: BarView | None) -> None:
        self._total = total
        self._bar = bar
        self._checked = self._problems = self._bytes = 0
        self._printed_at = time.monotonic()

    def __call__(self, checked: "CheckedFile") -> None:
        self._checked += 1
        self._problems += bool(checked.problems)
        self._bytes += checked.size or 0
        if self._bar is not None:
            self._bar.update("checking", self._total, self._checked, self._line())
        elif time.monotonic() - self._printed_at >= LINE_SECONDS:
            self._printed_at = time.monotonic()
            print_message(f"{self._line()} checked")

    def _line(self) -> str:
        files = f"{self._checked:,} of {self._total:,} files, {self._bytes:,} bytes"
        return f"{files}, {self._problems:,} with problems" if self._problems else files


@contextmanager
def check_progress(total: int) -> Iterator[CheckProgress]:
    """Show progress during the block."""
    stream = sys.stderr
    bar: BarView | None = None
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        bar = terminal_bars(stream)()
    try:
        yield CheckProgress(total, bar)
    finally:
        if bar is not None:
            bar.stop()

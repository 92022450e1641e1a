"""The standard streams: they take any text, and a long output goes through a pager.

Rules kept here:

* Printing never fails for the text: characters that the encoding of a stream lacks are written as escapes (`\\u2192`),
  as are file names that are no UTF-8.
* A pager runs only if stdout is a terminal and the output is longer than the screen. `PIXEL_PAGER` names it, then
  `PAGER`, then it is `less`; an empty name, `cat` and --no-pager mean none.
"""

import codecs
import io
import os
import shlex
import shutil
import subprocess
import sys
from typing import Any, TextIO

from pixel_core.errors import printable
from pixel_transports.cli.errors import FAILED, fail, interrupts_ignored


class _AsciiText(io.TextIOWrapper):
    """ASCII with escapes. Its encoding is not called so, since click replaces a stream of ASCII by one of UTF-8."""

    def write(self, text: str) -> int:
        super().write(escape(text, "ascii"))
        return len(text)


def make_streams_safe() -> None:
    """Let stdout and stderr take any text."""
    sys.stdout, sys.stderr = _safe(sys.stdout), _safe(sys.stderr)


def _safe(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by the caller: what is printed is lost
        return open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    if codecs.lookup(stream.encoding).name == "ascii":
        return _AsciiText(stream.buffer, "latin-1", line_buffering=stream.line_buffering)
    stream.reconfigure(errors="backslashreplace")
    return stream


def encoding_of(stream: Any) -> str:
    """Return the encoding of a stream."""
    return "ascii" if isinstance(stream, _AsciiText) else getattr(stream, "encoding", None) or "utf-8"


def escape(text: str, encoding: str) -> str:
    """Return text with escapes in place of characters that an encoding lacks."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def shown(text: str) -> str:
    """Return text as one line that stdout has all characters for."""
    return escape(printable(text), encoding_of(sys.stdout))


def is_terminal(stream: Any) -> bool:
    """True if a stream is a terminal."""
    return bool(stream.isatty())


def write_lines(lines: list[str], pager: bool = True) -> None:
    """Print lines on stdout, through the pager if they are longer than the screen. Exits if stdout is full."""
    text = "".join(f"{line}\n" for line in lines)
    if pager and _is_long(lines) and _page(text):
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        if isinstance(error, BrokenPipeError):  # its reader has seen enough
            sys.exit(FAILED)
        fail(f"The output cannot be written: {error.strerror}.", FAILED)


def discard_output() -> None:
    """Lose what is left of the output, also at the end, since stdout is closed or full."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _is_long(lines: list[str]) -> bool:
    if not is_terminal(sys.stdout):
        return False
    columns, height = shutil.get_terminal_size()
    return sum(1 + max(0, len(line) - 1) // columns for line in lines) >= height


def _page(text: str) -> bool:
    """Show a text in the pager. Returns False if there is none."""
    named = next((os.environ[name] for name in ("PIXEL_PAGER", "PAGER") if name in os.environ), None)
    try:
        command = shlex.split("less" if named is None else named)
        if command in ([], ["cat"]) or os.environ.get("TERM") == "dumb":
            return False
        # The user's own command, as git runs it.
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env={"LESS": "FRX", **os.environ})  # noqa: S603
    except (OSError, ValueError):
        return False
    with interrupts_ignored():  # Ctrl-C is the pager's.
        pager.communicate(escape(text, encoding_of(sys.stdout)).encode(encoding_of(sys.stdout)))
    return True

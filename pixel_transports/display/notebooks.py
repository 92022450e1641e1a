"""The progress bar in a notebook.

The output is plain HTML: no script, no widget, no external resource. All text is escaped. IPython is used if it is
loaded already, and never loaded otherwise.
"""

import sys
import uuid
from html import escape
from importlib import import_module
from typing import Protocol


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class BarView(Protocol):
    """Displays the bar of one upload."""

    def update(self, title: str, total: int, sent: int, text: str) -> None:
        """Show `sent` of `total` bytes."""

    def finish(self, line: str) -> None:
        """Replace the bar by a line: the upload is complete."""

    def stop(self) -> None:
        """Stop without a last line: the upload was interrupted."""


class NotebookBar:
    """A bar below the notebook cell that runs. One output is updated in place."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._displayed = False
        self._latest = ("", 1, 0, "")

    def update(self, title: str, total: int, sent: int, text: str) -> None:
        self._latest = (title, total, sent, text)
        self._display("under way", f"{title} {100 * sent // total} % {text}")

    def finish(self, line: str) -> None:
        self._display("done", line)

    def stop(self) -> None:
        title, total, sent, text = self._latest
        self._display("stopped", f"{title} {100 * sent // total} % {text}, stopped")

    def _display(self, state: str, text: str) -> None:
        _, total, sent, _ = self._latest
        html = (
            f'<div class="pixel-bar" data-state="{state}"><progress style="width:16em;vertical-align:middle" '
            f'value="{sent}" max="{total}"></progress> <span>{escape(text)}</span></div>'
        )
        display = import_module("IPython.display").display  # exists in every kernel
        display({"text/html": html, "text/plain": text}, raw=True, display_id=self._id, update=self._displayed)
        self._displayed = True

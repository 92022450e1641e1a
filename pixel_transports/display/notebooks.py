"""What a notebook shows: clients, tables and maps of results, and a bar for uploads.

Rules kept here:

* Everything is plain HTML with its style inside: no script, no widget, nothing from elsewhere.
* What comes from a server or a file is escaped. No password and no token is ever in it.
* IPython is used where it runs already, and never imported otherwise.
"""

import sys
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from pixel_transports.display.maps import degrees, svg

if TYPE_CHECKING:
    from pixel_transports.display.features import Feature, Features

ROWS = 20
"""How many rows a table shows."""

_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:top"'


def in_a_kernel() -> bool:
    """Whether this program is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of these texts, escaped."""
    head = "".join(f"<th {_CELL}>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td {_CELL}>{escape(each)}</td>' for each in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def features_html(features: "Features") -> str:
    """A table of the first features, and a map of all."""
    shown = features[:ROWS]
    columns = {name: [read(feature) for feature in shown] for name, read in _COLUMNS.items()}
    used = {name: texts for name, texts in columns.items() if any(texts) or name in ("id", "name")}
    told = f"{len(features):,} {'feature' if len(features) == 1 else 'features'}"
    if len(features) > len(shown):
        told += f", the first {len(shown)} of them in the table"
    return (
        f'<div class="pixel-features">{svg(features.shapes())}'
        f"{table(used, zip(*used.values(), strict=True))}<p>{told}</p></div>"
    )


def place(location: tuple[float, ...] | None) -> str:
    """A position for people: latitude first, as they say it."""
    if location is None:
        return ""
    told = f"{degrees(location[1], 'NS', 5)}, {degrees(location[0], 'EW', 5)}"
    return told if len(location) < 3 else f"{told}, {location[2]:.0f} m"


def _time(time: datetime | None) -> str:
    return "" if time is None else time.isoformat(" ", "seconds")


def _heading(heading: float | None) -> str:
    return "" if heading is None else f"{heading:.1f}".removesuffix(".0") + "°"


def _tags(feature: "Feature") -> str:
    found = feature.result.get("tags")
    return ", ".join(str(tag) for tag in found) if isinstance(found, (list, tuple)) else ""


def _kind(feature: "Feature") -> str:
    """What its place is, where that is more than a point."""
    geometry = feature.geometry
    return "" if geometry is None or geometry["type"] == "Point" else str(geometry["type"])


_COLUMNS: Mapping[str, Any] = {
    "id": lambda feature: "" if feature.id is None else str(feature.id),
    "name": lambda feature: feature.name,
    "description": lambda feature: str(feature.result.get("description") or ""),
    "capture date": lambda feature: _time(feature.capture_date),
    "location": lambda feature: place(feature.location) or _kind(feature),
    "heading": lambda feature: _heading(feature.heading),
    "tags": _tags,
}


class Face(Protocol):
    """What a bar is shown on, for one upload."""

    def show(self, what: str, total: int, sent: int, told: str) -> None:
        """Show this state of it, `sent` of `total` bytes."""

    def end(self, line: str) -> None:
        """The upload came to its end, of which `line` tells everything."""

    def stop(self) -> None:
        """The upload did not come to its end, or nobody looks any more."""


class NotebookFace:
    """A bar below the cell that uploads. The output is one, which is changed in its place."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._begun = False
        self._latest = ("", 1, 0, "")

    def show(self, what: str, total: int, sent: int, told: str) -> None:
        self._latest = (what, total, sent, told)
        self._display("under way", f"{what} {100 * sent // total} % {told}")

    def end(self, line: str) -> None:
        self._display("done", line)

    def stop(self) -> None:
        what, total, sent, told = self._latest
        self._display("stopped", f"{what} {100 * sent // total} % {told}, stopped")

    def _display(self, state: str, text: str) -> None:
        _, total, sent, _ = self._latest
        html = (
            f'<div class="pixel-bar" data-state="{state}"><progress style="width:16em;vertical-align:middle" '
            f'value="{sent}" max="{total}"></progress> <span>{escape(text)}</span></div>'
        )
        shown = {"text/html": html, "text/plain": text}
        # Imported here, since it is there wherever a kernel is, and nowhere else.
        display = import_module("IPython.display").display
        display(shown, raw=True, display_id=self._id, update=self._begun)
        self._begun = True

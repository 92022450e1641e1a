"""Lays out rows as lines: aligned columns, which at a terminal are fitted to its width.

Rules kept here:

* Without a width, columns are as wide as their longest cell, and an empty cell is `-`.
* With a width, the last columns are left out first; the first column and the name are never left out. Ids and times
  stay on one line, other cells are folded (in a table up to three lines, but for names), and a header is never broken.
"""

import sys
from collections.abc import Sequence

_GAP = "  "
_FOLDED = 16
"""The least width of a column whose cells are folded, in characters."""

_MOST_LINES = 3

Cells = Sequence[str]


def table_lines(rows: Sequence[Cells], header: Cells) -> list[str]:
    """Return the lines of a table with a header."""
    return _aligned([header, *rows])


def record_lines(rows: Sequence[Cells]) -> list[str]:
    """Return lines of names and values."""
    return _aligned(rows)


def fitted_record_lines(rows: Sequence[Cells], width: int) -> list[str]:
    """Return lines of names in bold and values, folded to a width in characters."""
    names = max(_length(name) for name, _ in rows)
    widths = [names, max(_FOLDED, width - names - len(_GAP))]
    return [line for name, value in rows for line in _folded([name, value], widths, bold=1)]


def fitted_table_lines(
    rows: Sequence[Cells], header: Cells, width: int | None, keep_all: bool = False
) -> tuple[list[str], list[str]]:
    """Return the lines of a table with a bold header, and the names of the columns that were left out: none if
    `keep_all`. Without a width, no cell is folded either.
    """
    needed = _widths([header, *rows])
    least = [_least(name, most) for name, most in zip(header, needed, strict=True)]
    shown = list(range(len(header)))
    if width is None:
        widths = needed
    else:
        removable = [at for at in shown if at and header[at] != "name" and not keep_all]
        while removable and _total(least, shown) > width:
            shown.remove(removable.pop())
        widths = _grown(header, least, needed, shown, width)
    table = [[row[at] for at in shown] for row in [header, *rows]]
    taken = [widths[at] for at in shown]
    lines = _folded(table[0], taken, bold=len(taken))
    most = [sys.maxsize if keep_all or header[at] == "name" else _MOST_LINES for at in shown]
    for row in table[1:]:
        lines += _folded(row, taken, most=most)
    return lines, [name for at, name in enumerate(header) if at not in shown]


def _least(name: str, needed: int) -> int:
    is_short = name == "id" or name.endswith(("_id", "_at", "_date"))
    return needed if is_short else min(needed, max(len(name), _FOLDED))


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[at] for at in shown) + len(_GAP) * (len(shown) - 1)


def _grown(header: Cells, least: Sequence[int], needed: Sequence[int], shown: Sequence[int], width: int) -> list[int]:
    """Return the widths of the columns: what is left of the line goes to the name, then to the others in order."""
    widths = list(least)
    for at in sorted(shown, key=lambda at: header[at] != "name"):
        widths[at] = min(needed[at], max(4, widths[at] + width - _total(widths, shown)))
    return widths


def _aligned(lines: Sequence[Cells]) -> list[str]:
    lines = [[cell or "-" for cell in line] for line in lines]
    widths = _widths(lines)
    return [_joined(line, widths) for line in lines]


def _widths(lines: Sequence[Cells]) -> list[int]:
    return [max(_length(line[at]) for line in lines) for at in range(len(lines[0]))]


def _folded(cells: Cells, widths: Sequence[int], bold: int = 0, most: Sequence[int] = ()) -> list[str]:
    """Return the lines of one row. The first `bold` cells are bold; `most` are the most lines of each cell."""
    columns = [_fold(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for at, number in enumerate(most):
        if len(columns[at]) > number:
            columns[at] = [*columns[at][: number - 1], f"{_fold(columns[at][number - 1], widths[at] - 3)[0]}..."]
    height = max(map(len, columns))
    return [_joined([(*each, *[""] * height)[at] for each in columns], widths, bold) for at in range(height)]


def _joined(cells: Cells, widths: Sequence[int], bold: int = 0) -> str:
    padded = [cell + " " * (width - _length(cell)) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = cells[-1]
    styled = [
        padded[at].replace(cell, f"\x1b[1m{cell}\x1b[0m", 1) if cell and at < bold else padded[at]
        for at, cell in enumerate(cells)
    ]
    return _GAP.join(styled).rstrip()


def _fold(text: str, width: int) -> list[str]:
    """Return text as lines of up to `width` characters, broken at spaces, and within words that are longer."""
    from rich.cells import chop_cells

    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if _length(longer) <= width:
            line = longer
            continue
        lines += [line] if line else []
        *full, line = chop_cells(word, width)
        lines += full
    return [*lines, line]


def _length(text: str) -> int:
    """Return the width of text at a terminal, in characters."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)

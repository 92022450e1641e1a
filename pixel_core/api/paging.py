"""Listings in pages: one flow a page, and several pages at a time.

Rules kept here:

* A page does not need the one before it, so pages can be fetched side by side: one at first, then twice as many each
  time, up to a limit, as long as whoever lists wants more. That pays where answers are waited for; where they come
  fast, one after another is faster.
* Nothing is fetched between two windows. Pages come in order, and so do their errors: what comes before one is given
  out first, and what was fetched after the last page does not count.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from pixel_core.effects import Clock, Flow, Gather
from pixel_core.values import value

T = TypeVar("T")

AHEAD = 8
"""How many pages are fetched at a time, at most, where nobody says otherwise."""


WORTH_SECONDS = 0.02
"""Pages that take less, all of a window, come faster one after another: most of that is work, and not waiting."""


@value
class Page(Generic[T]):
    """One page of a listing; `last` when no other follows."""

    items: list[T]
    last: bool


Window: TypeAlias = list[Page[T] | Exception]
"""Pages that were fetched at a time, in order, with an error in the place of each that could not be had: whoever lists
raises the first that it comes to, and stops after the last page.
"""


class Pages(Iterator[Flow[Page[T]]]):
    """A listing: an iterator of flows, one a page, that need not end by itself. At most `ahead` of them are run at a
    time. Raises ValueError for `ahead` below 1.
    """

    def __init__(self, flows: Iterable[Flow[Page[T]]], ahead: int = AHEAD) -> None:
        if isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 1:
            raise ValueError(f"ahead is a whole number from 1, got {ahead!r}")
        self._flows = iter(flows)
        self._ahead = ahead
        self._seconds = 0.0  # that the last window took

    def __next__(self) -> Flow[Page[T]]:
        return next(self._flows)

    def windows(self) -> Iterator[Flow[Window[T]]]:
        """The same pages, several at a time. Each of the flows is run before the next is asked for."""
        size = 1
        while flows := list(islice(self._flows, size)):
            yield self._window(flows)
            size = min(2 * size, self._ahead) if self._seconds >= WORTH_SECONDS else max(1, size // 2)

    def _window(self, flows: list[Flow[Page[T]]]) -> Flow[Window[T]]:
        start = yield from Clock()
        window: Window[T]
        if len(flows) == 1:
            window = [(yield from flows[0])]
        else:
            window = yield from Gather(flows, limit=len(flows), collect=True)
        self._seconds = (yield from Clock()) - start
        return window

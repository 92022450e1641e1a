"""Listings in pages: one flow per page, and several pages at a time.

Rules kept here:

* Pages are independent, so they are fetched in windows: one page at first, then twice as many each time, up to a limit.
  That pays with slow responses; with fast ones, one page after another is faster.
* Nothing is fetched between two windows. Pages and errors keep their order: items before an error are returned first,
  and pages after the last are ignored.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from pixel_core.effects import Clock, Flow, Gather
from pixel_core.values import value

T = TypeVar("T")

AHEAD = 8
"""Default maximum of pages that are fetched at a time."""


WORTH_SECONDS = 0.02
"""If a window takes less, its pages are faster one after another: most of the time is work, not waiting."""


@value
class Page(Generic[T]):
    """One page of a listing; `last` when no other follows."""

    items: list[T]
    last: bool


Window: TypeAlias = list[Page[T] | Exception]
"""Pages that were fetched at a time, in order, with the error of each failed page in its place."""


class Pages(Iterator[Flow[Page[T]]]):
    """A listing: an iterator of flows, one per page, which may be endless. At most `ahead` of them run at a time.
    Raises ValueError for `ahead` below 1.
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
        """Flows of several pages at a time. Each flow has to be run before the next is made."""
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

"""Pages in windows: how many are asked for, in which order they come, and where their errors come up."""

from collections.abc import Generator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.api.paging import Page, Pages
from pixel_core.effects import Flow, Sleep
from tests.core.uploads.simulated import Simulation


class TroubleError(Exception):
    pass


class PageSource:
    """Pages by number, of which the one at `last` is the last; those in `broken` cannot be had. An even page takes
    longer than the odd one after it.
    """

    def __init__(self, last: int, broken: frozenset[int] = frozenset(), seconds: float = 0.05) -> None:
        self.requested: list[int] = []
        self.seconds = seconds
        self._last = last
        self._broken = broken

    def page(self, number: int) -> Flow[Page[int]]:
        self.requested.append(number)
        yield from Sleep(self.seconds * (2 - number % 2))
        if number in self._broken:
            raise TroubleError(str(number))
        return Page([number] if number <= self._last else [], last=number >= self._last)

    def pages(self, ahead: int) -> Pages[int]:
        return Pages(map(self.page, count()), ahead)


def listed(pages: Pages[int]) -> Generator[int, None, None]:
    """As a face lists them."""
    world = Simulation()
    for flow in pages.windows():
        for page in world.run(flow):
            if isinstance(page, Exception):
                raise page
            yield from page.items
            if page.last:
                return


@pytest.mark.parametrize(("ahead", "requested"), [(1, 11), (2, 11), (3, 12), (8, 15), (100, 15)])
def test_windows_grow_twofold_up_to_a_limit(ahead: int, requested: int) -> None:
    source = PageSource(last=10)
    assert list(listed(source.pages(ahead))) == list(range(11))
    assert sorted(source.requested) == list(range(requested))


def test_pages_that_come_fast_are_fetched_one_after_another() -> None:
    source = PageSource(last=10, seconds=0.001)
    items = listed(source.pages(8))
    assert source.requested == []
    for number in range(11):
        assert next(items) == number
        assert source.requested == list(range(number + 1))
    assert not list(items)


def test_windows_shrink_again_where_pages_come_fast() -> None:
    source = PageSource(last=1000)
    items = listed(source.pages(8))
    assert [next(items) for _ in range(15)] == list(range(15))
    source.seconds = 0.001
    sizes, before = [], len(source.requested)
    for _ in range(16):
        next(items)
        if len(source.requested) > before:
            sizes.append(len(source.requested) - before)
            before = len(source.requested)
    assert sizes == [8, 4, 2, 1, 1]


def test_a_listing_that_is_left_requests_nothing_more() -> None:
    source = PageSource(last=100)
    items = listed(source.pages(8))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert sorted(source.requested) == [0, 1, 2]


@given(st.integers(0, 40), st.frozensets(st.integers(0, 45), max_size=3), st.integers(1, 12))
def test_order_and_errors_are_those_of_pages_one_after_another(last: int, broken: frozenset[int], ahead: int) -> None:
    def outcome(limit: int) -> tuple[list[int], str]:
        found: list[int] = []
        try:
            found.extend(listed(PageSource(last, broken).pages(limit)))
        except TroubleError as error:
            return found, str(error)
        return found, ""

    assert outcome(ahead) == outcome(1)


def test_a_listing_that_ends_by_itself_ends() -> None:
    source = PageSource(last=100)
    assert list(listed(Pages((source.page(number) for number in range(4)), 8))) == [0, 1, 2, 3]
    assert list(listed(Pages((), 8))) == []


@pytest.mark.parametrize("ahead", [0, -1, True, 1.0, "2", None])
def test_a_limit_that_is_none_is_refused(ahead: Any) -> None:
    with pytest.raises(ValueError, match="ahead is a whole number from 1"):
        Pages((), ahead)

"""The effect `NextItems`: the next items of an iterator of the user.

An iterator may be slow: after `SECONDS` the items so far are returned, and at least one.
"""

import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS = 0.05
"""How long further items are waited for. The one that is being waited for then is returned too."""


def next_items(iterator: Iterator[T], most: int) -> list[T | Exception]:
    """Return the next items; an Exception that the iterator raises is the last."""
    items: list[T | Exception] = []
    end = time.monotonic() + SECONDS
    try:
        for item in iterator:
            items.append(item)
            if len(items) >= most or time.monotonic() > end:
                break
    except Exception as error:
        items.append(error)
    return items


async def next_items_async(iterator: AsyncIterator[T], most: int) -> list[T | Exception]:
    """Return the next items of an async iterator; an Exception that it raises is the last."""
    items: list[T | Exception] = []
    end = time.monotonic() + SECONDS
    try:
        async for item in iterator:
            items.append(item)
            if len(items) >= most or time.monotonic() > end:
                break
    except Exception as error:
        items.append(error)
    return items

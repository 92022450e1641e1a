"""Lists: records in the order of their ids, select and paged.

Rules kept here:

* What a list asks for by id is looked up, not searched for; a page of an unfiltered list costs no look at the others.
* Filters come first, then `offset` and `limit`. Ids that do not exist are left out without a word.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from pixel_transports.sandbox.schemas import ListQuery, PlainListQuery


class Listed(Protocol):
    """What can be in a list."""

    @property
    def name(self) -> str | None: ...


class Tagged(Listed, Protocol):
    """What can be in a list that is select by tags."""

    @property
    def tags(self) -> list[str]: ...


R = TypeVar("R")
L = TypeVar("L", bound=Listed)


class Table(Mapping[int, R]):
    """Records by id, always in the order of their ids, wherever they came from."""

    def __init__(self) -> None:
        self._records: dict[int, R] = {}
        self._ids: list[int] = []

    def put(self, key: int, record: R) -> None:
        """Add a record. It keeps its place when it is there already."""
        if key not in self._records:
            insort(self._ids, key)
        self._records[key] = record

    def take(self, key: int) -> R:
        """Remove a record and give it. Raises KeyError when there is none."""
        record = self._records.pop(key)
        del self._ids[bisect_left(self._ids, key)]
        return record

    def __getitem__(self, key: int) -> R:
        return self._records[key]

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def select(records: Mapping[int, L], query: PlainListQuery, also: Callable[[L], bool] | None = None) -> list[L]:
    """The records that a list query asks for and that `also` accepts. `records` are in the order of their ids."""
    tags = set(query.tags or ()) if isinstance(query, ListQuery) else set[str]()
    ids = list(records) if query.ids is None else sorted(key for key in set(query.ids) if key in records)
    page = slice(query.offset, query.offset + query.limit)
    if query.name is None and not tags and also is None:
        return [records[key] for key in ids[page]]
    wanted = [
        record
        for record in map(records.__getitem__, ids)
        if (query.name is None or record.name == query.name)
        and (not tags or tags <= set(_tags(record)))
        and (also is None or also(record))
    ]
    return wanted[page]


def _tags(record: Any) -> list[str]:
    """The tags of a record; what has none is in no list that asks for one."""
    tags: list[str] = getattr(record, "tags", [])
    return tags

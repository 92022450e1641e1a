"""Tables of records in the order of their ids, and the filters and pages of lists.

Rules kept here:

* Ids are looked up, not searched for; a page of an unfiltered list reads no other records.
* Filters come first, then `offset` and `limit`. Ids that do not exist are ignored.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from pixel_transports.sandbox.schemas import ListQuery, PlainListQuery
from pixel_transports.sandbox.tracking import note


class Listed(Protocol):
    """A record that can be in a list."""

    @property
    def name(self) -> str | None: ...


R = TypeVar("R")
L = TypeVar("L", bound=Listed)


class Table(Mapping[int, R]):
    """A mapping from ids to records, in the order of the ids."""

    def __init__(self) -> None:
        self._records: dict[int, R] = {}
        self._ids: list[int] = []

    def put(self, key: int, record: R) -> None:
        """Add or replace a record."""
        if key not in self._records:
            insort(self._ids, key)
        self._records[key] = record

    def take(self, key: int) -> R:
        """Remove and return a record. Raises KeyError."""
        record = self._records.pop(key)
        del self._ids[bisect_left(self._ids, key)]
        note(record)
        return record

    def __getitem__(self, key: int) -> R:
        return self._records[key]

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def select(records: Mapping[int, L], query: PlainListQuery, where: Callable[[L], bool] | None = None) -> list[L]:
    """Return the page of records that match the query and `where`. `records` are in the order of their ids."""
    tags = set(query.tags or ()) if isinstance(query, ListQuery) else set[str]()
    ids = list(records) if query.ids is None else sorted(key for key in set(query.ids) if key in records)
    page = slice(query.offset, query.offset + query.limit)
    if query.name is None and not tags and where is None:
        return [records[key] for key in ids[page]]
    matching = [
        record
        for record in map(records.__getitem__, ids)
        if (query.name is None or record.name == query.name)
        and (not tags or tags <= set(_tags(record)))
        and (where is None or where(record))
    ]
    return matching[page]


def _tags(record: Any) -> list[str]:
    """Return the tags of a record, empty for a record without tags."""
    tags: list[str] = getattr(record, "tags", [])
    return tags

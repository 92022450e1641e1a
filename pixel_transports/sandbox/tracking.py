"""Notes which records change, so that they can be stored.

Rules kept here:

* A change is noted in the thread that makes it, between `Changes.recording` and its end. Elsewhere nothing is noted.
* Setting an attribute of a record is a change of it, and so is taking it out of a mapping. Values inside an attribute
  are not followed: who changes one sets an attribute too.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pixel_transports.sandbox.objects import ObjectFiles, Piece

K = TypeVar("K")
V = TypeVar("V")
_here = threading.local()


class Changes:
    """What changed since it was last stored: records by their `id()`, keys of objects, and pieces to free."""

    def __init__(self) -> None:
        self.records: dict[int, Tracked] = {}
        self.keys: set[str] = set()
        self.dropped: list[Piece] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Note changes of this thread."""
        _here.changes = self
        try:
            yield
        finally:
            _here.changes = None


def _active() -> Changes | None:
    changes: Changes | None = getattr(_here, "changes", None)
    return changes


class Tracked:
    """A record whose changes are noted."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        note(self)


class TrackedDict(dict[K, V]):
    """A mapping of records; taking one out is noted."""

    def __delitem__(self, key: K) -> None:
        note(self[key])
        super().__delitem__(key)


def note(record: Any) -> None:
    """Note that a record changed."""
    changes = _active()
    if changes is not None:
        changes.records[id(record)] = record


def note_key(key: str) -> None:
    """Note that the object with this key changed."""
    changes = _active()
    if changes is not None:
        changes.keys.add(key)


def drop_pieces(files: ObjectFiles, pieces: Iterable[Piece]) -> None:
    """Free pieces: at once, or after the change that drops them is stored."""
    changes = _active()
    if changes is None:
        files.drop(pieces)
    else:
        changes.dropped += pieces

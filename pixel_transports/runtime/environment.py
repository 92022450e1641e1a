"""What the environment says: looked at anew each time, and understood once as long as it says the same.

Rules kept here:

* Names are compared without regard to case, so a variable in any spelling counts.
* What cannot be understood is an error each time.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

Snapshot: TypeAlias = tuple[tuple[str, str], ...]


class CachedEnvironment(Generic[T]):
    """What some variables of the environment come to."""

    def __init__(self, names: Iterable[str], read: Callable[[Mapping[str, str]], T]) -> None:
        self._names = frozenset(name.upper() for name in names)
        self._read = read
        self._last: tuple[Snapshot, T] | None = None

    def get(self) -> T:
        """What they come to at this moment. Raises what `read` does."""
        said = self._snapshot()
        last = self._last
        if last is not None and last[0] == said:
            return last[1]
        found = self._read(dict(os.environ))
        if self._snapshot() == said:  # otherwise it may be of either moment
            self._last = said, found
        return found

    def _snapshot(self) -> Snapshot:
        names, environment = self._names, os.environ
        return tuple((name, environment.get(name, "")) for name in list(environment) if name.upper() in names)

"""Parsed environment variables, cached until they change.

Names are compared without regard to case. The variables are compared at each call. Values that cannot be parsed raise
at each call. No traceback shows the values: the environment holds passwords.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar

from pixel_core.redaction import SecretText

T = TypeVar("T")

Snapshot: TypeAlias = tuple[tuple[str, str], ...]


class CachedEnvironment(Generic[T]):
    """The result of parsing some environment variables. `parse` gets a copy of the whole environment."""

    def __init__(self, names: Iterable[str], parse: Callable[[Mapping[str, str]], T]) -> None:
        self._names = frozenset(name.upper() for name in names)
        self._parse = parse
        self._last: tuple[Snapshot, T] | None = None

    def get(self) -> T:
        """The parsed value for the current variables. Raises what `parse` raises."""
        snapshot = self._snapshot()
        last = self._last
        if last is not None and last[0] == snapshot:
            return last[1]
        value = self._parse({name: SecretText(text) for name, text in os.environ.items()})
        if self._snapshot() == snapshot:  # Otherwise a variable changed between the snapshot and the parsing.
            self._last = snapshot, value
        return value

    def _snapshot(self) -> Snapshot:
        names, environment = self._names, os.environ
        return tuple(
            (name, SecretText(environment.get(name, ""))) for name in list(environment) if name.upper() in names
        )

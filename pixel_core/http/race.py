"""The race of connection attempts to the addresses of one host (RFC 8305, section 5), as a state machine.

Rules kept here:

* No I/O and no clock: `now` is an argument, attempts are opaque.
* An attempt begins `ATTEMPT_DELAY` after the one before it, or at once when all before it have failed.
* The first attempt to connect wins. When all have failed, the first failure is the reason.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
T = TypeVar("T")

ATTEMPT_DELAY = 0.25
"""Seconds between two attempts (RFC 8305, section 8: the recommended Connection Attempt Delay)."""


class Race(Generic[A, T]):
    """Attempts of type `T` to connect to addresses of type `A`, which are tried in the order given."""

    def __init__(self, addresses: Sequence[A]) -> None:
        self._addresses = list(reversed(addresses))
        self._next_at = float("-inf")
        self._failure = OSError("it has no address")
        self._failed = False
        self.running: list[T] = []
        """Attempts under way. They have to be closed when the race is over, or given up."""

    def due(self, now: float) -> A | None:
        """The address to try now, if any. Raises the first failure when nothing is left to try or to wait for."""
        if self._addresses and (now >= self._next_at or not self.running):
            self._next_at = now + ATTEMPT_DELAY
            return self._addresses.pop()
        if not self.running:
            raise self._failure
        return None

    def wait(self, now: float) -> float | None:
        """Seconds until the next attempt is due; None when there is none."""
        return max(0.0, self._next_at - now) if self._addresses else None

    def failed(self, error: OSError, attempt: T | None = None) -> None:
        """An attempt failed, or could not begin (None)."""
        if not self._failed:
            self._failure, self._failed = error, True
        if attempt is not None:
            self.running.remove(attempt)

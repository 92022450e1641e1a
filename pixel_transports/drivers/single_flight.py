"""Single flights: of flows with the same key, one runs at a time, and callers share its outcome.

Rules kept here:

* The first caller runs its flow. Callers that join meanwhile wait, and get the same result or the same Exception.
* If the first caller is cancelled or interrupted, a waiter runs its own flow, and the others wait for that.
* A caller after the end runs its own flow. A forked child does not wait for flows of its parent.
"""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from pixel_transports.runtime.forks import register_after_fork


class Flight:
    """The outcome of one run, once it has `ended`, and the callbacks that wake its waiters."""

    def __init__(self) -> None:
        self.ended: bool = False
        self._result: Any = None
        self._error: Exception | None = None
        self._wake: list[Callable[[], object]] = []

    def outcome(self) -> Any:
        """Return the result, or raise an error like that of the flow: one of its own for each caller."""
        if self._error is None:
            return self._result
        try:
            own = copy(self._error)
        except Exception:  # an exception of the user's that cannot be copied
            raise self._error from None
        raise own from self._error

    def end(self, result: Any, error: Exception | None = None) -> Any:
        """Set the outcome, and return the result."""
        self._result, self._error, self.ended = result, error, True
        return result


class SingleFlights:
    """The single flights of one driver, or of one event loop of it."""

    def __init__(self) -> None:
        self.after_fork()
        register_after_fork(self)

    def after_fork(self) -> None:
        """Start without flights: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Flight] = {}

    def join(self, key: Hashable, wake: Callable[[], object]) -> tuple[Flight, bool]:
        """Return the flight of a key, and whether the caller has to run it. For others, `wake` is called at its end."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = Flight()
                return flight, True
            flight._wake.append(wake)
            return flight, False

    @contextmanager
    def running(self, key: Hashable, flight: Flight) -> Iterator[None]:
        """Run a flight inside. If it is not ended there, waiters run their own flows."""
        try:
            yield
        except Exception as error:
            flight.end(None, error)
            raise
        finally:
            with self._lock:
                if self._flights.get(key) is flight:  # A forked child has other flights.
                    del self._flights[key]
            for wake in flight._wake:
                wake()

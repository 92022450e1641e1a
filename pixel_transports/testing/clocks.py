"""Clocks that are turned by hand, by a test or by the waits of a client.

Rules kept here:

* A wait takes no time: it turns the clock, at once. Waits that would overlap come one after another.
* Turning is safe from several threads.
"""

import threading

from pixel_transports.sandbox import ManualClock

_turning = threading.RLock()
"""One for all clocks, since a plain ManualClock has none."""


class TurnedClock(ManualClock):
    """A ManualClock that remembers how long was waited: `waits`, in seconds, in order.

    >>> clock = TurnedClock()
    >>> client = testing.client(transport=Faults(sandbox, [Status(503, retry_after=7)]), clock=clock)
    >>> client.me()
    >>> clock.waits
    [7.0]
    """

    now: float

    def __init__(self, now: float = 1_735_689_600.0) -> None:
        super().__init__(now)
        self.waits: list[float] = []

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`, from any thread."""
        with _turning:
            self.now += seconds


def wait(clock: ManualClock, seconds: float) -> None:
    """Wait on a clock: turn it."""
    with _turning:
        if isinstance(clock, TurnedClock):
            clock.waits.append(seconds)
        clock.advance(seconds)


def turn(clock: ManualClock, seconds: float) -> None:
    """Turn a clock for time that has really passed."""
    with _turning:
        clock.advance(seconds)

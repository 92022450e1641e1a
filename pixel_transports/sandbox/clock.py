"""A clock for tests, which is moved by calls."""

import threading

_lock = threading.Lock()  # one for all clocks, so that a clock can be pickled


class ManualClock:
    """A clock that only `advance` and `wait` move: seconds since the epoch, from 1 January 2025. It is thread-safe.

    >>> clock = ManualClock()
    >>> client = testing.client(transport=Faults(sandbox, [Status(503, retry_after=7)]), clock=clock)
    >>> client.me()
    >>> clock.waits  # in seconds, in order
    [7.0]
    """

    def __init__(self, now: float = 1_735_689_600.0) -> None:
        self.now: float = now
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        with _lock:
            self.now += seconds

    def wait(self, seconds: float) -> None:
        """Wait without delay: record the wait, and move on. Concurrent waits follow one another."""
        with _lock:
            self.waits.append(seconds)
            self.now += seconds

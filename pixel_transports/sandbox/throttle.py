"""Slows a server down: a rate of bytes that its connections share, and a delay before each response.

Rules kept here:

* The rate is one budget. Connections take turns, in the order in which they ask, in steps of a twentieth of a second.
* What was not used is not saved up, but for one step, which makes up for waits that end late.
* No lock is held during a wait. `close` ends all waits.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator

STEP_SECONDS = 0.05


class Throttle:
    """Makes threads wait: `take` for `bytes_per_second` (None: no limit), `delay` for `delay_seconds`.

    `clock` returns seconds, `wait` waits for some. Raises ValueError for a rate below 1 and a negative delay.
    """

    def __init__(
        self,
        bytes_per_second: float | None = None,
        delay_seconds: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if bytes_per_second is not None and not 1 <= bytes_per_second < math.inf:
            raise ValueError(f"bytes_per_second: at least 1, or None for no limit, not {bytes_per_second!r}")
        if not 0 <= delay_seconds < threading.TIMEOUT_MAX:
            raise ValueError(f"delay_seconds: at least 0, not {delay_seconds!r}")
        self._rate = bytes_per_second
        self._delay_seconds = delay_seconds
        self._clock = clock
        self._closed = threading.Event()
        self._wait = self._closed.wait if wait is None else wait
        self._lock = threading.Lock()
        self._free_at = -math.inf
        """When all that was taken has passed."""

    @property
    def has_rate(self) -> bool:
        """Whether `take` waits."""
        return self._rate is not None

    def close(self) -> None:
        """End all waits, of now and of later."""
        self._closed.set()

    def delay(self) -> None:
        """Wait before a response."""
        if self._delay_seconds:
            self._wait(self._delay_seconds)

    def take(self, size: int) -> None:
        """Wait until `size` bytes have passed."""
        if size:
            for _ in self._steps(size):
                pass

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield data in pieces, each when it has passed."""
        for start, stop in self._steps(len(data)):
            yield data[start:stop]

    def _steps(self, size: int) -> Iterator[tuple[int, int]]:
        if self._rate is None:
            yield 0, size
            return
        step = max(1, int(self._rate * STEP_SECONDS))
        # An empty body is one step, too: it goes out with its head.
        for start in range(0, max(size, 1), step):
            stop = min(start + step, size)
            seconds = self._reserve((stop - start) / self._rate)
            if seconds > 0 and not self._closed.is_set():
                self._wait(seconds)
            yield start, stop

    def _reserve(self, seconds: float) -> float:
        """Take the next turn, which takes some seconds, and return how long until its end."""
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - STEP_SECONDS) + seconds
            return self._free_at - now


UNLIMITED = Throttle()
"""A throttle that never waits."""

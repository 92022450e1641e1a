"""Decides whether and when a failed request is repeated.

Rules kept here:

* No clock, no randomness: the try's number, its outcome and random bits are arguments; the result is a delay, or None.
* A request that the server may have acted on is not repeated, unless it is idempotent.
* `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3), is waited for, up to a limit.
* Delays double with each try, with full jitter, so that many clients do not return at once.

The table. "safe" are GET, HEAD and OPTIONS; storage uploads (POST of a form, PUT of a part) are repeatable, because
the same bytes under the same key are the same object::

    what happened                        safe or storage   other methods
    no connection could be made          again             again
    a proxy refused: 408, 429,
    500, 502, 503, 504                   again             again
    a proxy refused: any other status    no                no
    the connection broke, a time-out     again             no
    a certificate was refused            no                no
    408, 500, 502, 503, 504              again             no
    429                                  again             again
    any other status                     no                no
"""

from pixel_core.errors import PixelConnectionError, PixelProxyError
from pixel_core.messages import SAFE_METHODS, Response
from pixel_core.values import value

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses, of the API, the object storage and proxies, that may pass."""


@value
class RetryPolicy:
    """At most `tries` in all, with delays of up to `base`, 2 × `base`, 4 × `base` … seconds, at most `longest`, and at
    most `retry_after` where the server names one. With `repeatable`, any method is treated as a safe one.
    """

    tries: int = 3
    base: float = 0.5
    longest: float = 30.0
    repeatable: bool = False
    retry_after: float = 30.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"a request is tried at least once, got {self.tries}")

    def delay(
        self,
        method: str,
        attempt: int,
        outcome: PixelConnectionError | Response,
        random_bits: int,
        again: bool | None = None,
    ) -> float | None:
        """Return the seconds to wait after this outcome of try number `attempt` (from 1); None to give up. `again`
        replaces the table, except for a refused certificate, for callers that know the meaning of the response.
        """
        lasting = isinstance(outcome, PixelConnectionError) and outcome.lasting
        if lasting or attempt >= self.tries or not (self._again(method, outcome) if again is None else again):
            return None
        wait = min(self.longest, self.base * 2.0 ** min(attempt - 1, 64)) * _fraction(random_bits)
        minimum = None if isinstance(outcome, PixelConnectionError) else _retry_after(outcome)
        if minimum is None:
            return wait
        return None if minimum > self.retry_after else max(minimum, wait)

    def _again(self, method: str, outcome: PixelConnectionError | Response) -> bool:
        safe = self.repeatable or method in SAFE_METHODS
        if isinstance(outcome, PixelProxyError) and outcome.status is not None:
            return outcome.status in TRANSIENT_STATUSES
        if isinstance(outcome, PixelConnectionError):
            return safe or not outcome.sent
        return outcome.status == 429 or (safe and outcome.status in TRANSIENT_STATUSES)


def _fraction(random_bits: int) -> float:
    """Return a number from 0 to 1, from 128 random bits."""
    return (random_bits & 0xFFFFFFFF) / 0xFFFFFFFF


def _retry_after(response: Response) -> float | None:
    """Return the seconds of `Retry-After`, or None. A date is compared with the server's own `Date`, so that clocks do
    not matter; without a valid one it is ignored.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime  # imported here, since dates are rare and it imports much

    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None

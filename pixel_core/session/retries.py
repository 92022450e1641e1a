"""Whether and when a failed request is sent again.

Rules kept here:

* No clock, no randomness: attempts, answers and a random number are arguments; the answer is a delay, or None.
* Nothing is repeated that may have been acted on, unless acting twice is the same as acting once.
* The server's word counts: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3) is waited for, up to a
  limit.
* Waits grow twofold and are drawn at random below that, so that many clients do not come back at once.

The table. "safe" are GET, HEAD and OPTIONS; storage uploads (POST of a form, PUT of a part) are repeatable, because
the same bytes under the same key are the same object::

    what happened                        safe or storage   other methods
    no connection could be made          again             again
    a proxy refused: 408, 429,
    500, 502, 503, 504                   again             again
    a proxy refused: any other status    no                no
    the connection broke, a time-out     again             no
    408, 500, 502, 503, 504              again             no
    429                                  again             again
    any other status                     no                no
"""

from pixel_core.errors import PixelConnectionError, PixelProxyError
from pixel_core.messages import Response
from pixel_core.values import value

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


@value
class RetryPolicy:
    """At most `tries` in all; waits of up to `base`, 2 × `base`, 4 × `base` … seconds, never above `longest`."""

    tries: int = 3
    base: float = 0.5
    longest: float = 30.0
    repeatable: bool = False

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
        """Seconds to wait before the next try after this outcome of try number `attempt` (from 1); None to give up.
        `again` takes the place of the table for those who know more of the answer.
        """
        if attempt >= self.tries or not (self._again(method, outcome) if again is None else again):
            return None
        wait = min(self.longest, self.base * 2.0 ** min(attempt - 1, 64)) * _fraction(random_bits)
        asked = None if isinstance(outcome, PixelConnectionError) else _retry_after(outcome)
        if asked is None:
            return wait
        return None if asked > self.longest else max(asked, wait)

    def _again(self, method: str, outcome: PixelConnectionError | Response) -> bool:
        harmless = self.repeatable or method in _SAFE
        if isinstance(outcome, PixelProxyError) and outcome.status is not None:
            return outcome.status in _TRANSIENT
        if isinstance(outcome, PixelConnectionError):
            return harmless or not outcome.sent
        return outcome.status == 429 or (harmless and outcome.status in _TRANSIENT)


def _fraction(random_bits: int) -> float:
    """A number from 0 to 1 out of 128 random bits."""
    return (random_bits & 0xFFFFFFFF) / 0xFFFFFFFF


def _retry_after(response: Response) -> float | None:
    """Seconds from now on. A date counts from the server's own, so that its clock does not matter; without that, or
    where it is none, nothing was asked for.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime  # here, since dates are rare, and it brings much along

    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):
        return None

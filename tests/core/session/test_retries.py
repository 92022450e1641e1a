"""The retry policy: its whole table, its delays, and `Retry-After`."""

import itertools

import pytest

from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.messages import Headers, Response
from pixel_core.session.retries import RetryPolicy

ALL_ONES = (1 << 128) - 1
SAFE = ["GET", "HEAD", "OPTIONS"]
OTHERS = ["POST", "PUT", "PATCH", "DELETE", "get", "TRACE"]

NOT_CONNECTED = PixelConnectionError("refused", sent=False)
BROKEN = PixelConnectionError("reset", sent=True)
CONNECT_TIMEOUT = PixelTimeoutError("no connection in time", sent=False)
READ_TIMEOUT = PixelTimeoutError("no answer in time", sent=True)

# Outcome; repeated for a safe method or a storage request; repeated for other methods.
TABLE: list[tuple[PixelConnectionError | int, bool, bool]] = [
    (NOT_CONNECTED, True, True),
    (CONNECT_TIMEOUT, True, True),
    (BROKEN, True, False),
    (READ_TIMEOUT, True, False),
    (PixelConnectionError("its certificate is not accepted", lasting=True), False, False),
    (PixelProxyError("its certificate is not accepted", lasting=True), False, False),
    (PixelProxyError("the proxy cannot be reached"), True, True),
    *((PixelProxyError(f"proxy: {status}", status=status), True, True) for status in (408, 429, 500, 502, 503, 504)),
    *((PixelProxyError(f"proxy: {status}", status=status), False, False) for status in (400, 403, 404, 405, 407, 501)),
    *((status, True, False) for status in (408, 500, 502, 503, 504)),
    (429, True, True),
    *((status, False, False) for status in (301, 307, 400, 401, 403, 404, 409, 411, 413, 422, 425, 501, 505, 507)),
]
ROWS = [
    pytest.param(method, repeatable, outcome, safe if repeatable or method in SAFE else other, id=name)
    for (outcome, safe, other), method, repeatable in itertools.product(TABLE, [*SAFE, *OTHERS], [False, True])
    for name in [f"{method}{' to the storage' if repeatable else ''}: {outcome}"]
]
RETRY_AFTER = [None, "0", "7", "31", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400, "٣"]


def answer(status: int, retry_after: str | None = None) -> Response:
    return Response(status, Headers({} if retry_after is None else {"retry-after": retry_after}))


@pytest.mark.parametrize(("method", "repeatable", "outcome", "again"), ROWS)
def test_a_request_is_repeated_according_to_the_table(
    method: str, repeatable: bool, outcome: PixelConnectionError | int, again: bool
) -> None:
    policy = RetryPolicy(tries=2, base=1.0, longest=30.0, repeatable=repeatable)
    for retry_after in RETRY_AFTER if isinstance(outcome, int) else [None]:
        happened = answer(outcome, retry_after) if isinstance(outcome, int) else outcome
        delay = policy.delay(method, 1, happened, ALL_ONES)
        expected: float | None = {"7": 7.0, "31": None, "9" * 400: None}.get(retry_after or "", 1.0)
        assert delay == (expected if again else None), retry_after
        assert policy.delay(method, 2, happened, ALL_ONES) is None


def test_a_delay_is_at_least_retry_after() -> None:
    policy = RetryPolicy(base=4.0, longest=30.0)
    assert policy.delay("GET", 1, answer(503, "3"), ALL_ONES) == 4.0
    assert policy.delay("GET", 1, answer(503, "3"), 0) == 3.0
    assert policy.delay("GET", 1, answer(503, " 30 "), 0) == 30.0
    assert policy.delay("GET", 1, answer(503, "31"), 0) is None


def test_delays_double_up_to_the_longest() -> None:
    policy = RetryPolicy(tries=100, base=0.5, longest=10.0)
    delays = [policy.delay("GET", attempt, BROKEN, ALL_ONES) for attempt in range(1, 8)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert RetryPolicy(tries=10_000, longest=10.0).delay("GET", 5_000, BROKEN, ALL_ONES) == 10.0


@pytest.mark.parametrize("tries", [0, -1])
def test_a_policy_without_a_try_is_refused(tries: int) -> None:
    with pytest.raises(ValueError, match="at least once"):
        RetryPolicy(tries=tries)


@pytest.mark.parametrize(
    ("date", "then", "seconds"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:07 GMT", 7.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:27:00 GMT", 1.0),  # past: the policy's own delay
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 09:28:00 GMT", None),  # too long
        ("Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:07 2015", 1.0),  # without a zone on one side
        (None, "Wed, 21 Oct 2015 07:28:07 GMT", 1.0),
        ("nonsense", "Wed, 21 Oct 2015 07:28:07 GMT", 1.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 99999999999 07:28:07 GMT", 1.0),
    ],
)
def test_a_date_in_retry_after_is_compared_with_the_date_of_the_server(
    date: str | None, then: str, seconds: float | None
) -> None:
    headers = {"Retry-After": then} | ({} if date is None else {"Date": date})
    delay = RetryPolicy(base=1.0).delay("GET", 1, Response(503, Headers(headers)), ALL_ONES)
    assert delay == seconds


def test_again_replaces_the_table() -> None:
    policy = RetryPolicy(tries=2, base=1.0)
    assert policy.delay("POST", 1, answer(400), ALL_ONES, again=True) == 1.0
    assert policy.delay("GET", 1, answer(503), ALL_ONES, again=False) is None
    assert policy.delay("POST", 2, answer(400), ALL_ONES, again=True) is None
    assert policy.delay("POST", 1, PixelConnectionError("refused", lasting=True), ALL_ONES, again=True) is None

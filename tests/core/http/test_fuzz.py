"""Short runs of the fuzzers of one exchange and of CONNECT, and tests of the fuzzers themselves.

Rules kept here:

* The cases are the same each time. The note of a failure has its case.
* A fuzzer reaches every possible end, and reports a broken rule.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pixel_core.errors import PixelProtocolError, PixelProxyError
from pixel_core.http.proxies import Proxy
from tests.core.http import fuzz, fuzz_tunnels
from tests.core.http.fuzz import OK, PROXY, PROXY_RESPONSES, PROXY_WITH_USER, RESPONSES, check, kind_of


def case_with(data: bytes, *chunks: bytes, via: Proxy | None = None) -> fuzz.Case:
    """A GET that accepts compression, on a new connection, and this response."""
    cases = (fuzz.case_of(1, number) for number in range(1000))
    case = next(
        case
        for case in cases
        if case.plain and case.request.method == "GET" and "Accept-Encoding" in case.request.headers
    )
    return replace(case, data=data, chunks=list(chunks or [data]), end=b"", via=via)


def connect_with(data: bytes, *chunks: bytes) -> fuzz_tunnels.Case:
    """A CONNECT and this response."""
    return fuzz_tunnels.Case(PROXY_WITH_USER, 4096, data, list(chunks or [data]), b"")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fuzzer", [fuzz, fuzz_tunnels])
def test_any_bytes_have_a_documented_end(fuzzer: Any, seed: int) -> None:
    counts = fuzzer.run(2000, seed)
    assert set(counts) == fuzzer.ENDINGS
    assert counts["Response"] + counts["open"] > 200
    assert fuzzer is fuzz_tunnels or counts[PixelProxyError.__name__] > 20


def test_a_case_is_the_same_each_time() -> None:
    assert repr(fuzz.case_of(1, 7)) == repr(fuzz.case_of(1, 7))
    assert repr(fuzz_tunnels.case_of(1, 7)) == repr(fuzz_tunnels.case_of(1, 7))
    assert len({fuzz.case_of(1, number).data for number in range(100)}) > 80
    assert fuzz.server_responses() == RESPONSES


@pytest.mark.parametrize("via", [None, PROXY, PROXY_WITH_USER])
def test_undamaged_responses_have_these_ends(via: Proxy | None) -> None:
    """One changes the protocol; of the proxies' four are not HTTP, or repeat the request; seven have status 407."""
    ends = [kind_of(check(case_with(data))) for data in RESPONSES]
    assert sorted(ends) == [PixelProtocolError.__name__, *["Response"] * (len(RESPONSES) - 1)]
    ends = [kind_of(check(case_with(data, via=via))) for data in PROXY_RESPONSES]
    assert ends.count(PixelProtocolError.__name__) == 4
    assert ends.count(PixelProxyError.__name__) == (7 if via else 0)
    assert ends.count("Response") == len(PROXY_RESPONSES) - (11 if via else 4)


def test_undamaged_responses_to_connect_have_these_ends() -> None:
    kinds = [fuzz_tunnels.check(connect_with(data)) for data in dict.fromkeys(fuzz_tunnels.OPENINGS)]
    assert kinds == ["open"] * 5 + [f"{PixelProxyError.__name__}: {fuzz_tunnels.INTO}"] * 3
    kinds = [fuzz_tunnels.check(connect_with(data)) for data in PROXY_RESPONSES]
    assert kinds.count(f"{PixelProxyError.__name__}: a status") == len(PROXY_RESPONSES) - 4
    assert kinds.count("open") == 0


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda: check(case_with(OK, b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n")), "how the bytes are cut matters"),
        (
            lambda: fuzz_tunnels.check(connect_with(b"HTTP/1.1 403 No\r\n\r\n", b"HTTP/1.1 200 Fine\r\n\r\n")),
            "open though it was refused",
        ),
    ],
)
def test_a_broken_rule_is_reported(broken: Callable[[], object], message: str) -> None:
    """The pieces are other bytes than the data."""
    with pytest.raises(AssertionError, match=message):
        broken()

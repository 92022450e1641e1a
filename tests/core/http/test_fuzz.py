"""Short runs of the fuzzers of one exchange and of CONNECT, which reach every possible end and report a broken rule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pixel_core.errors import PixelProxyError
from tests.core.http import fuzz, fuzz_tunnels


def exchange_with(data: bytes, *chunks: bytes) -> str:
    """Check a GET on a new connection with this response, which arrives as these pieces."""
    cases = (fuzz.case_of(1, number) for number in range(1000))
    case = next(case for case in cases if case.plain and case.request.method == "GET")
    return fuzz.kind_of(fuzz.check(replace(case, data=data, chunks=list(chunks), end=b"", via=None)))


def connect_with(data: bytes, *chunks: bytes) -> str:
    """Check a CONNECT with this response."""
    return fuzz_tunnels.check(fuzz_tunnels.Case(fuzz.PROXY_WITH_USER, 4096, data, list(chunks), b""))


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


@pytest.mark.parametrize(
    ("check", "data", "other", "message"),
    [
        (exchange_with, fuzz.OK, b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", "how the bytes are cut matters"),
        (connect_with, b"HTTP/1.1 403 No\r\n\r\n", b"HTTP/1.1 200 Fine\r\n\r\n", "open though it was refused"),
    ],
)
def test_a_broken_rule_is_reported(check: Callable[..., str], data: bytes, other: bytes, message: str) -> None:
    """The pieces are other bytes than the data."""
    with pytest.raises(AssertionError, match=message):
        check(data, other)

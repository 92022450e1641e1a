"""Fuzz of one exchange and of CONNECT, the short run: `python -m tests.core.http.fuzz` and `tests.core.http.fuzz_tunnels` are
the long ones.

Rules kept here:

* The same cases each time, so that a failure can be repeated; its note says which case it was.
* That the fuzz can see anything is shown too: it comes to every ending, and a broken rule is told.
"""

import gzip
from dataclasses import replace

import pytest

from pixel_core.errors import PixelProtocolError, PixelProxyError
from pixel_core.http.decoding import Limits
from pixel_core.http.proxies import Proxy
from tests.core.http import fuzz_tunnels
from tests.core.http.fuzz import (
    ANSWERS,
    ENDINGS,
    OF_PROXIES,
    OK,
    PROXY,
    PROXY_WITH_USER,
    Case,
    case_of,
    check,
    kind_of,
    proxy_answers,
    real_answers,
    run,
)


def plain(data: bytes, *chunks: bytes, limits: Limits = Limits(), via: Proxy | None = None) -> Case:
    """A GET that asks for compression, on a new connection, and this answer."""
    number = next(number for number in range(1000) if is_plain_get(case_of(1, number)))
    return replace(case_of(1, number), data=data, chunks=list(chunks or [data]), limits=limits, end=b"", via=via)


def is_plain_get(case: Case) -> bool:
    return case.plain and case.request.method == "GET" and "Accept-Encoding" in case.request.headers


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_a_peer_sends_an_exchange_ends_in_a_response_or_a_documented_error(seed: int) -> None:
    counts = run(2000, seed)
    assert set(counts) == ENDINGS
    assert counts["Response"] > 200
    assert counts[PixelProxyError.__name__] > 20


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_answers_connect_is_a_tunnel_or_a_documented_error(seed: int) -> None:
    counts = fuzz_tunnels.run(2000, seed)
    assert set(counts) == fuzz_tunnels.ENDINGS
    assert counts["open"] > 200


def test_a_case_is_the_same_each_time() -> None:
    assert (case_of(1, 7).data, case_of(1, 7).chunks) == (case_of(1, 7).data, case_of(1, 7).chunks)
    assert len({case_of(1, number).data for number in range(100)}) > 80
    assert real_answers() == ANSWERS
    assert fuzz_tunnels.case_of(1, 7).chunks == fuzz_tunnels.case_of(1, 7).chunks
    assert proxy_answers() == OF_PROXIES


def test_answers_that_nobody_damaged_are_responses() -> None:
    """All but the one that changes the protocol, which nobody asked for."""
    endings = [kind_of(check(plain(answer))) for answer in ANSWERS]
    assert endings.count("Response") == len(ANSWERS) - 1
    assert endings.count(PixelProtocolError.__name__) == 1


@pytest.mark.parametrize("via", [None, PROXY, PROXY_WITH_USER])
def test_what_proxies_say_themselves_is_an_answer_but_for_407_and_for_what_comes_back(via: Proxy | None) -> None:
    endings = [kind_of(check(plain(answer, via=via))) for answer in OF_PROXIES]
    assert endings.count(PixelProtocolError.__name__) == 4
    assert endings.count(PixelProxyError.__name__) == (7 if via else 0)
    assert endings.count("Response") == len(OF_PROXIES) - (11 if via else 4)


def tunnel(data: bytes, *chunks: bytes) -> fuzz_tunnels.Case:
    """A CONNECT that is answered so."""
    return fuzz_tunnels.Case(PROXY_WITH_USER, 4096, data, list(chunks or [data]), b"")


def test_a_tunnel_is_open_where_the_head_was_all_there_was_and_is_refused_where_more_came_along() -> None:
    kinds = [fuzz_tunnels.check(tunnel(data)) for data in dict.fromkeys(fuzz_tunnels.OPENINGS)]
    assert kinds == ["open"] * 5 + [f"{PixelProxyError.__name__}: {fuzz_tunnels.INTO}"] * 3


def test_nothing_that_proxies_say_of_a_refusal_is_a_tunnel() -> None:
    kinds = [fuzz_tunnels.check(tunnel(data)) for data in OF_PROXIES]
    assert kinds.count(f"{PixelProxyError.__name__}: a status") == len(OF_PROXIES) - 4
    assert kinds.count("open") == 0


def test_a_tunnel_that_opens_though_it_was_refused_is_told() -> None:
    refused, opened = b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 200 Fine enough\r\n\r\n"
    with pytest.raises(AssertionError, match="open though it was refused"):
        fuzz_tunnels.check(tunnel(refused, opened))  # other bytes than `data` holds


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_answers_come_out_unpacked_whether_cut_or_not(coding: str) -> None:
    answers = [each for each in ANSWERS if f"Content-Encoding: {coding}".encode() in each]
    assert len(answers) > 2
    for answer in answers:
        whole = check(plain(answer))
        assert whole == check(plain(answer, *(bytes([value]) for value in answer)))
        assert isinstance(whole, tuple)
        assert whole[2].startswith((b'{"id": 1', bytes(100)))


def test_a_body_is_an_error_as_soon_as_it_is_larger_than_the_limit_packed_or_not() -> None:
    bomb = gzip.compress(bytes(1000), mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert isinstance(check(plain(head + bomb, limits=Limits(body=1000))), tuple)
    assert check(plain(head + bomb, limits=Limits(body=999))) is PixelProtocolError
    assert isinstance(check(plain(OK, limits=Limits(body=2))), tuple)
    assert check(plain(OK, limits=Limits(body=1))) is PixelProtocolError


def test_a_broken_rule_is_told_with_the_case_that_broke_it() -> None:
    case = plain(OK)
    case.chunks = [b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n"]  # other bytes than `data` holds
    with pytest.raises(AssertionError, match="how the bytes are cut matters"):
        check(case)

"""Fuzz of CONNECT: whatever answers it, a tunnel or a documented error, never anything else.

    python -m tests.core.http.fuzz_tunnels --cases 1000000 --seed 1

Rules kept here:

* A case is made of a seed and a number, and of what a case of `fuzz.py` is made of: an answer of a proxy, damaged, cut
  anywhere, ended by silence, a close or a reset.
* What should come of it is read by `expected`, which is not h11: it knows where heads end, and statuses.
* A tunnel is open only where a 2xx head, with nothing but interim ones before it, ends with the last byte that was
  read: not a byte of what the proxy said is left for the tunnel, and not one was read that came after.
* Other cuts give the same, but for the one thing that hangs on them: whether something came along with the head.
* What a driver makes of a failure is an error of the exchange, which shows no secret.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random
from typing import TypeAlias

from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import ProxyFailure, Tunnel
from pixel_core.messages import Origin, Request
from tests.core.http.fuzz import (
    ANSWERS,
    CREDENTIALS,
    OF_PROXIES,
    PROXY,
    PROXY_WITH_USER,
    SECRET,
    SECRETS,
    command,
    cut,
    sent_by_a_peer,
)
from tests.support.scripted import exchange

SECURE = Origin("https", "pixel.example", 443)
REQUEST = Request("GET", SECURE, f"/a?X-Amz-Signature={SECRET}")
OPENINGS = [
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nProxy-agent: Apache/2.4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n",
    b"HTTP/1.1 200\nVia: 1.1 proxy\n\n",
    # TLS that comes too early, an answer nobody asked for, and one with a body.
    b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
    b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
]
SAID = [*OPENINGS, *OPENINGS, *OPENINGS, *OF_PROXIES, *ANSWERS]
INTO = "sent bytes of its own into the tunnel"
REASONS = ("closed the connection before it responded", "does not speak HTTP", "bytes of headers", INTO)

Outcome: TypeAlias = tuple[str, int | None]
"""How it ended, in words ("open" for a tunnel), and the status that the error has."""


@dataclass(slots=True)
class Case:
    """One CONNECT and what answers it."""

    proxy: Proxy
    limit: int
    data: bytes
    chunks: list[bytes]
    end: bytes | OSError


def case_of(seed: int, number: int) -> Case:
    random = Random(f"tunnel {seed}:{number}")
    # Mostly undamaged, since what comes after the head is all that can be wrong with a tunnel.
    data = random.choice(OPENINGS) if random.random() < 0.2 else sent_by_a_peer(random, SAID)
    end_of_head = data.find(b"\r\n\r\n") + 4
    return Case(
        proxy=random.choice((PROXY, PROXY_WITH_USER, PROXY_WITH_USER)),
        limit=random.choice((64 * 1024, 64 * 1024, 4096, 100, 30, end_of_head)),
        data=data,
        chunks=cut_at_heads(random, data) if random.random() < 0.2 else cut(random, data),
        end=random.choice((b"", b"", ConnectionResetError(104, "reset"), TimeoutError("no connection within 10 s"))),
    )


def cut_at_heads(random: Random, data: bytes) -> list[bytes]:
    """Cut where heads end, or a byte beside that."""
    shift = random.choice((0, 0, 0, -1, 1))
    marks = {0, len(data), *(found.end() + shift for found in re.finditer(rb"\n\r?\n", data))}
    kept = sorted(mark for mark in marks if 0 <= mark <= len(data))
    return [data[start:end] for start, end in pairwise(kept)]


def expected(data: bytes) -> tuple[int, int] | None:
    """The status of the first head that is not interim, and where it ends; None without one that is whole."""
    at = 0
    while head := re.compile(rb"\n\r?\n").search(data, at):
        status = re.match(rb"HTTP/\d\.\d (\d{3})(?!\d)", data[at:])
        if status is None:
            return None
        if not 100 <= int(status[1]) < 200:
            return int(status[1]), head.end()
        at = head.end()
    return None


def outcome_of(case: Case, chunks: Sequence[bytes]) -> tuple[Outcome, int, type[PixelConnectionError] | None]:
    """Drive the machine as the streams do: how it ended, how many bytes it was given, and the error of the exchange."""
    tunnel = Tunnel(case.proxy, SECURE, case.limit)
    check_request(tunnel.start(), case)
    given = 0
    try:
        for piece in chunks:
            given += len(piece)
            if tunnel.receive(piece):
                return ("open", None), given, None
        if isinstance(case.end, OSError):
            raise case.end
        assert not tunnel.receive(case.end), "a tunnel with a proxy that hung up"
        raise AssertionError("neither open nor refused at the end")
    except OSError as failure:
        error = error_of(failure)
        return (str(failure), getattr(failure, "status", None)), given, error


def check_request(data: bytes, case: Case) -> None:
    field = f"Proxy-Authorization: {CREDENTIALS}\r\n" if case.proxy is PROXY_WITH_USER else ""
    assert data == f"CONNECT pixel.example:443 HTTP/1.1\r\nHost: pixel.example:443\r\n{field}\r\n".encode()


def error_of(failure: OSError) -> type[PixelConnectionError]:
    """The error that an exchange ends with, whose connection could not be made for this reason."""
    flow = exchange(REQUEST)
    next(flow)
    try:
        flow.throw(failure)
    except PixelConnectionError as error:
        check_error(error, failure)
        return type(error)
    raise AssertionError("an exchange without a connection")


def check_error(error: PixelConnectionError, failure: OSError) -> None:
    shown = repr((error, error.__cause__, str(error)))
    assert not any(secret in shown for secret in SECRETS), "a secret is shown"
    assert len(str(error)) < 1000
    assert not error.sent, "the request was not on its way yet"
    assert isinstance(error, PixelProxyError) == isinstance(failure, ProxyFailure)
    assert isinstance(error, PixelTimeoutError) == isinstance(failure, TimeoutError)
    assert getattr(error, "status", None) == getattr(failure, "status", None)


def check(case: Case) -> str:
    """Hold a case to the rules, and give the kind of its end. Raises AssertionError, or whatever else comes out."""
    (told, status), given, error = outcome_of(case, case.chunks)
    read = expected(case.data[:given])
    if told == "open":
        assert read is not None, "open without a head"
        assert 200 <= read[0] < 300, "open though it was refused"
        assert read[1] == given, "bytes of the proxy are left for the tunnel"
        assert given <= case.limit
        kind = "open"
    else:
        assert error is not None
        assert told.endswith(INTO) <= (read is not None and 200 <= read[0] < 300 and read[1] < given)
        assert status is None or (read is not None and read[0] == status), "a status that nobody sent"
        assert (status is not None) <= (f"(status {status})" in told)
        assert ("bytes of headers" in told) <= (given >= case.limit)
        kind = error.__name__
        if error is PixelProxyError:
            reason = "a status" if status is not None else next(each for each in REASONS if told.endswith(each))
            kind = f"{kind}: {reason}"
    if len(case.data) > 1:
        check_other_cuts(case, (told, status))
    return kind


def check_other_cuts(case: Case, outcome: Outcome) -> None:
    chunks = [case.data] if len(case.chunks) > 1 else [case.data[:1], case.data[1:]]
    (told, status), _, _ = outcome_of(case, chunks)
    if (told, status) == outcome:
        return
    assert {told, outcome[0]} == {"open", f"the proxy {case.proxy} {INTO}"}, "how the bytes are cut matters"
    read = expected(case.data)
    assert read is not None
    opened = case.chunks if outcome[0] == "open" else chunks
    assert read[1] in accumulate(map(len, opened)), "it is open in the midst of a piece"


def run(cases: int, seed: int, first: int = 0) -> Counter[str]:
    """Run so many cases; gives how many ended how. A case that breaks a rule says which it is."""
    counts: Counter[str] = Counter()
    for number in range(first, first + cases):
        case = case_of(seed, number)
        try:
            counts[check(case)] += 1
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt):
                error.add_note(f"tunnel {number} of seed {seed}: {case.proxy!r}, {case.limit}, {case.chunks!r}")
            raise
    return counts


ENDINGS = {"open", PixelConnectionError.__name__, PixelTimeoutError.__name__}
ENDINGS |= {f"{PixelProxyError.__name__}: {reason}" for reason in ("a status", *REASONS)}
"""All that may come of a case."""


if __name__ == "__main__":
    command(__doc__, run)

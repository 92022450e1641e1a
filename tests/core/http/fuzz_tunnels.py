"""Fuzz of CONNECT: any response of a proxy is a tunnel or a documented error.

    python -m tests.core.http.fuzz_tunnels --cases 1000000 --seed 1

A case is made as in `fuzz.py`. The expected result is read by `expected`, which is not h11. A tunnel is open only if a
2xx head, after interim ones only, ends with the last byte that was read, so that no byte of the proxy is left for it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random
from typing import TypeAlias

from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import ProxyFailure, Tunnel
from pixel_core.messages import Origin
from tests.core.http import fuzz

SECURE = Origin("https", "pixel.example", 443)
OPENINGS = [
    *[b"HTTP/1.1 200 Connection established\r\n\r\n"] * 2,
    b"HTTP/1.0 200 OK\r\nProxy-agent: Apache/2.4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <a>\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n",
    b"HTTP/1.1 200\nVia: 1.1 proxy\n\n",
    # TLS that is too early, a second response, and a body.
    b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
    b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
]
ALL_RESPONSES = [*OPENINGS, *OPENINGS, *OPENINGS, *fuzz.PROXY_RESPONSES, *fuzz.RESPONSES]
INTO = "sent bytes of its own into the tunnel"
REASONS = ("closed the connection before it responded", "does not speak HTTP", "bytes of headers", INTO)

Outcome: TypeAlias = tuple[str, int | None]
""""open", or the failure, and its status."""


@dataclass(slots=True)
class Case:
    """One CONNECT and its response."""

    proxy: Proxy
    limit: int
    data: bytes
    chunks: list[bytes]
    end: bytes | OSError


def case_of(seed: int, number: int) -> Case:
    random = Random(f"tunnel {seed}:{number}")
    data = random.choice(OPENINGS) if random.random() < 0.2 else fuzz.peer_bytes(random, ALL_RESPONSES)
    end_of_head = data.find(b"\r\n\r\n") + 4
    return Case(
        proxy=random.choice((fuzz.PROXY, fuzz.PROXY_WITH_USER, fuzz.PROXY_WITH_USER)),
        limit=random.choice((64 * 1024, 64 * 1024, 4096, 100, 30, end_of_head)),
        data=data,
        chunks=cut_at_heads(random, data) if random.random() < 0.2 else fuzz.cut(random, data),
        end=random.choice((b"", b"", ConnectionResetError(104, "reset"), TimeoutError("no connection within 10 s"))),
    )


def cut_at_heads(random: Random, data: bytes) -> list[bytes]:
    """Cut where heads end, or a byte before or after."""
    shift = random.choice((0, 0, 0, -1, 1))
    marks = {0, len(data), *(found.end() + shift for found in re.finditer(rb"\n\r?\n", data))}
    kept = sorted(mark for mark in marks if 0 <= mark <= len(data))
    return [data[start:end] for start, end in pairwise(kept)]


def expected(data: bytes) -> tuple[int, int] | None:
    """The status and the end of the first complete head that is not interim, if there is one."""
    at = 0
    while head := re.compile(rb"\n\r?\n").search(data, at):
        status = re.match(rb"HTTP/\d\.\d (\d{3})(?!\d)", data[at:])
        if status is None:
            return None
        if not 100 <= int(status[1]) < 200:
            return int(status[1]), head.end()
        at = head.end()
    return None


def outcome_of(case: Case, chunks: Sequence[bytes]) -> tuple[Outcome, int]:
    """Run a tunnel. Returns its end, and the number of bytes it took."""
    tunnel = Tunnel(case.proxy, SECURE, case.limit)
    field = f"Proxy-Authorization: {fuzz.CREDENTIALS}\r\n" if case.proxy is fuzz.PROXY_WITH_USER else ""
    request = f"CONNECT pixel.example:443 HTTP/1.1\r\nHost: pixel.example:443\r\n{field}\r\n"
    assert tunnel.start() == request.encode()
    count = 0
    try:
        for piece in chunks:
            count += len(piece)
            if tunnel.receive(piece):
                return ("open", None), count
        if isinstance(case.end, OSError):
            return (type(case.end).__name__, None), count
        assert not tunnel.receive(case.end), "a tunnel through a proxy that closed"
        raise AssertionError("neither open nor refused at the end")
    except ProxyFailure as failure:
        refused = failure
    assert not any(secret in repr(refused) for secret in fuzz.SECRETS), "a secret is shown"
    assert len(str(refused)) < 1000
    return (str(refused), refused.status), count


def check(case: Case) -> str:
    """Check the rules for a case. Returns the kind of its end. Raises AssertionError, or an undocumented error."""
    (reason, status), count = outcome_of(case, case.chunks)
    read = expected(case.data[:count])
    if reason == "open":
        assert read is not None, "open without a head"
        assert 200 <= read[0] < 300, "open though it was refused"
        assert read[1] == count, "bytes of the proxy are left for the tunnel"
        assert count <= case.limit
    else:
        assert reason.endswith(INTO) <= (read is not None and 200 <= read[0] < 300 and read[1] < count)
        assert status is None or (read is not None and read[0] == status), "a status that was not received"
        assert (status is not None) <= (f"(status {status})" in reason)
        assert ("bytes of headers" in reason) <= (count >= case.limit)
    if len(case.data) > 1:
        check_other_cuts(case, (reason, status))
    return "a status" if status is not None else next((each for each in REASONS if reason.endswith(each)), reason)


def check_other_cuts(case: Case, outcome: Outcome) -> None:
    chunks = [case.data] if len(case.chunks) > 1 else [case.data[:1], case.data[1:]]
    other, _ = outcome_of(case, chunks)
    if other == outcome:
        return
    assert {other[0], outcome[0]} == {"open", f"the proxy {case.proxy} {INTO}"}, "how the bytes are cut matters"
    read = expected(case.data)
    assert read is not None
    opened = case.chunks if outcome[0] == "open" else chunks
    assert read[1] in accumulate(map(len, opened)), "open in the middle of a piece"


def run(cases: int, seed: int, first: int = 0) -> Counter[str]:
    """Run these cases. Returns how many ended in which way."""
    return fuzz.run_cases(case_of, check, cases, seed, first)


ENDINGS = {"open", "ConnectionResetError", "TimeoutError", "a status", *REASONS}
"""All possible ends of a case."""


if __name__ == "__main__":
    fuzz.command(__doc__, run)

"""Fuzz of one exchange: whatever a peer sends, a response or a documented error, never anything else.

    python -m tests.core.http.fuzz --cases 1000000 --seed 1

Rules kept here:

* A case is made of a seed and a number, so that each can be repeated alone: `--first 4711 --cases 1`.
* A case is a real answer (of the sandbox, or as other servers write them) that was damaged, or bytes of no sense at
  all; cut anywhere; ended by silence, a close or a reset; met by a new or a kept connection; on which writing may stop
  or fail; and whose owner may be cancelled at any step. Some go by way of a proxy that forwards, and are met by what
  proxies answer.
* Every case is held to the rules of `exchanges.py` and `connection.py`: one release a lease, before anything else is asked
  for; kept only where it can serve again; nothing above the limits; no secret in an error; other cuts, same outcome; a
  407 is the proxy's where there is one, and an error of a proxy is only there. The credentials for a proxy go to it
  once, and to nobody else.
* Nothing here is timed but the whole run.
* What answers CONNECT is not HTTP for long, and has a fuzz of its own: `fuzz_tunnels.py`.
"""

import argparse
import gzip
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias

from pixel_core.effects import Clock
from pixel_core.errors import (
    PixelConnectionError,
    PixelFileChangedError,
    PixelProtocolError,
    PixelProxyError,
    PixelTimeoutError,
)
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits
from pixel_core.http.effects import Read, Write
from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import ProxyFailure
from pixel_core.messages import FileSlice, Headers, Origin, Request, Response, Segment, Timeouts
from pixel_transports.sandbox import Sandbox
from tests.support.scripted import FakeLease, LeaseConnection, exchange

ORIGIN = Origin("http", "pixel.example", 80)
SECRET = "5ec2e7"
PROXY = Proxy("http", "proxy.example", 3128)
PROXY_WITH_USER = Proxy("https", "proxy.example", 3129, "ada", "b1ab1a")
CREDENTIALS = str(PROXY_WITH_USER.authorization)
SECRETS = (SECRET, PROXY_WITH_USER.password, CREDENTIALS.removeprefix("Basic "))
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "GET", "GET", "POST", "PUT", "DELETE")
LIMITS = (
    Limits(),
    Limits(),
    Limits(),
    Limits(head=4096, body=4096),
    Limits(head=200, body=64),
    Limits(head=40, body=4),
)
ASKING_TO_PACK = Headers({"Accept-Encoding": "gzip, deflate"})
ASKING_FOR_NOTHING = Headers({"Accept": "*/*"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Outcome: TypeAlias = tuple[int, list[tuple[str, str]], bytes] | type[BaseException]


def written(response: Response, reason: bytes = b"OK", *more: bytes) -> bytes:
    """A response as a server writes it."""
    fields = [f"{name}: {value}".encode("latin-1") for name, value in response.headers]
    fields += [*more, b"Content-Length: %d" % len(response.body)]
    return b"HTTP/1.1 %d %s\r\n%s\r\n\r\n%s" % (response.status, reason, b"\r\n".join(fields), response.body)


def chunked(body: bytes, size: int, *fields: bytes) -> bytes:
    """The same body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    head = b"".join(b"%s\r\n" % field for field in (b"Transfer-Encoding: chunked", *fields))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in parts)
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + chunks + b"0\r\n\r\n"


def deflated(body: bytes, wbits: int) -> bytes:
    machine = zlib.compressobj(wbits=wbits)
    return machine.compress(body) + machine.flush()


def real_answers() -> list[bytes]:
    """What the sandbox answers, and what other servers write in other ways."""
    sandbox = Sandbox(clock=lambda: 1_735_689_600.0)
    form = Headers({"Content-Type": "application/x-www-form-urlencoded"})
    token_path = f"/auth/realms/{sandbox.tenant}/protocol/openid-connect/token"
    api = sandbox.api_path

    def ask(method: str, path: str, headers: Headers = Headers(), body: bytes = b"") -> Response:
        return sandbox(Request(method, ORIGIN, path, headers, body))

    login = b"client_id=frontend&grant_type=password&username=demo%40example.com&password=" + sandbox.password.encode()
    granted = ask("POST", token_path, form, login)
    bearer = Headers({"Authorization": f"Bearer {granted.json()['access_token']}"})
    answers = [
        granted,
        ask("POST", token_path, form, login + b"x"),
        ask("GET", f"{api}/users/me", bearer),
        ask("GET", f"{api}/users/me"),
        ask("GET", f"{api}/projects/", bearer),
        ask("GET", f"{api}/projects/77", bearer),
        ask("POST", f"{api}/projects/", bearer, b"{"),
        ask("PUT", "/storage/pixel-sandbox/x?X-Amz-Signature=1"),
        ask("GET", "/nowhere"),
    ]
    text = b'{"id": 1, "name": "' + b"Gaustatoppen " * 20 + b'"}'
    packed = gzip.compress(text, mtime=0)
    return [
        *map(written, answers),
        chunked(text, 50),
        chunked(text, 7, b"Content-Type: application/json").replace(b"\r\n0\r\n", b'\r\n0;last="1"\r\nDigest: x\r\n'),
        chunked(packed, 20, b"Content-Encoding: gzip"),
        chunked(packed * 3, 40, b"Content-Encoding: x-gzip"),
        chunked(deflated(text, 15), 9, b"Content-Encoding: deflate"),
        chunked(deflated(text, -15), 1, b"Content-Encoding: deflate"),
        chunked(gzip.compress(bytes(100_000), mtime=0), 30, b"Content-Encoding: gzip"),
        written(Response(200, Headers({"Content-Encoding": "gzip"}), packed)),
        written(Response(200, Headers({"Content-Encoding": "deflate"}), deflated(text, 15))),
        written(Response(200, Headers({"Content-Encoding": "deflate"}), deflated(text, -15))),
        written(Response(200, Headers({"Content-Encoding": "br, gzip"}), packed)),
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
        + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b'HTTP/1.1 204 No Content\r\nETag: "9e107d9d372bb6826bd81d3542a419d6"\r\n\r\n',
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://pixel.example/b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 503 Slow Down\r\nServer: AmazonS3\r\nConnection: close\r\n\r\n<Error><Code>SlowDown</Code></Error>",
        b"HTTP/1.0 200 OK\r\nServer: wsgiref\r\n\r\n" + text,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200\r\nSet-Cookie: a=b\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        OK + OK,
    ]


def proxy_answers() -> list[bytes]:
    """What proxies say themselves, as some of them write it."""
    page = b"<html><head><title>ERROR: Access Denied</title></head><body>ada, ask your administrator</body></html>"
    html = b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    squid = b"Server: squid/5.7\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nVia: 1.1 cache (squid/5.7)\r\n"
    wanted = b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    # What was sent comes back: from a port where no proxy is, in a page, in a header, or instead of a length.
    echo = b"GET http://pixel.example/a?X-Amz-Signature=%b HTTP/1.1\r\n" % SECRET.encode()
    echo += b"Host: pixel.example\r\nProxy-Authorization: %b\r\n" % CREDENTIALS.encode()
    return [
        wanted + b'Proxy-Authenticate: Basic realm="cache"\r\n' + squid + html,
        wanted + b"Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nConnection: close\r\n\r\n" + page,
        wanted + b'Proxy-Authenticate: Digest realm="a", nonce="b"\r\nProxy-Authenticate: bAsIc realm=x\r\n' + html,
        wanted + html,
        wanted + b"Proxy-Authenticate:\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 407 Authentication required\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\n" + squid + html,
        b"HTTP/1.1 502 Bad Gateway\r\n" + squid + html,
        b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nProxy-Connection: close\r\n\r\n" + page,
        b"HTTP/1.1 504 Gateway Timeout\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nnothing\r\n0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login?back=http://pixel.example/\r\n" + html,
        b"HTTP/1.1 511 Network Authentication Required\r\n" + html,
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(echo) + echo,
        b"HTTP/1.1 200 OK\r\n" + echo + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + echo + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" % CREDENTIALS.encode(),
        b"HTTP/1.1 407 %b\r\nProxy-Authenticate: %b\r\n\r\n" % (CREDENTIALS.encode(), CREDENTIALS.encode()),
        echo + b"\r\n",
    ]


ANSWERS = real_answers()
OF_PROXIES = proxy_answers()
BY_PROXY = [*ANSWERS, *OF_PROXIES, *OF_PROXIES]
FRAGMENTS = [
    *(b"HTTP/1.1 ", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/2 200\r\n"),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"\0",
        b"\xff",
        b"\x80",
        b"\x1f\x8b\x08",
    ),
    *(b"Content-Length: ", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 1_0\r\n", b"0x10"),
    *(b"Content-Length: 99999999999999999999999\r\n", b"9" * 5000, b"-1", b"+1", b"0", b"00", b"\xd9\xa1"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: x\r\n"),
    *(
        b"0\r\n\r\n",
        b"1\r\nx\r\n",
        b"5;a=b\r\nhello\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"F" * 30 + b"\r\n",
        b"-5\r\nhello\r\n",
    ),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n", b"Content-Encoding: gzip, gzip\r\n"),
    *(
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"Upgrade: websocket\r\n",
        b"A: b\r\n" * 200,
        b"A" * 300,
    ),
    *(b"HTTP/1.1 407 P\r\n", b"Proxy-Authenticate: Basic\r\n", b"Proxy-Authenticate: NTLM\r\n", CREDENTIALS.encode()),
    *(b"X: " + b"y" * 5000 + b"\r\n", gzip.compress(b"", mtime=0), deflated(b"abc", -15), b"<html>", b"SSH-2.0-x\r\n"),
]


def damaged(random: Random, data: bytes, answers: Sequence[bytes]) -> bytes:
    """The same bytes with up to four faults, one of which may be that another of the answers goes on in the midst."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at, kind = random.randrange(len(data) + 1), random.randrange(9)
        if random.random() < 0.5:  # most of what decides stands in the head
            at = min(at, random.randrange(data.find(b"\r\n\r\n") + 5))
        until = min(len(data), at + random.choice((1, 1, 2, 4, 16, 200)))
        if kind == 0:
            data = data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[until:]
        elif kind == 2:
            data = data[:until] + data[at:]
        elif kind == 3:
            data = data[:at]
        elif kind == 4:
            data = data[:at] + random.choice(FRAGMENTS) + data[at:]
        elif kind == 5:
            data = data[:at] + random.choice(FRAGMENTS) + data[until:]
        elif kind == 6:
            other = random.choice(answers)
            data = data[:at] + other[random.randrange(len(other)) :]
        elif kind == 7 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        else:
            data = data[:at] + random.randbytes(random.randrange(1, 9)) + data[at:]
    return data


def sent_by_a_peer(random: Random, answers: Sequence[bytes]) -> bytes:
    draw = random.random()
    if draw < 0.7:
        return damaged(random, random.choice(answers), answers)
    if draw < 0.8:
        return random.choice(answers)
    if draw < 0.95:
        start = b"HTTP/1.1 200 OK\r\n" if draw < 0.9 else b""
        return start + b"".join(random.choices(FRAGMENTS, k=random.randrange(8)))
    return random.randbytes(random.randrange(200))


def cut(random: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces, none of them empty."""
    draw = random.random()
    if draw < 0.3 or len(data) < 2:
        return [data] if data else []
    if draw < 0.4 and len(data) < 400:
        return [data[at : at + 1] for at in range(len(data))]
    marks = sorted({0, len(data), *(random.randrange(1, len(data)) for _ in range(random.randrange(1, 6)))})
    return [data[start:end] for start, end in pairwise(marks)]


@dataclass(slots=True)
class Case:
    """One exchange and what happens to it."""

    request: Request
    limits: Limits
    data: bytes
    chunks: list[bytes]
    end: bytes | BaseException
    used: bool
    writes: list[bool | BaseException]
    lease: BaseException | None
    cancelled_at: int | None
    via: Proxy | None

    @property
    def plain(self) -> bool:
        """Whether the outcome hangs on the bytes alone."""
        return not self.used and self.lease is None and self.cancelled_at is None and self.writes == [True]


def case_of(seed: int, number: int) -> Case:
    random = Random(f"{seed}:{number}")
    method = random.choice(METHODS)
    shared = ASKING_TO_PACK if random.random() < 0.8 else ASKING_FOR_NOTHING
    headers = Headers((*shared, ("X-Request-ID", "1")))
    if random.random() < 0.5:
        headers = Headers(headers)  # the same, and each by itself
    body = b"" if method in (*SAFE, "DELETE") else random.choice((b"{}", FileSlice("photo.jpg", 0, 10**9)))
    total = random.choice((None, None, None, 50.0))
    request = Request(method, ORIGIN, f"/a?X-Amz-Signature={SECRET}", headers, body, Timeouts(total=total))
    via = random.choice((None, None, None, PROXY, PROXY_WITH_USER))
    data = sent_by_a_peer(random, ANSWERS if via is None else BY_PROXY)
    writes: list[bool | BaseException] = [True]
    if random.random() < 0.25:
        trouble = random.choice((True, ConnectionResetError(104, "reset"), TimeoutError("nothing was taken")))
        writes = [*[False] * random.randrange(1, 3), trouble if random.random() < 0.7 else PixelFileChangedError("f")]
    return Case(
        request=request,
        limits=random.choice(LIMITS),
        data=data,
        chunks=cut(random, data),
        end=random.choice((b"", b"", ConnectionResetError(104, "reset"), TimeoutError("no answer within 10 seconds"))),
        used=random.random() < 0.25,
        writes=writes,
        lease=no_connection(random, via) if random.random() < 0.02 else None,
        cancelled_at=random.randrange(1, 8) if random.random() < 0.05 else None,
        via=via,
    )


def no_connection(random: Random, via: Proxy | None) -> OSError:
    """What a driver raises where there is none."""
    if via is not None and random.random() < 0.5:
        return ProxyFailure(f"the proxy {via} cannot be reached: refused")
    return random.choice((ConnectionRefusedError(111, "refused"), TimeoutError()))


def lease_of(case: Case, used: bool) -> FakeLease:
    http = ClientConnection(case.limits, case.via)
    if used:
        http.start(Request("GET", ORIGIN, "/", case.request.headers))
        http.receive(b"HTTP/1.1 204 N\r\n\r\n")
    return FakeLease(used=used, http=http)


def outcome_of(case: Case, chunks: Sequence[bytes]) -> tuple[Outcome, list[FakeLease]]:
    """Run the exchange as a driver would. In half of the cases with a kept connection, that one is found dead."""
    flow = exchange(case.request)
    leases: list[FakeLease] = []
    left, writes, now, steps = iter(chunks), iter(case.writes), 0.0, 0
    begun: FakeLease | None = None
    reply: Any = None
    try:
        effect = next(flow)
        while True:
            steps += 1
            assert steps < 3 * len(chunks) + 20, "it does not end"
            if steps == case.cancelled_at:
                flow.close()
                return GeneratorExit, leases
            match effect:
                case Clock():
                    reply, now = now, now + 0.001
                case LeaseConnection(origin, _):
                    assert origin == ORIGIN
                    assert all(lease.released == [False] for lease in leases), "two connections at once"
                    if case.lease is None:
                        leases.append(lease_of(case, case.used and not leases))
                    reply = case.lease or leases[-1]
                case Write(_, segments, _, _):
                    assert bool(segments) == (leases[-1] is not begun), "a request is written once"
                    if segments:
                        check_head(segments[0], case)
                    begun, reply = leases[-1], next(writes, True)
                case Read():
                    dead = case.used and len(leases) == 1 and len(case.data) % 2 == 0
                    reply = ConnectionResetError(104, "reset") if dead else next(left, case.end)
                case _:
                    raise AssertionError(f"an exchange does not ask for {effect!r}")
            effect = flow.throw(reply) if isinstance(reply, BaseException) else flow.send(reply)
    except StopIteration as end:
        response: Response = end.value
        return (response.status, list(response.headers), response.body), leases
    except (PixelConnectionError, PixelProtocolError, PixelFileChangedError) as error:
        check_error(error, case)
        return type(error), leases


def check_head(head: Segment, case: Case) -> None:
    """The whole URL for a proxy, and its credentials; the path, and none, for an origin."""
    assert isinstance(head, bytes)
    start = b"" if case.via is None else b"http://pixel.example"
    assert head.startswith(b"%b %b/a?" % (case.request.method.encode(), start))
    expected = b"\r\nProxy-Authorization: %b\r\n" % CREDENTIALS.encode() if case.via is PROXY_WITH_USER else b""
    assert head.count(b"Authorization") == bool(expected)
    assert expected in head


def check_error(error: Exception, case: Case) -> None:
    shown = repr((error, error.__cause__, str(error)))
    assert not any(secret in shown for secret in SECRETS), "a secret is shown"
    assert len(str(error)) < 1000
    if isinstance(error, PixelProxyError):
        assert case.via is not None, "an error of a proxy that is not there"
        assert not error.sent, "a proxy that refuses sends nothing on"
        assert (error.status is None) == (case.lease is not None)
        assert error.status in (None, 407)
    changed = any(isinstance(each, PixelFileChangedError) for each in case.writes)
    assert changed or not isinstance(error, PixelFileChangedError)


def check(case: Case) -> Outcome:
    """Hold a case to the rules. Raises AssertionError, or whatever else comes out of an exchange."""
    outcome, leases = outcome_of(case, case.chunks)
    assert all(len(lease.released) == 1 for lease in leases), "a lease is given back once"
    assert len(leases) <= (2 if case.used and case.request.method in SAFE else 1), "repeated where it may not be"
    kept = [lease for lease in leases if lease.released == [True]]
    if isinstance(outcome, tuple):
        status, _, body = outcome
        assert 200 <= status <= 999
        assert status != 407 or case.via is None, "what a proxy refuses is no answer"
        told = case.via is PROXY_WITH_USER and status >= 400 and CREDENTIALS.encode() in body
        assert not told, "a secret gets into an error"
        assert len(body) <= case.limits.body
        assert case.request.method != "HEAD" or not body
        assert all(lease is leases[-1] and lease.http.reusable for lease in kept)
    else:
        assert not kept, "kept after a failure"
    if case.plain and len(case.data) > 1:
        other = [case.data] if len(case.chunks) > 1 else [case.data[:1], case.data[1:]]
        assert outcome_of(case, other)[0] == outcome, "how the bytes are cut matters"
    return outcome


def kind_of(outcome: Outcome) -> str:
    return "Response" if isinstance(outcome, tuple) else "cancelled" if outcome is GeneratorExit else outcome.__name__


def run(cases: int, seed: int, first: int = 0) -> Counter[str]:
    """Run so many cases; gives how many ended how. A case that breaks a rule says which it is."""
    counts: Counter[str] = Counter()
    for number in range(first, first + cases):
        case = case_of(seed, number)
        try:
            counts[kind_of(check(case))] += 1
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt):
                error.add_note(
                    f"case {number} of seed {seed}: {case.request!r}, {case.limits}, {case.via!r}, {case.chunks!r}"
                )
            raise
    return counts


ENDINGS = {"Response", "cancelled", *(kind.__name__ for kind in (PixelConnectionError, PixelTimeoutError))}
ENDINGS |= {kind.__name__ for kind in (PixelProtocolError, PixelProxyError, PixelFileChangedError)}
"""All that may come of a case."""


def command(what: str | None, run: Callable[[int, int, int], Counter[str]]) -> None:
    """The command of a fuzz: so many cases of a seed, and how many ended how."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    given = parser.parse_args()
    start = time.monotonic()
    counts: Counter[str] = Counter()
    step = 50_000
    for first in range(given.first, given.first + given.cases, step):
        counts += run(min(step, given.first + given.cases - first), given.seed, first)
        print(f"{counts.total():>9} cases, {time.monotonic() - start:6.0f} s", flush=True)
    for kind, count in counts.most_common():
        print(f"{count:>9} {kind}")


if __name__ == "__main__":
    command(__doc__, run)

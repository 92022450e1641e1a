"""Fuzz of one exchange: any bytes of a peer end in a response or a documented error.

    python -m tests.core.http.fuzz --cases 1000000 --seed 1

A case is made of a seed and a number, so that it can be repeated alone: `--first 4711 --cases 1`. It is a response of
a server or of a proxy, mostly damaged, or random bytes; cut anywhere; ended by silence, a close or a reset; on a new or
a kept connection; directly or through a proxy that forwards. Writing may stop or fail, and the flow may be closed at
any step. `check` has the rules. A third of the file is data: the responses and fragments that cases are made of.
"""

import argparse
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias, TypeVar

from pixel_core.effects import Clock
from pixel_core.errors import (
    PixelConnectionError,
    PixelFileChangedError,
    PixelProtocolError,
    PixelProxyError,
    PixelTimeoutError,
)
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import ERROR_BODY, Limits
from pixel_core.http.effects import Read, Write
from pixel_core.http.proxies import Proxy
from pixel_core.http.tunnel import ProxyFailure
from pixel_core.messages import FileSlice, Headers, Origin, Request, Response, Segment, Timeouts
from tests.support.scripted import FakeLease, LeaseConnection, exchange

ORIGIN = Origin("http", "pixel.example", 80)
SECRET = "5ec2e7"
PROXY = Proxy("http", "proxy.example", 3128)
PROXY_WITH_USER = Proxy("https", "proxy.example", 3129, "ada", "b1ab1a")
CREDENTIALS = str(PROXY_WITH_USER.authorization)
SECRETS = (SECRET, PROXY_WITH_USER.password, CREDENTIALS.removeprefix("Basic "))
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "GET", "GET", "POST", "PUT", "DELETE")
LIMITS = (*[Limits()] * 3, Limits(head=4096, body=4096), Limits(head=200, body=64), Limits(head=40, body=4))
ACCEPTS_GZIP = Headers({"Accept-Encoding": "gzip, deflate"})
ACCEPTS_ANY = Headers({"Accept": "*/*"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

C = TypeVar("C")
Outcome: TypeAlias = tuple[int, list[tuple[str, str]], bytes] | type[BaseException]


def serialized(response: Response) -> bytes:
    """A response as a server writes it."""
    fields = [f"{name}: {value}".encode("latin-1") for name, value in response.headers]
    fields += [b"Content-Length: %d" % len(response.body)]
    return b"HTTP/1.1 %d OK\r\n%s\r\n\r\n%s" % (response.status, b"\r\n".join(fields), response.body)


def chunked(body: bytes, size: int, *fields: bytes) -> bytes:
    """The same body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    head = b"".join(b"%s\r\n" % field for field in (b"Transfer-Encoding: chunked", *fields))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in parts)
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + chunks + b"0\r\n\r\n"


def deflated(body: bytes, wbits: int) -> bytes:
    machine = zlib.compressobj(wbits=wbits)
    return machine.compress(body) + machine.flush()


def server_responses() -> list[bytes]:
    """Responses of the API, the login, the storage, and of other servers."""
    json = Headers({"Content-Type": "application/json", "X-Request-ID": "1"})
    token = b'{"access_token": "eyJhbGciOiJub25lIn0.e30.", "expires_in": 300, "refresh_token": "r"}'
    refused = Headers({"WWW-Authenticate": "Bearer", "Content-Type": "application/json"})
    xml = Headers({"Content-Type": "application/xml", "x-amz-request-id": "1"})
    responses = [
        Response(200, json, token),
        Response(200, json, b'[{"id": 1, "name": "a"}]'),
        Response(401, refused, b'{"detail": "Not authenticated"}'),
        Response(422, json, b'{"detail": [{"loc": ["body", 0], "msg": "JSON decode error", "type": "json_invalid"}]}'),
        Response(403, xml, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
        Response(404, json, b'{"detail": "Not Found"}'),
    ]
    text = b'{"id": 1, "name": "' + b"Gaustatoppen " * 20 + b'"}'
    compressed = gzip.compress(text, mtime=0)
    return [
        *map(serialized, responses),
        chunked(text, 50),
        chunked(text, 7, b"Content-Type: application/json").replace(b"\r\n0\r\n", b'\r\n0;last="1"\r\nDigest: x\r\n'),
        chunked(compressed, 20, b"Content-Encoding: gzip"),
        chunked(compressed * 3, 40, b"Content-Encoding: x-gzip"),
        chunked(deflated(text, 15), 9, b"Content-Encoding: deflate"),
        chunked(deflated(text, -15), 1, b"Content-Encoding: deflate"),
        chunked(gzip.compress(bytes(100_000), mtime=0), 30, b"Content-Encoding: gzip"),
        serialized(Response(200, Headers({"Content-Encoding": "gzip"}), compressed)),
        serialized(Response(200, Headers({"Content-Encoding": "deflate"}), deflated(text, 15))),
        serialized(Response(200, Headers({"Content-Encoding": "deflate"}), deflated(text, -15))),
        serialized(Response(200, Headers({"Content-Encoding": "br, gzip"}), compressed)),
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


def proxy_responses() -> list[bytes]:
    """Responses of proxies themselves."""
    page = b"<html><head><title>ERROR: Access Denied</title></head><body>ada, ask your administrator</body></html>"
    html = b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    squid = b"Server: squid/5.7\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nVia: 1.1 cache (squid/5.7)\r\n"
    status_407 = b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    # The request is sent back: by a port that is no proxy, in a page, in a header, or in place of a length.
    echo = b"GET http://pixel.example/a?X-Amz-Signature=%b HTTP/1.1\r\n" % SECRET.encode()
    echo += b"Host: pixel.example\r\nProxy-Authorization: %b\r\n" % CREDENTIALS.encode()
    return [
        status_407 + b'Proxy-Authenticate: Basic realm="cache"\r\n' + squid + html,
        status_407 + b"Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nConnection: close\r\n\r\n" + page,
        status_407 + b'Proxy-Authenticate: Digest realm="a", nonce="b"\r\nProxy-Authenticate: bAsIc realm=x\r\n' + html,
        status_407 + html,
        status_407 + b"Proxy-Authenticate:\r\nContent-Length: 0\r\n\r\n",
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


RESPONSES = server_responses()
PROXY_RESPONSES = proxy_responses()
THROUGH_PROXY = [*RESPONSES, *PROXY_RESPONSES, *PROXY_RESPONSES]
FRAGMENTS = [
    *(b"HTTP/1.1 ", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/2 200\r\n"),
    *(b"\r\n", b"\r\n\r\n", b"\n\n", b"\x1f\x8b\x08", *(bytes([each]) for each in b"\n\r \t:;,\0\xff\x80")),
    *(b"Content-Length: ", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 1_0\r\n", b"0x10"),
    *(b"Content-Length: 99999999999999999999999\r\n", b"9" * 5000, b"-1", b"+1", b"0", b"00", b"\xd9\xa1", b"A" * 300),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: x\r\n"),
    *(b"0\r\n\r\n", b"1\r\nx\r\n", b"5;a=b\r\nhello\r\n", b"-5\r\nhello\r\n", b"F" * 16 + b"\r\n", b"F" * 30 + b"\r\n"),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n", b"Content-Encoding: gzip, gzip\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: websocket\r\n", b"A: b\r\n" * 200),
    *(b"HTTP/1.1 407 P\r\n", b"Proxy-Authenticate: Basic\r\n", b"Proxy-Authenticate: NTLM\r\n", CREDENTIALS.encode()),
    *(b"X: " + b"y" * 5000 + b"\r\n", gzip.compress(b"", mtime=0), deflated(b"abc", -15), b"<html>", b"SSH-2.0-x\r\n"),
]


VERSIONS = tuple(b"HTTP/" + each for each in (b"0.9", b"1.0", b"1.2", b"2.0", b"9.9", b"1.10", b"1", b"11", b" 1.1"))
FRAMING = (
    *(b"Content-Length: %b\r\n" % each for each in (b"0", b"2", b"5, 5", b"2, 3", b"+2", b"2 2", b"0x2", b"")),
    *(b"Transfer-Encoding: %b\r\n" % each for each in (b"chunked", b"Chunked", b"chunked, chunked", b"identity", b"")),
    *(b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding:\x0bchunked\r\n", b"Content-Length\t: 2\r\n"),
)
TRAILERS = (
    *FRAMING,
    b"A: b\r\n",
    b" folded\r\n",
    b"A: b\n",
    b"nonsense\r\n",
    b"A: b\r\r\n",
    b": empty\r\n",
    b"X: \0\r\n",
)
CHUNK_LINES = tuple(
    b"%b\r\nx\r\n" % each
    for each in (b"1", b"1;a\rb", b"1 ", b"01", b"0x1", b"1;", b'1;a="b\nc"', b"+1", b"1_0", b"1\n")
)


FAULTS: tuple[Callable[[Random, bytes, int, int, bytes], bytes], ...] = (
    lambda random, data, at, until, other: data[:at] + bytes([random.randrange(256)]) + data[at + 1 :],
    lambda random, data, at, until, other: data[:at] + data[until:],
    lambda random, data, at, until, other: data[:until] + data[at:],
    lambda random, data, at, until, other: data[:at],
    lambda random, data, at, until, other: data[:at] + random.choice(FRAGMENTS) + data[at:],
    lambda random, data, at, until, other: data[:at] + random.choice(FRAGMENTS) + data[until:],
    lambda random, data, at, until, other: data[:at] + other[random.randrange(len(other)) :],
    lambda random, data, at, until, other: data[:at] + flipped(random, data[at : at + 1]) + data[at + 1 :],
    lambda random, data, at, until, other: data[:at] + random.randbytes(random.randrange(1, 9)) + data[at:],
    lambda random, data, at, until, other: data.replace(b"HTTP/1.1", random.choice(VERSIONS), 1),
    lambda random, data, at, until, other: data.replace(b"\r\n", b"\r\n" + random.choice(FRAMING), 1),
    lambda random, data, at, until, other: data.replace(b"\r\n0\r\n", b"\r\n0\r\n" + random.choice(TRAILERS), 1),
    lambda random, data, at, until, other: data.replace(b"\r\n\r\n", b"\r\n\r\n" + random.choice(CHUNK_LINES), 1),
)
"""Faults of data, from one position up to another: in any bytes, then in the version, in the framing, in the trailers,
and in lines of chunks. `other` is another response."""


def flipped(random: Random, data: bytes) -> bytes:
    return bytes(each ^ 1 << random.randrange(8) for each in data)


def damaged(random: Random, data: bytes, responses: Sequence[bytes]) -> bytes:
    """The same bytes with up to four faults."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(data) + 1)
        if random.random() < 0.5:  # the head decides most
            at = min(at, random.randrange(data.find(b"\r\n\r\n") + 5))
        until = min(len(data), at + random.choice((1, 1, 2, 4, 16, 200)))
        data = random.choice(FAULTS)(random, data, at, until, random.choice(responses))
    return data


def peer_bytes(random: Random, responses: Sequence[bytes]) -> bytes:
    """The bytes of a peer: a damaged response mostly."""
    draw = random.random()
    if draw < 0.7:
        return damaged(random, random.choice(responses), responses)
    if draw < 0.8:
        return random.choice(responses)
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
        """True if the outcome depends on the bytes alone."""
        return not self.used and self.lease is None and self.cancelled_at is None and self.writes == [True]


def case_of(seed: int, number: int) -> Case:
    random = Random(f"{seed}:{number}")
    method = random.choice(METHODS)
    shared = ACCEPTS_GZIP if random.random() < 0.8 else ACCEPTS_ANY
    headers = Headers((*shared, ("X-Request-ID", "1")))
    body = b"" if method in (*SAFE, "DELETE") else random.choice((b"{}", FileSlice("photo.jpg", 0, 10**9)))
    total = random.choice((None, None, None, 50.0))
    request = Request(method, ORIGIN, f"/a?X-Amz-Signature={SECRET}", headers, body, Timeouts(total=total))
    via = random.choice((None, None, None, PROXY, PROXY_WITH_USER))
    data = peer_bytes(random, RESPONSES if via is None else THROUGH_PROXY)
    writes: list[bool | BaseException] = [True]
    if random.random() < 0.25:
        last = random.choice((True, ConnectionResetError(104, "reset"), TimeoutError("nothing was taken")))
        writes = [*[False] * random.randrange(1, 3), last if random.random() < 0.7 else PixelFileChangedError("f")]
    return Case(
        request=request,
        limits=random.choice(LIMITS),
        data=data,
        chunks=cut(random, data),
        end=random.choice((b"", b"", ConnectionResetError(104, "reset"), TimeoutError("no answer within 10 seconds"))),
        used=random.random() < 0.25,
        writes=writes,
        lease=connect_failure(random, via) if random.random() < 0.02 else None,
        cancelled_at=random.randrange(1, 8) if random.random() < 0.05 else None,
        via=via,
    )


def connect_failure(random: Random, via: Proxy | None) -> OSError:
    if via is not None and random.random() < 0.5:
        return ProxyFailure(f"the proxy {via} opened no tunnel", random.choice((None, 403, 407)))
    return random.choice((ConnectionRefusedError(111, "refused"), TimeoutError()))


def lease_of(case: Case, used: bool) -> FakeLease:
    http = ClientConnection(case.limits, case.via)
    if used:
        http.start(Request("GET", ORIGIN, "/", case.request.headers))
        http.receive(b"HTTP/1.1 204 N\r\n\r\n")
    return FakeLease(used=used, http=http)


def outcome_of(case: Case, chunks: Sequence[bytes]) -> tuple[Outcome, list[FakeLease]]:
    """Run the exchange as a driver does. In half of the cases with a kept connection it was closed by the peer."""
    flow = exchange(case.request)
    leases: list[FakeLease] = []
    rest, writes, now, steps = iter(chunks), iter(case.writes), 0.0, 0
    writing: FakeLease | None = None
    reply: Any = None
    try:
        effect = next(flow)
        while True:
            steps += 1
            assert steps < 3 * len(chunks) + 20, "endless"
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
                    assert bool(segments) == (leases[-1] is not writing), "a request is written once"
                    if segments:
                        check_head(segments[0], case)
                    writing, reply = leases[-1], next(writes, True)
                case Read():
                    closed = case.used and len(leases) == 1 and len(case.data) % 2 == 0
                    reply = ConnectionResetError(104, "reset") if closed else next(rest, case.end)
                case _:
                    raise AssertionError(f"an exchange has no {effect!r}")
            effect = flow.throw(reply) if isinstance(reply, BaseException) else flow.send(reply)
    except StopIteration as end:
        response: Response = end.value
        return (response.status, list(response.headers), response.body), leases
    except (PixelConnectionError, PixelProtocolError, PixelFileChangedError) as error:
        check_error(error, case)
        return type(error), leases


def check_head(head: Segment, case: Case) -> None:
    """Check for the whole URL and the credentials with a proxy, for the path and none without."""
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
        assert case.via is not None, "an error of a proxy without one"
        assert not error.sent, "a proxy that refuses forwards nothing"
        assert error.status == (407 if case.lease is None else getattr(case.lease, "status", "no proxy"))
    if case.lease is not None:
        assert isinstance(error, PixelProxyError) == isinstance(case.lease, ProxyFailure)
        assert isinstance(error, PixelTimeoutError) == isinstance(case.lease, TimeoutError)
        assert not getattr(error, "sent", False), "the request was not sent yet"
    changed = any(isinstance(each, PixelFileChangedError) for each in case.writes)
    assert changed or not isinstance(error, PixelFileChangedError)


def check(case: Case) -> Outcome:
    """Check the rules for a case. Raises AssertionError, or an undocumented error of the exchange."""
    outcome, leases = outcome_of(case, case.chunks)
    assert all(len(lease.released) == 1 for lease in leases), "a lease is released once"
    assert len(leases) <= (2 if case.used and case.request.method in SAFE else 1), "repeated where it may not be"
    kept = [lease for lease in leases if lease.released == [True]]
    if isinstance(outcome, tuple):
        status, fields, body = outcome
        names = {name for name, _ in fields}
        assert 200 <= status <= 999
        assert status != 407 or case.via is None, "a refusal of a proxy is no response"
        repeats = case.via is PROXY_WITH_USER and status >= 400 and CREDENTIALS.encode() in body
        assert not repeats, "a secret in the body of an error"
        assert len(body) <= case.limits.body
        assert case.request.method != "HEAD" or not body
        assert all(lease is leases[-1] and lease.http.reusable for lease in kept)
        assert not ({"transfer-encoding", "content-length"} <= names and kept), "kept after an ambiguous length"
        assert status < 400 or len(body) < 2 * ERROR_BODY
    else:
        assert not kept, "kept after a failure"
    if case.plain and len(case.data) > 1:
        other = [case.data] if len(case.chunks) > 1 else [case.data[:1], case.data[1:]]
        assert outcome_of(case, other)[0] == outcome, "how the bytes are cut matters"
    return outcome


def kind_of(outcome: Outcome) -> str:
    return "Response" if isinstance(outcome, tuple) else "cancelled" if outcome is GeneratorExit else outcome.__name__


def run(cases: int, seed: int, first: int = 0) -> Counter[str]:
    """Run these cases. Returns how many ended in which way."""
    return run_cases(case_of, lambda case: kind_of(check(case)), cases, seed, first)


def run_cases(
    make: Callable[[int, int], C], kind_of_end: Callable[[C], str], cases: int, seed: int, first: int
) -> Counter[str]:
    """Run the cases of a fuzz. An error has a note with its case."""
    counts: Counter[str] = Counter()
    for number in range(first, first + cases):
        case = make(seed, number)
        try:
            counts[kind_of_end(case)] += 1
        except Exception as error:
            error.add_note(f"case {number} of seed {seed}: {case!r}")
            raise
    return counts


ERRORS = (PixelConnectionError, PixelTimeoutError, PixelProtocolError, PixelProxyError, PixelFileChangedError)
ENDINGS = {"Response", "cancelled", *(kind.__name__ for kind in ERRORS)}
"""All possible ends of a case."""


def command(description: str | None, run: Callable[[int, int, int], Counter[str]]) -> None:
    """The command line of a fuzz. Prints how many cases ended in which way."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    options = parser.parse_args()
    for kind, count in run(options.cases, options.seed, options.first).most_common():
        print(f"{count:>9} {kind}")


if __name__ == "__main__":
    command(__doc__, run)

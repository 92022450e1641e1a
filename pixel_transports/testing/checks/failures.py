"""Checks of misbehaving peers, and of the errors that report them. No error shows a secret."""

import time

from pixel_core.errors import PixelConnectionError, PixelProtocolError, PixelTimeoutError
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.peers import (
    OK,
    PATIENCE,
    Script,
    ScriptedConnection,
    answering,
    keep_answering,
    then_silent,
    unused,
)
from pixel_transports.testing.checks.table import CREDENTIALS, SECRET, TARGET, check, expect, failure, same

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
LARGE = 24 * 1024 * 1024
"""More than the system buffers, in bytes."""

LIMIT = 0.12
LATEST = 5.0
"""Time after which the limit `LIMIT` was clearly missed, in seconds."""


def _meets(harness: Harness, script: Script, kind: type[Exception], method: str = "POST", **limits: float) -> Exception:
    """Return the error of a request to this peer, and check that the transport works afterwards."""
    with harness.peer(script, keep_answering) as peer:
        request = harness.request(method, TARGET, CREDENTIALS, b"x" if method == "POST" else b"", peer.origin, **limits)
        error = failure(harness, request, kind)
        same(harness.send(harness.request("POST", to=peer.origin)).body, b"ok", "the next answer")
    return error


@check("sockets")
def a_refused_connection_is_reported_as_not_sent(harness: Harness) -> None:
    """A refused connection causes a PixelConnectionError with `sent=False`, and no timeout."""
    for method in ("GET", "POST"):
        error = failure(harness, harness.request(method, TARGET, CREDENTIALS, to=unused()), PixelConnectionError)
        expect(not isinstance(error, PixelTimeoutError), "a timeout")
        same(getattr(error, "sent", None), False, "sent")


@check("sockets")
def a_peer_that_closes_before_its_answer_is_a_connection_error(harness: Harness) -> None:
    """A close or reset before the response causes a PixelConnectionError with `sent=True`."""

    def closes(connection: ScriptedConnection) -> None:
        connection.request()

    def resets(connection: ScriptedConnection) -> None:
        connection.request()
        connection.reset()

    for script in (closes, resets):
        error = _meets(harness, script, PixelConnectionError)
        same(getattr(error, "sent", None), True, "sent")


@check("sockets")
def a_peer_that_closes_within_its_answer_is_a_connection_error(harness: Harness) -> None:
    """A response that ends early in its head, body or chunks causes a PixelConnectionError with `sent=True`."""
    for part in (OK[:9], OK[:-1], CHUNKED[:-12], CHUNKED[:-5]):
        for method in ("GET", "POST"):
            error = _meets(harness, answering(part), PixelConnectionError, method)
            same(getattr(error, "sent", None), True, "sent")


@check("sockets")
def an_answer_may_end_with_the_connection(harness: Harness) -> None:
    """Without a length, the end of the connection is the end of the response."""
    with harness.peer(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as peer:
        same(harness.send(harness.request(to=peer.origin)).body, b"all of it", "the answer")


@check("sockets")
def an_answer_is_the_same_however_it_is_cut(harness: Harness) -> None:
    """A response is the same byte by byte, in chunks, and after interim responses."""

    def byte_by_byte(data: bytes) -> Script:
        def script(connection: ScriptedConnection) -> None:
            connection.request()
            for value in data:
                connection.send(bytes([value]))

        return script

    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    for script in (byte_by_byte(OK), byte_by_byte(CHUNKED), answering(CHUNKED), byte_by_byte(hints + OK)):
        for method in ("GET", "POST"):
            with harness.peer(script) as peer:
                answer = harness.send(harness.request(method, to=peer.origin))
                same((answer.status, answer.body), (200, b"ok"), "the answer")


@check("sockets")
def garbage_is_a_protocol_error(harness: Harness) -> None:
    """Invalid HTTP causes a PixelProtocolError, which shows nothing that the peer sent."""
    secret = SECRET.encode()
    for data in (
        b"\x00\x01garbage " + secret + b"\r\n\r\n",
        b"220 " + secret + b" smtp ready\r\n\r\n",
        b"HTTP/1.1 2x0 " + secret + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX " + secret + b": 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + b"\r\nok\r\n",
    ):
        _meets(harness, then_silent(data), PixelProtocolError, read=LATEST)


@check("limits")
def silence_is_a_timeout_within_its_limit(harness: Harness) -> None:
    """A silent peer causes a PixelTimeoutError after `read` seconds, with `sent=True`."""
    harness.server.silent.add("/stored")
    before = time.monotonic()
    error = failure(harness, harness.request("POST", TARGET, CREDENTIALS, b"x", read=LIMIT), PixelTimeoutError)
    took = time.monotonic() - before
    expect(LIMIT * 0.5 < took < LATEST, f"{took:.2f} seconds with a limit of {LIMIT:g}")
    same(getattr(error, "sent", None), True, "sent")
    same(harness.send(harness.request()).body, b"ok", "the next answer")


@check("sockets", "limits")
def silence_within_an_answer_is_a_timeout(harness: Harness) -> None:
    """A peer that goes silent within the head or body of its response causes a PixelTimeoutError."""
    for part in (OK[:9], OK[:-1], CHUNKED[:-12]):
        _meets(harness, then_silent(part), PixelTimeoutError, read=LIMIT)


@check("total", seconds=30.0)
def silence_is_a_timeout_within_the_total_limit(harness: Harness) -> None:
    """A silent peer causes a PixelTimeoutError after `total` seconds, with any `read`."""
    harness.server.silent.add("/stored")
    before = time.monotonic()
    failure(harness, harness.request("POST", TARGET, CREDENTIALS, b"x", total=LIMIT), PixelTimeoutError)
    expect(time.monotonic() - before < LATEST, "later than the limit")


@check("sockets", "total", seconds=30.0)
def a_byte_at_a_time_is_a_timeout_within_the_total_limit(harness: Harness) -> None:
    """A peer that sends its response a byte at a time cannot extend a request beyond `total`."""

    def drips(connection: ScriptedConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not connection.over.wait(0.02):
            connection.send(b"x")

    before = time.monotonic()
    _meets(harness, drips, PixelTimeoutError, total=LIMIT)
    expect(time.monotonic() - before < LATEST, "later than the limit")


@check("sockets", "write-limit")
def a_peer_that_reads_nothing_is_a_timeout(harness: Harness) -> None:
    """A peer that does not read causes a PixelTimeoutError after `write` seconds."""

    def reads_nothing(connection: ScriptedConnection) -> None:
        connection.head()
        connection.over.wait(PATIENCE)

    for body in (harness.sparse_file(LARGE), bytes(LARGE)):
        with harness.peer(reads_nothing) as peer:
            before = time.monotonic()
            request = harness.request("PUT", TARGET, CREDENTIALS, body, peer.origin, write=LIMIT)
            failure(harness, request, PixelTimeoutError)
            expect(time.monotonic() - before < LATEST, "later than the limit")


def _is_refused(harness: Harness, refuses: Script) -> None:
    with harness.peer(refuses, keep_answering) as peer:
        request = harness.request("PUT", TARGET, CREDENTIALS, harness.sparse_file(LARGE), peer.origin)
        answer = harness.send(request)
        same((answer.status, answer.body), (413, b"big"), "the answer")
        same(harness.send(harness.request(to=peer.origin)).body, b"ok", "the next answer")


@check("sockets", "early-answer")
def an_early_answer_of_a_peer_that_closes_is_returned(harness: Harness) -> None:
    """A response that a peer sends before it has read a large body, and then closes, is returned."""

    def refuses(connection: ScriptedConnection) -> None:
        connection.head()
        connection.send(REFUSAL)
        for _ in connection.body(1_000_000):
            pass

    _is_refused(harness, refuses)


@check("sockets", "early-answer-open")
def an_early_answer_of_a_peer_that_stays_is_returned(harness: Harness) -> None:
    """A response that a peer sends before it has read a large body is returned, if it neither reads on nor closes."""

    closed: list[bool] = []

    def refuses(connection: ScriptedConnection) -> None:
        connection.head()
        connection.send(REFUSAL.replace(b"Connection: close\r\n", b""))
        if not connection.over.wait(LATEST):
            closed.append(True)

    _is_refused(harness, refuses)
    expect(not closed, f"the answer was returned only after {LATEST:g} seconds, when the peer closed the connection")


@check("limits")
def simultaneous_timeouts_name_their_own_requests(harness: Harness) -> None:
    """Requests that time out at the same time raise PixelTimeoutErrors, each with the label of its own request."""
    harness.server.silent.add("/silent")
    methods = ("GET", "POST", "PUT", "DELETE")
    futures = [
        (method, harness.start(harness.request(method, "/silent", read=LIMIT))) for method in methods for _ in range(2)
    ]
    for method, future in futures:
        error = future.exception(PATIENCE)
        expect(isinstance(error, PixelTimeoutError), f"{error!r} in place of PixelTimeoutError")
        expect(f"{method} {harness.origin}/silent" in str(error), f"the error of another request: {error}")

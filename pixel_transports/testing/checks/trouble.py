"""Checks of peers that do not answer as they should, and of the errors that tell of it: no secret is in any."""

import time

from pixel_core.errors import PixelConnectionError, PixelProtocolError, PixelTimeoutError
from pixel_core.messages import FileSlice
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.peers import (
    OK,
    PATIENCE,
    Peer,
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
"""More than the system's buffers take from a sender, in bytes."""

LIMIT = 0.12
LATEST = 5.0
"""Seconds after which a limit of `LIMIT` was certainly missed."""


def _meets(rig: Harness, script: Script, kind: type[Exception], method: str = "POST", **limits: float) -> Exception:
    """What a request to such a peer fails with, after which the transport works."""
    with Peer(script, keep_answering) as peer:
        request = rig.request(method, TARGET, CREDENTIALS, b"x" if method == "POST" else b"", peer.origin, **limits)
        error = failure(rig, request, kind)
        same(rig.send(rig.request("POST", to=peer.origin)).body, b"ok", "the next answer")
    return error


@check("sockets")
def a_refused_connection_is_told_as_not_sent(rig: Harness) -> None:
    """Where nobody listens is a PixelConnectionError with `sent=False`, and no time-out."""
    for method in ("GET", "POST"):
        error = failure(rig, rig.request(method, TARGET, CREDENTIALS, to=unused()), PixelConnectionError)
        expect(not isinstance(error, PixelTimeoutError), "a time-out")
        same(getattr(error, "sent", None), False, "sent")


@check("sockets")
def a_peer_that_hangs_up_before_its_answer_is_a_connection_error(rig: Harness) -> None:
    """A peer that closes or resets before any answer is a PixelConnectionError with `sent=True`."""

    def closes(talk: ScriptedConnection) -> None:
        talk.request()

    def resets(talk: ScriptedConnection) -> None:
        talk.request()
        talk.reset()

    for script in (closes, resets):
        error = _meets(rig, script, PixelConnectionError)
        same(getattr(error, "sent", None), True, "sent")


@check("sockets")
def a_peer_that_hangs_up_within_its_answer_is_a_connection_error(rig: Harness) -> None:
    """An answer that is cut short in its head, its body or its chunks is a PixelConnectionError with `sent=True`."""
    for part in (OK[:9], OK[:-1], CHUNKED[:-12], CHUNKED[:-5]):
        for method in ("GET", "POST"):
            error = _meets(rig, answering(part), PixelConnectionError, method)
            same(getattr(error, "sent", None), True, "sent")


@check("sockets")
def an_answer_up_to_the_end_of_the_connection_is_whole(rig: Harness) -> None:
    """Without a length, the end of the connection is the end of the answer."""
    with Peer(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as peer:
        same(rig.send(rig.request(to=peer.origin)).body, b"all of it", "the answer")


@check("sockets")
def an_answer_is_the_same_however_it_is_cut(rig: Harness) -> None:
    """Byte by byte, in chunks, after interim answers: it is the same answer."""

    def byte_by_byte(data: bytes) -> Script:
        def script(talk: ScriptedConnection) -> None:
            talk.request()
            for value in data:
                talk.send(bytes([value]))

        return script

    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    for script in (byte_by_byte(OK), byte_by_byte(CHUNKED), answering(CHUNKED), byte_by_byte(hints + OK)):
        for method in ("GET", "POST"):
            with Peer(script) as peer:
                answer = rig.send(rig.request(method, to=peer.origin))
                same((answer.status, answer.body), (200, b"ok"), "the answer")


@check("sockets")
def garbage_is_a_protocol_error(rig: Harness) -> None:
    """What is no HTTP is a PixelProtocolError, which shows nothing of what the peer sent."""
    secret = SECRET.encode()
    for said in (
        b"\x00\x01garbage " + secret + b"\r\n\r\n",
        b"220 " + secret + b" smtp ready\r\n\r\n",
        b"HTTP/1.1 2x0 " + secret + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX " + secret + b": 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + b"\r\nok\r\n",
    ):
        _meets(rig, then_silent(said), PixelProtocolError, read=LATEST)


@check("limits")
def silence_is_a_time_out_within_its_limit(rig: Harness) -> None:
    """A peer that takes a request and says nothing is a PixelTimeoutError once `read` is over, with `sent=True`."""
    rig.far.silent.add("/stored")
    before = time.monotonic()
    error = failure(rig, rig.request("POST", TARGET, CREDENTIALS, b"x", read=LIMIT), PixelTimeoutError)
    took = time.monotonic() - before
    expect(LIMIT * 0.5 < took < LATEST, f"{took:.2f} seconds with a limit of {LIMIT:g}")
    same(getattr(error, "sent", None), True, "sent")
    same(rig.send(rig.request()).body, b"ok", "the next answer")


@check("sockets", "limits")
def silence_within_an_answer_is_a_time_out(rig: Harness) -> None:
    """A peer that falls silent in the head or the body of its answer is a PixelTimeoutError."""
    for part in (OK[:9], OK[:-1], CHUNKED[:-12]):
        _meets(rig, then_silent(part), PixelTimeoutError, read=LIMIT)


@check("total")
def silence_is_a_time_out_within_the_total_limit(rig: Harness) -> None:
    """A peer that says nothing is a PixelTimeoutError once `total` is over, whatever `read` is."""
    rig.far.silent.add("/stored")
    before = time.monotonic()
    failure(rig, rig.request("POST", TARGET, CREDENTIALS, b"x", total=LIMIT), PixelTimeoutError)
    expect(time.monotonic() - before < LATEST, "later than the limit")


@check("sockets", "total")
def a_byte_at_a_time_is_a_time_out_within_the_total_limit(rig: Harness) -> None:
    """A peer that sends the body of its answer a byte at a time cannot hold a request past its `total`."""

    def drips(talk: ScriptedConnection) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not talk.over.wait(0.02):
            talk.send(b"x")

    before = time.monotonic()
    _meets(rig, drips, PixelTimeoutError, total=LIMIT)
    expect(time.monotonic() - before < LATEST, "later than the limit")


def _large(rig: Harness) -> FileSlice:
    path = rig.file(b"", "large.bin")
    with path.open("wb") as file:
        file.truncate(LARGE)
    return FileSlice(str(path), 0, LARGE)


@check("sockets", "write-limit")
def a_peer_that_takes_nothing_is_a_time_out(rig: Harness) -> None:
    """A peer that does not read what is sent is a PixelTimeoutError once `write` is over."""

    def takes_nothing(talk: ScriptedConnection) -> None:
        talk.head()
        talk.over.wait(PATIENCE)

    for body in (_large(rig), bytes(LARGE)):
        with Peer(takes_nothing) as peer:
            before = time.monotonic()
            request = rig.request("PUT", TARGET, CREDENTIALS, body, peer.origin, write=LIMIT)
            failure(rig, request, PixelTimeoutError)
            expect(time.monotonic() - before < LATEST, "later than the limit")


@check("sockets", "early-answer")
def an_early_answer_of_a_peer_that_hangs_up_is_the_answer(rig: Harness) -> None:
    """What a peer answers before it has read a large body, and then hangs up, is the answer."""

    def refuses(talk: ScriptedConnection) -> None:
        talk.head()
        talk.send(REFUSAL)
        for _ in talk.body(1_000_000):
            pass

    with Peer(refuses, keep_answering) as peer:
        answer = rig.send(rig.request("PUT", TARGET, CREDENTIALS, _large(rig), peer.origin))
        same((answer.status, answer.body), (413, b"big"), "the answer")
        same(rig.send(rig.request(to=peer.origin)).body, b"ok", "the next answer")


@check("sockets", "early-answer-open")
def an_early_answer_of_a_peer_that_stays_is_the_answer(rig: Harness) -> None:
    """What a peer answers before it has read a large body is the answer, though it neither reads on nor hangs up."""

    def refuses(talk: ScriptedConnection) -> None:
        talk.head()
        talk.send(REFUSAL.replace(b"Connection: close\r\n", b""))
        talk.over.wait(PATIENCE)

    with Peer(refuses, keep_answering) as peer:
        answer = rig.send(rig.request("PUT", TARGET, CREDENTIALS, _large(rig), peer.origin))
        same((answer.status, answer.body), (413, b"big"), "the answer")
        same(rig.send(rig.request(to=peer.origin)).body, b"ok", "the next answer")


@check("limits")
def requests_that_time_out_at_once_are_told_apart(rig: Harness) -> None:
    """Requests that time out at the same time are PixelTimeoutErrors, each of its own request."""
    rig.far.silent.add("/silent")
    methods = ("GET", "POST", "PUT", "DELETE")
    futures = [(method, rig.start(rig.request(method, "/silent", read=LIMIT))) for method in methods for _ in range(2)]
    for method, future in futures:
        error = future.exception(PATIENCE)
        expect(isinstance(error, PixelTimeoutError), f"{error!r} in place of PixelTimeoutError")
        expect(f"{method} {rig.origin}/silent" in str(error), f"the error of another request: {error}")

"""Checks of a transport in use: connections that are kept, many requests at once, giving up, and closing."""

import time
from concurrent.futures import CancelledError

from pixel_core.messages import FileSlice, Headers, Response
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.peers import OK, PATIENCE, Peer, ScriptedConnection, keep_answering
from pixel_transports.testing.checks.table import check, expect, same


@check("sockets", "keep-alive")
def a_connection_is_used_again(rig: Harness) -> None:
    """Requests one after another go over one connection, whatever their method and body."""
    # The file comes last: a transport that listens while it sends may hear the answer before it knows that all of the
    # file has left, and gives up a connection that could have served.
    file = FileSlice(str(rig.file(b"photo" * 100_000)), 0, 500_000)
    bodies: list[tuple[str, bytes | FileSlice]] = [
        ("GET", b""),
        ("POST", b"x"),
        ("DELETE", b""),
        ("GET", b""),
        ("PUT", file),
    ]
    with Peer(keep_answering) as peer:
        for method, body in bodies:
            same(rig.send(rig.request(method, body=body, to=peer.origin)).body, b"ok", "the answer")
        same(peer.accepted, 1, "how many connections were opened")


@check("sockets")
def a_connection_that_the_peer_closes_is_not_used_again(rig: Harness) -> None:
    """After an answer with `Connection: close`, or one of HTTP/1.0, the next request goes over another connection."""
    for answer in (
        OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ):

        def once(talk: ScriptedConnection, answer: bytes = answer) -> None:
            talk.request()
            talk.send(answer)
            talk.to_end()

        with Peer(once) as peer:
            for number in range(3):
                same(rig.send(rig.request("POST", to=peer.origin)).body, b"ok", "the answer")
                same(peer.accepted, number + 1, "how many connections were opened")


@check("sockets")
def a_kept_connection_that_died_is_replaced(rig: Harness) -> None:
    """A kept connection that the peer has closed meanwhile is replaced, for a request of any method."""

    def once(talk: ScriptedConnection) -> None:
        talk.request()
        talk.send(OK)

    with Peer(once) as peer:
        for method in ("GET", "POST", "GET"):
            same(rig.send(rig.request(method, to=peer.origin)).body, b"ok", "the answer")
            time.sleep(0.05)


@check()
def many_requests_at_once_get_their_own_answers(rig: Harness) -> None:
    """Sixteen requests at a time, from threads or tasks, get each its own answer."""
    for number in range(16):
        rig.far.answers[f"/{number}"] = Response(200, Headers(), str(number).encode() * 10_000)
    for _ in range(3):
        futures = [rig.start(rig.request("POST", f"/{number}", body=b"x" * number)) for number in range(16)]
        for number, future in enumerate(futures):
            expect(future.result(PATIENCE).body == str(number).encode() * 10_000, "the answer to another request")


@check("limits")
def a_request_can_be_given_up(rig: Harness) -> None:
    """A task that is cancelled while it waits ends at once, and the transport goes on. (Async transports.)"""
    if not rig.is_async:
        return
    rig.far.silent.add("/silent")
    for _ in range(3):
        rig.far.heard.clear()
        future = rig.start(rig.request("POST", "/silent", body=b"x"))
        expect(rig.far.heard.wait(PATIENCE), "the request did not come")
        before = time.monotonic()
        future.cancel()
        try:
            future.result(PATIENCE)
        except CancelledError:
            pass
        else:
            raise AssertionError("a cancelled request was answered")
        same(rig.send(rig.request()).body, b"ok", "the next answer")
        expect(time.monotonic() - before < PATIENCE / 2, "it did not end at once")


@check("sockets", "write-limit")
def an_upload_can_be_given_up(rig: Harness) -> None:
    """A task that is cancelled in the midst of a large body ends at once, and the transport goes on. (Async ones.)"""
    if not rig.is_async:
        return
    path = rig.file(b"", "large.bin")
    with path.open("wb") as file:
        file.truncate(48 * 1024 * 1024)

    def takes_nothing(talk: ScriptedConnection) -> None:
        talk.head()
        rig.far.heard.set()
        talk.over.wait(PATIENCE)

    with Peer(takes_nothing, keep_answering) as peer:
        rig.far.heard.clear()
        piece = FileSlice(str(path), 0, 48 * 1024 * 1024)
        future = rig.start(rig.request("PUT", body=piece, to=peer.origin))
        expect(rig.far.heard.wait(PATIENCE), "the request did not come")
        time.sleep(0.1)
        future.cancel()
        same(rig.send(rig.request(to=peer.origin)).body, b"ok", "the next answer")


@check()
def closing_may_be_repeated_and_is_no_end(rig: Harness) -> None:
    """A transport can be closed before its first request and twice after its last, and works again afterwards."""
    rig.close()
    for _ in range(2):
        same(rig.send(rig.request("POST", body=b"x")).body, b"ok", "the answer")
        rig.close()
        rig.close()

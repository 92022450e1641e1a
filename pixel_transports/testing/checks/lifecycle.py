"""Checks of a transport in use: kept connections, concurrent requests, cancellation, and closing."""

import time
from concurrent.futures import CancelledError

from pixel_core.messages import FileSlice, Headers, Response
from pixel_transports.testing.checks.candidates import Harness
from pixel_transports.testing.checks.peers import OK, PATIENCE, ScriptedConnection, keep_answering
from pixel_transports.testing.checks.table import check, expect, same


@check("sockets", "keep-alive")
def a_connection_is_used_again(harness: Harness) -> None:
    """Sequential requests use one connection, with any method and body."""
    # The file comes last: a transport that reads while it sends may receive the response before it knows that all of
    # the file was sent, and close a connection that could be reused.
    file = FileSlice(str(harness.file(b"photo" * 100_000)), 0, 500_000)
    with harness.peer(keep_answering) as peer:
        for method, body in (("GET", b""), ("POST", b"x"), ("DELETE", b""), ("GET", b""), ("PUT", file)):
            same(harness.send(harness.request(method, body=body, to=peer.origin)).body, b"ok", "the answer")
        same(peer.accepted, 1, "how many connections were opened")


@check("sockets")
def a_connection_that_the_peer_closes_is_not_used_again(harness: Harness) -> None:
    """After a response with `Connection: close`, or of HTTP/1.0, the next request uses another connection."""
    for answer in (
        OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ):

        def once(connection: ScriptedConnection, answer: bytes = answer) -> None:
            connection.request()
            connection.send(answer)
            connection.to_end()

        with harness.peer(once) as peer:
            for number in range(3):
                same(harness.send(harness.request("POST", to=peer.origin)).body, b"ok", "the answer")
                same(peer.accepted, number + 1, "how many connections were opened")


@check("sockets")
def a_kept_connection_that_died_is_replaced(harness: Harness) -> None:
    """A kept connection that the peer has closed is replaced, for a request with any method."""

    def once(connection: ScriptedConnection) -> None:
        connection.request()
        connection.send(OK)

    with harness.peer(once) as peer:
        for method in ("GET", "POST", "GET"):
            same(harness.send(harness.request(method, to=peer.origin)).body, b"ok", "the answer")
            time.sleep(0.05)


@check()
def many_requests_at_once_get_their_own_answers(harness: Harness) -> None:
    """Sixteen concurrent requests, from threads or tasks, each get their own response."""
    for number in range(16):
        harness.server.answers[f"/{number}"] = Response(200, Headers(), str(number).encode() * 10_000)
    for _ in range(3):
        futures = [harness.start(harness.request("POST", f"/{number}", body=b"x" * number)) for number in range(16)]
        for number, future in enumerate(futures):
            expect(future.result(PATIENCE).body == str(number).encode() * 10_000, "the answer to another request")


@check("limits")
def a_request_can_be_cancelled(harness: Harness) -> None:
    """A task that is cancelled while it waits ends at once, and the transport keeps working. (Async transports.)"""
    if not harness.is_async:
        return
    harness.server.silent.add("/silent")
    for _ in range(3):
        harness.server.arrived.clear()
        future = harness.start(harness.request("POST", "/silent", body=b"x"))
        expect(harness.server.arrived.wait(PATIENCE), "the request did not arrive")
        before = time.monotonic()
        future.cancel()
        try:
            future.result(PATIENCE)
        except CancelledError:
            pass
        else:
            raise AssertionError("a cancelled request was answered")
        same(harness.send(harness.request()).body, b"ok", "the next answer")
        expect(time.monotonic() - before < PATIENCE / 2, "it did not end at once")


@check("sockets", "write-limit")
def an_upload_can_be_cancelled(harness: Harness) -> None:
    """A task that is cancelled during a large body ends at once, and the transport keeps working. (Async only.)"""
    if not harness.is_async:
        return

    def reads_nothing(connection: ScriptedConnection) -> None:
        connection.head()
        harness.server.arrived.set()
        connection.over.wait(PATIENCE)

    with harness.peer(reads_nothing, keep_answering) as peer:
        harness.server.arrived.clear()
        future = harness.start(harness.request("PUT", body=harness.sparse_file(48 * 1024 * 1024), to=peer.origin))
        expect(harness.server.arrived.wait(PATIENCE), "the request did not arrive")
        time.sleep(0.1)
        future.cancel()
        same(harness.send(harness.request(to=peer.origin)).body, b"ok", "the next answer")


@check()
def close_can_be_repeated_and_is_not_final(harness: Harness) -> None:
    """A transport can be closed before the first request and twice after it, and works again afterwards."""
    harness.close()
    for _ in range(2):
        same(harness.send(harness.request("POST", body=b"x")).body, b"ok", "the answer")
        harness.close()
        harness.close()

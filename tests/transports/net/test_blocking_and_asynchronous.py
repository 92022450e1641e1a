"""Kept connections and waiting for slots on the three faces. The rules of the pool are shown in tests/core/http."""

import threading

import pytest

from pixel_core.errors import PixelTimeoutError
from tests.support.peers import OK, PATIENCE, Face, Peer, keep_answering, read_request, read_to_end, reset, send, wait


def test_an_idle_connection_with_bytes_is_replaced(face: Face) -> None:
    proceed, sent = threading.Event(), threading.Event()
    script = [read_request, send(OK), wait(proceed), send(OK), lambda connection: sent.set(), read_to_end]
    with Peer(script, [keep_answering()]) as peer:
        assert face.send(peer.request("POST")).body == b"ok"
        proceed.set()
        assert sent.wait(PATIENCE)
        assert face.send(peer.request("POST")).body == b"ok"
        assert peer.accepted == 2


def test_a_get_on_a_kept_connection_that_is_reset_is_repeated_on_another(face: Face) -> None:
    with Peer([read_request, send(OK), read_request, reset], [keep_answering()]) as peer:
        assert [face.send(peer.request()).body for _ in range(2)] == [b"ok", b"ok"]
        assert peer.accepted == 2


@pytest.mark.parametrize("kept", [True, False])
def test_waiting_requests_are_served_in_order(face: Face, kept: bool) -> None:
    proceed = threading.Event()
    face.open(max_connections=1)
    response = OK if kept else OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    later = [keep_answering(response)]
    with Peer([read_request, wait(proceed), send(response), *later], later) as peer:
        requests = []
        for number in range(5):
            requests.append(face.start(peer.request(target=f"/{number}")))
            face.wait_for_counts(f"1 held, 0 idle, {number} waiting")
        proceed.set()
        assert [each.result().status for each in requests] == [200] * 5
        face.close()
        heads = b"".join(peer.received(number) for number in range(peer.accepted))
        assert (peer.accepted == 1) is kept
    assert [line.split()[1] for line in heads.splitlines() if line.startswith(b"GET")] == [b"/%d" % n for n in range(5)]


def test_waiting_for_a_slot_has_a_limit(face: Face) -> None:
    proceed = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(proceed), send(OK)]) as peer:
        first = face.start(peer.request())
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        with pytest.raises(PixelTimeoutError, match=r"no connection became free within 0\.05 seconds") as caught:
            face.send(peer.request(pool=0.05))
        assert not caught.value.sent
        proceed.set()
        assert first.result().status == 200


def test_closing_completes_running_and_waiting_requests_and_keeps_no_connection(face: Face) -> None:
    proceed = threading.Event()
    face.open(max_connections=1)
    with Peer([read_request, wait(proceed), send(OK), read_to_end]) as peer:
        requests = [face.start(peer.request())]
        face.wait_for_counts("1 held, 0 idle, 0 waiting")
        requests += [face.start(peer.request("POST")) for _ in range(2)]
        face.wait_for_counts("1 held, 0 idle, 2 waiting")
        face.close()
        proceed.set()
        assert [each.result().body for each in requests] == [b"ok"] * 3
        peer.received()  # the connection ends

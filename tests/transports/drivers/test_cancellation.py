"""Cancelled requests leave nothing behind: short runs of `python -m tests.transports.drivers.cancellation`."""

from concurrent.futures import wait

import anyio
import pytest

from pixel_core.errors import PixelTimeoutError
from pixel_transports.net.asynchronous import AnyioTransport
from tests.support.peers import PATIENCE, Face
from tests.transports.drivers.cancellation import LIMIT, Reluctant, run
from tests.transports.drivers.conftest import reached


@pytest.mark.parametrize("face", ["asyncio", "trio", "blocking"])
def test_requests_cancelled_at_random_points_leave_no_slot_no_socket_and_no_task_or_thread_behind(face: str) -> None:
    """On threads they run out of time instead."""
    figures = run(face, 1000)
    assert figures.clean, figures
    assert figures.further == 9
    if face == "blocking":
        assert PixelTimeoutError.__name__ in figures.ended
    else:
        assert set(figures.ended) == {"cancelled", "answered"}
        assert figures.most_waiting > LIMIT


@pytest.mark.anyio
@pytest.mark.parametrize("at_once", [LIMIT, 10 * LIMIT])
async def test_the_next_ten_requests_do_not_time_out_after_those_in_flight_were_cancelled(at_once: int) -> None:
    """encode/httpcore, issue 1093: there the slots of cancelled requests are lost, until every request times out."""
    with Reluctant(0.0) as peer:
        transport = AnyioTransport(max_connections=LIMIT)
        for _ in range(5):
            async with anyio.create_task_group() as group:
                for _ in range(at_once):
                    group.start_soon(transport.send, peer.request())
                await reached(lambda: f"{LIMIT} held, 0 idle, {at_once - LIMIT} waiting" in repr(transport))
                group.cancel_scope.cancel()
            assert repr(transport) == "<AnyioTransport, <Pool 0 held, 0 idle, 0 waiting>>"
        peer.willing = True
        bodies: list[bytes] = []

        async def ask() -> None:
            bodies.append((await transport.send(peer.request())).body)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask)
        assert bodies == [b"ok"] * 10
        await transport.aclose()


def test_the_next_ten_requests_do_not_time_out_after_as_many_threads_gave_up(face: Face) -> None:
    """The same with limits, on each face: requests with a slot time out while they read, others while they wait.

    Each waits for a slot longer than for a response, so some get a slot after others timed out.
    """
    face.open(max_connections=LIMIT)
    with Reluctant(0.0) as peer:
        timed_out = [face.start(peer.request(read=0.05, pool=0.07)) for _ in range(16)]
        wait(timed_out, PATIENCE)
        assert [type(each.exception()) for each in timed_out] == [PixelTimeoutError] * 16
        face.wait_for_counts("0 held, 0 idle, 0 waiting")
        peer.willing = True
        assert [each.result(PATIENCE).body for each in [face.start(peer.request()) for _ in range(10)]] == [b"ok"] * 10

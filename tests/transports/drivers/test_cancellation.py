"""Cancelled requests leave nothing behind: short runs of `python -m tests.transports.drivers.cancellation`."""

import anyio
import pytest

from pixel_core.errors import PixelTimeoutError
from pixel_transports.net.asynchronous import AnyioTransport
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
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(transport.send, peer.request())
        await transport.aclose()

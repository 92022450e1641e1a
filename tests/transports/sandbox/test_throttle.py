"""A throttled server is as slow as its options say, for all connections together, and ends at once."""

import http.client
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from pixel_transports.sandbox import ManualClock, SandboxServer
from pixel_transports.sandbox.throttle import STEP_SECONDS, Throttle
from tests.transports.sandbox.support import JPEG, Caller


def test_connections_share_one_rate_in_turns_and_save_up_one_step() -> None:
    clock = ManualClock()
    throttle = Throttle(1000, clock=clock, wait=clock.wait)
    for _ in range(2):
        one, other = throttle.pieces(b"a" * 500), throttle.pieces(b"b" * 500)
        turns = [piece for pair in zip(one, other, strict=True) for piece in pair]
        assert turns == [b"a" * 50, b"b" * 50] * 10
        assert sum(clock.waits) == pytest.approx(1.0 - STEP_SECONDS)
        clock.advance(3600)
        clock.waits.clear()
    assert list(Throttle(1000).pieces(b"")) == [b""]
    assert list(Throttle().pieces(b"a" * 10**6)) == [b"a" * 10**6]


def test_no_lock_is_held_while_one_waits() -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            thread = threading.Thread(target=throttle.take, args=[10])
            thread.start()
            thread.join()

    throttle = Throttle(200, clock=lambda: 0.0, wait=wait)
    throttle.take(20)
    # 10 bytes are a step: the first is free. The other connection gets its turn in the middle.
    assert waits == pytest.approx([0.05, 0.1]), "the turn of one that asks meanwhile is the next"


@pytest.mark.parametrize("options", [{"bytes_per_second": value} for value in (0, 0.5, -1, math.inf, math.nan)])
def test_a_rate_below_one_is_a_value_error(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SandboxServer(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("delay", [-1, math.inf, math.nan])
def test_a_negative_or_endless_delay_is_a_value_error(delay: float) -> None:
    with pytest.raises(ValueError, match="delay_seconds: at least 0"):
        SandboxServer(delay_seconds=delay)


def answer(server: SandboxServer, path: str, body: bytes = b"", chunked: bool = False) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("POST" if body else "GET", path, iter([body]) if chunked else body or None)
        return connection.getresponse().read()


@pytest.mark.parametrize(("sends", "chunked"), [(True, False), (True, True), (False, False)])
def test_bodies_of_several_connections_take_their_time_together(sends: bool, chunked: bool) -> None:
    caller = Caller()
    caller.resource(caller.place(), JPEG + bytes(25_000))
    (path,) = (each["path"] for each in caller.raw("GET", "/_sandbox/objects").json())
    with SandboxServer(caller.sandbox, bytes_per_second=200_000) as server, ThreadPoolExecutor(4) as threads:
        began = time.monotonic()
        target, body = "/nothing" if sends else path, bytes(25_000 * sends)
        found = list(threads.map(lambda _: answer(server, target, body, chunked), range(4)))
        assert time.monotonic() - began >= 100_000 / 200_000 - STEP_SECONDS
    assert {len(each) for each in found} == {len(b'{"detail":"Not Found"}') if sends else 25_000 + len(JPEG)}
    assert not caller.sandbox.failures


def test_closing_ends_all_waits_and_the_dashboard_does_not_wait() -> None:
    before = threading.active_count()
    with SandboxServer(bytes_per_second=1, delay_seconds=86_400) as server, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(answer, server, "/nothing", body) for body in (b"", bytes(1_000_000))]
        while threading.active_count() < before + 5:
            time.sleep(0.01)
        assert b"<!doctype html>" in answer(server, "/_sandbox/")
        assert b'"request_count"' in answer(server, "/_sandbox/state")
        server.close()
        for each in waiting:
            assert isinstance(each.exception(), OSError | http.client.HTTPException)
    assert threading.active_count() == before


def test_a_response_comes_after_its_delay() -> None:
    with SandboxServer(delay_seconds=0.2) as server:
        began = time.monotonic()
        answer(server, "/")
        assert time.monotonic() - began >= 0.2

"""Time limits of the blocking network where system calls are interrupted or replaced: signals, and gevent. A program
that ends while a name is looked up.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pixel_core.errors import PixelTimeoutError
from pixel_core.messages import FileSlice, Headers, Origin, Request, Timeouts
from pixel_transports.net.blocking import SocketTransport
from tests.support.paths import ROOT
from tests.support.peers import PATIENCE, Peer, wait

LIMIT = 0.5
FAR = 5.0
"""Seconds that no limit of `LIMIT` reaches, whatever the machine does."""


@pytest.fixture
def silent() -> Iterator[Peer]:
    """A peer that reads nothing and sends nothing."""
    peer = Peer([lambda connection: wait(peer.stopping)(connection)])
    with peer:
        yield peer


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """The signals that arrive, one every 50 ms."""
    arrived: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: arrived.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    yield arrived
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that send signals")
@pytest.mark.parametrize("limit", ["connect", "read", "write", "total"])
def test_signals_do_not_extend_a_limit(
    signals: list[int], silent: Peer, full_listener: Origin, large_file: FileSlice, limit: str
) -> None:
    origin = full_listener if limit == "connect" else silent.origin
    limits = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)._replace(**{limit: LIMIT})
    request = Request("PUT", origin, "/", Headers(), large_file if limit == "write" else b"", limits)
    with ExitStack() as stack:
        transport = SocketTransport()
        stack.callback(transport.close)
        start = time.monotonic()
        with pytest.raises(PixelTimeoutError, match=rf"{LIMIT:g} seconds"):
            transport.send(request)
    assert LIMIT * 0.9 < time.monotonic() - start < FAR
    assert len(signals) >= 3


GREENLETS = """
from gevent import monkey

monkey.patch_all()
import sys, time, gevent
from pixel_core import *
from pixel_transports import SocketTransport

ticks = []


def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)


gevent.spawn(tick)
transport = SocketTransport()
for limit, port in zip(("connect", "read", "total"), map(int, sys.argv[1:])):
    ticks.clear()
    limits = Timeouts(20, 20, 20, 20)._replace(**{limit: 0.3})
    start = time.monotonic()
    try:
        transport.send(Request("PUT", Origin("http", "127.0.0.1", port), "/", Headers(), b"", limits))
    except PixelTimeoutError as error:
        print(str(error).split(": ")[-1], 0.25 < time.monotonic() - start < 5.0, len(ticks) > 3, sep=" | ")
"""


def test_limits_hold_under_gevent_and_other_greenlets_run_meanwhile(silent: Peer, full_listener: Origin) -> None:
    pytest.importorskip("gevent")
    ports = [str(full_listener.port), *[str(silent.origin.port)] * 2]
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS, *ports], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "no connection within 0.3 seconds | True | True",
            "no answer within 0.3 seconds | True | True",
            "the total limit of 0.3 seconds is over | True | True",
        ],
        "",
    )


HANGING = """
import sys, time
from functools import partial
import anyio
from pixel_core import *
from pixel_transports.net.asynchronous import AnyioTransport, look_up


async def main():
    transport = AnyioTransport(resolve=partial(look_up, resolver=lambda host, port: time.sleep(60)))
    try:
        await transport.send(Request("GET", Origin("http", "pixel.test", 80), "/", Headers(), b"", Timeouts(0.1)))
    except PixelTimeoutError as error:
        print(error)


anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_look_up_that_hangs_does_not_keep_an_async_program_from_ending(backend: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING, backend], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout.endswith("could not connect to http://pixel.test: no connection within 0.1 seconds\n")
    assert (done.returncode, done.stderr) == (0, "")

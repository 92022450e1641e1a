"""Signals that interrupt a blocking call at any line: no slot of the pool and no socket is lost."""

import subprocess
import sys

import pytest

from tests.support.peers import Peer, keep_answering

PROGRAM = """
import os, random, signal, sys
from pixel_core.messages import Headers, Origin, Request
from pixel_transports.net.blocking import SocketTransport

class Interrupt(BaseException):
    pass

def interrupt(number, frame):
    global armed
    if armed:
        armed = False
        raise Interrupt

armed = False
sys.unraisablehook = lambda unraisable: None
signal.signal(signal.SIGALRM, interrupt)
request = Request("GET", Origin("http", "127.0.0.1", int(sys.argv[1])), "/", Headers())
transport = SocketTransport(max_connections=3)
assert transport.send(request).status == 200
sockets, draw, broken = len(os.listdir("/proc/self/fd")), random.Random(7), 0
for _ in range(700):
    signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.00001, 0.0006))
    armed = True
    try:
        transport.send(request)
        transport.send(request)
    except Interrupt:
        broken += 1
    armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
assert transport.send(request).status == 200
free = "0 held" in repr(transport) and "0 waiting" in repr(transport)
print(broken, free, len(os.listdir("/proc/self/fd")) - sockets)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_calls_that_are_interrupted_anywhere_lose_no_slot_and_no_socket() -> None:
    with Peer([keep_answering()]) as peer:
        command = [sys.executable, "-c", PROGRAM, str(peer.origin.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    broken, all_free, more = done.stdout.split()
    assert int(broken) > 50
    assert (all_free, int(more) <= 2) == ("True", True), done.stdout

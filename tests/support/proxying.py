"""A proxy made of steps of `peers.py`, and what tests ask of it.

Rules kept here:

* It leads to one origin, whatever name it was asked for: so names need not be known to anyone.
* What it heard in its own part of the conversation is in `ScriptedConnection.received`; what goes through a tunnel is not.
"""

import select
import socket
import ssl
from contextlib import suppress

from pixel_core.messages import Origin
from tests.support.peers import ScriptedConnection, Step, read_head, send

OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def tunnel_to(origin: Origin, opened: bytes = OPENED) -> list[Step]:
    """Take a CONNECT, whoever it asks for, and lead to an origin on loopback."""
    return [read_head, send(opened), lead_to(origin)]


def lead_to(origin: Origin) -> Step:
    """Carry bytes both ways until one side ends."""

    def step(talk: ScriptedConnection) -> None:
        with socket.create_connection(("127.0.0.1", origin.port)) as onward:
            while True:
                pending = isinstance(talk.sock, ssl.SSLSocket) and talk.sock.pending()
                ready = [talk.sock] if pending else select.select([talk.sock, onward], [], [])[0]
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        with suppress(OSError):
                            talk.sock.shutdown(socket.SHUT_RDWR)
                        return
                    (onward if one is talk.sock else talk.sock).sendall(data)

    return step

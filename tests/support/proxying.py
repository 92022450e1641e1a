"""A proxy as a script of `peers.py`. It leads to one origin, whichever name a request has.

Rules kept here:

* Bytes to the proxy itself are in `ScriptedConnection.received`; bytes through a tunnel are not.
"""

import select
import socket
import ssl
from contextlib import suppress

from pixel_core.messages import Origin
from tests.support.peers import ScriptedConnection, Step, read_head, send

OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def tunnel_to(origin: Origin, opened: bytes = OPENED) -> list[Step]:
    """Accept a CONNECT to any host, and relay to an origin on loopback."""
    return [read_head, send(opened), relay_to(origin)]


def relay_to(origin: Origin) -> Step:
    """Relay bytes both ways until one side closes."""

    def step(connection: ScriptedConnection) -> None:
        with socket.create_connection(("127.0.0.1", origin.port)) as onward:
            while True:
                pending = isinstance(connection.sock, ssl.SSLSocket) and connection.sock.pending()
                ready = [connection.sock] if pending else select.select([connection.sock, onward], [], [])[0]
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        with suppress(OSError):
                            connection.sock.shutdown(socket.SHUT_RDWR)
                        return
                    (onward if one is connection.sock else connection.sock).sendall(data)

    return step

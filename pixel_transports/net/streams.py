"""What the streams of both faces share: one connected socket, plain or TLS.

Rules kept here:

* Sending never blocks, and nothing else does but where a face says so; whoever has to wait does so in its way.
* A stream speaks of trouble with OSError; what to make of it is decided in `pixel_core.http.exchange`.
* What is small leaves at once, in one call. While a file is sent, the peer is listened to: one that answers or hangs up
  stops the sending.
* Reads begin small, since a large buffer takes longer to be had than a small answer to be read, and grow once one is
  filled.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from math import ceil
from typing import TypeAlias

from pixel_core.messages import Segment
from pixel_transports.net.files import LITTLE, SENDFILE, Outgoing
from pixel_transports.net.tls import TlsSession

SMALL, LARGE = 16 * 1024, 256 * 1024
"""How much is read at a time, in bytes: at first, and once that was filled."""

LONGEST_WAIT = 1_000_000.0
"""Seconds that the system can count."""


def tune(sock: socket.socket) -> None:
    """The options of every socket of ours: small requests leave at once, dead peers are noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


Waiter: TypeAlias = Callable[[float | None], bool]
"""Waits for a socket, so many seconds or (None) without end; False where nothing happened."""


def waiter_for(sock: socket.socket, *, read: bool = False, write: bool = False) -> Waiter:
    """What waits until a socket can be read from, or written to, or is broken. It serves any number of times, one
    thread at a time.
    """
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        poll = poller.poll

        def wait(timeout: float | None) -> bool:
            return bool(poll(timeout and ceil(min(timeout, LONGEST_WAIT) * 1000)))

    else:

        def wait(timeout: float | None) -> bool:
            return any(select.select([sock] if read else [], [sock] if write else [], [sock], timeout))

    return wait


def left(until: float | None) -> float | None:
    """The seconds that are left, a few at least: a step that needs none is not refused for want of them."""
    return None if until is None else max(0.001, until - time.monotonic())


def in_time(error: TimeoutError, what: str, timeout: float | None) -> TimeoutError:
    """The error of our limit, in words; one of the system's (it has an `errno`) speaks for itself."""
    return error if error.errno is not None else TimeoutError(f"{what} within {timeout or 0:g} seconds")


AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)
"""Send what the socket takes now, also where it blocks."""

_NOTHING = Outgoing()


class Connected:
    """What both faces' streams are: one connected socket, plain or TLS, and how far it is with what it sends."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._blocks = False
        self._arrived = waiter_for(sock, read=True)
        self._tls: TlsSession | None = None
        self._size = SMALL
        self._early = b""  # what the peer said while it was being sent to
        self._outgoing = _NOTHING

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._sock.fileno()}>"

    @property
    def quiet(self) -> bool:
        """Whether nothing has arrived on an idle connection: what has is its end, or what no one asked for."""
        if self._early or self._arrived(0):
            return False
        try:
            return self._tls is None or self._tls.read(1) is None
        except OSError:
            return False

    @property
    def _all_read(self) -> bool:
        """Whether the last read got what there was, as far as can be told."""
        return self._size == SMALL

    def _recv(self) -> bytes:
        """What the socket has. Raises BlockingIOError and other OSErrors."""
        data = self._sock.recv(self._size)
        self._size = LARGE if len(data) == self._size else SMALL
        return data

    def _understood(self) -> bytes | None:
        """What the peer says, out of what the socket has, which is something; None when it was TLS that spoke, for
        itself (a session ticket, say). Raises BlockingIOError and other OSErrors.
        """
        if self._tls is None:
            return self._recv()
        data = self._tls.read(LARGE)
        if data is None:
            self._tls.feed(self._recv())
            data = self._tls.read(LARGE)
        return data

    def wrapped(self, data: bytes) -> bytes:
        """What goes on the wire for this data."""
        return data if self._tls is None else self._tls.encrypted(data)

    def _sent_at_once(self, segments: Sequence[Segment]) -> bool:
        """Begin to send; whether all of it left at once. What is small does as a rule. Raises ConnectionError,
        PixelFileChangedError.
        """
        if segments:
            first = segments[0]
            if len(segments) == 1 and isinstance(first, bytes) and len(first) <= LITTLE:
                data = self.wrapped(first)
                try:
                    count = self._sock.send(data, AT_ONCE)
                except BlockingIOError:
                    count = 0
                if count == len(data):
                    return True
                self._outgoing = Outgoing()
                self._outgoing.left = memoryview(data)[count:]
                return False
            self._outgoing = Outgoing(segments)
        if self._outgoing.large:
            return False
        try:
            while self._push():
                pass
        except BlockingIOError:
            return False
        return True

    def pump(self, timeout: float | None, until: float | None, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Send what is left from this thread, with an ear for the peer: False when that spoke or hung up first, or once
        `stopped` says so. Raises OSError, PixelFileChangedError.
        """
        if self._blocks:
            self._sock.setblocking(False)
            self._blocks = False
        either = waiter_for(self._sock, read=True, write=True)
        try:
            while not self._spoken():
                try:
                    if not self._push():
                        return True
                except BlockingIOError:
                    limit = timeout
                    if until is not None:
                        left_now = max(0.0, until - time.monotonic())
                        limit = left_now if timeout is None else min(timeout, left_now)
                    if not either(limit):
                        raise in_time(TimeoutError(), "nothing was taken", limit) from None
                if stopped():
                    break
        except ConnectionError:
            return False
        return False

    def _push(self) -> bool:
        """Send the next piece, as far as the socket takes it; False when nothing is left. Raises BlockingIOError."""
        outgoing = self._outgoing
        if not outgoing.left:
            if SENDFILE and self._tls is None and outgoing.send_file(self._sock):
                return True
            piece = outgoing.take()
            if not piece:
                return False
            outgoing.left = piece if self._tls is None else memoryview(self._tls.encrypted(piece))
        outgoing.left = outgoing.left[self._sock.send(outgoing.left, AT_ONCE) :]
        return True

    def _spoken(self) -> bool:
        """Whether the peer said something while it was being sent to, which is kept for the next read."""
        if not self._arrived(0):
            return False
        if self._tls is not None:
            data = self._understood()
            if data is None:
                return False
            self._early = data
        return True

    def close(self) -> None:
        """A plain call, on either face: an idle socket is known to no event loop, and a cancelled task has let go of
        its own.
        """
        self._outgoing.close()
        self._sock.close()

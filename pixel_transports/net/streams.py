"""The socket of a connection, plain or TLS, as both networks use it.

Rules kept here:

* Nothing here blocks, except `send_all`, which waits until the peer takes or sends something.
* Streams fail with OSError. `pixel_core.http.exchange` decides what that means.
* What TLS answers by itself is sent as soon as it was read, after what is left of a request. If the socket has no room,
  the next read waits for room as well.
* Small requests leave at once, in one call. While a file is sent, the socket is watched: bytes of the peer, or its
  end, stop the sending.
* Reads begin small, since allocating a large buffer takes longer than reading a small response, and grow once one is
  filled.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, TypeAlias

from pixel_core.http.effects import timed_out
from pixel_core.messages import Segment
from pixel_transports.net.connecting import LONGEST_WAIT, countable
from pixel_transports.net.files import LITTLE, SENDFILE, Outgoing
from pixel_transports.net.tls import TlsSession

SMALL, LARGE = 16 * 1024, 256 * 1024
"""Bytes of a read: at first, and once that was filled."""

MOST_REPLIES = 1024 * 1024
"""The most bytes that wait while TLS answers its peer. A peer may ask without reading the answers."""

DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)

Waiter: TypeAlias = Callable[[float | None], bool]
"""Waits for a socket, so many seconds or (None) without end. False if nothing happened."""


def waiter_for(sock: socket.socket, *, read: bool = False, write: bool = False) -> Waiter:
    """Return a function that waits until a socket is readable, or writable, or broken. One thread at a time uses it."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        poll = poller.poll

        def wait(timeout: float | None) -> bool:
            return bool(poll(timeout and ceil(min(timeout, LONGEST_WAIT) * 1000)))

    else:

        def wait(timeout: float | None) -> bool:
            return any(select.select([sock] if read else [], [sock] if write else [], [sock], countable(timeout)))

    return wait


class SocketStream:
    """One non-blocking socket, plain or TLS, and the progress of what it sends."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.is_readable: Waiter = waiter_for(sock, read=True)
        self._tls: TlsSession | None = None
        self._read_size = SMALL
        self._early = b""  # received while sending
        self._outgoing = Outgoing()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.sock.fileno()}>"

    def secure(self, tls: Any) -> None:
        """Send and receive through this TLS session from now on, inside the one before it if there is one."""
        tls.outer = self._tls
        self._tls = tls

    @property
    def is_idle(self) -> bool:
        """True if an unused connection has no pending bytes and no EOF."""
        if self._early or self.is_readable(0):
            return False
        try:
            return self._tls is None or self._tls.read(1) is None
        except OSError:
            return False

    def take_early(self) -> bytes:
        """Return what was received while sending, once."""
        early, self._early = self._early, b""
        return early

    def pending(self) -> bytes | None:
        """Plaintext that TLS has received already; None if the socket has to be read."""
        if self._tls is None:
            return None
        try:
            data = self._tls.read(LARGE)
        except OSError:
            self.send_replies()  # an alert
            raise
        if data is None and self._tls.has_replies:
            self.send_replies()
        return data

    @property
    def has_replies(self) -> bool:
        """True if records of TLS itself wait for room in the socket."""
        return bool(self._outgoing.left) and self._tls is not None

    def send_replies(self) -> None:
        """Send records of TLS itself, as far as the socket takes them. Raises ConnectionError."""
        left = b"".join((self._outgoing.left, self._tls.encrypted())) if self._tls else b""
        try:
            left = left[self.sock.send(left, DONTWAIT) :]
        except BlockingIOError:
            pass
        except ConnectionError:  # the next read reports it
            left = b""
        if len(left) > MOST_REPLIES:
            raise ConnectionAbortedError("it makes TLS answer, and does not take the answers")
        self._outgoing.left = memoryview(left)

    @property
    def drained(self) -> bool:
        """True if the last read did not fill its buffer, so that more is not expected yet."""
        return self._read_size == SMALL

    def recv(self) -> bytes:
        """Read the socket. Raises BlockingIOError and other OSErrors."""
        data = self.sock.recv(self._read_size)
        self._read_size = LARGE if len(data) == self._read_size else SMALL
        return data

    def decrypt(self, data: bytes) -> bytes | None:
        """Plaintext of bytes that were read; None if they were TLS's own (a session ticket, say)."""
        if self._tls is None:
            return data
        self._tls.feed(data)
        return self.pending()

    def send_now(self, segments: Sequence[Segment]) -> bool:
        """Begin to send segments, or (without any) go on; True if all of it left at once. Raises ConnectionError,
        PixelFileChangedError.
        """
        if segments:
            first = segments[0]
            left = self._outgoing.left
            if len(segments) == 1 and isinstance(first, bytes) and len(first) <= LITTLE and not left:
                data = first if self._tls is None else self._tls.encrypted(first)
                try:
                    count = self.sock.send(data, DONTWAIT)
                except BlockingIOError:
                    count = 0
                if count == len(data) and (self._tls is None or not self._tls.is_held):
                    return True
                self._outgoing = Outgoing()
                self._outgoing.left = memoryview(data)[count:]
                return False
            self._outgoing = Outgoing(segments)
            self._outgoing.left = left
        if self._outgoing.large:
            return False
        try:
            while self._send_next():
                pass
        except BlockingIOError:
            return False
        return True

    def send_all(self, timeout: float | None, total: float | None, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Send what is left, and block meanwhile. False when the peer sent or closed first, or once `stopped` is true.
        Raises OSError, PixelFileChangedError.
        """
        now = time.monotonic()
        until = None if total is None else now + total
        stalls_at = None  # when `timeout` ends: it starts where nothing is taken, and TLS records do not extend it
        either = waiter_for(self.sock, read=True, write=True)
        try:
            while not self._peer_spoke():
                try:
                    if not self._send_next():
                        return True
                    stalls_at = None
                except BlockingIOError:
                    now = time.monotonic()
                    stalls_at = now + timeout if timeout is not None and stalls_at is None else stalls_at
                    left = min((each - now for each in (until, stalls_at) if each is not None), default=None)
                    is_held = self._tls is not None and not self._outgoing.left
                    if (left is not None and left <= 0) or not (self.is_readable if is_held else either)(left):
                        limits = [each for each in (timeout, total) if each is not None]
                        raise timed_out("nothing was taken", min(limits, default=None)) from None
                if stopped():
                    break
        except ConnectionError:
            return False
        is_held = self._tls is not None and self._tls.is_held
        if self._outgoing.is_empty and not is_held:  # the peer may respond as soon as it has the last byte
            self._outgoing.close()
            return True
        return False

    def _send_next(self) -> bool:
        """Send the next piece as far as the socket takes it; False when nothing is left. Raises BlockingIOError, also
        where TLS needs records of the peer.
        """
        outgoing, tls = self._outgoing, self._tls
        if not outgoing.left:
            if SENDFILE and tls is None and outgoing.send_file(self.sock):
                return True
            piece = outgoing.take() if tls is None or not tls.is_held else memoryview(b"")
            outgoing.left = piece if tls is None else memoryview(tls.encrypted(piece))
            if not outgoing.left:
                if tls is not None and tls.is_held:
                    raise BlockingIOError
                return False
        outgoing.left = outgoing.left[self.sock.send(outgoing.left, DONTWAIT) :]
        return True

    def _peer_spoke(self) -> bool:
        """True if the peer sent something, or closed, while it was being sent to. It is kept for the next read."""
        if not self.is_readable(0):
            return False
        if self._tls is None:
            return True
        data = self.pending()
        if data is None:
            data = self.decrypt(self.recv())
        if data is None:
            return False
        self._early = data
        return True

    def close(self) -> None:
        self._outgoing.close()
        self.sock.close()

"""TLS: one context for all connections that bring none of their own, and TLS itself without a socket.

Rules kept here:

* The shared context has the system's trust store, and checks certificates and host names.
* `TlsSession` does no I/O: what came from the peer goes in, what goes to the peer comes out. Both faces run it over
  their own sockets.
* A peer that hangs up without the goodbye of TLS has come to its end: HTTP tells whether that was too early.
"""

import ssl
from functools import cache
from threading import Lock

_lock = Lock()


@cache
def _make() -> ssl.SSLContext:
    context = ssl.create_default_context()  # TLS 1.2 or newer, certificates and host names checked
    context.set_alpn_protocols(["http/1.1"])
    return context


def shared_context() -> ssl.SSLContext:
    """The shared context; made at the first use, since loading a trust store takes a while."""
    with _lock:
        return _make()


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""What OpenSSL calls bytes that are no TLS record at all."""


def handshake_failure(error: ssl.SSLError) -> OSError:
    """What broke a handshake, in words that fit into a sentence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return OSError(f"its certificate is not accepted: {error.verify_message.rstrip('.')}")
    if isinstance(error, ssl.SSLEOFError):
        return OSError("it hung up in the TLS handshake")
    if error.reason in _NO_TLS:
        return OSError("it does not speak TLS")
    return OSError(f"the TLS handshake failed: {(error.reason or 'no reason given').lower().replace('_', ' ')}")


class TlsSession:
    """The client's side of one TLS connection. Its methods raise ssl.SSLError for what a peer does wrong."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def feed(self, data: bytes) -> None:
        """Take what came from the peer; b"" is its end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """What a handshake has to send now. Afterwards TLS itself speaks only along with data."""
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """Go on with the handshake; False when that needs more from the peer."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self, limit: int) -> bytes | None:
        """What the peer says; b"" at its end, None when that needs more from it."""
        try:
            return self._tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def encrypted(self, data: bytes | memoryview) -> bytes:
        """The bytes that carry this data to the peer."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        return self.outgoing()

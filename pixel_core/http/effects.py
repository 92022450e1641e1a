"""Effects of an exchange over byte streams: what a driver performs that brings sockets and no HTTP client.

Rules kept here:

* A stream is the driver's own object, so its type is Any here. The core asks of it only what `Stream` lists.
* A time limit is in seconds; None is no limit. A limit that is reached is a TimeoutError.
* Failures of the network are OSErrors. `pixel_core.http.exchange` turns them into the library's errors. One that
  another try would meet again is a `LastingFailure`.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, NamedTuple, Protocol, TypeAlias

from pixel_core.effects import Effect
from pixel_core.messages import Segment
from pixel_core.values import value

Address: TypeAlias = tuple[Any, ...]
"""An address as `socket.getaddrinfo` gives it; the first item is its family."""


class LastingFailure(OSError):  # noqa: N818 - an error of a stream; that of the library is PixelConnectionError
    """A failure that another try would meet again, such as a certificate that is refused."""


def timed_out(what: str, timeout: float | None) -> TimeoutError:
    """The error of a time limit."""
    return TimeoutError(f"{what} in time" if timeout is None else f"{what} within {timeout:g} seconds")


class Stream(Protocol):
    """A connected socket, or one that is connecting."""

    def secure(self, tls: Any) -> None:
        """Send and receive through this TLS session from now on."""

    def close(self) -> None:
        """Close the socket. Does not wait. Called from any thread, and more than once."""


class TlsHandshake(Protocol):
    """A TLS session of a client without a socket. Its methods raise OSError."""

    def handshake(self) -> bool:
        """Go on with the handshake. True when it is complete, False when bytes of the peer are needed."""
        ...

    def outgoing(self) -> bytes:
        """Bytes of the handshake that have to be sent."""
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes of the peer; b"" is their end."""
        ...


@value
class Resolve(Effect[Sequence[Address]]):
    """Look up the addresses of a host. With `numeric` the host is an address, and no name server is asked."""

    host: str
    port: int
    numeric: bool
    timeout: float | None


@value
class Connect(Effect[Any]):
    """Begin to connect to an address, without waiting. Returns the stream that is connecting."""

    address: Address


class ConnectResult(NamedTuple):
    """A connection attempt that is over: its stream, and why it failed (None if it is connected)."""

    stream: Any
    error: OSError | None


@value
class WaitConnected(Effect[Sequence[ConnectResult]]):
    """Wait until some of these streams are connected or have failed. Returns none when the time is over."""

    streams: Sequence[Any]
    timeout: float | None


@value
class StartTls(Effect[TlsHandshake]):
    """Make a TLS session for this host name, for a handshake over the stream. `proxy` is true for TLS to a proxy, which
    is not shown the client's certificate.
    """

    stream: Any
    host: str
    proxy: bool = False


@value
class IsIdle(Effect[bool]):
    """True if an unused connection has no pending bytes and no end of file. Does not wait."""

    stream: Any


@value
class WaitForSlot(Effect[None]):
    """Wait until `lease.notify()` is called, which the effect has to set, or until the time is over. A lease that is no
    longer waiting when `notify` has been set needs no wait.
    """

    lease: Any
    timeout: float | None


@value
class Write(Effect[bool]):
    """Write segments in order. True when all was written, False when the peer sent bytes or closed before that. Without
    segments, the last write goes on. `timeout` limits the time without progress, `total` the whole write.
    """

    stream: Any
    segments: Sequence[Segment] = field(repr=False)
    timeout: float | None
    total: float | None = None


@value
class Read(Effect[bytes]):
    """Read what has arrived, at least one byte; b"" when the peer has closed its side."""

    stream: Any
    timeout: float | None

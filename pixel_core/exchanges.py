"""One HTTP exchange over a leased connection, as a flow: what `Exchange` means where there are streams.

Rules kept here:

* A driver that can lease, write and read runs this flow; it decides nothing itself. Its streams speak of trouble as
  streams do, with OSError (TimeoutError among them); here that becomes one clear sentence about the request.
* An answer that comes before the request is through is the answer: writing stops, and the connection is not reused.
  An interim one (1xx) is none: writing goes on.
* When sending fails, what the peer said before it hung up is still read: S3 refuses large uploads in that way.
* A kept connection may have died unseen. A safe request (RFC 9110, section 9.2.1) that met a dead one, and heard not a
  byte of an answer, is repeated on another. A connection that was opened for the request is never such an excuse.
* The lease is given back by a plain call, before anything else happens, also when the flow is closed half-way.
"""

from typing import Any, Protocol

from pixel_core.effects import Flow, Lease, Read, Write
from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.http1 import ClientConnection
from pixel_core.messages import Request, Response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Leased(Protocol):
    """What a driver gives for the effect `Lease`."""

    @property
    def stream(self) -> Any: ...  # the driver's own, handed back to it with `Write` and `Read`
    @property
    def http(self) -> ClientConnection: ...  # the connection's HTTP machine
    @property
    def used(self) -> bool: ...  # whether it has served an exchange before
    def release(self, reusable: bool) -> None: ...  # give it back, to be kept or to be closed


def exchange(request: Request) -> Flow[Response]:
    """Perform one exchange. Raises ValueError for a request that cannot be sent, PixelConnectionError,
    PixelTimeoutError and PixelProtocolError for what goes wrong on the way, PixelFileChangedError for a body's file
    that cannot be read as described.
    """
    while True:
        try:
            lease: Leased = yield from Lease(request.origin, request.timeouts)
        except PixelConnectionError:
            raise  # in words already; its time-outs are OSErrors too
        except OSError as error:
            raise _failure(request, error, f"could not connect to {request.origin}", sent=False) from error
        try:
            response, reusable = yield from _converse(lease, request)
        except (PixelConnectionError, OSError) as error:
            lease.release(False)
            gone = lease.used and not lease.http.heard and not isinstance(error, TimeoutError)
            if gone and request.method in _SAFE:
                continue
            if isinstance(error, PixelConnectionError):
                raise
            what = "it took too long" if isinstance(error, TimeoutError) else "the connection broke"
            raise _failure(request, error, what, sent=True) from error
        except BaseException:
            lease.release(False)
            raise
        lease.release(reusable)
        return response


def _converse(lease: Leased, request: Request) -> Flow[tuple[Response, bool]]:
    http, stream, timeouts = lease.http, lease.stream, request.timeouts
    complete = yield from Write(stream, http.start(request), timeouts.write)
    while True:
        response = http.receive((yield from Read(stream, timeouts.read)))
        if response is not None:
            return response, complete and http.reusable
        if not complete and not http.answering:
            complete = yield from Write(stream, (), timeouts.write)


def _failure(request: Request, error: OSError, what: str, sent: bool) -> PixelConnectionError:
    reason = error.strerror or str(error) or type(error).__name__
    kind = PixelTimeoutError if isinstance(error, TimeoutError) else PixelConnectionError
    return kind(f"{request.label}: {what}: {reason}", sent=sent)

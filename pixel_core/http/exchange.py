"""One HTTP exchange over a leased connection, as a flow: what `Exchange` means where there are streams.

Rules kept here:

* A driver that can lease, write and read runs this flow; it decides nothing itself. Its streams speak of trouble as
  streams do, with OSError (TimeoutError among them); here that becomes one clear sentence about the request.
* An answer that comes before the request is through is the answer: writing stops, and the connection is not reused.
  An interim one (1xx) is none: writing goes on.
* When sending fails, what the peer said before it hung up is still read: S3 refuses large uploads in that way.
* A kept connection may have died unseen. A safe request (RFC 9110, section 9.2.1) that met a dead one, and heard not a
  byte of an answer, is repeated on another. A connection that was opened for the request is never such an excuse.
* A total limit holds for all of it together: a peer that sends a byte at a time gets no more time than a silent one.
* The lease is given back by a plain call, before anything else happens, also when the flow is closed half-way.
"""

from typing import Any, Protocol

from pixel_core.effects import Clock, Flow, Lease, Read, Write
from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.http.connection import ClientConnection
from pixel_core.http.proxies import ProxyFailure
from pixel_core.messages import Request, Response, Timeouts

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
    timeouts, until = request.timeouts, None
    if timeouts.total is not None:
        until = (yield from Clock()) + timeouts.total
    while True:
        try:
            limits = timeouts if until is None else (yield from _left(timeouts, until))
            lease: Leased = yield from Lease(request.origin, limits)
        except PixelConnectionError:
            raise  # in words already; its time-outs are OSErrors too
        except OSError as error:
            raise _failure(request, error, f"could not connect to {request.origin}", sent=False) from error
        try:
            response, reusable = yield from _converse(lease, request, until)
        except (PixelConnectionError, OSError) as error:
            lease.release(False)
            gone = lease.used and not lease.http.response_started and not isinstance(error, TimeoutError)
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


def _converse(lease: Leased, request: Request, until: float | None) -> Flow[tuple[Response, bool]]:
    http, stream, limits = lease.http, lease.stream, request.timeouts
    if until is not None:
        limits = yield from _left(request.timeouts, until)
    complete = yield from Write(stream, http.start(request), limits.write, limits.total)
    while True:
        if until is not None:
            limits = yield from _left(request.timeouts, until)
        response = http.receive((yield from Read(stream, limits.read)))
        if response is not None:
            return response, complete and http.reusable
        if not complete and not http.response_in_progress:
            if until is not None:
                limits = yield from _left(request.timeouts, until)
            complete = yield from Write(stream, (), limits.write, limits.total)


def _left(timeouts: Timeouts, until: float) -> Flow[Timeouts]:
    """The limits that hold now. Raises TimeoutError when no time is left."""
    left = until - (yield from Clock())
    if left <= 0:
        raise TimeoutError(f"the call was to take no more than {timeouts.total:g} seconds")
    return timeouts.within(left)


def _failure(request: Request, error: OSError, what: str, sent: bool) -> PixelConnectionError:
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(error, ProxyFailure):
        return PixelProxyError(f"{request.label}: {what}: {reason}", status=error.status)
    kind = PixelTimeoutError if isinstance(error, TimeoutError) else PixelConnectionError
    return kind(f"{request.label}: {what}: {reason}", sent=sent)

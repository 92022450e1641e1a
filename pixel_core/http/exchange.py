"""One HTTP exchange over a leased connection, as a flow: what the effect `Exchange` means where there are streams.

Rules kept here:

* A driver that has streams runs this flow and decides nothing. Streams fail with OSError (TimeoutError among them);
  here that becomes one sentence about the request.
* A response that arrives before the request is sent ends the sending, and the connection is not reused. An interim
  response (1xx) does not.
* When sending fails, what the peer sent before it closed is still read: S3 refuses large uploads in that way.
* A kept connection may have been closed unseen. A safe request (RFC 9110, section 9.2.1) that met a closed one and
  received no byte of a response is repeated on another. A connection that was opened for the request is no such case.
* A total limit covers all of it together: a peer that sends one byte at a time gets no more time than a silent one.
  When it is over, the error names it, and not what was left of it for the last step.
* The slot has an owner before it is taken, and is freed by a plain call, also when the flow is closed half-way. The
  call is made twice, since an interrupt (Ctrl-C) may end the first one early.
"""

from pixel_core.effects import Clock, Flow
from pixel_core.errors import PixelConnectionError, PixelProxyError, PixelTimeoutError
from pixel_core.http.effects import LastingFailure, Read, Write
from pixel_core.http.leasing import Connection, Leasing
from pixel_core.http.pool import Lease, LeaseState
from pixel_core.http.tunnel import ProxyFailure
from pixel_core.messages import SAFE_METHODS, Deadline, Request, Response

_CLOCK = Clock()


def exchange(request: Request, leasing: Leasing) -> Flow[Response]:
    """Perform one exchange. Raises ValueError for a request that cannot be sent, PixelConnectionError,
    PixelTimeoutError and PixelProtocolError for failures on the way, PixelFileChangedError for a body's file that
    cannot be read as described.
    """
    timeouts = request.timeouts
    deadline = None if timeouts.total is None else Deadline.from_total(timeouts, (yield from _CLOCK))
    while True:
        lease: Lease[Connection] = Lease(request.origin)
        reusable, now = False, 0.0
        try:
            try:
                limits = timeouts if deadline is None else deadline.remaining((yield from _CLOCK))
                connection = yield from leasing.lease(lease, limits)
            except PixelConnectionError:
                raise  # a sentence already; PixelTimeoutError is an OSError too
            except OSError as error:
                what = f"could not connect to {request.origin}"
                raise (yield from _failure(request, error, what, deadline, sent=False)) from error
            try:
                response, complete = yield from _converse(connection, request, deadline)
            except (PixelConnectionError, OSError) as error:
                unseen = connection.used and not connection.http.response_started
                may_pass = not isinstance(error, (TimeoutError, LastingFailure))
                if unseen and may_pass and request.method in SAFE_METHODS:
                    continue
                if isinstance(error, PixelConnectionError):
                    raise
                what = "it took too long" if isinstance(error, TimeoutError) else "the connection broke"
                raise (yield from _failure(request, error, what, deadline, sent=True)) from error
            now = yield from _CLOCK
            connection.used = reusable = complete and connection.http.reusable
            return response
        finally:
            try:
                leasing.release(lease, now, reusable)
            finally:
                if lease.state is not LeaseState.RELEASED:
                    leasing.release(lease, now, reusable)


def _converse(connection: Connection, request: Request, deadline: Deadline | None) -> Flow[tuple[Response, bool]]:
    """The response, and whether all of the request was sent."""
    http, stream, limits = connection.http, connection.stream, request.timeouts
    if deadline is not None:
        limits = deadline.remaining((yield from _CLOCK))
    complete = yield from Write(stream, http.start(request), limits.write, limits.total)
    while True:
        if deadline is not None:
            limits = deadline.remaining((yield from _CLOCK))
        response = http.receive((yield from Read(stream, limits.read)))
        if response is not None:
            return response, complete
        if not complete and not http.response_in_progress:
            if deadline is not None:
                limits = deadline.remaining((yield from _CLOCK))
            complete = yield from Write(stream, (), limits.write, limits.total)


def _failure(
    request: Request, error: OSError, what: str, deadline: Deadline | None, sent: bool
) -> Flow[PixelConnectionError]:
    """The error of the library for one of a stream."""
    reason = error.strerror or str(error) or type(error).__name__
    lasting = isinstance(error, LastingFailure) or isinstance(error.__cause__, LastingFailure)
    if isinstance(error, ProxyFailure):
        return PixelProxyError(f"{request.label}: {what}: {reason}", status=error.status, lasting=lasting)
    if not isinstance(error, TimeoutError):
        return PixelConnectionError(f"{request.label}: {what}: {reason}", sent=sent, lasting=lasting)
    if deadline is not None and error.errno is None and deadline.is_over((yield from _CLOCK)):
        reason = deadline.reason
    return PixelTimeoutError(f"{request.label}: {what}: {reason}", sent=sent)

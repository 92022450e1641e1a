"""Faults on schedule, around any transport: what a client does when the network or the server fails.

Rules kept here:

* A fault shows itself as real ones do: by the errors that transports of this library raise, or by an answer. So it is
  repeated, or not, as the real one would be.
* The plan is followed one request after another, in the order in which they come. The login is spared unless `where`
  says otherwise.
* A fault that is not the peer's (`Slow`) keeps the limits of the request.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pixel_core.effects import Exchange, Flow, Sleep
from pixel_core.errors import PixelConnectionError, PixelProtocolError, PixelTimeoutError
from pixel_core.messages import Headers, Request, Response, encode_json
from pixel_transports.net.transports import AnyTransport
from pixel_transports.testing.secrets import is_login
from pixel_transports.testing.wrapping import TransportWrapper

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock


class Fault:
    """Something that goes wrong with one request. Write a subclass for one of your own."""

    def exchange(self, request: Request) -> Flow[Response]:
        """What happens in place of the exchange: raise, give an answer, or `yield from Exchange(request)`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        known = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({known})"


class Refuse(Fault):
    """No connection can be made: PixelConnectionError, with `sent` False."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelConnectionError(f"{request.label}: the connection was refused", sent=False)


class Reset(Fault):
    """The connection breaks after the request was sent: PixelConnectionError, with `sent` True. With `acted`, the
    server had done what it was asked, and only its answer is lost.
    """

    def __init__(self, acted: bool = False) -> None:
        self.acted = acted

    def exchange(self, request: Request) -> Flow[Response]:
        if self.acted:
            yield from Exchange(request)
        raise PixelConnectionError(f"{request.label}: the connection was reset", sent=True)


class TimeOut(Fault):
    """No answer in time, told at once: PixelTimeoutError. `sent` is False where no connection was made in time."""

    def __init__(self, sent: bool = True) -> None:
        self.sent = sent

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelTimeoutError(f"{request.label}: no answer in time", sent=self.sent)


class Slow(Fault):
    """The answer takes `seconds` longer. Where that is beyond the request's read limit, the limit is waited for and
    PixelTimeoutError raised; the server has seen nothing of the request then.

    It waits on the clock that `Faults` was given, or for real; around a plain function a clock has to be given.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def exchange(self, request: Request) -> Flow[Response]:
        limit = request.timeouts.read
        if limit is not None and self.seconds >= limit:
            yield from Sleep(limit)
            raise PixelTimeoutError(f"{request.label}: no answer within {limit:g} seconds", sent=True)
        yield from Sleep(self.seconds)
        return (yield from Exchange(request))


class Status(Fault):
    """An answer with this status, in JSON; `retry_after` (seconds, or a date) is its `Retry-After`."""

    def __init__(self, status: int, retry_after: float | str | None = None, json: Any = None) -> None:
        self.status = status
        self.retry_after = retry_after
        self.json: Any = {"detail": f"a fault with status {status}"} if json is None else json

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        headers = [("Content-Type", "application/json")]
        if self.retry_after is not None:
            after = self.retry_after
            headers.append(("Retry-After", after if isinstance(after, str) else f"{after:g}"))
        return Response(self.status, Headers(headers), encode_json(self.json))


class Garbage(Fault):
    """The peer speaks no HTTP: PixelProtocolError."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelProtocolError(f"{request.label}: the answer is no HTTP")


class NoJson(Fault):
    """A success with a page where JSON is expected, as captive portals give."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        return Response(200, Headers({"Content-Type": "text/html"}), b"<html><body>Welcome</body></html>")


class Faults(TransportWrapper):
    """A transport around another one, where things go wrong as a plan says.

    >>> transport = Faults(sandbox, [Refuse(), Status(503, retry_after=1), None, Reset()])

    Each request takes the next of `plan`: a fault, or None, which lets it pass. Afterwards everything passes, or meets
    the fault `then`, again and again. `where` tells for a request whether it counts at all; without it, all do but
    those of the login. `clock` is what `Slow` waits on. Raises TypeError for what is no transport, and at its turn for
    what is no fault.
    """

    def __init__(
        self,
        transport: AnyTransport,
        plan: Iterable[Fault | None] = (),
        *,
        then: Fault | None = None,
        where: Callable[[Request], bool] | None = None,
        clock: "ManualClock | None" = None,
    ) -> None:
        super().__init__(transport, clock)
        self.met: list[Fault] = []
        """The faults that were met so far."""
        self._plan: Iterator[Fault | None] = iter(plan)
        self._then = then
        self._where = where or (lambda request: not is_login(request))
        self._lock = threading.Lock()

    def assert_all_met(self) -> None:
        """Raise AssertionError, naming them, when faults of the plan (a finite one) are left."""
        with self._lock:
            left = [each for each in self._plan if each is not None]
            self._plan = iter(left)
        if left:
            raise AssertionError(f"{len(left)} of the planned faults were not met: {', '.join(map(repr, left))}")

    def exchange(self, request: Request) -> Flow[Response]:
        fault = self._next(request)
        return (yield from Exchange(request) if fault is None else fault.exchange(request))

    def _next(self, request: Request) -> Fault | None:
        if not self._where(request):
            return None
        with self._lock:
            fault = next(self._plan, self._then)
            if fault is None:
                return None
            if not isinstance(fault, Fault):
                raise TypeError(f"a plan holds faults, as Refuse(), and None; not {fault!r}")
            self.met.append(fault)
        return fault

"""Planned faults around any transport, to test how a client handles failures of the network and the server.

Rules kept here:

* A fault is an error that transports of this library raise, or a response, so it is retried like a real one.
* Requests take the entries of the plan in the order of their arrival. Logins are exempt by default.
* `Slow` respects the time limits of the request.
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
    """A failure of one request. Subclasses implement `exchange`."""

    def exchange(self, request: Request) -> Flow[Response]:
        """Replaces the exchange: raise, return a response, or `yield from Exchange(request)`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        known = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({known})"


class Refuse(Fault):
    """A refused connection: PixelConnectionError with `sent` False."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelConnectionError(f"{request.label}: the connection was refused", sent=False)


class Reset(Fault):
    """A reset after the request was sent: PixelConnectionError with `sent` True. With `acted`, the server handles the
    request, and only its response is lost.
    """

    def __init__(self, acted: bool = False) -> None:
        self.acted = acted

    def exchange(self, request: Request) -> Flow[Response]:
        if self.acted:
            yield from Exchange(request)
        raise PixelConnectionError(f"{request.label}: the connection was reset", sent=True)


class TimeOut(Fault):
    """A timeout without waiting: PixelTimeoutError. `sent` is False if the connection timed out."""

    def __init__(self, sent: bool = True) -> None:
        self.sent = sent

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelTimeoutError(f"{request.label}: no answer in time", sent=self.sent)


class Slow(Fault):
    """A response that takes `seconds` longer. Beyond the read limit of the request it waits for the limit and raises
    PixelTimeoutError; the server does not receive the request then.

    It waits on the clock of `Faults`, or in real time. Around a plain function a clock is required.
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
    """A JSON response with this status. `retry_after` (seconds, or a date) is its `Retry-After` header."""

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
    """A response that is not HTTP: PixelProtocolError."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        raise PixelProtocolError(f"{request.label}: the answer is no HTTP")


class NoJson(Fault):
    """A 200 response with HTML in place of JSON, as from a captive portal."""

    def exchange(self, request: Request) -> Flow[Response]:
        yield from ()
        return Response(200, Headers({"Content-Type": "text/html"}), b"<html><body>Welcome</body></html>")


class Faults(TransportWrapper):
    """A transport around another one that fails by a plan.

    >>> transport = Faults(sandbox, [Refuse(), Status(503, retry_after=1), None, Reset()])

    Each request takes the next entry of `plan`: a fault, or None, which lets it pass. After the plan, each request
    meets the fault `then`, or passes. `where` is a predicate for the requests that count, by default all except logins.
    `clock` is the clock of `Slow`. Raises TypeError for a wrong transport, and for a wrong entry at its turn.
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
        """The faults that occurred so far."""
        self._plan: Iterator[Fault | None] = iter(plan)
        self._then = then
        self._where = where or (lambda request: not is_login(request))
        self._lock = threading.Lock()

    def assert_all_met(self) -> None:
        """Raise AssertionError with the faults of a finite plan that did not occur."""
        with self._lock:
            left = [each for each in self._plan if each is not None]
            self._plan = iter(left)
        if left:
            raise AssertionError(f"{len(left)} of the planned faults did not occur: {', '.join(map(repr, left))}")

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

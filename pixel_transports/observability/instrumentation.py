"""Those who watch a driver: the log, a listener, a tracer.

Rules kept here:

* Where nobody watches, an exchange costs one question more, and nothing is made for it.
* A call does not depend on who watches: what a listener raises is written to the log, and the call goes on. What ends
  the program (KeyboardInterrupt, SystemExit) goes on its way. No connection is held while a listener is called.
* An exchange that ends in any way is told of, also one that was cancelled.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from logging import DEBUG
from typing import TYPE_CHECKING

from pixel_core.effects import Exchange
from pixel_core.errors import PixelError
from pixel_core.events import RequestFailed, RequestSent, ResponseReceived
from pixel_core.messages import Body, Response, body_segments
from pixel_transports.observability.logs import CALLS, CONNECTIONS, HTTP, current_request_id, log

if TYPE_CHECKING:
    from pixel_transports.observability.telemetry import Telemetry

Listener = Callable[[object], object]


def both(first: Listener | None, second: Listener | None) -> Listener | None:
    """One listener that tells two, the second also where the first fails."""
    if first is None or second is None:
        return first or second

    def tell(event: object) -> None:
        try:
            first(event)
        finally:
            second(event)

    return tell


class ExchangeRecord:
    """What became of an exchange: whoever performs it puts the answer here."""

    def __init__(self) -> None:
        self.response: Response | None = None


class DriverInstrumentation:
    """Instrumentation of one driver: the log, a listener, a tracer."""

    def __init__(self, listener: Listener | None = None, telemetry: "Telemetry | None" = None) -> None:
        self._listener = listener
        self._telemetry = telemetry
        self._always = listener is not None or telemetry is not None

    @property
    def enabled(self) -> bool:
        """True if exchanges are to be recorded."""
        return self._always or HTTP.isEnabledFor(DEBUG) or CONNECTIONS.isEnabledFor(DEBUG)

    def report(self, event: object) -> None:
        """Hand an event to the log and to the listener."""
        log(event)
        if self._listener is not None:
            try:
                self._listener(event)
            except Exception:
                CALLS.exception("A listener failed, told of %s", type(event).__name__, extra={"request_id": ""})

    @contextmanager
    def exchange(self, effect: Exchange) -> Iterator[ExchangeRecord]:
        """Watch an exchange: it is performed inside."""
        record, request_id = ExchangeRecord(), effect.request_id
        call, began = effect.request.label, time.monotonic()
        before = current_request_id.set(request_id)
        try:
            with nullcontext() if self._telemetry is None else self._telemetry.exchange(effect, record):
                self.report(RequestSent(call, request_id, _size_of(effect.request.body), effect.resend))
                yield record
        except BaseException as error:
            self.report(RequestFailed(call, request_id, _reason_of(error), time.monotonic() - began))
            raise
        else:
            if record.response is not None:
                status, size = record.response.status, len(record.response.body)
                self.report(ResponseReceived(call, request_id, status, size, time.monotonic() - began))
        finally:
            current_request_id.reset(before)


def _size_of(body: Body) -> int:
    return sum(map(len, body_segments(body)))


def _reason_of(error: BaseException) -> str:
    """What went wrong, fit to be shown: the words of others may hold anything."""
    if isinstance(error, PixelError):
        return str(error)
    return type(error).__name__ if isinstance(error, Exception) else "cancelled"

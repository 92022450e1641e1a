"""Instrumentation of drivers: the log, a listener, and a tracer.

Rules kept here:

* Without a log level, listener or tracer, an exchange costs one check, and no object is made for it.
* A call does not depend on its instrumentation: an exception of a listener is logged, and the call continues.
  KeyboardInterrupt and SystemExit are not caught. No connection is held while a listener runs.
* Every end of an exchange is reported, also a cancellation.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from logging import DEBUG
from typing import Protocol, TypeAlias

from pixel_core.effects import Exchange
from pixel_core.errors import PixelError
from pixel_core.events import RequestFailed, RequestSent, ResponseReceived
from pixel_core.messages import Body, Response, body_segments
from pixel_transports.observability.logs import CALLS, CONNECTIONS, HTTP, current_request_id, log

Listener: TypeAlias = Callable[[object], object]
"""A function that is called with each event."""


class Tracing(Protocol):
    """Makes spans. `pixel_transports.observability.telemetry.Telemetry` does, for OpenTelemetry."""

    def operation(self, name: str) -> AbstractContextManager[None]:
        """The span of an operation."""
        ...

    def exchange(self, effect: Exchange) -> AbstractContextManager[Callable[[int], None]]:
        """The span of one exchange. The context is a function that takes the status of the response."""
        ...


class ExchangeRecord:
    """The record of one exchange: the driver stores the response in it."""

    def __init__(self) -> None:
        self.response: Response | None = None


class DriverInstrumentation:
    """Reports the exchanges and events of one driver to the log, a listener and a tracer."""

    def __init__(self, listener: Listener | None = None, tracing: Tracing | None = None) -> None:
        self._listener = listener
        self.tracing = tracing
        self._always = listener is not None or tracing is not None

    @classmethod
    def from_keywords(cls, listener: Listener | None, tracer: object) -> "DriverInstrumentation":
        """From keywords of a client. Raises TypeError if `tracer` is no tracer."""
        if tracer is None or tracer is False:
            return cls(listener)
        from pixel_transports.runtime.extras import needs_extra  # late: few clients have a tracer

        with needs_extra("otel", "A tracer"):
            from pixel_transports.observability.telemetry import Telemetry

        return cls(listener, Telemetry.from_keyword(tracer))

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Pass the events of the context to a listener, too: those of this thread or task, and of what it starts."""
        token = _listeners.set((*_listeners.get(), (self, listener)))
        try:
            yield
        finally:
            _listeners.reset(token)

    @property
    def enabled(self) -> bool:
        """True if exchanges are to be recorded."""
        return self._always or bool(_listeners.get()) or HTTP.isEnabledFor(DEBUG) or CONNECTIONS.isEnabledFor(DEBUG)

    def report(self, event: object) -> None:
        """Pass an event to the log, to the listener, and to those of the context."""
        log(event)
        if self._listener is not None:
            _call(self._listener, event)
        for owner, listener in _listeners.get():
            if owner is self:
                _call(listener, event)

    @contextmanager
    def exchange(self, effect: Exchange) -> Iterator[ExchangeRecord]:
        """Record one exchange, which is performed inside of the context."""
        record, of, request_id = ExchangeRecord(), effect.correlation, effect.correlation.request_id
        file = of.upload_id, of.path, of.job_id
        call, began = effect.request.label, time.monotonic()
        before = current_request_id.set(request_id)
        try:
            with nullcontext(_ignore) if self.tracing is None else self.tracing.exchange(effect) as set_status:
                self.report(RequestSent(call, request_id, _size_of(effect.request.body), effect.resend, *file))
                yield record
                if record.response is not None:
                    set_status(record.response.status)
        except BaseException as error:
            self.report(RequestFailed(call, request_id, _reason_of(error), time.monotonic() - began, *file))
            raise
        else:
            if record.response is not None:
                status, size = record.response.status, len(record.response.body)
                self.report(ResponseReceived(call, request_id, status, size, time.monotonic() - began, *file))
        finally:
            current_request_id.reset(before)


_listeners: ContextVar[tuple[tuple[DriverInstrumentation, Listener], ...]] = ContextVar("listeners", default=())
"""The listeners of calls in this context, each with the instrumentation of its driver: others have other listeners."""


def _call(listener: Listener, event: object) -> None:
    try:
        listener(event)
    except Exception:
        CALLS.exception("A listener failed for the event %s", type(event).__name__, extra={"request_id": ""})


def _ignore(status: int) -> None:
    """Nothing is traced."""


def _size_of(body: Body) -> int:
    return sum(map(len, body_segments(body)))


def _reason_of(error: BaseException) -> str:
    """The reason of a failure, without the text of foreign errors, which may hold secrets."""
    if isinstance(error, PixelError):
        return str(error)
    return type(error).__name__ if isinstance(error, Exception) else "cancelled"

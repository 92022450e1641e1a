"""Spans for OpenTelemetry (extra `otel`): one for each operation, and below it one for each of its exchanges.

Rules kept here:

* An operation's span is `pixel.<operation>`, of kind INTERNAL; that of a page of a listing too. An exchange's is named
  by its method, of kind CLIENT, with the attributes of the semantic conventions for HTTP clients (version 1.23).
* What runs in threads and tasks of an operation (uploads) has its span for a parent: drivers hand their context on.
* No span holds a query, a header, a body, or the words of an error.
* `opentelemetry` is imported only where a tracer was asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_tracer

from pixel_core.effects import Exchange
from pixel_core.messages import Request
from pixel_transports.observability.instrumentation import ExchangeRecord

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Others are `_OTHER`, so that nobody can fill a database with names of methods."""


class Telemetry:
    """What a driver and a client tell a tracer."""

    def __init__(self, tracer: Any) -> None:  # a Tracer of OpenTelemetry
        self._tracer = tracer

    @classmethod
    def of(cls, given: object) -> "Telemetry | None":
        """From what was given as `tracer`: True is the tracer of the program's provider, None and False are none.

        Raises TypeError for what is no tracer.
        """
        if given is None or given is False:
            return None
        if given is True:
            return cls(get_tracer("pixel_client"))
        if isinstance(given, Tracer):
            return cls(given)
        raise TypeError(f"tracer is an OpenTelemetry tracer, or True for the program's, not {type(given).__name__}")

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """The span of an operation, which is the current one inside."""
        with self._span(f"pixel.{name}", SpanKind.INTERNAL, {}):
            yield

    @contextmanager
    def exchange(self, effect: Exchange, record: ExchangeRecord) -> Iterator[None]:
        """The span of one exchange, which is the current one inside."""
        method = effect.request.method if effect.request.method in _METHODS else "HTTP"
        with self._span(method, SpanKind.CLIENT, _attributes(effect)) as span:
            yield
            if record.response is not None:
                status = record.response.status
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    span.set_attribute("error.type", str(status))
                    span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: dict[str, Any]) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                kind_of_error = type(error).__qualname__ if isinstance(error, Exception) else "cancelled"
                span.set_attribute("error.type", kind_of_error)
                span.set_status(Status(StatusCode.ERROR))
                raise


def _attributes(effect: Exchange) -> dict[str, Any]:
    request: Request = effect.request
    attributes: dict[str, Any] = {
        "http.request.method": request.method if request.method in _METHODS else "_OTHER",
        "server.address": request.origin.host,
        "server.port": request.origin.port,
        "url.full": f"{request.origin}{request.path}",
    }
    if request.method not in _METHODS:
        attributes["http.request.method_original"] = request.method
    if effect.resend:
        attributes["http.request.resend_count"] = effect.resend
    if effect.request_id:
        attributes["pixel.request_id"] = effect.request_id
    return attributes

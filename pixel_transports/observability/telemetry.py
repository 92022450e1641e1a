"""Spans for OpenTelemetry (extra `otel`): one per operation, and below it one per exchange.

Rules kept here:

* The span of an operation, or of a page of a listing, is `pixel.<operation>`, of kind INTERNAL. The span of an
  exchange is named by its method, of kind CLIENT, with the attributes of the semantic conventions for HTTP clients
  (version 1.23).
* Exchanges in threads and tasks of an operation have its span as parent: drivers propagate the context.
* No span holds a query, a header, a body, or the text of an error.
* `opentelemetry` is imported only if a tracer is used.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_tracer

from pixel_core.effects import Exchange
from pixel_core.messages import Request

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Other methods are reported as `_OTHER`, which limits the number of distinct values."""


class Telemetry:
    """Makes spans of operations and exchanges with a tracer."""

    def __init__(self, tracer: Any) -> None:  # a Tracer of OpenTelemetry
        self._tracer = tracer

    @classmethod
    def from_keyword(cls, tracer: object) -> "Telemetry":
        """From the keyword `tracer`; True is the tracer of the global provider. Raises TypeError if it is no tracer."""
        if tracer is True:
            return cls(get_tracer("pixel_client"))
        if isinstance(tracer, Tracer):
            return cls(tracer)
        raise TypeError(
            f"tracer has to be an OpenTelemetry tracer or True (the global one), not {type(tracer).__name__}"
        )

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """The span of an operation, which is the current one inside."""
        with self._span(f"pixel.{name}", SpanKind.INTERNAL, {}):
            yield

    @contextmanager
    def exchange(self, effect: Exchange) -> Iterator[Callable[[int], None]]:
        """The span of one exchange, which is the current one inside. Yields a function that takes the status."""
        method = effect.request.method if effect.request.method in _METHODS else "HTTP"
        with self._span(method, SpanKind.CLIENT, _attributes(effect)) as span:
            yield partial(_set_status, span)

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


def _set_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 400:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


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
    if effect.correlation.request_id:
        attributes["pixel.request_id"] = effect.correlation.request_id
    return attributes

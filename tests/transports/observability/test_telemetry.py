"""OpenTelemetry spans with their parents and attributes, as the exporter of the SDK receives them from each client."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pixel_client import PixelUploadFile

from pixel_core import Request, Response
from pixel_core.errors import PixelConnectionError, PixelNotFoundError, PixelValidationError
from pixel_transports import PixelApiSettings, get_client
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox
from tests.support.callers import call
from tests.transports.sandbox.support import TIFF

SETTINGS = PixelApiSettings(**Sandbox().environment("http://sandbox.invalid"))
Handler: TypeAlias = Callable[[Request], Response]


class Traced:
    """A client of one kind, and the spans of its calls."""

    def __init__(self, face: str) -> None:
        self._face = face
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.sandbox = Sandbox(job_seconds=0.0)
        self.handler: Handler = self.sandbox
        self.client = self.client_on(lambda request: self.handler(request))

    def client_on(self, transport: Any) -> Any:
        tracer = self.provider.get_tracer("tests")
        return get_client(self._face != "blocking", SETTINGS, transport=transport, tracer=tracer, journal=None)

    def __call__(self, name: str, *args: Any) -> Any:
        return call(self.client, name, *args, backend=self._face)

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """The ended spans in the order of their start."""
        spans: Sequence[ReadableSpan] = self._exporter.get_finished_spans()
        return sorted((each for each in spans if name in (None, each.name)), key=lambda each: each.start_time or 0)

    def below(self, parent: ReadableSpan) -> list[ReadableSpan]:
        assert parent.context is not None
        number = parent.context.span_id
        return [each for each in self.spans() if each.parent is not None and each.parent.span_id == number]


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def traced(request: pytest.FixtureRequest) -> Traced:
    return Traced(request.param)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_an_operation_is_a_span_and_its_exchanges_are_spans_below_it(traced: Traced) -> None:
    traced("me")
    (operation,) = traced.spans("pixel.me")
    assert (operation.kind, operation.parent) == (SpanKind.INTERNAL, None)
    assert [(span.name, span.kind) for span in traced.below(operation)] == [
        ("POST", SpanKind.CLIENT),
        ("GET", SpanKind.CLIENT),
    ]
    assert len(traced.spans()) == 3


def test_an_exchange_has_the_attributes_of_the_semantic_conventions(traced: Traced) -> None:
    traced("request", "GET", "/projects/", {"name": "hush"})
    span = traced.spans("GET")[-1]
    fields = attributes(span)
    assert len(fields.pop("pixel.request_id")) == 36
    assert fields == {
        "http.request.method": "GET",
        "server.address": "sandbox.invalid",
        "server.port": 80,
        "url.full": "http://sandbox.invalid/api/sandbox/projects/",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_an_unknown_method_is_other_with_the_original_name(traced: Traced) -> None:
    with pytest.raises(Exception, match="405"):
        traced("request", "BREW", "/users/me")
    fields = attributes(traced.spans("HTTP")[-1])
    assert (fields["http.request.method"], fields["http.request.method_original"]) == ("_OTHER", "BREW")


def test_a_refusal_is_an_error_of_the_exchange_and_of_the_operation(traced: Traced) -> None:
    with pytest.raises(PixelNotFoundError):
        traced("get_project", 4711)
    (operation,) = traced.spans("pixel.get_project")
    exchange = traced.below(operation)[-1]
    assert (attributes(exchange)["http.response.status_code"], attributes(exchange)["error.type"]) == (404, "404")
    assert attributes(operation)["error.type"] == "PixelNotFoundError"
    assert {operation.status.status_code, exchange.status.status_code} == {StatusCode.ERROR}


def test_repeats_are_counted_and_a_lost_response_has_no_status(traced: Traced) -> None:
    def twice_broken(request: Request) -> Response:
        if request.path.endswith("/me") and not broken.pop():
            raise PixelConnectionError("reset")
        return traced.sandbox(request)

    broken = [True, False, False]
    traced.handler = twice_broken
    traced("me")
    fields = [attributes(span) for span in traced.spans("GET")]
    assert [each.get("http.request.resend_count") for each in fields] == [None, 1, 2]
    assert [each.get("error.type") for each in fields] == ["PixelConnectionError", "PixelConnectionError", None]
    assert "http.response.status_code" not in fields[0]
    assert len({each["pixel.request_id"] for each in fields}) == 1


def test_concurrent_exchanges_of_an_upload_are_below_its_span(traced: Traced, tmp_path: Path) -> None:
    project = traced("create_project", "Project", "", SAMPLE_AREA)["id"]
    collection = traced("create_data_collection", project, "Rasters", "", "RGB")["id"]
    files = [tmp_path / f"{number}.tif" for number in range(4)]
    for number, file in enumerate(files):
        file.write_bytes(TIFF + bytes([number]))
    traced("upload_multiple_rasters", project, collection, [PixelUploadFile(file=file) for file in files])
    (operation,) = traced.spans("pixel.upload_multiple_rasters")
    below = traced.below(operation)
    storing = [span for span in below if "/storage/" in attributes(span)["url.full"]]
    assert len(storing) == 4
    assert len(below) == sum(1 for span in traced.spans() if span.kind is SpanKind.CLIENT) - 3  # the login is before
    assert all("?" not in attributes(span)["url.full"] for span in below)


def test_each_page_of_a_listing_is_a_span(traced: Traced) -> None:
    project = traced("create_project", "Project", "", SAMPLE_AREA)["id"]
    collection = traced("create_data_collection", project, "Images", "", "image")["id"]
    traced("paginate_images", project, collection, 2)
    (page,) = traced.spans("pixel.paginate_images")
    assert [span.name for span in traced.below(page)] == ["GET"]


def test_an_operation_is_below_the_current_span(traced: Traced) -> None:
    tracer = traced.provider.get_tracer("program")
    with tracer.start_as_current_span("program") as program:
        traced("me")
    (operation,) = traced.spans("pixel.me")
    assert operation.parent is not None
    assert operation.parent.span_id == program.get_span_context().span_id


@pytest.mark.anyio
async def test_concurrent_operations_have_their_own_exchanges() -> None:
    traced, gate, arrived = Traced("async"), anyio.Event(), []

    async def handler(request: Request) -> Response:
        if request.path.endswith("/me"):
            arrived.append(request.path)
            if len(arrived) == 5:
                gate.set()
            await gate.wait()
        return traced.sandbox(request)

    client = traced.client_on(handler)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(client.me)
    operations = {span.context.span_id for span in traced.spans("pixel.me") if span.context}
    assert len(operations) == 5
    assert {span.parent.span_id for span in traced.spans("GET") if span.parent} == operations


@pytest.mark.anyio
async def test_a_cancelled_operation_has_the_error_type_cancelled() -> None:
    async def silent(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    traced = Traced("async")
    with anyio.move_on_after(0.05):
        await traced.client_on(silent).me()
    ended = {span.name: attributes(span)["error.type"] for span in traced.spans()}
    assert ended == {"POST": "cancelled", "pixel.me": "cancelled"}


@pytest.mark.parametrize(
    "outcome", [OSError("hush-hush"), Response(422, body=b'{"detail": "hush-hush"}')], ids=["OSError", "refusal"]
)
def test_no_span_holds_the_message_of_an_error(traced: Traced, outcome: Response | OSError) -> None:
    def failing(request: Request) -> Response:
        if not request.path.endswith("/me"):
            return traced.sandbox(request)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    traced.handler = failing
    with pytest.raises((OSError, PixelValidationError), match="hush-hush") as caught:
        traced("me")
    assert "hush" not in "".join(span.to_json() for span in traced.spans())
    assert attributes(traced.spans("pixel.me")[0])["error.type"] == caught.typename


def test_true_is_the_global_tracer_and_another_value_is_a_type_error() -> None:
    assert get_client(settings=SETTINGS, transport=Sandbox(), tracer=True).me()
    with pytest.raises(TypeError, match="tracer"):
        get_client(settings=SETTINGS, tracer="yes")

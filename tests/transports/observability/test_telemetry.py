"""Spans of OpenTelemetry: which there are, below which, and with which attributes, on every face.

Rules kept here:

* The spans are those that the SDK's own exporter gets; nothing stands in for the tracer.
"""

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
from pixel_core.errors import PixelConnectionError, PixelNotFoundError
from pixel_transports import PixelApiSettings, get_client
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox
from tests.transports.sandbox.support import TIFF

Handler: TypeAlias = Callable[[Request], Response]


class Traced:
    """A client of one face whose spans are kept."""

    def __init__(self, face: str) -> None:
        self._face = face
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.sandbox = Sandbox(job_seconds=0.0)
        self.handler: Handler = self.sandbox
        settings = PixelApiSettings(**self.sandbox.environment("http://sandbox.invalid"))
        self._client: Any = get_client(
            face != "blocking",
            settings,
            transport=lambda request: self.handler(request),
            tracer=self.provider.get_tracer("tests"),
            journal=None,
        )

    def __call__(self, name: str, *args: Any) -> Any:
        def call() -> Any:
            return getattr(self._client, name)(*args)

        async def listed() -> list[Any]:
            return [item async for item in call()]

        if self._face == "blocking":
            return list(call()) if name.startswith("paginate_") else call()
        return anyio.run(listed if name.startswith("paginate_") else call, backend=self._face)

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """The spans that have ended, in the order in which they began."""
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
    told = attributes(span)
    assert len(told.pop("pixel.request_id")) == 36
    assert told == {
        "http.request.method": "GET",
        "server.address": "sandbox.invalid",
        "server.port": 80,
        "url.full": "http://sandbox.invalid/api/sandbox/projects/",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_an_unknown_method_is_an_other_one_with_its_own_name_beside_it(traced: Traced) -> None:
    with pytest.raises(Exception, match="405"):
        traced("request", "BREW", "/users/me")
    told = attributes(traced.spans("HTTP")[-1])
    assert (told["http.request.method"], told["http.request.method_original"]) == ("_OTHER", "BREW")


def test_a_refusal_is_an_error_of_the_exchange_and_of_the_operation(traced: Traced) -> None:
    with pytest.raises(PixelNotFoundError):
        traced("get_project", 4711)
    (operation,) = traced.spans("pixel.get_project")
    exchange = traced.below(operation)[-1]
    assert (attributes(exchange)["http.response.status_code"], attributes(exchange)["error.type"]) == (404, "404")
    assert attributes(operation)["error.type"] == "PixelNotFoundError"
    assert {operation.status.status_code, exchange.status.status_code} == {StatusCode.ERROR}


def test_repeats_are_counted_and_no_answer_is_an_error_without_a_status(traced: Traced) -> None:
    def twice_broken(request: Request) -> Response:
        if request.path.endswith("/me") and not broken.pop():
            raise PixelConnectionError("reset")
        return traced.sandbox(request)

    broken = [True, False, False]
    traced.handler = twice_broken
    traced("me")
    told = [attributes(span) for span in traced.spans("GET")]
    assert [each.get("http.request.resend_count") for each in told] == [None, 1, 2]
    assert [each.get("error.type") for each in told] == ["PixelConnectionError", "PixelConnectionError", None]
    assert "http.response.status_code" not in told[0]
    assert len({each["pixel.request_id"] for each in told}) == 1


def test_what_an_upload_does_side_by_side_is_below_its_span(traced: Traced, tmp_path: Path) -> None:
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


def test_an_operation_is_below_the_span_in_which_it_was_called(traced: Traced) -> None:
    tracer = traced.provider.get_tracer("program")
    with tracer.start_as_current_span("program") as program:
        traced("me")
    (operation,) = traced.spans("pixel.me")
    assert operation.parent is not None
    assert operation.parent.span_id == program.get_span_context().span_id


@pytest.mark.anyio
async def test_operations_side_by_side_each_have_their_own_exchanges_below_them() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    sandbox = Sandbox()
    gate = anyio.Event()
    asked: list[str] = []

    async def handler(request: Request) -> Response:
        if request.path.endswith("/me"):
            asked.append(request.path)
            if len(asked) == 5:
                gate.set()
            await gate.wait()
        return sandbox(request)

    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    client = get_client(True, settings, transport=handler, tracer=provider.get_tracer("tests"))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(client.me)
    spans = exporter.get_finished_spans()
    operations = {span.context.span_id for span in spans if span.name == "pixel.me" and span.context}
    parents = [span.parent.span_id for span in spans if span.name == "GET" and span.parent]
    assert len(operations) == 5
    assert set(parents) == operations


@pytest.mark.anyio
async def test_a_cancelled_operation_is_a_span_that_says_so() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def silent(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    settings = PixelApiSettings(**Sandbox().environment("http://sandbox.invalid"))
    client = get_client(True, settings, transport=silent, tracer=provider.get_tracer("tests"))
    with anyio.move_on_after(0.05):
        await client.me()
    assert [(span.name, attributes(span)["error.type"]) for span in exporter.get_finished_spans()] == [
        ("POST", "cancelled"),
        ("pixel.me", "cancelled"),
    ]


def test_no_span_shows_the_words_of_an_error(traced: Traced) -> None:
    def hushed(request: Request) -> Response:
        raise PixelConnectionError("hush-hush")

    traced.handler = hushed
    with pytest.raises(PixelConnectionError):
        traced("me")
    assert "hush" not in "".join(span.to_json() for span in traced.spans())


def test_true_is_the_tracer_of_the_program_and_needs_no_provider() -> None:
    sandbox = Sandbox()
    settings = PixelApiSettings(**sandbox.environment("http://sandbox.invalid"))
    assert get_client(settings=settings, transport=sandbox, tracer=True).me()


def test_what_is_no_tracer_is_a_type_error() -> None:
    settings = PixelApiSettings(**Sandbox().environment("http://sandbox.invalid"))
    with pytest.raises(TypeError, match="tracer"):
        get_client(settings=settings, tracer="yes")

"""Requests as the handlers see them, and the responses and errors that they return.

Rules kept here:

* The path is split first and then unescaped, segment by segment, so that an escaped slash stays inside its segment.
* An error is raised (`HttpError`) and becomes a response in one place, `Sandbox.handle`.
* JSON responses have no infinite numbers; they become null.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic_core import to_json

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox.objects import StoredObject


@dataclass(frozen=True, slots=True, repr=False)
class IncomingRequest:
    """One request, and the time at which it arrived (`now`, in seconds since the epoch)."""

    method: str
    origin: Origin
    target: str
    headers: Headers
    content: bytes
    now: float

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0].partition("#")[0]

    @property
    def raw_query(self) -> str:
        return self.target.partition("?")[2].partition("#")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments of the path, unescaped; the last is empty if the path ends in a slash."""
        return tuple(unquote(segment) for segment in self.path.removeprefix("/").split("/"))

    @property
    def query(self) -> dict[str, str]:
        """The query by name; the last value of a repeated name counts, as in FastAPI."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True, max_num_fields=1000))

    @property
    def request_id(self) -> str | None:
        """The `X-Request-ID`, or None if it cannot be a header of the response."""
        value = self.headers.get("X-Request-ID")
        return value if value is not None and value.isascii() and value.isprintable() else None

    @property
    def media_type(self) -> str:
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """The record of one request. `time` is in seconds since the epoch, `body_bytes` the size of its body.

    It has no body and no header but the request id. The query is recorded only for the API, since the query of a
    presigned URL is a signature.
    """

    time: float
    method: str
    path: str
    query: str
    status: int
    body_bytes: int
    request_id: str | None


class ObjectResponse(Response):
    """A response whose body is the bytes of a stored object from `start` to `stop`, read while they are sent."""

    __slots__ = ("start", "stop", "stored")

    def __init__(self, status: int, headers: Headers, stored: StoredObject, start: int, stop: int) -> None:
        super().__init__(status, headers)
        self.stored: StoredObject = stored
        self.start: int = start
        self.stop: int = stop

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in chunks. Raises OSError if the object was dropped in the meantime."""
        return self.stored.chunks(start=self.start, stop=self.stop)

    def whole(self) -> Response:
        """Return the response with its body in memory."""
        return Response(self.status, self.headers, b"".join(self.chunks()))


def body_size(response: Response) -> int:
    """Return the size of the body."""
    return response.stop - response.start if isinstance(response, ObjectResponse) else len(response.body)


class HttpError(Exception):
    """An error response, raised by a handler."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    content = to_json(value, inf_nan_mode="null")
    return Response(status, Headers({"Content-Type": "application/json", **(headers or {})}), content)


def text_response(text: str, status: int = 200) -> Response:
    """Return a plain-text response."""
    return Response(status, Headers({"Content-Type": "text/plain; charset=utf-8"}), text.encode())


def http_error(status: int, detail: Any, headers: dict[str, str] | None = None) -> HttpError:
    """Return an error with FastAPI's body: `{"detail": ...}`."""
    return HttpError(json_response({"detail": detail}, status, headers))

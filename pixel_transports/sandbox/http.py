"""One exchange as the rooms of the sandbox see it: what came in, and the few shapes in which they answer.

Rules kept here:

* What came in is a value; its path is split and unescaped once, segment by segment, so that an escaped slash stays
  inside its segment.
* A http_error is raised (`HttpError`) and becomes an answer in one place, the handler.
* JSON answers never hold what JSON cannot say: infinite numbers become null.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from pydantic_core import to_json

from pixel_core.messages import Headers, Origin, Response

Buffer: TypeAlias = bytes | memoryview
"""Bytes in memory, or a window on a mapped file."""


@dataclass(frozen=True, slots=True, repr=False)
class IncomingRequest:
    """One request that came in, with the moment at which it did (seconds since the epoch)."""

    method: str
    origin: Origin
    target: str
    headers: Headers
    content: Buffer
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
        """The segments of the path, unescaped; the last is empty when the path ends in a slash."""
        return tuple(unquote(segment) for segment in self.path.removeprefix("/").split("/"))

    @property
    def query(self) -> dict[str, str]:
        """The query by name; of a repeated name the last value counts, as in FastAPI."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True, max_num_fields=1000))

    @property
    def request_id(self) -> str | None:
        """The `X-Request-ID`, unless it holds what may not be repeated in a header."""
        given = self.headers.get("X-Request-ID")
        return given if given is not None and given.isascii() and given.isprintable() else None

    @property
    def media_type(self) -> str:
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


class HttpError(Exception):
    """An answer that ends the handling of a request early."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    content = to_json(value, inf_nan_mode="null")
    return Response(status, Headers({"Content-Type": "application/json", **(headers or {})}), content)


def text_response(text: str, status: int = 200) -> Response:
    """A plain-text answer."""
    return Response(status, Headers({"Content-Type": "text/plain; charset=utf-8"}), text.encode())


def http_error(status: int, detail: Any, headers: dict[str, str] | None = None) -> HttpError:
    """A http_error in FastAPI's shape: `{"detail": ...}`."""
    return HttpError(json_response({"detail": detail}, status, headers))

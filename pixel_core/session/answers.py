"""Responses of the API, and checked access to their JSON.

A result is the decoded JSON, unchanged. A field that the next step needs is checked when it is read. A missing or wrong
one raises PixelProtocolError with the field's path (`[0].upload_parts[2].url`) and the request.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Request, Response, split_url
from pixel_core.redaction import SecretText

T = TypeVar("T")


class Answer:
    """A response of the Pixel API, with its request (a request, or a description of where the response is from)."""

    __slots__ = ("_request", "request_id", "response")

    def __init__(self, response: Response, request: Request | str, request_id: str) -> None:
        self.response: Response = response
        self._request = request
        self.request_id: str = request_id

    @property
    def label(self) -> str:
        """Method and URL of the request, without its query."""
        return self._request if isinstance(self._request, str) else self._request.label

    def __repr__(self) -> str:
        return f"<Answer {self.response.status} to {self.label}>"

    def json(self, shape: type[T]) -> T:
        """Return the decoded body; `shape` is for type checkers only. Raises PixelProtocolError for invalid JSON."""
        try:
            return cast(T, self.response.json())
        except ValueError:
            raise self.error("is not JSON") from None

    def field(self, name: str) -> "Field":
        """Return a field of the body. Raises PixelProtocolError when the body is not an object."""
        return self.root.field(name)

    @property
    def root(self) -> "Field":
        """The whole body."""
        return Field(self, "", self.json(object))

    def error(self, problem: str) -> PixelProtocolError:
        """Return the error for a body with this problem ("is not JSON")."""
        return PixelProtocolError(
            f"The answer to {self.label} (request ID: {self.request_id}, status {self.response.status}) {problem}"
        )


class Field:
    """A value in a body, with its path. The accessors raise PixelProtocolError for a value of another type."""

    __slots__ = ("_answer", "_path", "value")

    def __init__(self, answer: Answer, path: str, value: Any) -> None:
        self._answer = answer
        self._path = path
        self.value: Any = value

    def __repr__(self) -> str:
        return f"<Field {self._path or '(all)'}>"

    def wrong(self, expected: str, actual: str = "") -> PixelProtocolError:
        """Return the error for a field that is not as `expected` ("a string"); `actual` is the predicate instead."""
        actual = actual or ("is missing or null" if self.value is None else f"is of type {type(self.value).__name__}")
        where = f"a field '{self._path}' that" if self._path else "a body that"
        return self._answer.error(f"has {where} has to be {expected}, but {actual}")

    def field(self, name: str) -> "Field":
        """Return the field `name` of this object; its value is None if it is missing."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        return Field(self._answer, f"{self._path}.{name}" if self._path else name, self.value.get(name))

    def items(self) -> "list[Field]":
        """Return the items of this list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Field(self._answer, f"{self._path}[{index}]", item) for index, item in enumerate(self.value)]

    def text(self) -> str:
        """Return this string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def url(self) -> str:
        """Return this URL. Neither the error nor `repr` shows it: its query may be a signature."""
        url = SecretText(self.text())
        try:
            split_url(url)
        except ValueError:
            raise self.wrong("an absolute http or https URL", "is none") from None
        return url

    def integer(self) -> int:
        """Return this whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def identifier(self) -> int | str:
        """Return this id, a number or a string."""
        if not isinstance(self.value, (int, str)) or isinstance(self.value, bool) or self.value == "":
            raise self.wrong("an id")
        return self.value

    def boolean(self) -> bool:
        """Return this boolean."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def texts(self) -> tuple[tuple[str, str], ...]:
        """Return this object of strings (form or header fields) as pairs in order; numbers become strings. `repr` does
        not show the values, some of which are secrets.
        """
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        pairs = []
        for name, value in self.value.items():
            if not isinstance(value, (str, int, float)) or isinstance(value, bool):
                raise self.field(name).wrong("a string")
            pairs.append((name, SecretText(value)))
        return tuple(pairs)

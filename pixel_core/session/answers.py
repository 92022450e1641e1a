"""What operations read out of an answer, checked before they rely on it.

Rules kept here:

* A result is the decoded JSON as it is; nothing is dropped, renamed or converted.
* A field that the next step needs is checked when it is read. A missing or wrong one is a PixelProtocolError that names
  the field by its path (`[0].upload_parts[2].url`) and the request.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Request, Response, split_url

T = TypeVar("T")


class Answer:
    """A successful answer of the Pixel API, and the request that it answers (`label`, `request_id`)."""

    __slots__ = ("_asked", "request_id", "response")

    def __init__(self, response: Response, asked: Request | str, request_id: str) -> None:
        self.response: Response = response
        self._asked = asked
        self.request_id: str = request_id

    @property
    def label(self) -> str:
        """What was asked for: method and URL of the request, without its query."""
        return self._asked if isinstance(self._asked, str) else self._asked.label

    def __repr__(self) -> str:
        return f"<Answer {self.response.status} to {self.label}>"

    def json(self, shape: type[T]) -> T:
        """The decoded body as it is; `shape` is for the type checker alone. Raises PixelProtocolError for no JSON."""
        try:
            return cast(T, self.response.json())
        except ValueError:
            raise self.error("is not JSON") from None

    def field(self, name: str) -> "Field":
        """A field of the answer, which has to be an object."""
        return self.root.field(name)

    @property
    def root(self) -> "Field":
        return Field(self, "", self.json(object))

    def error(self, what: str) -> PixelProtocolError:
        return PixelProtocolError(
            f"The answer to {self.label} (request ID: {self.request_id}, status {self.response.status}) {what}"
        )


class Field:
    """A value inside an answer that knows its path, so that an error can name it."""

    __slots__ = ("_answer", "_path", "value")

    def __init__(self, answer: Answer, path: str, value: Any) -> None:
        self._answer = answer
        self._path = path
        self.value: Any = value

    def __repr__(self) -> str:
        return f"<Field {self._path or '(all)'}>"

    def wrong(self, wanted: str, got: str = "") -> PixelProtocolError:
        """The error to raise when this field is not `wanted` ("a string", say); `got` says what it does instead."""
        got = got or ("is missing or null" if self.value is None else f"is of type {type(self.value).__name__}")
        where = f"a field '{self._path}' that" if self._path else "a body that"
        return self._answer.error(f"has {where} has to be {wanted}, but {got}")

    def field(self, name: str) -> "Field":
        """The field `name` of this object; its value is None where it is missing."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        return Field(self._answer, f"{self._path}.{name}" if self._path else name, self.value.get(name))

    def items(self) -> "list[Field]":
        """The items of this list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Field(self._answer, f"{self._path}[{index}]", item) for index, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def url(self) -> str:
        """An address to send to. The error does not show it: its query may be a signature."""
        url = self.text()
        try:
            split_url(url)
        except ValueError:
            raise self.wrong("an absolute http or https URL", "is none") from None
        return url

    def integer(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def identifier(self) -> int | str:
        """An id: servers use numbers and strings."""
        if not isinstance(self.value, (int, str)) or isinstance(self.value, bool) or self.value == "":
            raise self.wrong("an id")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def texts(self) -> tuple[tuple[str, str], ...]:
        """An object of strings (numbers are taken as text), as pairs in order: form fields, header fields."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        pairs = []
        for name, value in self.value.items():
            if not isinstance(value, (str, int, float)) or isinstance(value, bool):
                raise self.field(name).wrong("a string")
            pairs.append((name, str(value)))
        return tuple(pairs)

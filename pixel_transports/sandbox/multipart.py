"""Parses multipart/form-data (RFC 7578) as it arrives: the file part is passed on in chunks.

Rules kept here:

* The file part is the last: parts after it are ignored, as S3 does.
* Any bytes in any chunks are a form or a FormError; the cuts between chunks do not matter.
* All fields together may have 20 KiB, as in S3; the head of a part 8 KiB. No more than that and a chunk is kept.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_HEAD_BYTES = 8 * 1024
MAX_FIELD_BYTES = 20 * 1024
_BOUNDARY = re.compile(r"boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))(?=\s*(?:;|$))", re.IGNORECASE)
_PARAMETER = re.compile(r';\s*([A-Za-z*]+)=(?:"([^"]*)"|([^\s;"]+))')


class FormError(ValueError):
    """The form is malformed."""


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """The fields by lower-case name, and the name and content of the file, which are None without a file part."""

    fields: dict[str, str]
    filename: str | None
    content: bytes | None


def parse_boundary(content_type: str) -> bytes:
    """Return the boundary of a `Content-Type`. Raises FormError."""
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or match is None:
        raise FormError("not multipart/form-data with a boundary")
    return (match[1] or match[2]).encode("utf-8", "replace")


def parse_form(content: bytes, boundary: bytes) -> MultipartForm:
    """Parse a form. Raises FormError."""
    file = bytearray()
    parser = FormParser(boundary, file.extend)
    parser.feed(content)
    parser.finish()
    return MultipartForm(parser.fields, parser.filename, None if parser.filename is None else bytes(file))


class FormParser:
    """Parses one form. `write` gets the content of the file; `fields` and `filename` are complete before it does."""

    def __init__(self, boundary: bytes, write: Callable[[memoryview], object]) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._delimiter = b"\r\n--" + boundary
        self._write = write
        self._field_bytes = 0
        self._name = ""
        # The first boundary has no line end before it; adding one makes it a delimiter like all others.
        self._rest = b"\r\n"
        # A function, not a bound method: a cycle would keep the last chunk until it is collected.
        self._state: Callable[[FormParser], bool] = FormParser._start

    def feed(self, data: bytes | bytearray) -> None:
        """Parse the next bytes. Raises FormError."""
        self._rest += data
        while self._state(self):
            pass

    def finish(self) -> None:
        """Check that the form is complete. Raises FormError."""
        if self._state is not FormParser._skip:
            raise FormError("the form does not end")

    # Each state takes bytes off `_rest` and returns True, or returns False if it needs more.

    def _take(self, count: int) -> bytes:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _start(self) -> bool:
        if not self._delimiter.startswith(self._rest[: len(self._delimiter)]):
            raise FormError("the form does not start with its boundary")
        if len(self._rest) < len(self._delimiter):
            return False
        self._take(len(self._delimiter))
        self._state = FormParser._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        if len(self._rest) < 2:
            return False
        after = self._rest[:2]
        if after not in (b"\r\n", b"--"):
            raise FormError("a boundary is followed by neither a part nor the end")
        # Nothing after the file is looked at. The line end stays: the head of a part may be empty.
        skipped = after == b"--" or self.filename is not None
        self._state = FormParser._skip if skipped else FormParser._head
        return True

    def _head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._rest) >= MAX_HEAD_BYTES:
                raise FormError("the head of a part is too long")
            return False
        self._name, filename = _parse_disposition(self._take(end + 4)[:end])
        if self._name == "file":
            self.filename = filename or ""
        self._state = FormParser._field if self._name != "file" else FormParser._file
        return True

    def _field(self) -> bool:
        end = self._rest.find(self._delimiter)
        size = self._field_bytes + (len(self._rest) - len(self._delimiter) if end < 0 else end)
        if size > MAX_FIELD_BYTES or self._name in self.fields:
            raise FormError("the fields are too long, or one is repeated")
        if end < 0:
            return False
        self._field_bytes = size
        self.fields[self._name] = str(self._take(end + len(self._delimiter))[:end], "utf-8", "replace")
        self._state = FormParser._after_delimiter
        return True

    def _file(self) -> bool:
        end = self._rest.find(self._delimiter)
        if end < 0:
            # The delimiter may have begun at the end of this chunk.
            passed = max(len(self._rest) - len(self._delimiter) + 1, 0)
            self._write(memoryview(self._rest)[:passed])
            self._rest = self._rest[passed:]
            return False
        self._write(memoryview(self._rest)[:end])
        self._take(end + len(self._delimiter))
        self._state = FormParser._after_delimiter
        return True

    def _skip(self) -> bool:
        self._rest = b""
        return False


def _parse_disposition(head: bytes) -> tuple[str, str | None]:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition" and value.strip().lower().startswith("form-data"):
            parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(value)}
            if "name" in parameters:
                return parameters["name"].lower(), parameters.get("filename")
    raise FormError("a part has no name")

"""Parses multipart/form-data (RFC 7578) in place: file parts are not copied.

Rules kept here:

* The file part is the last: parts after it are ignored, as S3 does.
* The file's content is a view of the request's buffer, which may be a mapped file, and keeps it alive.
* A malformed form is a FormError, whatever its bytes; no other exception is raised.
* All fields together may have 20 KiB, as in S3; the head of a part 8 KiB.
"""

import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass

from pixel_transports.sandbox.http import Buffer

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
    content: Buffer | None


def parse_boundary(content_type: str) -> bytes:
    """Return the boundary of a `Content-Type`. Raises FormError."""
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or match is None:
        raise FormError("not multipart/form-data with a boundary")
    return (match[1] or match[2]).encode("utf-8", "replace")


def parse_form(content: Buffer, boundary: bytes) -> MultipartForm:
    """Parse a form. Raises FormError."""
    find, view = _searchable(content)
    delimiter = b"\r\n--" + boundary
    if bytes(view[: len(delimiter) - 2]) != delimiter[2:]:
        raise FormError("the form does not start with its boundary")
    fields: dict[str, str] = {}
    field_bytes = 0
    position = len(delimiter) - 2
    while (after := bytes(view[position : position + 2])) == b"\r\n":
        # Starts at the line end before the head, since a part may have no header.
        head_end = find(b"\r\n\r\n", position, position + MAX_HEAD_BYTES)
        if head_end < 0:
            raise FormError("the head of a part does not end, or is too long")
        start = head_end + 4
        end = find(delimiter, start, len(view))
        if end < 0:
            raise FormError("a part does not end")
        name, filename = _parse_disposition(bytes(view[position:head_end]))
        if name == "file":
            _check_delimiter_end(view, end + len(delimiter))
            return MultipartForm(fields, filename or "", view[start:end])
        field_bytes += end - start
        if field_bytes > MAX_FIELD_BYTES or name in fields:
            raise FormError("the fields are too long, or one is repeated")
        fields[name] = str(view[start:end], "utf-8", "replace")
        position = end + len(delimiter)
    if after != b"--":
        raise FormError("a boundary is followed by neither a part nor the end")
    return MultipartForm(fields, None, None)


def _check_delimiter_end(view: memoryview, position: int) -> None:
    if bytes(view[position : position + 2]) not in (b"\r\n", b"--"):
        raise FormError("a boundary is followed by neither a part nor the end")


def _searchable(content: Buffer) -> tuple[Callable[[bytes, int, int], int], memoryview]:
    """Return a `find` over the buffer, and a view of it with the same positions."""
    view = memoryview(content)
    whole = view.obj
    if isinstance(whole, (bytes, mmap.mmap)) and len(whole) == len(view):
        return whole.find, view
    # A view of part of a buffer has no `find`; the server never passes one.
    copied = bytes(view)
    return copied.find, memoryview(copied)


def _parse_disposition(head: bytes) -> tuple[str, str | None]:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition" and value.strip().lower().startswith("form-data"):
            parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(value)}
            if "name" in parameters:
                return parameters["name"].lower(), parameters.get("filename")
    raise FormError("a part has no name")

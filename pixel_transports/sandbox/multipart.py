"""Reading multipart/form-data (RFC 7578) where it lies: nothing of a file part is copied.

Rules kept here:

* Fields are read until the file part, which is the last: what follows it is ignored, as S3 does.
* The file's content is a window on the buffer that came in, which may be a mapped file, and keeps that alive.
* A form that is not well-formed is a FormError, whatever its bytes; nothing else is raised.
* Fields together may have 20 KiB, as S3 allows; a part's head 8 KiB.
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
    """The bytes are no well-formed form."""


@dataclass(frozen=True, slots=True)
class MultipartForm:
    """The fields by name in lower case, and the file: its name and its content, or None when there is no file part."""

    fields: dict[str, str]
    filename: str | None
    content: Buffer | None


def parse_boundary(content_type: str) -> bytes:
    """The boundary that a `Content-Type` names. Raises FormError."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        raise FormError("not multipart/form-data with a boundary")
    return (found[1] or found[2]).encode("utf-8", "replace")


def parse_form(content: Buffer, boundary: bytes) -> MultipartForm:
    """The form that `content` holds. Raises FormError."""
    find, view = _searchable(content)
    delimiter = b"\r\n--" + boundary
    if bytes(view[: len(delimiter) - 2]) != delimiter[2:]:
        raise FormError("the form does not start with its boundary")
    fields: dict[str, str] = {}
    taken = 0
    position = len(delimiter) - 2
    while (after := bytes(view[position : position + 2])) == b"\r\n":
        # A part without any header has the empty line right here.
        head_end = find(b"\r\n\r\n", position, position + MAX_HEAD_BYTES)
        if head_end < 0:
            raise FormError("the head of a part does not end, or is too long")
        start = head_end + 4
        end = find(delimiter, start, len(view))
        if end < 0:
            raise FormError("a part does not end")
        name, filename = _disposition(bytes(view[position:head_end]))
        if name == "file":
            _check_after(view, end + len(delimiter))
            return MultipartForm(fields, filename or "", view[start:end])
        taken += end - start
        if taken > MAX_FIELD_BYTES or name in fields:
            raise FormError("the fields are too long, or one is there twice")
        fields[name] = str(view[start:end], "utf-8", "replace")
        position = end + len(delimiter)
    if after != b"--":
        raise FormError("a boundary is followed by neither a part nor the end")
    return MultipartForm(fields, None, None)


def _check_after(view: memoryview, position: int) -> None:
    if bytes(view[position : position + 2]) not in (b"\r\n", b"--"):
        raise FormError("a boundary is followed by neither a part nor the end")


def _searchable(content: Buffer) -> tuple[Callable[[bytes, int, int], int], memoryview]:
    """A `find` on the underlying buffer, and a view of it with the same positions."""
    view = memoryview(content)
    whole = view.obj
    if isinstance(whole, (bytes, mmap.mmap)) and len(whole) == len(view):
        return whole.find, view
    # A window on something else has no `find` of its own; the server never sends one.
    copied = bytes(view)
    return copied.find, memoryview(copied)


def _disposition(head: bytes) -> tuple[str, str | None]:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition" and value.strip().lower().startswith("form-data"):
            parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(value)}
            if "name" in parameters:
                return parameters["name"].lower(), parameters.get("filename")
    raise FormError("a part has no name")

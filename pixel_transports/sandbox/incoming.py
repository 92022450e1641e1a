"""The bodies of requests to the storage, as they arrive.

Rules kept here:

* Only the content of the file is stored, with its digest; the fields of a form are kept apart.
* Bytes that cannot be stored, or are no form, are read and dropped: the request gets its response, with the reason.
* Bytes that no one took are dropped at the end.
"""

from types import TracebackType
from typing import TypeAlias

from pixel_core.messages import Headers
from pixel_transports.sandbox.multipart import FormError, FormParser, parse_boundary
from pixel_transports.sandbox.objects import ObjectFiles, Piece


class MemoryBody:
    """A body in memory."""

    def __init__(self) -> None:
        self._content = bytearray()

    def __enter__(self) -> "MemoryBody":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __bytes__(self) -> bytes:
        return bytes(self._content)

    @property
    def size(self) -> int:
        """Its size so far."""
        return len(self._content)

    def write(self, data: bytes | bytearray) -> None:
        """Take the next bytes."""
        self._content += data

    def end(self) -> None:
        """Take the end of the body."""


class IncomingBody:
    """One body: a form with a file, or the file alone. `failure` is the reason why it could not be stored."""

    def __init__(self, files: ObjectFiles, method: str = "PUT", headers: Headers = Headers()) -> None:
        self.size: int = 0
        self.failure: OSError | None = None
        self.malformed: bool = False
        self._writer = files.writer()
        self._form: FormParser | None = None
        content_type = headers.get("Content-Type") or ""
        if method == "POST" and content_type.partition(";")[0].strip().lower() == "multipart/form-data":
            try:
                self._form = FormParser(parse_boundary(content_type), self._writer.write)
            except FormError:
                self.malformed = True

    def __enter__(self) -> "IncomingBody":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.discard()

    def __bytes__(self) -> bytes:
        return b""

    @property
    def fields(self) -> dict[str, str]:
        """The fields of a form, by lower-case name."""
        return {} if self._form is None else self._form.fields

    @property
    def has_file(self) -> bool:
        """Whether a form has a file."""
        return self._form is not None and self._form.filename is not None

    @property
    def file_size(self) -> int:
        """The size of the file."""
        return self._writer.size

    @property
    def md5(self) -> str:
        """The MD5 of the file, in hex."""
        return self._writer.md5

    def write(self, data: bytes | bytearray) -> None:
        """Take the next bytes."""
        self.size += len(data)
        if self.malformed or self.failure is not None:
            return
        try:
            if self._form is None:
                self._writer.write(data)
            else:
                self._form.feed(data)
        except FormError:
            self.malformed = True
            self._writer.discard()
        except OSError as error:
            self.failure = error
            self._writer.discard()

    def end(self) -> None:
        """Take the end of the body."""
        if self._form is not None and not self.malformed and self.failure is None:
            try:
                self._form.finish()
            except FormError:
                self.malformed = True

    def take(self) -> Piece:
        """Return the file, which is the caller's from now on. Raises OSError if it cannot be stored."""
        return self._writer.finish()


Content: TypeAlias = bytes | IncomingBody | MemoryBody
"""The body of a request: bytes, or what took it as it arrived. `bytes()` of a body for the storage is empty."""

"""What ASGI and WSGI apps have in common: how they are told of a request, and what is checked of their answers.

Rules kept here:

* An app is told what a server would tell it: no fragment, a decoded path beside the raw one, header names in its way.
* An answer is what would arrive: none of HEAD, 204 and 304 has a body, and a Content-Length that is wrong is an error.
"""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from pixel_core.errors import PixelProtocolError
from pixel_core.http.decoding import Limits
from pixel_core.messages import Response
from pixel_transports.adapters.shared import Outbound, response_reader

_BODILESS = frozenset({204, 304})


class AppAnswer:
    """The answer of an app, as it gives it."""

    def __init__(self, outbound: Outbound, status: int, fields: Sequence[tuple[bytes, bytes]], limits: Limits) -> None:
        self._label = outbound.request.label
        if not 200 <= status <= 599:
            raise PixelProtocolError(f"The app answered {self._label} with the status {status}")
        self._reader = response_reader(outbound, status, fields, limits)
        self._without_body = outbound.request.method == "HEAD" or status in _BODILESS
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        self._promised = int(lengths[0]) if lengths and lengths[0].isdigit() else None
        self._given = 0

    def __repr__(self) -> str:
        return f"<AppAnswer to {self._label}>"

    def feed(self, data: bytes) -> None:
        """Take a piece of the body. Raises PixelProtocolError where it becomes too large."""
        self._given += len(data)
        if data and not self._without_body:
            self._reader.feed(data)

    def finish(self) -> Response:
        """The whole answer. Raises PixelProtocolError."""
        if not self._without_body and self._promised is not None and self._promised != self._given:
            raise PixelProtocolError(
                f"The app answered {self._label} with {self._given} bytes, and a Content-Length of {self._promised}"
            )
        return self._reader.finish()


def decoded_path(outbound: Outbound) -> bytes:
    """The path without its escapes."""
    return unquote_to_bytes(outbound.request.path)

"""Shared by the ASGI and WSGI adapters: the path for an app, and the checks of its response.

A response is checked as if it was received: HEAD, 204 and 304 have no body, and a wrong Content-Length is an error.
"""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from pixel_core.errors import PixelProtocolError
from pixel_core.http.decoding import Limits
from pixel_core.messages import Response
from pixel_transports.adapters.shared import Outbound, response_reader

_BODILESS = frozenset({204, 304})


class AppResponse:
    """Assembles the response of an app."""

    def __init__(self, outbound: Outbound, status: int, fields: Sequence[tuple[bytes, bytes]], limits: Limits) -> None:
        self._label = outbound.request.label
        if not 200 <= status <= 599:
            raise PixelProtocolError(f"The app answered {self._label} with the status {status}")
        self._reader = response_reader(outbound, status, fields, limits)
        self._without_body = outbound.request.method == "HEAD" or status in _BODILESS
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        self._declared_size = int(lengths[0]) if lengths and lengths[0].isdigit() else None
        self._size = 0

    def __repr__(self) -> str:
        return f"<AppResponse to {self._label}>"

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises PixelProtocolError if it is too large."""
        self._size += len(data)
        if data and not self._without_body:
            self._reader.feed(data)

    def finish(self) -> Response:
        """Return the response. Raises PixelProtocolError for an incomplete body."""
        if not self._without_body and self._declared_size is not None and self._declared_size != self._size:
            raise PixelProtocolError(
                f"The app answered {self._label} with {self._size} bytes, and a Content-Length of {self._declared_size}"
            )
        return self._reader.finish()


def decoded_path(outbound: Outbound) -> bytes:
    """Return the path without its percent-encoding."""
    return unquote_to_bytes(outbound.request.path)

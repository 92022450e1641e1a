"""A WSGI app as a transport of the blocking client: it is called in the thread of the request, without a socket.

Rules kept here (PEP 3333):

* The request's body is read on demand. An error of reading it is raised here, also if the app catches it.
* The app's iterable is closed, also when it is not read to its end.
* Exceptions of the app are raised unchanged.
* A thread cannot be stopped from outside, so of the time limits only `total` is checked, between the pieces of a body.
"""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from pixel_core.http.decoding import Limits
from pixel_core.messages import Request, Response
from pixel_transports.adapters.in_process import AppResponse, decoded_path
from pixel_transports.adapters.shared import Outbound

WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application: Flask, Django's `get_wsgi_application()`."""


class WsgiTransport:
    """A WSGI app as a transport. `limits` apply to responses."""

    def __init__(self, app: WsgiApp, *, limits: Limits = Limits()) -> None:
        if not callable(app):
            raise TypeError(f"WsgiTransport needs a WSGI app, not {type(app).__name__}")
        self._app = app
        self._limits = limits

    def __repr__(self) -> str:
        return f"<WsgiTransport over {type(self._app).__name__}>"

    def send(self, request: Request) -> Response:
        """Call the app. Raises PixelConnectionError if it does not respond, PixelProtocolError for an invalid response,
        PixelFileChangedError, ValueError for a request that cannot be sent, and the app's own exceptions.
        """
        with Outbound(request) as outbound:
            call = _Call(outbound, self._limits)
            failed: Exception | None = None
            try:
                call.run(self._app)
            except Exception as error:
                failed = error
            first = outbound.failure or failed
            if first is not None:
                raise first
            return call.finish()

    def close(self) -> None:
        """Do nothing: no resource is kept open."""


class _Body(io.RawIOBase):
    """The body of a request as a binary file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


class _Call:
    """One call of the app."""

    def __init__(self, outbound: Outbound, limits: Limits) -> None:
        self._outbound = outbound
        self._limits = limits
        self._head: tuple[str, list[tuple[str, str]]] | None = None
        self._response: AppResponse | None = None

    def run(self, app: WsgiApp) -> None:
        pieces = self._outbound.pieces()
        iterable = app(_environ(self._outbound, pieces), self._start_response)
        try:
            for piece in iterable:
                if piece:
                    self._write(piece)
            if self._response is None:
                self._write(b"")
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if exc_info is not None and self._response is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._head is not None and exc_info is None:
            raise self._outbound.invalid_response(": the app starts it twice")
        self._head = status, list(headers)
        return self._write

    def _write(self, data: bytes) -> None:
        if self._response is None:
            if self._head is None:
                raise self._outbound.cut_short(started=False)
            status, headers = self._head
            if not status[:3].isdigit():
                raise self._outbound.invalid_response(": the app gives no status")
            fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            self._response = AppResponse(self._outbound, int(status[:3]), fields, self._limits)
        self._outbound.check_time()
        self._response.feed(data)

    def finish(self) -> Response:
        if self._response is None:
            raise self._outbound.cut_short(started=False)
        return self._response.finish()


def _environ(outbound: Outbound, pieces: Iterator[bytes]) -> dict[str, Any]:
    request = outbound.request
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": decoded_path(outbound).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": request.origin.host,
        "SERVER_PORT": str(request.origin.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.origin.scheme,
        "wsgi.input": io.BufferedReader(_Body(pieces)),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in outbound.fields:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ

"""An ASGI app as a transport of the async client: it is called in the same event loop, without a socket.

Rules kept here:

* The app is called in the task of the request. Cancelling the request cancels the app, and no task is left behind.
* The request's body is read on demand. An error of reading it is raised here, also if the app catches it.
* `read` limits the time between two events of the app, `total` the whole call.
* Exceptions of the app are raised unchanged.
* The call ends when the app returns, not with its response, since some apps have background tasks.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import anyio

from pixel_core.errors import PixelError
from pixel_core.http.decoding import Limits
from pixel_core.messages import Request, Response
from pixel_transports.adapters.in_process import AppResponse, decoded_path
from pixel_transports.adapters.shared import Outbound

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
"""An ASGI 3 application: Starlette, FastAPI, Quart, Django's `get_asgi_application()`."""


class AsgiTransport:
    """An ASGI app as a transport, under asyncio and trio. Lifespan events are not sent. `limits` apply to responses."""

    def __init__(self, app: AsgiApp, *, root_path: str = "", limits: Limits = Limits()) -> None:
        if not callable(app):
            raise TypeError(f"AsgiTransport needs an ASGI app, not {type(app).__name__}")
        self._app = app
        self._root_path = root_path
        self._limits = limits

    def __repr__(self) -> str:
        return f"<AsgiTransport over {type(self._app).__name__}>"

    async def send(self, request: Request) -> Response:
        """Call the app. Raises PixelTimeoutError if it takes too long, PixelConnectionError if it does not respond,
        PixelProtocolError for an invalid response, PixelFileChangedError, ValueError for a request that cannot be sent,
        and the app's own exceptions.
        """
        with Outbound(request) as outbound:
            with anyio.move_on_after(request.timeouts.total):
                with anyio.CancelScope() as scope:
                    return await self._run(_Call(outbound, self._limits, scope), outbound)
                limit = request.timeouts.read
                raise outbound.timed_out("no answer", limit, sent=True)
            raise outbound.too_long()

    async def _run(self, call: "_Call", outbound: Outbound) -> Response:
        failed: Exception | None = None
        try:
            await self._app(_scope(outbound, self._root_path), call.receive, call.send)
        except Exception as error:
            failed = error
        first = outbound.failure or call.failure or failed
        if first is not None:
            raise first
        return call.finish()

    async def aclose(self) -> None:
        """Do nothing: no resource is kept open."""


def _scope(outbound: Outbound, root_path: str) -> dict[str, Any]:
    request = outbound.request
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.origin.scheme,
        "path": decoded_path(outbound).decode("utf-8", "replace"),
        "raw_path": request.path.encode("ascii"),
        "query_string": request.query.encode("ascii"),
        "root_path": root_path,
        "headers": [(name.lower(), value) for name, value in outbound.raw_fields()],
        "client": ("127.0.0.1", 0),
        "server": (request.origin.host, request.origin.port),
    }


class _Call:
    """One call of the app: what it receives and what it sends."""

    def __init__(self, outbound: Outbound, limits: Limits, scope: anyio.CancelScope) -> None:
        self._outbound = outbound
        self._limits = limits
        self._scope = scope
        self._pieces = outbound.pieces_async()
        self._unread = outbound.length
        self._body_started = False
        self._response: AppResponse | None = None
        self._finished = anyio.Event()
        self.failure: PixelError | None = None
        self._restart_timer()

    def _restart_timer(self) -> None:
        """Restart the limit `read` at an event of the app. After the response only `total` holds."""
        limit = self._outbound.timeouts.read
        if limit is not None:
            self._scope.deadline = float("inf") if self._finished.is_set() else anyio.current_time() + limit

    async def receive(self) -> Message:
        self._restart_timer()
        if (self._body_started and not self._unread) or self._finished.is_set():
            await self._finished.wait()
            return {"type": "http.disconnect"}
        self._body_started = True
        piece = await anext(self._pieces, b"")
        self._unread -= len(piece)
        self._restart_timer()
        return {"type": "http.request", "body": piece, "more_body": self._unread > 0}

    async def send(self, message: Message) -> None:
        self._restart_timer()
        try:
            self._take(message)
        except PixelError as error:
            self.failure = self.failure or error
            raise

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and self._response is None:
            fields = [(bytes(name), bytes(value)) for name, value in _pairs(message.get("headers"))]
            self._response = AppResponse(self._outbound, message["status"], fields, self._limits)
        elif kind == "http.response.body" and self._response is not None and not self._finished.is_set():
            self._response.feed(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._finished.set()
                self._restart_timer()
        else:
            raise self._outbound.invalid_response(f": the app sends {kind} out of turn")

    def finish(self) -> Response:
        if self._response is None or not self._finished.is_set():
            raise self._outbound.cut_short(started=self._response is not None)
        return self._response.finish()


def _pairs(headers: Iterable[Iterable[bytes]] | None) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in (headers or ())]

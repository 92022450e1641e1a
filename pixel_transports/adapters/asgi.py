"""An ASGI app as a transport of the async client: it is called in the same event loop, without a socket.

Rules kept here:

* The app is called in the task of the request. Who gives up the request cancels the app, and no task is left behind.
* A body is read when the app asks for it; what goes wrong then is raised here, whatever the app makes of it.
* `read` limits the time without a step of the app, `total` all of it.
* What the app raises is not hidden in an answer: it is raised as it is.
* After its answer an app is waited for, since some work on in the background of it.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

import anyio

from pixel_core.errors import PixelError
from pixel_core.http.decoding import Limits
from pixel_core.messages import Request, Response
from pixel_transports.adapters.in_process import AppAnswer, decoded_path
from pixel_transports.adapters.shared import Outbound

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
"""An ASGI 3 application: Starlette, FastAPI, Quart, Django's `get_asgi_application()`."""


class AsgiTransport:
    """An ASGI app as a transport, under asyncio and trio. Lifespan events are not sent: start what the app needs
    yourself. `limits` are those of an answer.
    """

    def __init__(self, app: AsgiApp, *, root_path: str = "", limits: Limits = Limits()) -> None:
        if not callable(app):
            raise TypeError(f"AsgiTransport needs an ASGI app, not {type(app).__name__}")
        self._app = app
        self._root_path = root_path
        self._limits = limits

    def __repr__(self) -> str:
        return f"<AsgiTransport over {type(self._app).__name__}>"

    async def send(self, request: Request) -> Response:
        """Have the app answer. Raises PixelTimeoutError where it takes too long, PixelConnectionError where it does
        not answer, PixelProtocolError for what is no answer, PixelFileChangedError; ValueError for a request that
        cannot be sent; and whatever the app raises.
        """
        with Outbound(request) as outbound:
            with anyio.move_on_after(request.timeouts.total):
                with anyio.CancelScope() as scope:
                    return await self._called(_Call(outbound, self._limits, scope), outbound)
                limit = request.timeouts.read
                raise outbound.timed_out(f"no answer within {limit or 0:g} seconds", sent=True)
            raise outbound.too_long()

    async def _called(self, call: "_Call", outbound: Outbound) -> Response:
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
        """Nothing is kept open."""


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
        self._left = outbound.length
        self._asked = False
        self._answer: AppAnswer | None = None
        self._over = anyio.Event()
        self.failure: PixelError | None = None
        self._stepped()

    def _stepped(self) -> None:
        """The app did something: its time begins anew; after its answer it has all the time that `total` leaves."""
        limit = self._outbound.timeouts.read
        if limit is not None:
            self._scope.deadline = float("inf") if self._over.is_set() else anyio.current_time() + limit

    async def receive(self) -> Message:
        self._stepped()
        if (self._asked and not self._left) or self._over.is_set():
            await self._over.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        piece = await anext(self._pieces, b"")
        self._left -= len(piece)
        self._stepped()
        return {"type": "http.request", "body": piece, "more_body": self._left > 0}

    async def send(self, message: Message) -> None:
        self._stepped()
        try:
            self._take(message)
        except PixelError as error:
            self.failure = self.failure or error
            raise

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and self._answer is None:
            fields = [(bytes(name), bytes(value)) for name, value in _pairs(message.get("headers"))]
            self._answer = AppAnswer(self._outbound, message["status"], fields, self._limits)
        elif kind == "http.response.body" and self._answer is not None and not self._over.is_set():
            self._answer.feed(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._over.set()
                self._stepped()
        else:
            raise self._outbound.not_understood(f": the app sends {kind} out of turn")

    def finish(self) -> Response:
        if self._answer is None or not self._over.is_set():
            raise self._outbound.cut_short(heard=self._answer is not None)
        return self._answer.finish()


def _pairs(headers: Iterable[Iterable[bytes]] | None) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in (headers or ())]

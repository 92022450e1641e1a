"""One connection of the sandbox's server: h11 in the server role over a blocking socket.

Rules kept here:

* h11 parses heads and chunked bodies. A body with a `Content-Length` is read past it, since h11 copies each byte
  several times; the next request gets an h11 connection of its own.
* Any bytes of a peer end in a response or in a closed connection, never in an exception of the thread.
* A body goes to the sandbox as it arrives, and a stored object to the peer in chunks: neither is in memory as a whole.
* If the response comes before the end of the body, the rest is read for a moment and dropped, so that closing does not
  reset the connection before the peer read the response (RFC 9112, section 9.6).
* A connection without data for `idle_seconds` is closed.
* Bodies pass at the rate of the throttle, and each response waits for its delay; those of the dashboard do not.
* A request for a host that is not allowed gets a 421, whatever it asks for and before its body is read.
"""

import contextlib
import socket
import time
from email.utils import formatdate
from http.client import responses

import h11

from pixel_core.messages import Headers, Origin, Response, split_url
from pixel_transports.sandbox.app import Sandbox
from pixel_transports.sandbox.dashboard import is_dashboard_path
from pixel_transports.sandbox.hosts import AllowedHosts, refusal
from pixel_transports.sandbox.http import ObjectResponse, body_size, json_response
from pixel_transports.sandbox.incoming import IncomingBody, MemoryBody
from pixel_transports.sandbox.storage import max_body_bytes
from pixel_transports.sandbox.throttle import UNLIMITED, Throttle

MAX_BODY_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024
_HEAD_READ_BYTES = 8 * 1024
"""Small, since h11 checks the size of a head only between reads."""
_LINGER_SECONDS = 1.0
_ENDED_EARLY = "the request ended early"


class _TooLargeError(Exception):
    """The body is above the limit."""


class _MisdirectedError(Exception):
    """The request is for a host that is not allowed."""


class Connection:
    """Serves one connection, request after request. `origin` is the server's address."""

    def __init__(
        self,
        stream: socket.socket,
        origin: Origin,
        sandbox: Sandbox,
        idle_seconds: float,
        allowed_hosts: AllowedHosts,
        throttle: Throttle,
    ) -> None:
        self._stream = stream
        self._origin = origin
        self._sandbox = sandbox
        self._allowed_hosts = allowed_hosts
        self._throttle = throttle
        self._pace = throttle
        self._http = h11.Connection(h11.SERVER)
        self._after_body: bytes | None = None
        """What arrived after a body that was read past h11; None if none was, or not to its end."""
        stream.settimeout(idle_seconds)

    def run(self) -> None:
        """Serve until either side ends the connection, then close it."""
        # The peer is gone, timed out, or aborted: no response can be sent.
        with self._stream, contextlib.suppress(OSError, h11.ProtocolError):
            while self._exchange():
                self._start_next_cycle()
            self._drain()

    def abort(self) -> None:
        """End the connection from another thread."""
        # It may be closed already.
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)

    def _exchange(self) -> bool:
        """Serve one request. Returns whether the connection can serve another."""
        try:
            event = self._next_event()
            if not isinstance(event, h11.Request):
                return False
            self._send(self._respond(event))
        except h11.RemoteProtocolError as error:
            self._send_error(error.error_status_hint, str(error))
            return False
        except _TooLargeError:
            self._send_error(413, "Request body is too large")
            return False
        except _MisdirectedError as error:
            self._send_error(421, str(error))
            return False
        body_ended = self._http.their_state is h11.DONE or self._after_body is not None
        return self._http.our_state is h11.DONE and body_ended

    def _start_next_cycle(self) -> None:
        if self._after_body is None:
            self._http.start_next_cycle()
            return
        self._http = h11.Connection(h11.SERVER)
        if self._after_body:
            self._http.receive_data(self._after_body)
        self._after_body = None

    def _next_event(self) -> h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._send_continue()
            in_head = self._http.their_state is h11.IDLE
            self._http.receive_data(self._stream.recv(_HEAD_READ_BYTES if in_head else _READ_BYTES))
        return event

    def _send_continue(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._stream.sendall(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")

    def _read_body(self, body: MemoryBody | IncomingBody, limit: int) -> None:
        """Read a body whose end h11 finds."""
        while isinstance(event := self._next_event(), h11.Data):
            self._pace.take(len(event.data))
            body.write(event.data)
            if body.size > limit:
                raise _TooLargeError
        if not isinstance(event, h11.EndOfMessage):
            raise h11.RemoteProtocolError(_ENDED_EARLY)

    def _read_sized_body(self, body: MemoryBody | IncomingBody, size: int) -> None:
        """Read a body of `size` bytes."""
        self._send_continue()
        arrived, _ = self._http.trailing_data
        self._pace.take(len(arrived[:size]))
        body.write(arrived[:size])
        missing = size - len(arrived)
        while missing > 0:
            data = self._stream.recv(min(missing, _READ_BYTES))
            if not data:
                raise h11.RemoteProtocolError(_ENDED_EARLY)
            self._pace.take(len(data))
            body.write(data)
            missing -= len(data)
        self._after_body = arrived[size:]

    def _respond(self, request: h11.Request) -> Response:
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers])
        target = request.target.decode("ascii")
        try:
            origin = self._parse_host(headers)
            if not target.startswith("/"):
                origin, target = split_url(target)
        except ValueError:
            raise h11.RemoteProtocolError("the host or the target of the request is invalid") from None
        if origin.host not in self._allowed_hosts:
            raise _MisdirectedError(refusal(origin.host))
        self._pace = UNLIMITED if is_dashboard_path(target.partition("?")[0]) else self._throttle
        method = request.method.decode("ascii")
        in_storage = target.startswith("/storage/")
        limit = max_body_bytes(method) if in_storage else MAX_BODY_BYTES
        declared = int(headers.get("Content-Length", "0"))
        with self._sandbox.open_body(method, target, headers) as body:
            if in_storage and (declared > limit or "Transfer-Encoding" in headers):
                # Like S3, the storage responds to the head alone and closes the connection.
                response = self._sandbox.handle(method, origin, target, headers, body)
                return Response(response.status, Headers([*response.headers, ("Connection", "close")]), response.body)
            if declared > limit:
                raise _TooLargeError
            if declared and "Transfer-Encoding" not in headers:
                self._read_sized_body(body, declared)
            else:
                self._read_body(body, limit)
            body.end()
            return self._sandbox.handle(method, origin, target, headers, body)

    def _parse_host(self, headers: Headers) -> Origin:
        host = headers.get("Host")
        if not host:
            return self._origin
        if not host.isascii() or any(character in host for character in "/?#@\\ \t"):
            raise ValueError("not a host")
        return split_url(f"http://{host}")[0]

    def _send(self, response: Response) -> None:
        self._pace.delay()
        fields = [*response.headers, ("Date", formatdate(usegmt=True))]
        if "Content-Length" not in response.headers and response.status not in (204, 304):
            fields.append(("Content-Length", str(body_size(response))))
        reason = responses.get(response.status, "")
        data = self._http.send(h11.Response(status_code=response.status, reason=reason, headers=fields)) or b""
        for chunk in response.chunks() if isinstance(response, ObjectResponse) else (response.body,):
            for piece in self._pace.pieces(chunk):
                # With the first piece in one call: a peer that reads them apart wakes twice.
                self._stream.sendall(data + (self._http.send(h11.Data(data=piece)) or b""))
                data = b""
        data += self._http.send(h11.EndOfMessage()) or b""
        if data:
            self._stream.sendall(data)

    def _send_error(self, status: int, detail: str) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(json_response({"detail": detail}, status, {"Connection": "close"}))

    def _drain(self) -> None:
        self._stream.shutdown(socket.SHUT_WR)
        until = time.monotonic() + _LINGER_SECONDS
        while (remaining := until - time.monotonic()) > 0:
            self._stream.settimeout(remaining)
            if not self._stream.recv(_READ_BYTES):
                return

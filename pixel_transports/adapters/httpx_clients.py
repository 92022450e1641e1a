"""Transports over `httpx.Client` (blocking) and `httpx.AsyncClient` (extra `httpx`).

Rules kept here:

* A request is built without the client's defaults, so that no header, cookie, parameter or login is added. The client's
  proxies, TLS, connection limits and event hooks apply.
* The raw body is read: httpx decodes nothing and follows no redirect.
* Time limits are those of the request, not of the client.
* Messages of h11 are not shown, since they may quote received bytes.

httpx does not read while it sends: a response that arrives before the request is sent is read only after sending
failed. With a peer that neither reads nor closes, that is at the limit `write`.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio

from pixel_core.errors import PixelError
from pixel_core.http.decoding import Limits, ResponseReader
from pixel_core.messages import Request, Response
from pixel_transports.adapters.shared import Outbound, reason_of, response_reader
from pixel_transports.runtime.extras import needs_extra

with needs_extra("httpx", "A transport over httpx"):
    import httpx

_ENDED = ("disconnected", "peer closed connection", "ConnectionClosed", "ConnectionTerminated")
"""Parts of the messages of httpx.RemoteProtocolError when the peer has closed the connection."""


class _Body(httpx.SyncByteStream):
    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def __iter__(self) -> Iterator[bytes]:
        return self._outbound.pieces()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._outbound.pieces_async()


class HttpxTransport:
    """An `httpx.Client` as a transport of the blocking client. Close it yourself, after the last call. `limits` apply
    to responses. `Timeouts.total` is checked between the pieces of a body.
    """

    def __init__(self, client: httpx.Client, *, limits: Limits = Limits()) -> None:
        if not isinstance(client, httpx.Client):
            raise TypeError(f"HttpxTransport needs an httpx.Client, not {type(client).__name__}")
        self._client = client
        self._limits = limits

    def __repr__(self) -> str:
        return f"<HttpxTransport over {type(self._client).__name__}>"

    def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError,
        PixelFileChangedError; ValueError for a request that cannot be sent, RuntimeError for a closed client.
        """
        with Outbound(request) as outbound:
            return self._exchange(outbound)

    def _exchange(self, outbound: Outbound) -> Response:
        started = False
        try:
            response = self._client.send(
                _request(outbound, _Body(outbound)), stream=True, auth=None, follow_redirects=False
            )
            started = True
            try:
                reader = _reader(outbound, response, self._limits)
                if response.is_stream_consumed:
                    reader.feed(response.content)
                else:
                    for piece in response.iter_raw():
                        reader.feed(piece)
                        outbound.check_time()
                return reader.finish()
            finally:
                response.close()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _translated(outbound, error, started) from None  # it may show the URL, or received bytes

    def close(self) -> None:
        """Do nothing: the client belongs to the caller."""


class AsyncHttpxTransport:
    """An `httpx.AsyncClient` as a transport of the async client, under asyncio and trio. Close it yourself, after the
    last call, in the event loop that used it; it cannot be used in another.

    `limits` apply to responses.
    """

    def __init__(self, client: httpx.AsyncClient, *, limits: Limits = Limits()) -> None:
        if not isinstance(client, httpx.AsyncClient):
            raise TypeError(f"AsyncHttpxTransport needs an httpx.AsyncClient, not {type(client).__name__}")
        self._client = client
        self._limits = limits

    def __repr__(self) -> str:
        return f"<AsyncHttpxTransport over {type(self._client).__name__}>"

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError,
        PixelFileChangedError; ValueError for a request that cannot be sent, RuntimeError for a closed client.
        """
        with Outbound(request) as outbound:
            with anyio.move_on_after(request.timeouts.total):
                return await self._exchange(outbound)
            raise outbound.too_long()

    async def _exchange(self, outbound: Outbound) -> Response:
        started = False
        try:
            response = await self._client.send(
                _request(outbound, _AsyncBody(outbound)), stream=True, auth=None, follow_redirects=False
            )
            started = True
            try:
                reader = _reader(outbound, response, self._limits)
                if response.is_stream_consumed:
                    reader.feed(response.content)
                else:
                    async for piece in response.aiter_raw():
                        try:
                            reader.feed(piece)
                        except PixelError as error:
                            # Not raised here: trio warns of unfinished generators, of which httpx has many. Closing
                            # the response finishes them.
                            outbound.failure = error
                            await response.aclose()
                if outbound.failure is not None:
                    raise outbound.failure
                return reader.finish()
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _translated(outbound, error, started) from None  # it may show the URL, or received bytes

    async def aclose(self) -> None:
        """Do nothing: the client belongs to the caller."""


def _request(outbound: Outbound, body: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Request:
    request, limits = outbound.request, outbound.timeouts
    timeout = httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool)
    extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
    url = httpx.URL(request.url)
    if url.raw_path != request.target.encode("ascii"):
        # httpx normalises some escapes, which breaks a signature. Only then: through a proxy that forwards, httpcore
        # would send the extension in place of the whole URL.
        extensions["target"] = request.target.encode("ascii")
    return httpx.Request(request.method, url, headers=outbound.raw_fields(), stream=body, extensions=extensions)


def _reader(outbound: Outbound, response: httpx.Response, limits: Limits) -> ResponseReader:
    fields = response.headers.raw
    if response.is_stream_consumed:  # by a hook or a transport of the client, which has decoded it
        fields = [(name, value) for name, value in fields if name.lower() != b"content-encoding"]
    return response_reader(outbound, response.status_code, fields, limits)


def _translated(outbound: Outbound, error: Exception, started: bool) -> Exception:
    """Return the error of this library for an error of httpx."""
    limits = outbound.timeouts
    if outbound.failure is not None:
        return outbound.failure
    match error:
        case httpx.ConnectTimeout():
            return outbound.timed_out("no connection", limits.connect, sent=False)
        case httpx.PoolTimeout():
            return outbound.timed_out("no connection became free", limits.pool, sent=False)
        case httpx.WriteTimeout():
            return outbound.timed_out("nothing was taken", limits.write, sent=True)
        case httpx.TimeoutException():
            return outbound.timed_out("no answer", limits.read, sent=True)
        case httpx.ConnectError():
            return outbound.not_connected(error)
        case httpx.ProxyError():
            status = str(error)[:3]
            return outbound.proxy_failed(int(status) if status.isdigit() else None)
        case httpx.RemoteProtocolError() if any(words in str(error) for words in _ENDED):
            return outbound.cut_short(started=started)
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            return outbound.invalid_response()
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return ValueError(f"{outbound.request.label} cannot be sent by httpx: {type(error).__name__}")
    return outbound.broke(reason_of(error))

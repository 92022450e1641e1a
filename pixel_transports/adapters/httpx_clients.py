"""httpx under our core: `httpx.Client` for the blocking client, `httpx.AsyncClient` for the async one (extra `httpx`).

Rules kept here:

* A request is made by hand, so that no header, cookie, parameter or login of the client is added to it. Its proxies,
  TLS, limits of connections and event hooks are the client's own, and hold.
* What comes is read raw: httpx unpacks nothing and follows nothing.
* Time limits are those of the request, not of the client.
* What h11 says of a peer's bytes may repeat them, so it is not shown.

httpx keeps no ear for the peer while it sends: an answer that comes before a body is through is read once sending
failed, which a peer that neither reads on nor hangs up does not bring about before the limit of a write.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import httpx

from pixel_core.errors import PixelError, PixelProxyError
from pixel_core.http.decoding import Limits, ResponseReader
from pixel_core.messages import Request, Response
from pixel_transports.adapters.shared import Outbound, reason_of, response_reader

_ENDED = ("disconnected", "peer closed connection", "ConnectionClosed", "ConnectionTerminated")
"""What the messages of httpx's RemoteProtocolError hold where a peer has hung up."""


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
    """An `httpx.Client` as a transport of the blocking client. It stays yours: close it yourself, after the last call.

    `limits` are those of an answer. `total`, of `pixel_core.Timeouts`, is looked at between the pieces of a body.
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
        heard = False
        try:
            answer = self._client.send(
                _request(outbound, _Body(outbound)), stream=True, auth=None, follow_redirects=False
            )
            heard = True
            try:
                reader = _reader(outbound, answer, self._limits)
                if answer.is_stream_consumed:
                    reader.feed(answer.content)
                else:
                    for piece in answer.iter_raw():
                        reader.feed(piece)
                        outbound.check_time()
                return reader.finish()
            finally:
                answer.close()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _told(outbound, error, heard) from None  # it may show the URL, or what the peer sent

    def close(self) -> None:
        """Nothing is kept open here; the client is its owner's."""


class AsyncHttpxTransport:
    """An `httpx.AsyncClient` as a transport of the async client, under asyncio and trio. It stays yours: close it
    yourself, after the last call, in the event loop that used it; it serves only that one.

    `limits` are those of an answer.
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
        heard = False
        try:
            answer = await self._client.send(
                _request(outbound, _AsyncBody(outbound)), stream=True, auth=None, follow_redirects=False
            )
            heard = True
            try:
                reader = _reader(outbound, answer, self._limits)
                if answer.is_stream_consumed:
                    reader.feed(answer.content)
                else:
                    async for piece in answer.aiter_raw():
                        try:
                            reader.feed(piece)
                        except PixelError as error:
                            # Not out of the middle: trio complains of generators that are left unfinished, and httpx
                            # has many. A closed answer ends them.
                            outbound.failure = error
                            await answer.aclose()
                if outbound.failure is not None:
                    raise outbound.failure
                return reader.finish()
            finally:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _told(outbound, error, heard) from None  # it may show the URL, or what the peer sent

    async def aclose(self) -> None:
        """Nothing is kept open here; the client is its owner's."""


def _request(outbound: Outbound, body: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Request:
    request, limits = outbound.request, outbound.timeouts
    timeout = httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool)
    extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
    url = httpx.URL(request.url)
    if url.raw_path != request.target.encode("ascii"):
        # httpx has its own mind about some escapes, and a signature is over those that were given. Only then: httpcore
        # takes the extension also where a proxy has to be told the whole URL.
        extensions["target"] = request.target.encode("ascii")
    return httpx.Request(request.method, url, headers=outbound.raw_fields(), stream=body, extensions=extensions)


def _reader(outbound: Outbound, answer: httpx.Response, limits: Limits) -> ResponseReader:
    fields = answer.headers.raw
    if answer.is_stream_consumed:  # by a hook or a transport of the client, and unpacked with it
        fields = [(name, value) for name, value in fields if name.lower() != b"content-encoding"]
    return response_reader(outbound, answer.status_code, fields, limits)


def _told(outbound: Outbound, error: Exception, heard: bool) -> Exception:
    """What an error of httpx is for us."""
    limits = outbound.timeouts
    if outbound.failure is not None:
        return outbound.failure
    match error:
        case httpx.ConnectTimeout():
            return outbound.timed_out(f"no connection within {limits.connect or 0:g} seconds", sent=False)
        case httpx.PoolTimeout():
            return outbound.timed_out(f"no connection became free within {limits.pool or 0:g} seconds", sent=False)
        case httpx.WriteTimeout():
            return outbound.timed_out(f"nothing was taken within {limits.write or 0:g} seconds", sent=True)
        case httpx.TimeoutException():
            return outbound.timed_out(f"no answer within {limits.read or 0:g} seconds", sent=True)
        case httpx.ConnectError():
            return outbound.not_connected(reason_of(error))
        case httpx.ProxyError():
            return _of_proxy(outbound, str(error))
        case httpx.RemoteProtocolError() if any(words in str(error) for words in _ENDED):
            return outbound.cut_short(heard=heard)
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            return outbound.not_understood()
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return ValueError(f"{outbound.request.label} cannot be sent by httpx: {type(error).__name__}")
    return outbound.broke(reason_of(error))


def _of_proxy(outbound: Outbound, said: str) -> PixelError:
    status = int(said[:3]) if said[:3].isdigit() else None
    what = "a proxy could not be reached" if status is None else f"a proxy refused: {status}"
    return PixelProxyError(
        f"{outbound.request.label}: could not connect to {outbound.request.origin}: {what}", status=status
    )

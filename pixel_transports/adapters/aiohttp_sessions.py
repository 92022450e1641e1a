"""A transport over an `aiohttp.ClientSession` for the async client, under asyncio (extra `aiohttp`).

Rules kept here:

* Requests go through a session of our own over the connector of the user's session (with its TLS, limits and resolver),
  so that no cookie, header, login or netrc is added, and nothing is decoded. Proxies and trace configurations of the
  user's session apply; its middlewares do not.
* aiohttp repeats nothing: the core decides what is repeated.
* aiohttp has no limit for a write, so the body has one.
* aiohttp encodes headers in UTF-8: values that are not ASCII are refused, since other bytes would be sent.
* Messages of aiohttp are not shown, since they may quote received bytes.
"""

import asyncio
import os
from typing import Any

from pixel_core.errors import PixelError
from pixel_core.http.decoding import Limits
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Origin, Request, Response
from pixel_transports.adapters.shared import Outbound, reason_of, response_reader
from pixel_transports.runtime.extras import needs_extra

with needs_extra("aiohttp", "A transport over aiohttp"):
    import aiohttp
    import yarl
    from aiohttp.abc import AbstractStreamWriter

_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add."""


class _Body(aiohttp.Payload):
    """A body that is written from its beginning each time."""

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self._outbound = outbound
        self._size = outbound.length

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Required by the base class; not called for a streamed body."""
        raise TypeError("the body is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        outbound = self._outbound
        limit = outbound.timeouts.write
        async for piece in outbound.pieces_async():
            try:
                async with asyncio.timeout(limit):
                    await writer.write(piece)
            except TimeoutError:
                outbound.failure = outbound.timed_out("nothing was taken", limit, sent=True)
                raise outbound.failure from None


class AiohttpTransport:
    """An `aiohttp.ClientSession` as a transport of the async client under asyncio. Close it yourself, after the last
    call, in the event loop that made it; it cannot be used in another.

    `limits` apply to responses.
    """

    def __init__(self, session: aiohttp.ClientSession, *, limits: Limits = Limits()) -> None:
        if not isinstance(session, aiohttp.ClientSession):
            raise TypeError(f"AiohttpTransport needs an aiohttp.ClientSession, not {type(session).__name__}")
        self._session = session
        self._limits = limits
        self._own: aiohttp.ClientSession | None = None
        self._proxies = Proxies.from_environment(os.environ) if session.trust_env else Proxies()

    def __repr__(self) -> str:
        return f"<AiohttpTransport over {type(self._session).__name__}>"

    async def send(self, request: Request) -> Response:
        """Perform one exchange. Raises PixelConnectionError, PixelTimeoutError, PixelProtocolError,
        PixelFileChangedError; ValueError for a request that cannot be sent, RuntimeError for a closed session.
        """
        with Outbound(request) as outbound:
            session = self._own_session()
            url = _url(request)
            for name, value in outbound.fields:
                if not value.isascii():
                    raise ValueError(f"the value of the header {name!r} is not ASCII: aiohttp cannot send it as it is")
            try:
                async with asyncio.timeout(request.timeouts.total):
                    return await self._exchange(session, outbound, url)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise _translated(outbound, error) from None  # it shows the URL, or received bytes

    async def _exchange(self, session: aiohttp.ClientSession, outbound: Outbound, url: yarl.URL) -> Response:
        request, limits = outbound.request, outbound.timeouts
        response = await session.request(
            request.method,
            url,
            headers=outbound.fields,
            skip_auto_headers=_AUTOMATIC,
            data=_Body(outbound) if outbound.length else None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=_sum(limits.pool, limits.connect),
                sock_connect=limits.connect,
                sock_read=limits.read,
            ),
            auto_decompress=False,
            **self._proxy_arguments(request.origin),
        )
        whole = False
        try:
            reader = response_reader(outbound, response.status, response.raw_headers, self._limits)
            async for piece in response.content.iter_any():
                reader.feed(piece)
            result = reader.finish()
            whole = outbound.complete
            return result
        finally:
            if whole:
                response.release()
            else:
                response.close()

    def _own_session(self) -> aiohttp.ClientSession:
        """Return a session over the user's connector. Raises RuntimeError if the user's session is closed."""
        connector = self._session.connector
        if self._session.closed or connector is None:
            raise RuntimeError("the aiohttp.ClientSession of this transport is closed")
        if self._own is None or self._own.closed:
            self._own = aiohttp.ClientSession(
                connector=connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trace_configs=self._session.trace_configs,
            )
            if hasattr(self._own, "_retry_connection"):
                # Otherwise it repeats GET, PUT and DELETE when a peer closes. There is no public option.
                self._own._retry_connection = False
        return self._own

    def _proxy_arguments(self, origin: Origin) -> dict[str, Any]:
        """Return the arguments for the proxy that the user's session would use."""
        # The credentials are part of the URL, since their argument depends on the version of aiohttp.
        default = getattr(self._session, "_default_proxy", None)
        if default is not None:
            url, login = yarl.URL(default), getattr(self._session, "_default_proxy_auth", None)
            return {"proxy": url if login is None else url.with_user(login.login).with_password(login.password)}
        proxy = self._proxies.for_origin(origin)
        if proxy is None:
            return {}
        url = yarl.URL(str(proxy.origin))
        return {"proxy": url if proxy.user is None else url.with_user(proxy.user).with_password(proxy.password)}

    async def aclose(self) -> None:
        """Release the user's session, which stays open. The next request uses it again."""
        own, self._own = self._own, None
        if own is not None:
            own.detach()


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _url(request: Request) -> yarl.URL:
    """Return the URL, not normalised. Raises ValueError if aiohttp would send another."""
    url = yarl.URL(request.url, encoded=True)
    if url.raw_path_qs != request.target:
        raise ValueError(f"{request.label} has a target that aiohttp cannot send as it is")
    return url


def _translated(outbound: Outbound, error: Exception) -> Exception:
    """Return the error of this library for an error of aiohttp."""
    limits = outbound.timeouts
    if outbound.failure is not None:
        return outbound.failure
    match error:
        case PixelError():
            return error
        case aiohttp.ConnectionTimeoutError():
            return outbound.timed_out("no connection", limits.connect, sent=False)
        case aiohttp.ServerTimeoutError():
            return outbound.timed_out("no answer", limits.read, sent=True)
        case TimeoutError():
            return outbound.too_long()
        case aiohttp.ClientHttpProxyError():
            return outbound.proxy_failed(error.status)
        case aiohttp.ClientProxyConnectionError():
            return outbound.proxy_failed(None)
        case aiohttp.ClientConnectorError():
            return outbound.not_connected(error)
        case aiohttp.ServerDisconnectedError():
            return outbound.cut_short(started=False)
        case aiohttp.ClientPayloadError() if "not completed" in str(error):
            return outbound.cut_short(started=True)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return outbound.invalid_response()
        case aiohttp.InvalidURL():
            return ValueError(f"{outbound.request.label} cannot be sent by aiohttp: {type(error).__name__}")
    return outbound.broke(reason_of(error))

"""aiohttp under our core: an `aiohttp.ClientSession` for the async client, under asyncio (extra `aiohttp`).

Rules kept here:

* The connections are those of the session that was given (its connector, with its TLS, limits and resolver). Requests
  go through a session of our own over that connector, so that no cookie, header, login or netrc of the other is added,
  and nothing is unpacked. Its proxies and trace configurations are taken over; its middlewares are not.
* aiohttp repeats nothing: what may be sent again is for the core to decide.
* aiohttp has no limit for a write, so the body has one; and one that the peer no longer waits for is broken off.
* aiohttp writes headers in UTF-8: values beyond ASCII are refused, since they would become others.
* What aiohttp says of a peer's bytes repeats them, so it is not shown.
"""

import asyncio
import os
from typing import Any

import aiohttp
import yarl
from aiohttp.abc import AbstractStreamWriter

from pixel_core.errors import PixelError, PixelProxyError
from pixel_core.http.decoding import Limits
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Origin, Request, Response
from pixel_transports.adapters.shared import Outbound, reason_of, response_reader

_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""What aiohttp would add."""


class _Body(aiohttp.Payload):
    """A body that is written from its beginning each time."""

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self._outbound = outbound
        self._size = outbound.length

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """aiohttp asks for this nowhere on our way."""
        raise TypeError("the body is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        outbound = self._outbound
        limit = outbound.timeouts.write
        async for piece in outbound.pieces_async():
            try:
                async with asyncio.timeout(limit):
                    await writer.write(piece)
            except TimeoutError:
                what = f"nothing was taken within {limit or 0:g} seconds"
                outbound.failure = outbound.timed_out(what, sent=True)
                raise outbound.failure from None


class AiohttpTransport:
    """An `aiohttp.ClientSession` as a transport of the async client under asyncio. It stays yours: close it yourself,
    after the last call, in the event loop that made it; it serves only that one.

    `limits` are those of an answer.
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
            session = self._of_our_own()
            url = _url(request)
            for name, value in outbound.fields:
                if not value.isascii():
                    raise ValueError(f"the value of the header {name!r} is not ASCII: aiohttp cannot send it as it is")
            try:
                async with asyncio.timeout(request.timeouts.total):
                    return await self._exchange(session, outbound, url)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise _told(outbound, error) from None  # it shows the URL, or what the peer sent

    async def _exchange(self, session: aiohttp.ClientSession, outbound: Outbound, url: yarl.URL) -> Response:
        request, limits = outbound.request, outbound.timeouts
        answer = await session.request(
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
            **self._through(request.origin),
        )
        whole = False
        try:
            reader = response_reader(outbound, answer.status, answer.raw_headers, self._limits)
            async for piece in answer.content.iter_any():
                reader.feed(piece)
            response = reader.finish()
            whole = outbound.complete
            return response
        finally:
            if whole:
                answer.release()
            else:
                answer.close()

    def _of_our_own(self) -> aiohttp.ClientSession:
        """A session over the connector of the one that was given. Raises RuntimeError where that is closed."""
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
                # Otherwise it repeats GET, PUT and DELETE when a peer hangs up. There is no other way to say so.
                self._own._retry_connection = False
        return self._own

    def _through(self, origin: Origin) -> dict[str, Any]:
        """The proxy that the session would take."""
        # The login stands in the URL: what else aiohttp takes it in depends on its version.
        given = getattr(self._session, "_default_proxy", None)
        if given is not None:
            url, login = yarl.URL(given), getattr(self._session, "_default_proxy_auth", None)
            return {"proxy": url if login is None else url.with_user(login.login).with_password(login.password)}
        proxy = self._proxies.for_origin(origin)
        if proxy is None:
            return {}
        url = yarl.URL(str(proxy.origin))
        return {"proxy": url if proxy.user is None else url.with_user(proxy.user).with_password(proxy.password)}

    async def aclose(self) -> None:
        """Let go of the session that was given, which stays open; the next request takes it up again."""
        own, self._own = self._own, None
        if own is not None:
            own.detach()


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _url(request: Request) -> yarl.URL:
    """The URL, untouched. Raises ValueError where aiohttp would send another."""
    url = yarl.URL(request.url, encoded=True)
    if url.raw_path_qs != request.target:
        raise ValueError(f"{request.label} has a target that aiohttp cannot send as it is")
    return url


def _told(outbound: Outbound, error: Exception) -> Exception:
    """What an error of aiohttp is for us."""
    limits = outbound.timeouts
    if outbound.failure is not None:
        return outbound.failure
    match error:
        case PixelError():
            return error
        case aiohttp.ConnectionTimeoutError():
            return outbound.timed_out(f"no connection within {limits.connect or 0:g} seconds", sent=False)
        case aiohttp.ServerTimeoutError():
            return outbound.timed_out(f"no answer within {limits.read or 0:g} seconds", sent=True)
        case TimeoutError():
            return outbound.too_long()
        case aiohttp.ClientHttpProxyError():
            return _of_proxy(outbound, f"a proxy refused: {error.status}", error.status)
        case aiohttp.ClientProxyConnectionError():
            return _of_proxy(outbound, "a proxy could not be reached", None)
        case aiohttp.ClientConnectorError():
            return outbound.not_connected(reason_of(error))
        case aiohttp.ClientSSLError():
            return outbound.not_connected(type(error).__name__)
        case aiohttp.ServerDisconnectedError():
            return outbound.cut_short(heard=False)
        case aiohttp.ClientPayloadError() if "not completed" in str(error):
            return outbound.cut_short(heard=True)
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return outbound.not_understood()
        case aiohttp.InvalidURL():
            return ValueError(f"{outbound.request.label} cannot be sent by aiohttp: {type(error).__name__}")
    return outbound.broke(reason_of(error))


def _of_proxy(outbound: Outbound, what: str, status: int | None) -> PixelProxyError:
    return PixelProxyError(
        f"{outbound.request.label}: could not connect to {outbound.request.origin}: {what}", status=status
    )

"""The transports that pass the check-suite: all of the library, and all adapters."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import aiohttp
import httpx

from pixel_core.http.decoding import Limits
from pixel_transports import AnyioTransport, AsyncFunctionTransport, FunctionTransport, SocketTransport, adapters
from pixel_transports.testing.checks import Candidate

LIMIT = 3_200_000
LIMITS = Limits(body=LIMIT)
TRUST = ssl.create_default_context()  # made once, since that is slow


@contextmanager
def over_httpx() -> Iterator[adapters.HttpxTransport]:
    with httpx.Client(
        verify=TRUST, follow_redirects=True, auth=("u", "p"), cookies={"a": "b"}, headers={"X-Own": "1"}
    ) as client:
        yield adapters.HttpxTransport(client, limits=LIMITS)


@asynccontextmanager
async def over_async_httpx() -> AsyncIterator[adapters.AsyncHttpxTransport]:
    async with httpx.AsyncClient(verify=TRUST, follow_redirects=True, auth=("u", "p"), cookies={"a": "b"}) as client:
        yield adapters.AsyncHttpxTransport(client, limits=LIMITS)


@asynccontextmanager
async def over_aiohttp() -> AsyncIterator[adapters.AiohttpTransport]:
    async with aiohttp.ClientSession(headers={"X-Own": "1"}, cookies={"a": "b"}) as session:
        yield adapters.AiohttpTransport(session, limits=LIMITS)


ANYIO = Candidate(lambda: AnyioTransport(limits=LIMITS), answer_limit=LIMIT)
ASGI = Candidate(lambda app: adapters.AsgiTransport(app, limits=LIMITS), interface="asgi", answer_limit=LIMIT)

CANDIDATES: dict[str, Candidate] = {
    "sockets": Candidate(lambda: SocketTransport(limits=LIMITS), answer_limit=LIMIT),
    "asyncio": ANYIO,
    "trio": replace(ANYIO, backend="trio"),
    "function": Candidate(FunctionTransport, interface="function"),
    "async_function": Candidate(AsyncFunctionTransport, interface="function"),
    "async_function_trio": Candidate(AsyncFunctionTransport, interface="function", backend="trio"),
    "httpx": Candidate(over_httpx, lacks=["early-answer-open"], answer_limit=LIMIT),
    "async_httpx": Candidate(over_async_httpx, lacks=["early-answer", "early-answer-open"], answer_limit=LIMIT),
    "async_httpx_trio": Candidate(over_async_httpx, backend="trio", lacks=["early-answer-open"], answer_limit=LIMIT),
    "aiohttp": Candidate(over_aiohttp, lacks=["latin-1"], answer_limit=LIMIT),
    "asgi": ASGI,
    "asgi_trio": replace(ASGI, backend="trio"),
    "wsgi": Candidate(lambda app: adapters.WsgiTransport(app, limits=LIMITS), interface="wsgi", answer_limit=LIMIT),
}

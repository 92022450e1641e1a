"""General HTTP libraries: httpx, urllib3, requests and aiohttp, used as their manuals say.

Rules kept here:

* One session or pool for all calls, with places for 64 connections at least, so that none of them opens new ones.
* Files are streamed where the library streams forms, and held in memory where it does not.
"""

import importlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from tests.benchmarks.clients.faces import HEADERS, Client, Part

CONNECTIONS = 100
_JSON = {**HEADERS, "Content-Type": "application/json"}


def _body(name: str, value: Any) -> dict[str, Any]:
    """The arguments for header fields, and for a value under this name."""
    return {"headers": HEADERS} if value is None else {name: json.dumps(value).encode(), "headers": _JSON}


def _name(part: Part) -> str:
    return os.path.basename(part.path)


def _expect(status: int) -> None:
    if not 200 <= status < 300:
        raise RuntimeError(f"status {status}")


class HttpxBlocking(Client):
    body = "content"
    """The argument that takes the bytes of a body."""

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._client = self._made("Client")

    def _made(self, kind: str) -> Any:
        httpx: Any = importlib.import_module("httpx")
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        return getattr(httpx, kind)(limits=limits, timeout=60, trust_env=False)

    async def _request(self, method: str, url: str, **options: Any) -> Any:
        response = self._client.request(method, url, **options)
        _expect(response.status_code)
        return response

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        return (await self._request(method, self.api + path, **_body(self.body, value))).json()

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        with part.file() as file:
            await self._request("POST", url, data=fields, files={"file": (_name(part), file)})

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        await self._request("PUT", url, headers=headers, **{self.body: part.bytes()})

    async def close(self) -> None:
        self._client.close()


class HttpxAsync(HttpxBlocking):
    backend = "asyncio"

    def _made(self, kind: str) -> Any:
        return super()._made("AsyncClient")

    async def _request(self, method: str, url: str, **options: Any) -> Any:
        response = await self._client.request(method, url, **options)
        _expect(response.status_code)
        return response

    async def close(self) -> None:
        await self._client.aclose()


class Requests(HttpxBlocking):
    """The methods of httpx are those of requests, but for the name of a body."""

    body = "data"

    def _made(self, kind: str) -> Any:
        requests: Any = importlib.import_module("requests")
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
        return session


class Urllib3(Client):
    def __init__(self, api: str) -> None:
        super().__init__(api)
        urllib3: Any = importlib.import_module("urllib3")
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)

    async def _request(self, method: str, url: str, **options: Any) -> Any:
        response = self._pool.request(method, url, **options)
        _expect(response.status)
        return response

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        return json.loads((await self._request(method, self.api + path, **_body("body", value))).data)

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        await self._request("POST", url, fields={**fields, "file": (_name(part), part.bytes())})

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        await self._request("PUT", url, body=part.bytes(), headers=headers)

    async def close(self) -> None:
        self._pool.clear()


class Aiohttp(Client):
    backend = "asyncio"

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._aiohttp: Any = importlib.import_module("aiohttp")
        self._session: Any = None

    def _opened(self) -> Any:
        if self._session is None:
            connector = self._aiohttp.TCPConnector(limit=CONNECTIONS)
            self._session = self._aiohttp.ClientSession(connector=connector)
        return self._session

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        async with self._opened().request(method, self.api + path, **_body("data", value)) as response:
            _expect(response.status)
            return await response.json()

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        form = self._aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, value)
        with part.file() as file:
            form.add_field("file", file, filename=_name(part), content_type="application/octet-stream")
            async with self._opened().post(url, data=form) as response:
                _expect(response.status)

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        async with self._opened().put(url, data=part.bytes(), headers=headers) as response:
            _expect(response.status)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


CLIENTS: dict[str, Callable[[str], Client]] = {
    "httpx": HttpxBlocking,
    "httpx-async": HttpxAsync,
    "urllib3": Urllib3,
    "requests": Requests,
    "aiohttp": Aiohttp,
}

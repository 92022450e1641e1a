"""The sandbox as an ASGI app and as a WSGI app."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import anyio.to_thread

from pixel_core.messages import Headers, Request, split_url
from pixel_transports.sandbox import Sandbox


def asgi_app(sandbox: Sandbox) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = Headers([(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]])
        url = f"{scope['scheme']}://{headers['host']}{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        origin, target = split_url(url)
        request = Request(scope["method"], origin, target, headers, body)
        response = await anyio.to_thread.run_sync(sandbox, request)
        fields = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": fields})
        await send({"type": "http.response.body", "body": response.body})

    return app


def wsgi_app(sandbox: Sandbox) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        named = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}
        headers = Headers(
            [
                (named.get(key, key.removeprefix("HTTP_").replace("_", "-")), value)
                for key, value in environ.items()
                if key.startswith("HTTP_") or key in named
            ]
        )
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        origin, target = split_url(f"{environ['wsgi.url_scheme']}://{headers['host']}{path}?{environ['QUERY_STRING']}")
        request = Request(environ["REQUEST_METHOD"], origin, target, headers, environ["wsgi.input"].read())
        response = sandbox(request)
        start_response(f"{response.status} OK", list(response.headers))
        return [response.body]

    return app

"""The sandbox as an ASGI app and as a WSGI app: a request of theirs to one of ours, and our answer to theirs."""

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
        answer = await anyio.to_thread.run_sync(sandbox, request)
        fields = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})

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
        answer = sandbox(request)
        start_response(f"{answer.status} As told", list(answer.headers))
        return [answer.body]

    return app

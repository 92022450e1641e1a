"""A well-behaved server: it records the requests, and sends the configured responses.

It has four interfaces: a socket, a function, an ASGI app and a WSGI app. A body is recorded as its length and digest,
so large bodies take no memory.
"""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import anyio

from pixel_core.messages import Headers, Request, Response
from pixel_transports.testing.checks.peers import PATIENCE, ScriptedConnection


class _Digest:
    def __init__(self) -> None:
        self.length = 0
        self._sha = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        self.length += len(data)
        self._sha.update(data)

    def __str__(self) -> str:
        return self._sha.hexdigest()


@dataclass
class ReceivedRequest:
    """A request that the server received; `digest` is the SHA-256 of its body, in hex."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    length: int
    digest: str

    def values(self, name: str) -> list[str]:
        """The values of a header, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]


@dataclass
class StubServer:
    """Sends the response that `answers` has for a path, and 200 `ok` for other paths. Paths in `silent` get none."""

    answers: dict[str, Response] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    received: list[ReceivedRequest] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request has arrived."""

    def _answer(self, request: ReceivedRequest) -> Response | None:
        self.received.append(request)
        self.arrived.set()
        path = request.target.partition("?")[0]
        return None if path in self.silent else self.answers.get(path, Response(200, Headers(), b"ok"))

    def handle(self, request: Request) -> Response:
        """The server as a function."""
        if not isinstance(request.body, bytes):
            raise AssertionError("the body of a function's request has to be bytes")
        digest = hashlib.sha256(request.body).hexdigest()
        fields = list(request.headers)
        answer = self._answer(ReceivedRequest(request.method, request.target, fields, len(request.body), digest))
        if answer is None:
            raise AssertionError("a function cannot be silent")
        return answer if _has_body(request.method, answer) else Response(answer.status, answer.headers)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The server as an ASGI app."""
        digest, more = _Digest(), True
        while more:
            message = await receive()
            digest.feed(message.get("body", b""))
            more = message.get("more_body", False)
        query = scope["query_string"].decode("ascii")
        target = scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
        fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in scope["headers"]]
        answer = self._answer(ReceivedRequest(scope["method"], target, fields, digest.length, str(digest)))
        if answer is None:
            await anyio.sleep_forever()
            return
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        half = len(answer.body) // 2
        await send({"type": "http.response.body", "body": answer.body[:half], "more_body": True})
        await send({"type": "http.response.body", "body": answer.body[half:]})

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The server as a WSGI app."""
        digest = _Digest()
        while piece := environ["wsgi.input"].read(65536):
            digest.feed(piece)
        query = environ["QUERY_STRING"]
        target = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else "")
        names = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}
        fields = [
            (names.get(key, key.removeprefix("HTTP_").replace("_", "-")), value)
            for key, value in environ.items()
            if key.startswith("HTTP_") or key in names
        ]
        answer = self._answer(ReceivedRequest(environ["REQUEST_METHOD"], target, fields, digest.length, str(digest)))
        if answer is None:
            raise AssertionError("a WSGI app cannot be silent")
        start_response(f"{answer.status} Stub", list(answer.headers))
        half = len(answer.body) // 2
        return [answer.body[:half], b"", answer.body[half:]]

    def serve(self, connection: ScriptedConnection) -> None:
        """Serve one connection, until the client closes it."""
        while True:
            line, *lines = connection.head().decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            method, target, _ = line.split(" ")
            fields = [(name, value.strip(" ")) for name, _, value in (each.partition(":") for each in lines)]
            request = ReceivedRequest(method, target, fields, 0, "")
            if request.values("Transfer-Encoding"):
                connection.send(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            digest = _Digest()
            for piece in connection.body(int((request.values("Content-Length") or ["0"])[0])):
                digest.feed(piece)
            request.length, request.digest = digest.length, str(digest)
            answer = self._answer(request)
            if answer is None:
                connection.over.wait(PATIENCE)
                return
            connection.send(_encode(method, answer))


def _has_body(method: str, answer: Response) -> bool:
    return method != "HEAD" and answer.status not in (204, 304)


def _encode(method: str, answer: Response) -> bytes:
    fields = list(answer.headers)
    if "Content-Length" not in answer.headers and answer.status not in (204, 304):
        fields.append(("Content-Length", str(len(answer.body))))
    lines = [f"HTTP/1.1 {answer.status} Stub", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + answer.body if _has_body(method, answer) else head

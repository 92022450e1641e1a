"""The far end of a transport that behaves: it remembers what came, and answers as it was told to.

Rules kept here:

* It is one thing in four forms: behind a socket, a function, an ASGI app and a WSGI app.
* What came is remembered without its body, of which the length and a digest are kept; so a large one costs no memory.
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
class Seen:
    """A request as it arrived; `digest` is the SHA-256 of its body, in hex."""

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
    """Answers what `answers` has for a path; 200 and `ok` for any other. A path in `silent` is never answered."""

    answers: dict[str, Response] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)
    """That a request came."""

    def _answer(self, seen: Seen) -> Response | None:
        self.seen.append(seen)
        self.heard.set()
        path = seen.target.partition("?")[0]
        return None if path in self.silent else self.answers.get(path, Response(200, Headers(), b"ok"))

    def handle(self, request: Request) -> Response:
        """As a function."""
        if not isinstance(request.body, bytes):
            raise AssertionError("a function is given a body in bytes")
        digest = hashlib.sha256(request.body).hexdigest()
        answer = self._answer(Seen(request.method, request.target, list(request.headers), len(request.body), digest))
        if answer is None:
            raise AssertionError("a function cannot be silent")
        return answer if _has_body(request.method, answer) else Response(answer.status, answer.headers)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """As an ASGI app."""
        digest, more = _Digest(), True
        while more:
            message = await receive()
            digest.feed(message.get("body", b""))
            more = message.get("more_body", False)
        query = scope["query_string"].decode("ascii")
        target = scope["raw_path"].decode("ascii") + (f"?{query}" if query else "")
        fields = [(name.decode("ascii"), value.decode("latin-1")) for name, value in scope["headers"]]
        answer = self._answer(Seen(scope["method"], target, fields, digest.length, str(digest)))
        if answer is None:
            await anyio.sleep_forever()
            return
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        half = len(answer.body) // 2
        await send({"type": "http.response.body", "body": answer.body[:half], "more_body": True})
        await send({"type": "http.response.body", "body": answer.body[half:]})

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """As a WSGI app."""
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
        answer = self._answer(Seen(environ["REQUEST_METHOD"], target, fields, digest.length, str(digest)))
        if answer is None:
            raise AssertionError("a WSGI app cannot be silent")
        start_response(f"{answer.status} As told", list(answer.headers))
        half = len(answer.body) // 2
        return [answer.body[:half], b"", answer.body[half:]]

    def serve(self, talk: ScriptedConnection) -> None:
        """Behind a socket, until the client hangs up."""
        while True:
            line, *lines = talk.head().decode("latin-1").split("\r\n")
            method, target, _ = line.split(" ")
            fields = [(name, value.strip(" ")) for name, _, value in (each.partition(":") for each in lines)]
            seen = Seen(method, target, fields, 0, "")
            if seen.values("Transfer-Encoding"):
                talk.send(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            digest = _Digest()
            for piece in talk.body(int((seen.values("Content-Length") or ["0"])[0])):
                digest.feed(piece)
            seen.length, seen.digest = digest.length, str(digest)
            answer = self._answer(seen)
            if answer is None:
                talk.over.wait(PATIENCE)
                return
            talk.send(_on_the_wire(method, answer))


def _has_body(method: str, answer: Response) -> bool:
    return method != "HEAD" and answer.status not in (204, 304)


def _on_the_wire(method: str, answer: Response) -> bytes:
    fields = list(answer.headers)
    if "Content-Length" not in answer.headers and answer.status not in (204, 304):
        fields.append(("Content-Length", str(len(answer.body))))
    lines = [f"HTTP/1.1 {answer.status} As told", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + answer.body if _has_body(method, answer) else head

"""A recording server: the Pixel API, its login and its object storage, with the answers of the table of operations."""

import json
from collections.abc import Sequence
from typing import Any

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox import Sandbox
from pixel_transports.sandbox.incoming import Content, MemoryBody
from tests.support.operations.answering import TOKEN, Answerer, Script, SentRequest, sent_of


class Recorder(Sandbox):
    """Served by a SandboxServer. `POST /_case/{number}` starts a case, to which the `requests` that follow belong."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        super().__init__()
        self._scripts = scripts
        self._current = -1
        self._tokens = 0
        self._answerer = Answerer(Script(), "")
        self.requests: list[list[SentRequest]] = [[] for _ in scripts]

    def open_body(self, method: str, target: str, headers: Headers) -> MemoryBody:
        return MemoryBody()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        with self._lock:
            if target.startswith("/_case/"):
                self._current = number = int(target.removeprefix("/_case/"))
                self._answerer = Answerer(self._scripts[number] if number >= 0 else Script(), str(origin))
                return Response(204, Headers())
            status, body, fields = self._answer(sent_of(method, target, list(headers), bytes(content)))
        return Response(status, Headers({"X-Request-ID": "answer-1", **fields}), body)

    def _answer(self, sent: SentRequest) -> tuple[int, bytes, dict[str, str]]:
        """Record a request and answer it. Raises ConnectionError to close the connection."""
        sent.lane = self._answerer.lane(sent)
        if self._current >= 0:
            self.requests[self._current].append(sent)
        scripted = self._answerer.scripted(sent.method, sent.path)
        if scripted is not None:
            if scripted.drop:
                raise ConnectionError
            text = json.dumps(scripted.json) if scripted.text is None else scripted.text
            body = text.encode() if scripted.content is None else scripted.content
            return scripted.status, b"" if scripted.status == 204 else body, dict(scripted.headers)
        value: Any
        if sent.path == TOKEN:
            self._tokens += 1
            status, value = 200, {"access_token": f"token-{self._tokens}", "token_type": "Bearer", "expires_in": 3600}
        else:
            try:
                status, value = self._answerer.answer(sent)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self.failures.append(error)
                status, value = 500, {"detail": f"the recorder cannot answer this: {error!r}"}
        body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
        return status, body, {"Content-Type": "application/json"}

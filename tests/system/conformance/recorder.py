"""A recording server on loopback: the Pixel API, its login and its object storage.

Rules kept here:

* It listens on loopback only. `POST /_case/{number}` starts a case; the requests that follow belong to it.
* The answers are those of `tests/support/operations/answering.py`.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.operations.answering import TOKEN, Answerer, Script, SentRequest, sent_of


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _recorder(self) -> "Recorder":
        assert isinstance(self.server, _Server)
        return self.server.recorder

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _serve(self) -> None:
        content = self._content()
        if self.path.startswith("/_case/"):
            self._recorder.begin(int(self.path.removeprefix("/_case/")))
            self._reply(204, b"", {})
            return
        sent = sent_of(self.command, self.path, self.headers.items(), content)
        answer = self._recorder.take(sent)
        if answer is None:
            self.close_connection = True
        else:
            self._reply(*answer)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {"X-Request-ID": "answer-1", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names are the base's


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    recorder: "Recorder"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may close; failures of answers are in `Recorder.failures`."""


class Recorder:
    """The server on a port of its own, and the requests by case.

    >>> with Recorder(scripts) as recorder:
    ...     ...                          # a client works at recorder.url
    ...     recorder.requests[3]         # what it sent during case 3
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._lock = threading.Lock()
        self._current = -1
        self._tokens = 0
        self.requests: list[list[SentRequest]] = [[] for _ in scripts]
        self.failures: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._answerer = Answerer(Script(), self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def begin(self, number: int) -> None:
        """Start a case. A negative number starts none."""
        with self._lock:
            self._current = number
            self._answerer = Answerer(self._scripts[number] if number >= 0 else Script(), self.url)

    def take(self, sent: SentRequest) -> tuple[int, bytes, dict[str, str]] | None:
        """Record a request and answer it: status, body and headers, or None to close."""
        with self._lock:
            sent.lane = self._answerer.lane(sent)
            if self._current >= 0:
                self.requests[self._current].append(sent)
            scripted = self._answerer.scripted(sent.method, sent.path)
            if scripted is not None:
                if scripted.drop:
                    return None
                text = json.dumps(scripted.json) if scripted.text is None else scripted.text
                body = text.encode() if scripted.content is None else scripted.content
                return scripted.status, body, dict(scripted.headers)
            if sent.path == TOKEN:
                self._tokens += 1
                token = {"access_token": f"token-{self._tokens}", "token_type": "Bearer", "expires_in": 3600}
                return 200, json.dumps(token).encode(), {"Content-Type": "application/json"}
            try:
                status, value = self._answerer.answer(sent)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self.failures.append(f"{sent.label}: {error!r}")
                status, value = 500, {"detail": f"the recorder cannot answer this: {error!r}"}
            body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
            return status, body, {"Content-Type": "application/json"}

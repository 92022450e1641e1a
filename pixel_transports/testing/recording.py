"""Recording a session through a transport into a file, for `Replay`.

Rules kept here:

* No secret is in the file: no password, token, signature or policy, by whatever name, wherever a server repeats it. All
  is held back until the end, so that what becomes known late is hidden in what was said before.
* The file is JSON for people, an entry for each exchange, in the order in which their answers came. It appears whole or
  not at all.
* What passes is not changed. Errors are recorded too.
"""

import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pixel_core.effects import Exchange, Flow
from pixel_core.errors import PixelConnectionError, PixelError
from pixel_core.messages import Request, Response
from pixel_transports.net.files import whole_body
from pixel_transports.net.transports import AnyTransport
from pixel_transports.testing.bodies import in_base64, request_fields, response_fields
from pixel_transports.testing.secrets import Redactor
from pixel_transports.testing.wrapping import Blocking, TransportWrapper

FORMAT = "pixel recording 1"


class Recorder(TransportWrapper):
    """A transport around another one that writes down what passes.

    >>> with Recorder(SocketTransport(), "session.json") as transport:
    ...     get_client(transport=transport).me()

    The file is written at the end of the `with` block (`async with` writes in a worker thread), or by `save`. Bodies
    are held in memory, files that are uploaded while they are sent. What is in the file is what the server answered,
    such as names and addresses of people; look at it before it is shared. Raises TypeError for what is no transport.
    """

    def __init__(self, transport: AnyTransport, path: str | os.PathLike[str]) -> None:
        super().__init__(transport)
        self.path: Path = Path(path)
        self._hider = Redactor()
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def exchange(self, request: Request) -> Flow[Response]:
        body = request.body
        content: bytes = body if isinstance(body, bytes) else (yield from Blocking(lambda: whole_body(request)))
        try:
            response = yield from Exchange(request)
        except PixelError as error:
            self._note(request, content, error)
            raise
        self._note(request, content, response)
        return response

    def _note(self, request: Request, content: bytes, outcome: Response | PixelError) -> None:
        with self._lock:
            entry: dict[str, Any] = {"origin": str(request.origin)}
            entry["request"] = request_fields(request, content, self._hider)
            if isinstance(outcome, Response):
                entry["response"] = response_fields(outcome, self._hider)
            else:
                told: dict[str, Any] = {"kind": type(outcome).__name__, "message": self._hider.text(str(outcome))}
                if isinstance(outcome, PixelConnectionError):
                    told["sent"] = outcome.sent
                entry["error"] = told
            self._entries.append(entry)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What would be written now: an entry for each exchange, without secrets."""
        with self._lock:
            return [in_base64(_hidden(entry, self._hider)) for entry in self._entries]

    def save(self) -> None:
        """Write the file, in place of what was there. Raises OSError. May be called again, for what came since."""
        text = json.dumps({"format": FORMAT, "exchanges": self.entries}, indent=2, ensure_ascii=False)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        beside.write_text(f"{text}\n", encoding="utf-8")
        os.replace(beside, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import anyio.to_thread  # here, since the blocking face needs none of it

        await anyio.to_thread.run_sync(self.save)


def _hidden(entry: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """An entry without what became known as a secret later. Its own names stay."""
    request = entry["request"]
    hidden: dict[str, Any] = {
        "origin": entry["origin"],
        "request": {"method": request["method"], "path": redactor.again(request["path"])},
    }
    if "query" in request:
        hidden["request"]["query"] = redactor.again(request["query"])
    _hide_body(hidden["request"], request, redactor)
    if "error" in entry:
        hidden["error"] = {**entry["error"], "message": redactor.again(entry["error"]["message"])}
        return hidden
    response = entry["response"]
    hidden["response"] = {"status": response["status"]}
    if "headers" in response:
        hidden["response"]["headers"] = {name: redactor.again(value) for name, value in response["headers"].items()}
    _hide_body(hidden["response"], response, redactor)
    return hidden


def _hide_body(hidden: dict[str, Any], told: dict[str, Any], redactor: Redactor) -> None:
    if "body" in told:
        hidden["body"] = {kind: redactor.again(content) for kind, content in told["body"].items()}

"""Records the exchanges of a transport in a file, for `Replay`.

Rules kept here:

* The file holds no secret: no password, token, signature or policy, also where a server repeats it. Entries are written
  at the end, so a secret that is found late is hidden in earlier entries too.
* The file is readable JSON with an entry per exchange, in the order of the responses. It is replaced atomically.
* Requests and responses are not changed. Errors are recorded too.
* The file holds the addresses and the tenant of the settings, if they are known, so that a replay needs no settings.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any, Self

from pixel_core.effects import Exchange, Flow
from pixel_core.errors import PixelConnectionError, PixelError
from pixel_core.messages import Request, Response
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.net.files import whole_body
from pixel_transports.net.transports import AnyTransport
from pixel_transports.testing.bodies import request_fields, response_fields, to_json_value
from pixel_transports.testing.secrets import Redactor
from pixel_transports.testing.wrapping import Blocking, TransportWrapper

FORMAT = "pixel recording 1"

ADDRESSES = ("PIXEL_API_URL", "PIXEL_AUTH_SERVER_URL", "PIXEL_TENANT")
"""The settings that are stored."""


class Recorder(TransportWrapper):
    """A transport around another one that records the exchanges.

    >>> with Recorder(SocketTransport(), "session.json") as transport:
    ...     get_client(transport=transport).me()

    The file is written at the end of the `with` block (in a worker thread by `async with`), or by `save`. Bodies are
    kept in memory, and uploaded files while they are sent. The file holds the responses of the server, such as names
    and addresses of people; review it before sharing. `settings` are those of the client, for the addresses in the
    file; `testing.client` passes them by itself. Raises TypeError for a wrong transport.
    """

    def __init__(
        self, transport: AnyTransport, path: str | os.PathLike[str], settings: PixelApiSettings | None = None
    ) -> None:
        super().__init__(transport)
        self.path: Path = Path(path)
        self._addresses: dict[str, str] = {}
        if settings is not None:
            self.remember(settings)
        self._redactor = Redactor()
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def exchange(self, request: Request) -> Flow[Response]:
        body = request.body
        content: bytes = body if isinstance(body, bytes) else (yield from Blocking(lambda: whole_body(request)))
        try:
            response = yield from Exchange(request)
        except PixelError as error:
            self._record(request, content, error)
            raise
        self._record(request, content, response)
        return response

    def _record(self, request: Request, content: bytes, outcome: Response | PixelError) -> None:
        with self._lock:
            entry: dict[str, Any] = {"origin": str(request.origin)}
            entry["request"] = request_fields(request, content, self._redactor)
            if isinstance(outcome, Response):
                entry["response"] = response_fields(outcome, self._redactor)
            else:
                failure: dict[str, Any] = {"kind": type(outcome).__name__, "message": self._redactor.text(str(outcome))}
                if isinstance(outcome, PixelConnectionError):
                    failure["sent"] = outcome.sent
                entry["error"] = failure
            self._entries.append(entry)

    def remember(self, settings: PixelApiSettings) -> None:
        """Store the addresses and the tenant of these settings in the file."""
        self._addresses = {name: str(getattr(settings, name)) for name in ADDRESSES}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries so far, without secrets."""
        with self._lock:
            return [to_json_value(_hidden(entry, self._redactor)) for entry in self._entries]

    def save(self) -> None:
        """Write all entries so far, replacing the file. May be called again. Raises OSError."""
        text = json.dumps(
            {"format": FORMAT, **self._settings(), "exchanges": self.entries}, indent=2, ensure_ascii=False
        )
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        beside.write_text(f"{text}\n", encoding="utf-8")
        os.replace(beside, self.path)

    def _settings(self) -> dict[str, dict[str, str]]:
        """The addresses, without a user and password in them."""
        return {"settings": {k: self._redactor.text(v) for k, v in self._addresses.items()}} if self._addresses else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.save()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        import anyio.to_thread  # late: the blocking client does not need it

        await anyio.to_thread.run_sync(self.save)


def _hidden(entry: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """An entry without secrets that were found later. The names of its own fields stay."""
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


def _hide_body(hidden: dict[str, Any], fields: dict[str, Any], redactor: Redactor) -> None:
    if "body" in fields:
        hidden["body"] = {kind: redactor.again(content) for kind, content in fields["body"].items()}

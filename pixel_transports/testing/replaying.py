"""Replays a recording of `Recorder`, without a server.

Rules kept here:

* A request gets the response that was recorded for the same method, path, query and body. Hosts, header fields and
  boundaries of forms are not compared, and `***` equals anything. Each entry is used once, in the recorded order.
* Logins are answered in their order; the last one is repeated.
* A request that was not recorded raises an error with the nearest entries. It is no error of the library, so it is not
  retried.
"""

import difflib
import json
import os
import threading
from pathlib import Path
from typing import Any, Self

from pixel_core import errors
from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError
from pixel_core.messages import Headers, Request, Response
from pixel_transports.net.files import whole_body
from pixel_transports.testing.bodies import parse_response, request_fields, to_json_value
from pixel_transports.testing.recording import FORMAT
from pixel_transports.testing.secrets import Redactor, is_login, matches

_LOGIN = Response(
    200,
    Headers({"Content-Type": "application/json"}),
    b'{"access_token": "replayed", "token_type": "Bearer", "expires_in": 300}',
)


class NotRecordedError(AssertionError):
    """A request that was not recorded, or not as often."""


class Replay:
    """A function from request to response, for both clients, that answers from a recording.

    >>> client = testing.client(transport=Replay("session.json"))

    Settings are those of the recording (`environment`), with another user and password, or your own with the same
    paths. At the end of a `with` block,
    `assert_all_used` is called. Requests of an upload of hundreds of files depend on timing: record a few files. A
    listing of a slow server may request pages after the last: use a clock, which prevents it. Raises OSError for an
    unreadable file, ValueError for a file that is no recording.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        try:
            recorded = json.loads(self.path.read_text(encoding="utf-8"))
            known = recorded["format"] == FORMAT
            entries: list[dict[str, Any]] = [dict(entry) for entry in recorded["exchanges"]]
            logins = [entry for entry in entries if _was_login(entry)]
            self._settings: dict[str, str] = dict(recorded.get("settings", {}))
        except (ValueError, KeyError, TypeError):
            known, entries, logins = False, [], []
        if not known:
            raise ValueError(f"{self.path} is no recording of this library ({FORMAT!r})")
        self._left = [entry for entry in entries if not _was_login(entry)]
        self._used: list[dict[str, Any]] = []
        self._logins = logins
        self._redactor = Redactor()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Replay of {self.path}: {len(self._used)} exchanges used, {len(self._left)} left>"

    def environment(self, url: str = "") -> dict[str, str]:
        """The environment variables of a client of this recording: the recorded addresses, and an invented user. Raises
        ValueError if the recording has none, since the settings were not known when it was made.
        """
        if not self._settings:
            raise ValueError(
                f"{self.path} holds no addresses: pass settings, or record with Recorder(..., settings=...)"
            )
        return {**self._settings, "PIXEL_USERNAME": "replay@example.com", "PIXEL_PASSWORD": "replay"}

    def __call__(self, request: Request) -> Response:
        """Answer one request. Raises NotRecordedError, and recorded errors."""
        with self._lock:
            fields = to_json_value(request_fields(request, whole_body(request), self._redactor))
            if is_login(request):
                return self._log_in()
            for entry in self._left:
                if matches(entry["request"], fields):
                    self._left.remove(entry)
                    self._used.append(entry)
                    break
            else:
                raise NotRecordedError(self._mismatch(fields))
        return _outcome(entry)

    def _log_in(self) -> Response:
        if not self._logins:
            return _LOGIN
        entry = self._logins[0]
        if len(self._logins) > 1:
            del self._logins[0]
        return _outcome(entry)

    def _mismatch(self, fields: dict[str, Any]) -> str:
        times = sum(matches(entry["request"], fields) for entry in self._used)
        text = _shown(fields)
        if times:
            return f"{text} was recorded {times} time{'s' * (times > 1)} in {self.path}, and requested once more"
        known = sorted({_shown(entry["request"]) for entry in [*self._left, *self._used]})
        near = difflib.get_close_matches(text, known, n=3, cutoff=0.3)
        lines = [f"{text} was not recorded in {self.path}"]
        lines += [f"  recorded was {each}" for each in near] or ["  nothing like it was"]
        return "\n".join(lines)

    def assert_all_used(self) -> None:
        """Raise AssertionError with the exchanges that were not requested. Logins do not count."""
        with self._lock:
            left = [_shown(entry["request"]) for entry in self._left]
        if left:
            raise AssertionError("\n  ".join([f"{len(left)} exchanges of {self.path} were not requested:", *left]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self.assert_all_used()


def _was_login(entry: dict[str, Any]) -> bool:
    request = entry["request"]
    return bool(request["method"] == "POST" and request["path"].endswith("/protocol/openid-connect/token"))


def _shown(fields: dict[str, Any]) -> str:
    """A request in a line, without secrets."""
    rest = {name: fields[name] for name in ("query", "body") if name in fields}
    text = f"{fields['method']} {fields['path']}"
    return f"{text} {json.dumps(rest, ensure_ascii=False)[:300]}" if rest else text


def _outcome(entry: dict[str, Any]) -> Response:
    if "error" not in entry:
        return parse_response(entry["response"])
    fields = entry["error"]
    kind: Any = getattr(errors, fields["kind"], PixelError)
    if issubclass(kind, PixelConnectionError):
        raise kind(fields["message"], sent=fields["sent"])
    raise kind(fields["message"]) if kind is PixelProtocolError else PixelError(fields["message"])

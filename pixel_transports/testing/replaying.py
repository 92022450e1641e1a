"""Replaying what `Recorder` wrote: a session without a server.

Rules kept here:

* A request gets the answer that the same request got: the same method, path, query and body. Hosts, header fields and
  boundaries of forms do not matter, and `***` is the same as anything. Each entry is used once, in the recorded order.
* Logins are answered in their order, whoever asks, as often as they are asked for.
* What was not recorded is an error that says what came nearest. It is no error of the library: nothing repeats it.
"""

import difflib
import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pixel_core import errors
from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError
from pixel_core.messages import Headers, Request, Response
from pixel_transports.net.files import whole_body
from pixel_transports.testing.bodies import in_base64, request_fields, response_of
from pixel_transports.testing.recording import FORMAT
from pixel_transports.testing.secrets import Redactor, fits, is_login

_LOGIN = Response(
    200,
    Headers({"Content-Type": "application/json"}),
    b'{"access_token": "replayed", "token_type": "Bearer", "expires_in": 300}',
)


class NotRecordedError(AssertionError):
    """A request that was not recorded, or not that often."""


class Replay:
    """A function from request to response, for both faces, that answers as was recorded.

    >>> client = testing.client(settings=settings, transport=Replay("session.json"))

    The settings have to lead to the same paths as when it was recorded; user and password may be any. In a `with`
    block, `assert_all_used` is called at its end. An upload of hundreds of files is cut into requests as time goes, so
    it may ask otherwise than it did: record one of a few. So are listings of a slow server, of which pages behind the
    last are asked for: with a clock they never are. Raises OSError for a file that cannot be read, ValueError for one
    that is no recording.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        try:
            recorded = json.loads(self.path.read_text(encoding="utf-8"))
            known = recorded["format"] == FORMAT
            entries: list[dict[str, Any]] = [dict(entry) for entry in recorded["exchanges"]]
            logins = [entry for entry in entries if _was_login(entry)]
        except (ValueError, KeyError, TypeError):
            known, entries, logins = False, [], []
        if not known:
            raise ValueError(f"{self.path} is no recording of this library ({FORMAT!r})")
        self._left = [entry for entry in entries if not _was_login(entry)]
        self._used: list[dict[str, Any]] = []
        self._logins = logins
        self._hider = Redactor()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Replay of {self.path}: {len(self._used)} exchanges used, {len(self._left)} left>"

    def __call__(self, request: Request) -> Response:
        """Answer one request. Raises NotRecordedError, and whatever error was recorded."""
        with self._lock:
            told = in_base64(request_fields(request, whole_body(request), self._hider))
            if is_login(request):
                return self._log_in()
            for entry in self._left:
                if fits(entry["request"], told):
                    self._left.remove(entry)
                    self._used.append(entry)
                    break
            else:
                raise NotRecordedError(self._complaint(told))
        return _outcome(entry)

    def _log_in(self) -> Response:
        if not self._logins:
            return _LOGIN
        entry = self._logins[0]
        if len(self._logins) > 1:
            del self._logins[0]
        return _outcome(entry)

    def _complaint(self, told: dict[str, Any]) -> str:
        times = sum(fits(entry["request"], told) for entry in self._used)
        asked = _shown(told)
        if times:
            return f"{asked} was recorded {times} time{'s' * (times > 1)} in {self.path}, and is asked for once more"
        known = sorted({_shown(entry["request"]) for entry in [*self._left, *self._used]})
        near = difflib.get_close_matches(asked, known, n=3, cutoff=0.3)
        lines = [f"{asked} was not recorded in {self.path}"]
        lines += [f"  recorded was {each}" for each in near] or ["  nothing like it was"]
        return "\n".join(lines)

    def assert_all_used(self) -> None:
        """Raise AssertionError, naming them, when exchanges were not asked for. Logins do not count."""
        with self._lock:
            left = [_shown(entry["request"]) for entry in self._left]
        if left:
            raise AssertionError("\n  ".join([f"{len(left)} exchanges of {self.path} were not asked for:", *left]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.assert_all_used()


def _was_login(entry: dict[str, Any]) -> bool:
    request = entry["request"]
    return bool(request["method"] == "POST" and request["path"].endswith("/protocol/openid-connect/token"))


def _shown(told: dict[str, Any]) -> str:
    """A request in a line, which no secret is in."""
    rest = {name: told[name] for name in ("query", "body") if name in told}
    text = f"{told['method']} {told['path']}"
    return f"{text} {json.dumps(rest, ensure_ascii=False)[:300]}" if rest else text


def _outcome(entry: dict[str, Any]) -> Response:
    if "error" not in entry:
        return response_of(entry["response"])
    told = entry["error"]
    kind: Any = getattr(errors, told["kind"], PixelError)
    if issubclass(kind, PixelConnectionError):
        raise kind(told["message"], sent=told["sent"])
    raise kind(told["message"]) if kind is PixelProtocolError else PixelError(told["message"])

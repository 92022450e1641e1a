"""What is written to the standard `logging`, and under which names.

Rules kept here:

* One logger a layer, all below `pixel_client`: `calls` (what the API was called for), `http` (each exchange),
  `login`, `connections` (opened, used again, closed), `uploads`, and `journal`.
* No handler is set up but one that does nothing: where lines go is the program's business.
* A line never holds a query, a header or a body. Each record has the attribute `request_id`, the same for all lines of
  a call of the API; it is empty where there is no such call: what an upload and its journal tell is of many.
* Nothing is made for a line that nobody reads.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pixel_core.events import (
    CallFailed,
    CallRepeated,
    FileFinished,
    FileHashed,
    FileSent,
    KeywordsIgnored,
    LoginFailed,
    LoginRenewed,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    UploadProgress,
)

CALLS = logging.getLogger("pixel_client.calls")
HTTP = logging.getLogger("pixel_client.http")
LOGIN = logging.getLogger("pixel_client.login")
CONNECTIONS = logging.getLogger("pixel_client.connections")
UPLOADS = logging.getLogger("pixel_client.uploads")
JOURNAL = logging.getLogger("pixel_client.journal")

# Without any handler the module `logging` would print warnings to stderr by itself.
logging.getLogger("pixel_client").addHandler(logging.NullHandler())

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the call for which an exchange is under way; set only while somebody watches."""


def log(event: object) -> None:
    """Write what an event is worth, if anything."""
    line = _LINES.get(type(event))
    if line is not None:
        line(event)


def write(logger: logging.Logger, level: int, request_id: str, text: str, *given: object) -> None:
    """Write a line that names the call it belongs to, in its text and in its record."""
    if logger.isEnabledFor(level):
        if request_id:
            text, given = f"{text} (request ID: %s)", (*given, request_id)
        logger.log(level, text, *given, extra={"request_id": request_id})


def connection_line(what: str, origin: object) -> None:
    """Tell that a connection was opened, used again or closed."""
    if CONNECTIONS.isEnabledFor(logging.DEBUG):
        write(CONNECTIONS, logging.DEBUG, current_request_id.get(), "%s: %s", origin, what)


def _call_failed(event: CallFailed) -> None:
    text = "%s failed: %s (request ID: %s, tries: %d)"
    given = (event.call, event.reason, event.request_id, event.tries)
    CALLS.error(text, *given, extra={"request_id": event.request_id})


def _call_repeated(event: CallRepeated) -> None:
    text = "%s again in %.3g s, after try %d: %s"
    write(CALLS, logging.WARNING, event.request_id, text, event.call, event.delay, event.attempt, event.reason)


def _keywords_ignored(event: KeywordsIgnored) -> None:
    text = "Ignoring kwargs when params is provided: %s beside a %s"
    write(CALLS, logging.WARNING, "", text, ", ".join(event.names), event.model)


def _request_sent(event: RequestSent) -> None:
    again = f", sent {event.resend + 1} times" if event.resend else ""
    write(HTTP, logging.DEBUG, event.request_id, "%s: %d bytes are sent%s", event.call, event.size, again)


def _response_received(event: ResponseReceived) -> None:
    text = "%s: status %d after %.3f s, %d bytes"
    write(HTTP, logging.DEBUG, event.request_id, text, event.call, event.status, event.seconds, event.size)


def _request_failed(event: RequestFailed) -> None:
    text = "%s: no answer after %.3f s: %s"
    write(HTTP, logging.DEBUG, event.request_id, text, event.call, event.seconds, event.reason)


def _login_renewed(event: LoginRenewed) -> None:
    who = f" for {event.realm}" if event.realm else ""
    write(LOGIN, logging.INFO, event.request_id, "A new token%s from %s", who, event.call)


def _login_failed(event: LoginFailed) -> None:
    write(LOGIN, logging.ERROR, event.request_id, "No token: %s", event.reason)


def _file_hashed(event: FileHashed) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: read, %d bytes", event.path, event.size)


def _file_sent(event: FileSent) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: sent, %d bytes", event.path, event.size)


def _file_finished(event: FileFinished) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: %s", event.path, event.status)


def _upload_progress(event: UploadProgress) -> None:
    if event.last:
        text = "%s: %d of %d files done, %d of %d bytes sent, %d retries, %.1f s"
        files = event.files.get("done", 0), sum(event.files.values())
        given = (event.what, *files, event.sent, event.total, event.retries, event.seconds)
        write(UPLOADS, logging.DEBUG, "", text, *given)


_LINES: dict[type, Callable[[Any], None]] = {
    CallFailed: _call_failed,
    CallRepeated: _call_repeated,
    KeywordsIgnored: _keywords_ignored,
    RequestSent: _request_sent,
    ResponseReceived: _response_received,
    RequestFailed: _request_failed,
    LoginRenewed: _login_renewed,
    LoginFailed: _login_failed,
    FileHashed: _file_hashed,
    FileSent: _file_sent,
    FileFinished: _file_finished,
    UploadProgress: _upload_progress,
}

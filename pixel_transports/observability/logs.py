"""Writes events and connections to the standard `logging`.

Rules kept here:

* One logger per layer below `pixel_client`: `calls` (failed and repeated calls), `http` (exchanges), `login`,
  `connections` (opened, reused, closed), `uploads`, and `journal`.
* The only handler is a `NullHandler`; the program decides where lines go.
* A line never holds a query, a header or a body. Each record has the attribute `request_id`, the same for all lines of
  a call of the API. It is empty for uploads and the journal, which span many calls.
* A line is one line: control characters in text of a server are escaped.
* No line is formatted if its level is disabled.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pixel_core import events
from pixel_core.errors import printable

CALLS = logging.getLogger("pixel_client.calls")
HTTP = logging.getLogger("pixel_client.http")
LOGIN = logging.getLogger("pixel_client.login")
CONNECTIONS = logging.getLogger("pixel_client.connections")
UPLOADS = logging.getLogger("pixel_client.uploads")
JOURNAL = logging.getLogger("pixel_client.journal")

# Without a handler, `logging` prints warnings to stderr.
logging.getLogger("pixel_client").addHandler(logging.NullHandler())

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The request id of the current exchange; set only if the instrumentation is enabled."""


def log(event: object) -> None:
    """Write the line of an event, if it has one."""
    line = _LINES.get(type(event))
    if line is not None:
        line(event)


def write(logger: logging.Logger, level: int, request_id: str, text: str, *args: object) -> None:
    """Write a line with the request id of its call, in the text and in the record."""
    if logger.isEnabledFor(level):
        if request_id:
            text, args = f"{text} (request ID: %s)", (*args, request_id)
        shown = [printable(each) if isinstance(each, str) else each for each in args]
        logger.log(level, text, *shown, extra={"request_id": request_id})


def connection_line(what: str, origin: object) -> None:
    """Write a line about a connection that was opened, reused or closed."""
    if CONNECTIONS.isEnabledFor(logging.DEBUG):
        write(CONNECTIONS, logging.DEBUG, current_request_id.get(), "%s: %s", origin, what)


def _call_failed(event: events.CallFailed) -> None:
    write(CALLS, logging.ERROR, event.request_id, "%s failed: %s, after try %d", event.call, event.reason, event.tries)


def _call_repeated(event: events.CallRepeated) -> None:
    text = "%s again in %.3g s, after try %d: %s"
    write(CALLS, logging.WARNING, event.request_id, text, event.call, event.delay, event.attempt, event.reason)


def _keywords_ignored(event: events.KeywordsIgnored) -> None:
    text = "Ignoring kwargs when params is provided: %s beside a %s"
    write(CALLS, logging.WARNING, "", text, ", ".join(event.names), event.model)


def _request_sent(event: events.RequestSent) -> None:
    again = f", sent {event.resend + 1} times" if event.resend else ""
    write(HTTP, logging.DEBUG, event.request_id, "%s: %d bytes are sent%s", event.call, event.size, again)


def _response_received(event: events.ResponseReceived) -> None:
    text = "%s: status %d after %.3f s, %d bytes"
    write(HTTP, logging.DEBUG, event.request_id, text, event.call, event.status, event.seconds, event.size)


def _request_failed(event: events.RequestFailed) -> None:
    text = "%s: no answer after %.3f s: %s"
    write(HTTP, logging.DEBUG, event.request_id, text, event.call, event.seconds, event.reason)


def _login_renewed(event: events.LoginRenewed) -> None:
    who = f" for {event.realm}" if event.realm else ""
    write(LOGIN, logging.INFO, event.request_id, "A new token%s from %s", who, event.call)


def _login_failed(event: events.LoginFailed) -> None:
    write(LOGIN, logging.ERROR, event.request_id, "No token: %s", event.reason)


def _file_hashed(event: events.FileHashed) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: read, %d bytes", event.path, event.size)


def _file_sent(event: events.FileSent) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: sent, %d bytes", event.path, event.size)


def _file_finished(event: events.FileFinished) -> None:
    write(UPLOADS, logging.DEBUG, "", "%s: %s", event.path, event.status)


def _size_differs(event: events.SizeDiffers) -> None:
    text = "%s has %d bytes, and the server lists it with %d"
    write(UPLOADS, logging.WARNING, "", text, event.path, event.size, event.listed)


def _upload_progress(event: events.UploadProgress) -> None:
    if event.last:
        text = "%s: %d of %d files done, %d of %d bytes sent, %d retries, %.1f s"
        files = event.files.get("done", 0), sum(event.files.values())
        args = (event.what, *files, event.sent, event.total, event.retries, event.seconds)
        write(UPLOADS, logging.DEBUG, "", text, *args)


_LINES: dict[type, Callable[[Any], None]] = {
    events.CallFailed: _call_failed,
    events.CallRepeated: _call_repeated,
    events.KeywordsIgnored: _keywords_ignored,
    events.RequestSent: _request_sent,
    events.ResponseReceived: _response_received,
    events.RequestFailed: _request_failed,
    events.LoginRenewed: _login_renewed,
    events.LoginFailed: _login_failed,
    events.FileHashed: _file_hashed,
    events.FileSent: _file_sent,
    events.FileFinished: _file_finished,
    events.SizeDiffers: _size_differs,
    events.UploadProgress: _upload_progress,
}

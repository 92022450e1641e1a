"""The pages at `/` and below `/_sandbox`: what the sandbox received and stores.

Rules kept here:

* Reading a page changes nothing.
* An object is sent in chunks, as a whole or one range of it (RFC 9110, section 14).
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import quote

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.dashboard import Dashboard, StatusOf
from pixel_transports.sandbox.http import (
    IncomingRequest,
    ObjectResponse,
    ReceivedRequest,
    http_error,
    json_response,
    text_response,
)
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.records import iso
from pixel_transports.sandbox.state import State

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_WELCOME = """\
This is a Pixel sandbox: a login server, the API and an object storage.

/_sandbox/                a dashboard: a map, upload jobs, requests
/_sandbox/requests        the requests, newest last (JSON)
/_sandbox/objects         the stored objects: key, size, MD5 and image id (JSON)
/_sandbox/objects/KEY     the bytes of one object

Connect a client with

{environment}
"""


class Pages:
    """The pages at `/` and below `/_sandbox`."""

    def __init__(
        self,
        state: State,
        received: deque[ReceivedRequest],
        environment: Callable[[str], dict[str, str]],
        status_of: StatusOf,
    ) -> None:
        self._dashboard = Dashboard(state, received, status_of)
        self._state = state
        self._received = received
        self._environment = environment

    def handle(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        """Return the response to a request; `path` is the whole path."""
        response = self._page(request, path)
        if request.method not in ("GET", "HEAD"):
            raise http_error(405, "Method Not Allowed", {"Allow": "GET, HEAD"})
        return response

    def _page(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        match path:
            case ("",):
                lines = (f"{name}={value}" for name, value in self._environment(str(request.origin)).items())
                return text_response(_WELCOME.format(environment="\n".join(lines)))
            case ("_sandbox",) | ("_sandbox", ""):
                return self._dashboard.page()
            case ("_sandbox", "state"):
                return self._dashboard.data(request)
            case ("_sandbox", "requests"):
                return json_response([{**asdict(record), "time": iso(record.time)} for record in self._received.copy()])
            case ("_sandbox", "objects"):
                return self._objects()
            case ("_sandbox", "objects", *key) if "/".join(key) in self._state.objects:
                return _object(request, self._state.objects["/".join(key)])
        raise http_error(404, "Not Found")

    def _objects(self) -> Response:
        images = {image.key: image.id for image in self._state.resources["image"].values()}
        return json_response(
            [
                {
                    "key": key,
                    "size": stored.size,
                    "etag": stored.etag,
                    "image_id": images.get(key),
                    "path": f"/_sandbox/objects/{quote(key, safe='/')}",
                }
                for key, stored in self._state.objects.items()
            ]
        )


def _object(request: IncomingRequest, stored: StoredObject) -> Response:
    etag = f'"{stored.etag}"'
    headers = {"Content-Type": "application/octet-stream", "ETag": etag, "Accept-Ranges": "bytes"}
    span = _byte_range(request.headers.get("Range") or "", stored.size)
    if span is None or request.headers.get("If-Range") not in (None, etag):
        return _part(200, headers, stored, 0, stored.size)
    start, stop = span
    if start >= stop:
        return Response(416, Headers({**headers, "Content-Range": f"bytes */{stored.size}"}))
    return _part(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{stored.size}"}, stored, start, stop)


def _part(status: int, headers: dict[str, str], stored: StoredObject, start: int, stop: int) -> ObjectResponse:
    return ObjectResponse(status, Headers(headers), stored, start, stop)


def _byte_range(text: str, size: int) -> tuple[int, int] | None:
    """Return the start and the end of a single range, or None for no range, or several, which may be ignored."""
    found = _RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(size - int(found[2]), 0), size if int(found[2]) else 0
    start, last = int(found[1]), int(found[2] or max(size, int(found[1])))
    return None if last < start else (start, min(last + 1, size))

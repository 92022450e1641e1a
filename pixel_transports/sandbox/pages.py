"""The pages at `/` and below `/_sandbox`: what the sandbox received and stores.

Rules kept here:

* Reading a page changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from urllib.parse import quote

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.dashboard import Dashboard, StatusOf
from pixel_transports.sandbox.http import IncomingRequest, ReceivedRequest, http_error, json_response, text_response
from pixel_transports.sandbox.records import iso
from pixel_transports.sandbox.state import State

_WELCOME = """\
This is a Pixel sandbox: a login server, the API and an object storage, all in memory.

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
        received: Sequence[ReceivedRequest],
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
                return json_response([{**asdict(record), "time": iso(record.time)} for record in self._received])
            case ("_sandbox", "objects"):
                return self._objects()
            case ("_sandbox", "objects", *key) if "/".join(key) in self._state.objects:
                stored = self._state.objects["/".join(key)]
                headers = {"Content-Type": "application/octet-stream", "ETag": f'"{stored.md5}"'}
                return Response(200, Headers(headers), bytes(stored))
        raise http_error(404, "Not Found")

    def _objects(self) -> Response:
        images = {image.key: image.id for image in self._state.resources["image"].values()}
        return json_response(
            [
                {
                    "key": key,
                    "size": stored.size,
                    "md5": stored.md5,
                    "image_id": images.get(key),
                    "path": f"/_sandbox/objects/{quote(key, safe='/')}",
                }
                for key, stored in self._state.objects.items()
            ]
        )

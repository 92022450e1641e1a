"""The way out: endpoints that this library does not know, with the same login, repeats and errors."""

from collections.abc import Mapping
from typing import Any

from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import query_of
from pixel_core.effects import Flow
from pixel_core.messages import Response


class Raw(Resource):
    """Requests of one's own."""

    @operation
    def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> Flow[Response]:
        """Send a request to the Pixel API and give the whole answer: status, headers, body, `json()`.

        `path` starts with a slash and is relative to the API's address; `params` become the query as everywhere (None
        is left out, a list becomes one value with commas); `json` is the body, None is no body.
        Raises ValueError for a path without its slash or with a query of its own, and the errors of any call.
        """
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError(f"a path starts with a slash and has no query, which params give; got {path!r}")
        return (yield from self.session.call(method.upper(), path, query_of(params), json=json)).response

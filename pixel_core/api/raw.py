"""Requests to endpoints that have no method here, with the same login, retries and errors."""

from collections.abc import Mapping
from typing import Any

from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import query_of
from pixel_core.effects import Flow
from pixel_core.messages import Response


class Raw(Resource):
    """Requests to any endpoint."""

    @operation
    def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> Flow[Response]:
        """Send a request to the Pixel API and return the response: status, headers, body, `json()`.

        `path` starts with a slash and is relative to the URL of the API. `params` become the query (None is left out,
        a list becomes one comma-separated value). `json` is the body, None for no body.
        Raises ValueError for a path without its slash or with a query, and the errors of any call.
        """
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError(f"a path must start with a slash and have no query (use params), got {path!r}")
        return (yield from self.session.call(method.upper(), path, query_of(params), json=json)).response

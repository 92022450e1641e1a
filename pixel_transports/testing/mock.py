"""A transport that answers by routes, and records the calls.

Rules kept here:

* It is a plain function from request to response, so one object serves both clients, from any thread.
* A request without a route raises an error with the nearest routes and their differences. It is no error of the
  library, so it is not retried. It is raised again at the end, in case the program caught it.
* The first matching route with an answer left answers. A login without a route is answered by the mock.
"""

import difflib
import threading
from collections.abc import Mapping
from typing import Any, Self, Unpack

from pixel_core.messages import Headers, Request, Response, encode_json
from pixel_transports.net.files import whole_body
from pixel_transports.testing.routes import Call, Pattern, Route, RouteOptions
from pixel_transports.testing.secrets import Redactor, is_login, open_headers, parse_query

_LOGIN = {"access_token": "a-token-of-the-mock", "token_type": "Bearer", "expires_in": 300}


class UnmatchedRequestError(AssertionError):
    """A request without a route."""


class UnusedError(AssertionError):
    """Routes that were not used, or not as often as they have answers; or requests without a route."""


class MockTransport:
    """A transport for tests with both clients.

    >>> with MockTransport() as mock:
    ...     mock.get("/projects/{id}", lambda call: {"id": int(call.params["id"]), "name": "Jæren"})
    ...     mock.post("/projects/", PixelConnectionError("cut"), {"id": 8, "name": "Lista"})
    ...     client = testing.client(transport=mock)

    Paths are relative to `base`, the path of the API in the settings, or whole URLs. `{name}` is one segment of a path,
    `{name:path}` any number; a compiled regular expression has to match the whole path.

    Answers are JSON values, `Response` objects, errors to raise, or functions that take the `Call` and return one of
    these. A single answer is used for every call; several answers are used once each, in order.
    """

    def __init__(self, *, base: str = "/api/mock", login: bool = True) -> None:
        self.base: str = base.rstrip("/")
        self.calls: list[Call] = []
        """The calls in order, without logins that had no route."""
        self.logins: int = 0
        """Number of logins that were answered without a route."""
        self.routes: list[Route] = []
        self._unmatched: list[str] = []
        self._login = login
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MockTransport with {len(self.routes)} routes: {len(self.calls)} calls>"

    def environment(self, url: str) -> dict[str, str]:
        """The environment variables of a client of this mock, as those of a Sandbox."""
        return {
            "PIXEL_USERNAME": "mock@example.com",
            "PIXEL_PASSWORD": "mock",
            "PIXEL_TENANT": "Mock",
            "PIXEL_API_URL": url.rstrip("/") + self.base,
            "PIXEL_AUTH_SERVER_URL": f"{url.rstrip('/')}/auth",
        }

    def on(self, method: str, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """Add a route. `method` "*" is any.

        `query` maps parameters to required values: a value, a compiled regular expression, or None if the parameter has
        to be missing. Other parameters are allowed. `json` is the required body. Both may be predicates. `status` and
        `headers` are those of JSON answers. `times` limits the uses of a single answer. A route that is `optional` need
        not be used. Raises ValueError without an answer, and for wrong paths and numbers, TypeError for a coroutine
        function.
        """
        route = Route(method, path, answers, **more)
        with self._lock:
            self.routes.append(route)
        return route

    def get(self, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """`on("GET", ...)`."""
        return self.on("GET", path, *answers, **more)

    def post(self, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """`on("POST", ...)`."""
        return self.on("POST", path, *answers, **more)

    def put(self, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """`on("PUT", ...)`."""
        return self.on("PUT", path, *answers, **more)

    def patch(self, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """`on("PATCH", ...)`."""
        return self.on("PATCH", path, *answers, **more)

    def delete(self, path: Pattern, *answers: Any, **more: Unpack[RouteOptions]) -> Route:
        """`on("DELETE", ...)`."""
        return self.on("DELETE", path, *answers, **more)

    def __call__(self, request: Request) -> Response:
        """Answer one request. Raises UnmatchedRequestError, and the errors of routes."""
        call = self._call(request)
        with self._lock:
            route = next((each for each in self.routes if not each.misses(call)), None)
            if route is None and self._login and is_login(request):
                self.logins += 1
                return Response(200, Headers({"Content-Type": "application/json"}), encode_json(_LOGIN))
            if route is None:
                self.calls.append(call)
                self._unmatched.append(str(call))
                raise UnmatchedRequestError(self._mismatch(call))
            call = _with_params(call, route.params(call) or {})
            self.calls.append(call)
            answer = route.take(call)
        return route.answer(answer, call)

    def _call(self, request: Request) -> Call:
        body = whole_body(request)
        try:
            json = Response(200, body=body).json() if body else None
        except ValueError:
            json = None
        path = request.path
        if path.startswith(f"{self.base}/"):
            path = path[len(self.base) :]
        query = Redactor().value(parse_query(request.query))  # signatures of presigned URLs
        url = f"{request.origin}{request.path}"
        return Call(request.method, path, query, json, open_headers(request.headers), body, url)

    def _mismatch(self, call: Call) -> str:
        if not self.routes:
            return f"{call} was not expected: the mock has no routes"
        lines = [f"{call} was not expected. The nearest routes:"]

        def distance(route: Route) -> tuple[int, float]:
            likeness = difflib.SequenceMatcher(None, str(route), str(call)).ratio()
            return len(route.misses(call)), -likeness

        for route in sorted(self.routes, key=distance)[:3]:
            lines.append(f"  {route}: {', '.join(route.misses(call))}")
        return "\n".join(lines)

    def assert_all_used(self) -> None:
        """Raise UnusedError if a route was not used, or not as often as it has answers, or a request had no route."""
        with self._lock:
            lines = [f"  {route}: {route.unused}" for route in self.routes if route.unused]
            lines += [f"  {each}: came, and was not expected" for each in self._unmatched]
        if lines:
            raise UnusedError("\n".join(["the requests were not those that were expected:", *lines]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:  # otherwise it would hide the error
            self.assert_all_used()


def _with_params(call: Call, params: Mapping[str, str]) -> Call:
    return Call(call.method, call.path, call.query, call.json, call.headers, call.body, call.url, params)

"""A transport that answers as it is told: routes, and the calls that came.

Rules kept here:

* A plain function from request to response, so one object serves both faces, from any thread.
* What no route is for is an error that names the nearest routes and says why they are not. It is no error of the
  library, so nothing repeats it; and it is told again at the end, should the program have swallowed it.
* The first route that a call is for, and that still has an answer, answers. The login is answered unless a route is for
  it.
"""

import difflib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack

from pixel_core.messages import Headers, Request, Response, encode_json
from pixel_transports.net.files import whole_body
from pixel_transports.testing.routes import UNSET, Call, Matcher, Pattern, Route, RouteOptions
from pixel_transports.testing.secrets import Redactor, is_login, open_headers, query_of

_LOGIN = {"access_token": "a-token-of-the-mock", "token_type": "Bearer", "expires_in": 300}


class UnmatchedRequestError(AssertionError):
    """A request that no route is for."""


class UnusedError(AssertionError):
    """Routes that were not used, or not as often as they have answers; or requests that no route was for."""


class MockTransport:
    """A transport for tests, for both faces.

    >>> with MockTransport() as mock:
    ...     mock.get("/projects/{id}", lambda call: {"id": int(call.params["id"]), "name": "Jæren"})
    ...     mock.post("/projects/", PixelConnectionError("cut"), {"id": 8, "name": "Lista"})
    ...     client = testing.client(transport=mock)

    Paths are those below the API's base (`base`, the path of the address in the settings), or whole URLs. `{name}` is
    one segment of a path, `{name:path}` any number; a compiled regular expression has to match the whole path.

    Answers are JSON values, `Response` objects, errors to be raised, or functions that are called with the `Call` and
    give one of those. One answer is given always; several one after another, each once.
    """

    def __init__(self, *, base: str = "/api/mock", login: bool = True) -> None:
        self.base: str = base.rstrip("/")
        self.calls: list[Call] = []
        """The calls that came, in order, but for logins that no route was for."""
        self.logins: int = 0
        """How many logins were answered without a route."""
        self.routes: list[Route] = []
        self._unmatched: list[str] = []
        self._login = login
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MockTransport with {len(self.routes)} routes: {len(self.calls)} calls>"

    def environment(self, url: str) -> dict[str, str]:
        """The settings that lead a client here, as those of a Sandbox."""
        return {
            "PIXEL_USERNAME": "mock@example.com",
            "PIXEL_PASSWORD": "mock",
            "PIXEL_TENANT": "Mock",
            "PIXEL_API_URL": url.rstrip("/") + self.base,
            "PIXEL_AUTH_SERVER_URL": f"{url.rstrip('/')}/auth",
        }

    # What it answers

    def on(
        self,
        method: str,
        path: Pattern,
        *answers: Any,
        query: Matcher = None,
        json: Any = UNSET,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> Route:
        """Add a route. `method` "*" is any.

        `query` names parameters and what they have to be: a value, a compiled regular expression, or None (it has to be
        missing); others may be there. `json` is what the body has to be. Either may be a function that tells. `status`
        and `headers` are those of JSON answers. With `times`, a single answer is given so often. A route that is
        `optional` need not be used. Raises ValueError without an answer, and for wrong paths and
        numbers, TypeError for a coroutine function.
        """
        route = Route(
            method,
            path,
            answers,
            query=query,
            json=json,
            status=status,
            headers=headers,
            times=times,
            optional=optional,
        )
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
        """Answer one request. Raises UnmatchedRequestError, and what a route is told to raise."""
        call = self._call(request)
        with self._lock:
            route = next((each for each in self.routes if not each.misses(call)), None)
            if route is None and self._login and is_login(request):
                self.logins += 1
                return Response(200, Headers({"Content-Type": "application/json"}), encode_json(_LOGIN))
            if route is None:
                self.calls.append(call)
                self._unmatched.append(str(call))
                raise UnmatchedRequestError(self._complaint(call))
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
        query = Redactor().value(query_of(request.query))  # signatures of addresses, which are query parameters
        url = f"{request.origin}{request.path}"
        return Call(request.method, path, query, json, open_headers(request.headers), body, url)

    def _complaint(self, call: Call) -> str:
        lines = [f"no route is for {call}"]
        if not self.routes:
            return f"{lines[0]}: there are no routes"

        def distance(route: Route) -> tuple[int, float]:
            likeness = difflib.SequenceMatcher(None, str(route), str(call)).ratio()
            return len(route.misses(call)), -likeness

        for route in sorted(self.routes, key=distance)[:3]:
            lines.append(f"  {route}: {', '.join(route.misses(call))}")
        return "\n".join(lines)

    # What came

    def assert_all_used(self) -> None:
        """Raise UnusedError when a route was not used, or not as often as it has answers, or when a request came that
        no route was for.
        """
        with self._lock:
            lines = [f"  {route}: used {route.unused}" for route in self.routes if route.unused]
            lines += [f"  {each}: no route was for it" for each in self._unmatched]
        if lines:
            raise UnusedError("\n".join(["what the mock was told and what came do not agree:", *lines]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:  # or the mock would hide what went wrong before
            self.assert_all_used()


def _with_params(call: Call, params: Mapping[str, str]) -> Call:
    return Call(call.method, call.path, call.query, call.json, call.headers, call.body, call.url, params)

"""Which function serves which method and path, with FastAPI's manners.

Rules kept here:

* The first route whose path and method match serves; a path that only other methods know is a 405 with `Allow`.
* A path that is known with, or without, a slash at its end is a 307 to that spelling, query kept.
* A segment that has to be a number and is none is told in FastAPI's shape (422), but only after the login was checked.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import IncomingRequest, http_error

R = TypeVar("R")
Row = tuple[str, str, Callable[..., Any]]
"""A route as the table has it: method, path below the API's base, and what serves it."""

_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Route(Generic[R]):
    """One route. A segment like `{project_id}` takes a number, `{job_id:str}` any text."""

    method: str
    segments: tuple[str, ...]
    serve: Callable[..., R]

    def match(self, path: tuple[str, ...]) -> dict[str, str] | None:
        """The texts of the variable segments, or None when the path, of as many segments, is another one."""
        found: dict[str, str] = {}
        for pattern, segment in zip(self.segments, path, strict=True):
            if pattern.startswith("{"):
                if not segment:
                    return None
                found[pattern[1:-1]] = segment
            elif pattern != segment:
                return None
        return found


class Router(Generic[R]):
    """A table of routes, looked through from the top."""

    def __init__(self, routes: Iterable[Route[R]]) -> None:
        self._routes: dict[int, list[Route[R]]] = {}
        for route in routes:
            self._routes.setdefault(len(route.segments), []).append(route)

    def find(self, request: IncomingRequest, path: tuple[str, ...]) -> tuple[Route[R], dict[str, str]]:
        """The route for `path` (what follows the API's base) and the texts of its variable segments.

        Raises HttpError: 307, 404 or 405.
        """
        allowed: list[str] = []
        for route in self._routes.get(len(path), ()):
            found = route.match(path)
            if found is not None:
                if route.method == request.method:
                    return route, found
                allowed.append(route.method)
        if allowed:
            raise http_error(405, "Method Not Allowed", {"Allow": ", ".join(sorted(set(allowed)))})
        other = path[:-1] if path and path[-1] == "" else (*path, "")
        if any(route.match(other) is not None for route in self._routes.get(len(other), ())):
            raise _slash_redirect(request)
        raise http_error(404, "Not Found")


def _slash_redirect(request: IncomingRequest) -> Exception:
    path = request.path.removesuffix("/") if request.path.endswith("/") else f"{request.path}/"
    query = f"?{request.raw_query}" if request.raw_query else ""
    error = http_error(307, None)
    error.response = Response(307, Headers({"Location": f"{request.origin}{path}{query}"}), b"")
    return error


def path_arguments(found: dict[str, str]) -> dict[str, Any]:
    """The variable segments as path_arguments. Raises HttpError (422) when a number is none."""
    taken: dict[str, Any] = {}
    wrong: list[dict[str, Any]] = []
    for name, text in found.items():
        if name.endswith(":str"):
            taken[name.removesuffix(":str")] = text
        elif _NUMBER.fullmatch(text):
            taken[name] = int(text)
        else:
            message = "Input should be a valid integer, unable to parse string as an integer"
            wrong.append({"type": "int_parsing", "loc": ["path", name], "msg": message, "input": text})
    if wrong:
        raise http_error(422, wrong)
    return taken
